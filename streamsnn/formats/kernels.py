"""The compiled inner loops of the decoders. Imported only when a file is read, since numba takes its time.

A `state` is an array of one record whose fields carry a loop on from block to block; all zeros is where it begins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import Events

State = NDArray[np.void]
Seen = NDArray[np.void]
"""A `tidy.SEEN`, which is told what came out: the step to the first event is from where the clock was before."""


@compiled()
def decode_dat(
    words: NDArray[np.uint32],
    y_shift: int,
    p_shift: int,
    x_mask: int,
    y_mask: int,
    state: State,
    out: Events,
    seen: Seen,
) -> None:
    """Records of (time, address) into `out`. `state` is a `dat.STATE`."""
    s = state[0]
    if not s.begun:
        s.begun = True
        s.stored = s.t = words[0]
    y_down, p_down, x_bits, y_bits = np.uint32(y_shift), np.uint32(p_shift), np.uint32(x_mask), np.uint32(y_mask)
    most_x = most_y = longest = np.uint32(0)
    stored = np.uint32(s.stored)
    t = s.t
    for i in range(out.shape[0]):
        now = words[2 * i]
        address = words[2 * i + 1]
        step = np.uint32(now - stored)
        stored = now
        t += np.int64(step)
        if step > np.uint32(0x80000000):  # Half the clock's range back and less is a step back, more is a wrap.
            t -= 0x100000000
        x, y = address & x_bits, (address >> y_down) & y_bits
        most_x, most_y, longest = max(most_x, x), max(most_y, y), max(longest, step)
        event = out[i]
        event.t = t
        event.x = x
        event.y = y
        event.p = (address >> p_down) != 0
    s.stored = stored
    s.t = t
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest


@compiled()
def decode_aedat2(words: NDArray[np.uint32], davis: bool, last_column: int, state: State, out: Events) -> int:
    """Records of (address, time) into `out`: how many were events. `state` is a `dat.STATE`."""
    s = state[0]
    if not s.begun:
        s.begun = True
        s.stored = s.t = words[1]
    stored = s.stored
    t = s.t
    count = 0
    for i in range(words.shape[0] // 2):
        address = np.int64(words[2 * i])
        now = np.int64(words[2 * i + 1])
        step = (now - stored) & 0xFFFFFFFF
        if step > 0x80000000:
            step -= 0x100000000
        stored = now
        t += step
        if address & (0x80000400 if davis else 0x8000) != 0:
            continue
        event = out[count]
        event.t = t
        if davis:
            event.x = (last_column - ((address >> 12) & 0x3FF)) & 0xFFFF  # What has no column is outside.
            event.y = (address >> 22) & 0x1FF
            event.p = address & 0x800 != 0
        else:
            event.x = 127 - ((address >> 1) & 0x7F) if address < 0x10000 else 0xFFFF
            event.y = (address >> 8) & 0x7F
            event.p = address & 1 == 0
        count += 1
    s.stored = stored
    s.t = t
    return count


@compiled()
def unpack_aedat4(stored: Events, out: Events, begin: int, seen: Seen) -> None:
    """Records of 16 bytes, as they lie in a packet, to out[begin:]; `seen` is of all before it, too."""
    most_x, most_y, longest = seen[0].x, seen[0].y, seen[0].step_us
    if begin == 0:
        most_x = most_y = np.uint16(0)
        longest = np.uint64(0)
    before = out[begin - 1].t if begin else stored[0].t
    room = out[begin:]
    for i in range(stored.shape[0]):
        event, record = room[i], stored[i]
        t, x, y = record.t, record.x, record.y
        most_x, most_y, longest = max(most_x, x), max(most_y, y), max(longest, np.uint64(t - before))
        before = t
        event.t = t
        event.x = x
        event.y = y
        event.p = record.p != 0
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest


VECTOR_SIZE = 12  # Events that one EVT3 word can hold.

_PLACED, _DATED, _BASED, _PLACED_AND_DATED = 1, 2, 4, 3  # ADDR_Y, TIME_HIGH, VECT_BASE_X have been seen.
_STEP = 64  # Units of 4096 us. So little behind is a step back; further ahead than this may be a corrupt word ...
_RETURN = 4  # ... and is if the next word comes back to where the clock was before, or this far on.
_LEAK = 16  # Reserved words that are more frequent than 1 in _LEAK ...
_FULL = 4096  # ... for so many words in a row mean that this is no EVT3 (any more).


@compiled()
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


@compiled()
def decode_evt3(words: NDArray[np.uint16], begin: int, state: State, out: Events, seen: Seen) -> tuple[int, int]:
    """Decode words[begin:] until they end or `out` may not hold more: how many are done, and how many events came out.

    `out` is as long as `words`, and VECTOR_SIZE more, at least; if it is much longer, vectors take fewer calls.
    `seen` is told what came out. The first number is -1 once the words make no sense any more; `state.reserved_at` then
    says where, counted from the file's first word. `state` is an `evt3.STATE`.
    """
    s = state[0]
    t = (s.loop << 24) | (s.high << 12) | s.low
    before = t
    y = s.y
    known = s.seen
    count = 0
    most_x = most_y = np.uint16(0)
    longest = np.uint64(0)
    i = begin
    while i < words.shape[0]:
        word = words[i]
        i += 1
        if 0x2000 <= word < 0x3000:  # ADDR_X
            if known & _PLACED_AND_DATED == _PLACED_AND_DATED:
                x = np.uint16(word & 0x7FF)
                most_x, most_y, longest = max(most_x, x), max(most_y, np.uint16(y)), max(longest, np.uint64(t - before))
                before = t
                event = out[count]
                event.t = t
                event.x = x
                event.y = y
                event.p = word & 0x800 != 0
                count += 1
            else:
                s.undated += 1
        elif 0x6000 <= word < 0x7000:  # TIME_LOW
            t = (t & ~0xFFF) | np.int64(word & 0xFFF)
        elif word < 0x1000:  # ADDR_Y
            y = np.int64(word & 0x7FF)
            known |= _PLACED
        elif 0x8000 <= word < 0x9000:  # TIME_HIGH
            high = np.int64(word & 0xFFF)
            if high != s.high or known & _DATED == 0:
                _tell_time(state, high)
                known |= _DATED
                t = (s.loop << 24) | (high << 12) | (t & 0xFFF)
        elif 0x4000 <= word < 0x6000:  # VECT_12, VECT_8
            width = VECTOR_SIZE if word < 0x5000 else 8
            if count + width + words.shape[0] - i > out.shape[0]:  # No room, if every word to come is an event.
                i -= 1
                break
            for bit in range(width):
                if (word >> bit) & 1:
                    if known == _PLACED_AND_DATED | _BASED:
                        x = np.uint16(s.x_base + bit)
                        most_x, most_y = max(most_x, x), max(most_y, np.uint16(y))
                        longest = max(longest, np.uint64(t - before))
                        before = t
                        event = out[count]
                        event.t = t
                        event.x = x
                        event.y = y
                        event.p = s.polarity
                        count += 1
                    else:
                        s.undated += 1
            s.x_base = min(s.x_base + width, 0xFF00)  # Vectors that run off the sensor must not come round.
        elif 0x3000 <= word < 0x4000:  # VECT_BASE_X
            s.x_base = word & 0x7FF
            s.polarity = word & 0x800 != 0
            known |= _BASED
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
    s.seen |= known
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest
    return i, count
