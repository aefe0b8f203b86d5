"""The compiled inner loop of Event Stream. Imported only when a file is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import Events

State = NDArray[np.void]
Seen = NDArray[np.void]
"""A `tidy.SEEN`, which is told what came out: the step to the first event is from where the clock was before."""


@compiled()
def decode_es(data: NDArray[np.uint8], atis: bool, state: State, out: Events, seen: Seen) -> int:
    """Decode bytes of DVS or ATIS events up to the last whole one: how many events came out.

    `out` holds data.size // 5 + 1 events, at least. `state` is an `es.STATE`, whose `left` says how many bytes of an
    event that is not whole are left at the end of `data`: they are to be given again, before those that follow.
    """
    s = state[0]
    t = s.t
    before = t
    count = 0
    most_x = most_y = np.uint16(0)
    longest = np.uint64(0)
    i = 0
    end = data.shape[0]
    shift = 2 if atis else 1
    rest = 3 if atis else 1
    special = 0xFC if atis else 0xFE
    while i < end:
        first = data[i]
        if first >= special:
            t += 63 * np.int64(first & 3) if atis else 127 * np.int64(first & 1)  # An overflow, or a reset, which is 0.
            i += 1
            continue
        if i + 5 > end:
            break
        t += np.int64(first >> shift)
        kind = first & rest
        if not atis or kind & 1 == 0:  # Not a threshold crossing.
            x = np.uint16(np.uint16(data[i + 1]) | (np.uint16(data[i + 2]) << 8))
            y = np.uint16(np.uint16(data[i + 3]) | (np.uint16(data[i + 4]) << 8))
            most_x, most_y, longest = max(most_x, x), max(most_y, y), max(longest, np.uint64(t - before))
            before = t
            event = out[count]
            event.t = t
            event.x = x
            event.y = y
            event.p = kind != 0
            count += 1
        i += 5
    s.t = t
    s.left = end - i
    seen[0].x = most_x
    seen[0].y = most_y
    seen[0].step_us = longest
    return count


@compiled()
def encode_es(events: Events, last: int, out: NDArray[np.uint8]) -> int:
    """DVS events behind one at `last` us, up to where `out` ends: how many bytes that made, or -1 without room."""
    i = 0
    for k in range(events.shape[0]):
        event = events[k]
        step = event.t - last
        last = event.t
        if i + step // 127 + 5 > out.shape[0]:
            return -1
        while step >= 127:
            out[i] = 0xFF
            step -= 127
            i += 1
        out[i] = (step << 1) | np.int64(event.p)
        out[i + 1] = event.x & 0xFF
        out[i + 2] = event.x >> 8
        out[i + 3] = event.y & 0xFF
        out[i + 4] = event.y >> 8
        i += 5
    return i
