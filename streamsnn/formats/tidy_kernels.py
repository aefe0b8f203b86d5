"""The compiled inner loops of `tidy`, whose rules they follow. Imported only when a file is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.formats.rules import Rules
from streamsnn.types import Events

State = NDArray[np.void]
"""A `tidy.STATE`: one record that carries the loop on from block to block."""

_BLOCK = 64  # Events that are looked at together.


@compiled()
def _mark(state: State, believed: int, last: int) -> None:
    s = state[0]
    s.marked = believed
    s.floor = s.mark
    s.mark = last


@compiled()
def _believe(events: Events, begin: int, end: int, state: State, hold_events: int) -> None:
    """Count events[begin:end], all of them sound, and set the marks that fall among them."""
    s = state[0]
    before = s.believed
    s.believed += end - begin
    s.last = events[end - 1].t
    while s.believed - s.marked >= hold_events // 2:
        marked = s.marked + hold_events // 2
        _mark(state, marked, events[begin + marked - before - 1].t)


@compiled()
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
    if s.believed - s.marked >= rules.hold_events // 2:
        _mark(state, s.believed, s.last)


@compiled()
def _sound(events: Events, begin: int, last: int, width: int, height: int, jump_us: int) -> int:
    """Up to which event events[begin:], in whole blocks, are inside the sensor, in order, and without a silence.

    Nearly all of them are; without a branch an event, looking costs a quarter.
    """
    rest = events[begin:]
    most_x, most_y, longest = np.uint16(min(width - 1, 0xFFFF)), np.uint16(min(height - 1, 0xFFFF)), np.uint64(jump_us)
    for i in range(rest.shape[0] // _BLOCK):
        block = rest[i * _BLOCK : (i + 1) * _BLOCK]  # Whose places numba knows not to be counted from its end.
        wrong = False
        for j in range(_BLOCK):
            event = block[j]
            t = event.t
            # Seen as a number without a sign, a step back is a long one.
            wrong |= (event.x > most_x) | (event.y > most_y) | (np.uint64(t - last) > longest)
            last = t
        if wrong:
            return begin + i * _BLOCK
    end: int = begin + rest.shape[0] // _BLOCK * _BLOCK
    return end


@compiled()
def look(events: Events, seen: NDArray[np.void]) -> None:
    """What a decoder tells that looked at its events: `seen` is a `tidy.SEEN`."""
    most_x = most_y = np.uint16(0)
    longest = np.uint64(0)
    if events.shape[0] > 0:
        before = events[0].t
        for i in range(events.shape[0]):
            event = events[i]
            most_x, most_y = max(most_x, event.x), max(most_y, event.y)
            longest = max(longest, np.uint64(event.t - before))
            before = event.t
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest


@compiled()
def follow(events: Events, seen: NDArray[np.void], state: State, width: int, height: int, rules: Rules) -> bool:
    """Whether all events, at least one, follow on from those before as they should; then they are believed.

    If not, nothing is changed: `place` is to look at them one by one.
    """
    s = state[0]
    if s.run or s.shift != 0 or s.believed == 0:
        return False
    inside = np.int64(seen[0].x) < width and np.int64(seen[0].y) < height
    begins = s.last <= events[0].t <= s.last + rules.jump_us
    if not inside or not begins or seen[0].step_us > np.uint64(rules.jump_us):
        return False
    _believe(events, 0, events.shape[0], state, rules.hold_events)
    return True


@compiled()
def certain(events: Events, state: State, rules: Rules) -> int:
    """How many of the first events, which are held in order but for suspects, no event that comes may get before."""
    s = state[0]
    until = max(s.last - rules.window_us, s.floor)
    low = 0
    high = s.run_begin if s.run else events.shape[0]
    if high > 0 and events[high - 1].t <= until:
        low = high
    while low < high:
        middle = (low + high) // 2
        if events[middle].t <= until:
            low = middle + 1
        else:
            high = middle
    s.run_begin -= low
    return low


@compiled()
def place(events: Events, begin: int, state: State, width: int, height: int, rules: Rules) -> int:
    """Apply the rules of `tidy` to events[begin:] in place: how many events remain. `state` is a `tidy.STATE`."""
    s = state[0]
    kept = begin
    last = s.last
    shift = s.shift
    believed = s.believed
    begun = believed > 0
    run = s.run
    i = begin - 1
    looked = begin  # From here on it pays to look for a sound block again.
    while i + 1 < events.shape[0]:
        i += 1
        if i >= looked and kept == i and shift == 0 and begun and not run:
            sound = _sound(events, i, last, width, height, rules.jump_us)
            looked = sound + _BLOCK
            if sound > i:
                s.believed = believed
                _believe(events, i, sound, state, rules.hold_events)
                believed = s.believed
                last = s.last
                kept = sound
                i = sound - 1
                continue
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
            if believed - s.marked >= rules.hold_events // 2:
                _mark(state, believed, last)
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
            behind = t < max(last - rules.window_us, s.floor)
            full = s.run_events >= rules.hold_events
            if t >= s.run_last - rules.window_us and (ahead or (behind and not full)):
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
        if max(last - rules.window_us, s.floor) <= t <= last + rules.jump_us:
            if t < last:
                s.stepped_back += 1
                s.unordered = 1
            else:
                last = t
            believed += 1
            if believed - s.marked >= rules.hold_events // 2:
                _mark(state, believed, last)
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
