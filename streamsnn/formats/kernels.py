"""The compiled inner loops of the formats. Imported only when a file is read, since numba takes its time.

A `state` is an array of one record whose fields carry a loop on from block to block; all zeros is where it begins.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamsnn.formats.rules import Rules
from streamsnn.types import Events

State = NDArray[np.void]


@njit(cache=True, nogil=True)
def settle(events: Events, end: int, confirmed: bool, state: State, rules: Rules) -> None:
    """Believe the suspects events[run_begin:end], and close the silences among them that are too long."""
    s = state[0]
    many = s.believed >= rules.confirm_events
    sparse = s.believed < 2 * s.thin + rules.confirm_events
    limit = rules.doubt_us
    wrong = s.wrong + s.run_back > (0 if many else s.run_events)
    jumpy = many and s.jumps * rules.confirm_events > s.believed
    if not confirmed and (wrong or jumpy):
        limit = rules.jump_us
    elif s.wrong == 0 and (confirmed or sparse or s.row_events == s.run_events):
        limit = rules.silence_us
    last = s.last
    shift = 0
    closed = -rules.never_us  # Where the latest gap was; what is a little older must not get before it.
    for i in range(s.run_begin, end):
        t = events[i].t
        silence = t - last
        if silence > limit or (silence < 0 and i == s.run_begin):
            shift -= silence
            s.jumps += 1
            last = t
            closed = t + shift
        elif silence < 0:
            s.stepped_back += 1
        else:
            last = t
        events[i].t = max(t + shift, closed)
    s.last = last + shift
    s.shift += shift
    s.believed += s.run_events
    if not confirmed:
        s.thin += s.run_events
    s.run = False


@njit(cache=True, nogil=True)
def place(events: Events, begin: int, state: State, width: int, height: int, rules: Rules) -> int:
    """Apply the rules of `tidy` to events[begin:] in place: how many events remain. `state` is a `tidy.STATE`."""
    s = state[0]
    kept = begin
    last = s.last
    shift = s.shift
    believed = s.believed
    begun = believed > 0
    run = s.run
    for i in range(begin, events.shape[0]):
        event = events[i]
        inside = event.x < width and event.y < height
        t = event.t + shift
        if inside and last <= t <= last + rules.jump_us and not run and begun:  # Nearly always.
            last = t
            if kept != i:
                events[kept] = event
            if shift != 0:
                events[kept].t = t
            kept += 1
            believed += 1
            continue
        if not inside:
            s.outside += 1
            s.wrong += 1
            s.wrong_at = believed
            continue
        if event.t < -rules.never_us or event.t > rules.never_us:
            s.misplaced += 1
            s.wrong += 1
            s.wrong_at = believed
            continue
        if not begun:
            begun = True
            last = t
        if run:
            ahead = s.run_first > last
            full = s.run_events >= rules.hold_events
            if t >= s.run_last - rules.window_us and (ahead or (t < last - rules.window_us and not full)):
                if t - s.run_last > rules.jump_us:
                    s.row_first = t
                    s.row_events = 0
                if t < s.run_last:
                    s.run_back += 1
                    s.unordered = 1
                else:
                    s.run_last = t
                s.row_events += 1
                s.run_events += 1
                events[kept] = event
                events[kept].t = t
                kept += 1
                confirmed = s.row_events >= rules.confirm_events and s.run_last - s.row_first >= rules.confirm_us
                confirmed = confirmed or full
                if confirmed or s.run_events - s.row_events >= rules.confirm_events:
                    s.believed = believed
                    s.last = last
                    s.shift = shift
                    settle(events, kept, confirmed, state, rules)
                    believed = s.believed
                    last = s.last
                    shift = s.shift
                    run = False
                continue
            s.misplaced += s.run_events
            s.wrong += s.run_events
            s.wrong_at = believed
            kept = s.run_begin
            run = False
        if last - rules.window_us <= t <= last + rules.jump_us:
            if t < last:
                s.stepped_back += 1
                s.unordered = 1
            else:
                last = t
            believed += 1
            if kept != i:
                events[kept] = event
            events[kept].t = t
            kept += 1
            continue
        run = True
        s.run_begin = kept
        s.run_first = s.row_first = s.run_last = t
        s.run_events = s.row_events = 1
        s.run_back = 0
        if believed - s.wrong_at >= rules.confirm_events:
            s.wrong = 0
        events[kept] = event
        events[kept].t = t
        kept += 1
    s.last = last
    s.shift = shift
    s.believed = believed
    s.run = run
    return kept


@njit(cache=True, nogil=True)
def decode_dat(
    words: NDArray[np.uint32], y_shift: int, p_shift: int, x_mask: int, y_mask: int, state: State, out: Events
) -> None:
    """Records of (time, address) into `out`. `state` is a `dat.STATE`."""
    s = state[0]
    if not s.begun:
        s.begun = True
        s.stored = s.t = words[0]
    stored = s.stored
    t = s.t
    for i in range(out.shape[0]):
        now = np.int64(words[2 * i])
        address = words[2 * i + 1]
        step = (now - stored) & 0xFFFFFFFF
        if step > 0x80000000:  # Half the clock's range back and less is a step back, more is a wrap.
            step -= 0x100000000
        stored = now
        t += step
        event = out[i]
        event.t = t
        event.x = address & x_mask
        event.y = (address >> y_shift) & y_mask
        event.p = (address >> p_shift) != 0
    s.stored = stored
    s.t = t


VECTOR_SIZE = 12  # Events that one EVT3 word can hold.

_PLACED, _DATED, _BASED, _PLACED_AND_DATED = 1, 2, 4, 3  # ADDR_Y, TIME_HIGH, VECT_BASE_X have been seen.
_STEP = 64  # Units of 4096 us. So little behind is a step back; further ahead than this may be a corrupt word ...
_RETURN = 4  # ... and is if the next word comes back to where the clock was before, or this far on.
_LEAK = 16  # Reserved words that are more frequent than 1 in _LEAK ...
_FULL = 4096  # ... for so many words in a row mean that this is no EVT3 (any more).


@njit(cache=True, nogil=True)
def _tell_time(state: State, now: np.int64) -> None:
    """TIME_HIGH is the clock: 12 bits that count 4096 us, go round every 2^24 us, and come though nothing happens.

    Any way forward is taken as such, so that sparse streams work too, but for two cases: a little step back, and the
    way back from a single wrong word to where the clock was before it.
    """
    s = state[0]
    if s.seen & _DATED == 0:
        s.seen |= _DATED
    elif (now - s.high) & 0xFFF >= 0x1000 - _STEP and (now < s.high or s.loop > 0):
        s.loop -= now > s.high
    elif s.doubtful and (now - s.before_high) & 0xFFF <= _RETURN:
        s.loop = s.before_loop + (now < s.before_high)
        s.doubtful = False
    else:
        s.doubtful = (now - s.high) & 0xFFF > _STEP
        s.before_high = s.high
        s.before_loop = s.loop
        s.loop += now < s.high
    s.high = now


@njit(cache=True, nogil=True)
def decode_evt3(words: NDArray[np.uint16], begin: int, state: State, out: Events) -> tuple[int, int]:
    """Decode words[begin:] until they end or `out` may not hold more: how many are done, and how many events came out.

    `out` is as long as `words`, and VECTOR_SIZE more, at least; if it is much longer, vectors take fewer calls.
    The first number is -1 once the words make no sense any more; `state.reserved_at` then says where, counted from
    the file's first word. `state` is an `evt3.STATE`.
    """
    s = state[0]
    t = (s.loop << 24) | (s.high << 12) | s.low
    y = s.y
    seen = s.seen
    count = 0
    i = begin
    while i < words.shape[0]:
        word = words[i]
        i += 1
        if 0x2000 <= word < 0x3000:  # ADDR_X
            if seen & _PLACED_AND_DATED == _PLACED_AND_DATED:
                event = out[count]
                event.t = t
                event.x = word & 0x7FF
                event.y = y
                event.p = word & 0x800 != 0
                count += 1
            else:
                s.undated += 1
        elif 0x6000 <= word < 0x7000:  # TIME_LOW
            t = (t & ~0xFFF) | np.int64(word & 0xFFF)
        elif word < 0x1000:  # ADDR_Y
            y = np.int64(word & 0x7FF)
            seen |= _PLACED
        elif 0x8000 <= word < 0x9000:  # TIME_HIGH
            high = np.int64(word & 0xFFF)
            if high != s.high or seen & _DATED == 0:
                _tell_time(state, high)
                seen |= _DATED
                t = (s.loop << 24) | (high << 12) | (t & 0xFFF)
        elif 0x4000 <= word < 0x6000:  # VECT_12, VECT_8
            width = VECTOR_SIZE if word < 0x5000 else 8
            if count + width + words.shape[0] - i > out.shape[0]:  # No room, if every word to come is an event.
                i -= 1
                break
            for bit in range(width):
                if (word >> bit) & 1:
                    if seen == _PLACED_AND_DATED | _BASED:
                        event = out[count]
                        event.t = t
                        event.x = s.x_base + bit
                        event.y = y
                        event.p = s.polarity
                        count += 1
                    else:
                        s.undated += 1
            s.x_base = min(s.x_base + width, 0xFF00)  # Vectors that run off the sensor must not come round.
        elif 0x3000 <= word < 0x4000:  # VECT_BASE_X
            s.x_base = word & 0x7FF
            s.polarity = word & 0x800 != 0
            seen |= _BASED
        elif word < 0x2000 or 0x9000 <= word < 0xA000 or 0xB000 <= word < 0xE000:  # Reserved
            s.reserved += 1
            at = s.words + i
            s.reserved_level = max(0, s.reserved_level - (at - s.reserved_at)) + _LEAK
            s.reserved_at = at
            if s.reserved_level > _FULL:
                i = -1
                break
        # CONTINUED_4, CONTINUED_12, EXT_TRIGGER and OTHERS carry no event of a pixel.
    s.low = t & 0xFFF
    s.y = y
    s.seen |= seen
    return i, count
