"""Decoded events put right, whatever a damaged file held: inside the sensor, in order of time, without absurd gaps.

The rules, which give the same events however the stream is cut into blocks:

- An event outside the sensor is left out.
- Up to `WINDOW_US` older than the newest event: put in its place (stably: equal times keep their order).
- Further back than that, or more than `JUMP_US` ahead: a suspect. It and the events that carry on from it are held
  back until `CONFIRM_EVENTS` of them, over `CONFIRM_US`, have gone on without contradiction; then they are believed.
  Once an event contradicts them by being older, as the true time goes on, they are left out.
- When the recording ends with suspects, those ahead are believed if they are not far (`END_US`) or not few
  (1 in `CONFIRM_EVENTS` of all), the others left out.
- A believed silence plays as it is up to `SILENCE_US`. A longer one, or a clock that went back for good, is closed:
  the events follow on at once. Nobody waits for the hours that one wrong bit can make.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from streamsnn.types import EVENT, Events

WINDOW_US = 10_000
JUMP_US = 100_000
CONFIRM_EVENTS = 64
CONFIRM_US = 5_000
END_US = 60_000_000
SILENCE_US = 3_600_000_000

# The kernel's memory between blocks, as indices into one int64 array.
LAST, SHIFT, BELIEVED, UNORDERED = 0, 1, 2, 3
OUTSIDE, STEPPED_BACK, MISPLACED, CLOCK_JUMPS = 4, 5, 6, 7
RUN_MARK, RUN_FIRST, RUN_LAST, RUN_EVENTS, RUN_SHIFT, RUN_BACK, RUN_JUMPS = 8, 9, 10, 11, 12, 13, 14
STATE_SIZE = 15


def joined(blocks: Sequence[Events]) -> Events:
    """One array of all events. numpy's concatenate copies such records field by field, ten times slower."""
    return np.concatenate([block.view(np.uint8) for block in blocks]).view(EVENT)


class Tidy:
    """A stage between a decoder and everybody else. Memory: one block and the events of the last `WINDOW_US`."""

    def __init__(self, width: int, height: int) -> None:
        from streamsnn.formats.kernels import place

        self._place = place
        self._width = width
        self._height = height
        self._state = np.zeros(STATE_SIZE, np.int64)
        self._state[RUN_MARK] = -1
        self._held = np.empty(0, EVENT)

    @property
    def outside_events(self) -> int:
        return int(self._state[OUTSIDE])

    @property
    def stepped_back_events(self) -> int:
        return int(self._state[STEPPED_BACK])

    @property
    def misplaced_events(self) -> int:
        return int(self._state[MISPLACED])

    @property
    def clock_jumps(self) -> int:
        return int(self._state[CLOCK_JUMPS])

    def push(self, events: Events) -> Events:
        """The events that are certain by now, in order, in memory of their own; `events` is left as it is."""
        state = self._state
        buffer = joined((self._held, events))
        kept = self._place(buffer, self._held.size, state, self._width, self._height)
        believed = int(state[RUN_MARK]) if state[RUN_MARK] >= 0 else kept
        self._sort(buffer[:believed])
        t_us = buffer["t"]
        certain = bisect_right(range(believed), state[LAST] - WINDOW_US, key=lambda i: t_us[i])
        self._held = joined((buffer[certain:kept],))
        if state[RUN_MARK] >= 0:
            state[RUN_MARK] -= certain
        return buffer[:certain]

    def finish(self) -> Events:
        """What was still held back when the recording ended."""
        state = self._state
        held = self._held
        if state[RUN_MARK] >= 0:
            ahead_us = state[RUN_FIRST] - state[LAST]
            many = state[RUN_EVENTS] * CONFIRM_EVENTS >= state[BELIEVED]
            if 0 < ahead_us <= END_US or (ahead_us > 0 and many):
                state[STEPPED_BACK] += state[RUN_BACK]
                state[CLOCK_JUMPS] += state[RUN_JUMPS]
            else:
                held = held[: state[RUN_MARK]]
                state[MISPLACED] += state[RUN_EVENTS]
        self._sort(held)
        self._held = np.empty(0, EVENT)
        return held

    def _sort(self, events: Events) -> None:
        if self._state[UNORDERED]:
            events[:] = events[np.argsort(events["t"], kind="stable")]
            self._state[UNORDERED] = self._state[RUN_MARK] >= 0
