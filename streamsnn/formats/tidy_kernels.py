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


@compiled()
def _sound(events: Events, begin: int, last: int, width: int, height: int, jump_us: int) -> int:
    """Up to which event events[begin:], in whole blocks, are inside the sensor, in order, and without a silence.

    Nearly all of them are; without a branch an event, looking costs a quarter.
    """
    i = begin
    while i + _BLOCK <= events.shape[0]:
        wrong = False
        for j in range(i, i + _BLOCK):
            event = events[j]
            t = event.t
            wrong |= (event.x >= width) | (event.y >= height) | (t < last) | (t > last + jump_us)
            last = t
        if wrong:
            break
        i += _BLOCK
    return i


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
                believed += sound - i
                last = events[sound - 1].t
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
