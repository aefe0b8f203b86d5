"""Decoded events put right, whatever a damaged file held: inside the sensor, in order of time, without absurd gaps.

The rules, which give the same events however the stream is cut into blocks:

- An event outside the sensor is left out.
- Up to `window_us` older than the newest event: put in its place (stably: equal times keep their order).
- Further back than that, or more than `jump_us` ahead: a suspect. It and the events that carry on from it are held
  back until `confirm_events` of them, over `confirm_us`, have gone on without contradiction; then they are believed.
  Once an event contradicts them by being older, as the true time goes on, they are left out.
- When the recording ends with suspects, those ahead are believed if they are not far (`doubt_us`) or not few
  (1 in `confirm_events` of all), the others left out.
- Silence plays as it is up to `silence_us`. Those above `doubt_us` may last `silences_us` together, unless 1 event in
  `sparse_events` comes after one, and are not believed once a time was wrong. What is not believed, and a clock that
  went back for good, is closed: the events follow on at once. Nobody waits for the hours that a few wrong bits make.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streamsnn.formats.rules import RULES, Rules
from streamsnn.types import EVENT, Events

STATE = np.dtype(
    [(name, "<i8") for name in ("last", "shift", "believed", "unordered", "long_silences", "long_us")]
    + [(name, "<i8") for name in ("outside", "stepped_back", "misplaced", "jumps")]
    + [("run", "?")]
    + [(f"run_{name}", "<i8") for name in ("begin", "first", "last", "events", "shift", "back", "jumps")]
)
"""What the compiled loop remembers between blocks; `run` is whether suspects are held back, from `run_begin` on."""


def joined(blocks: Sequence[Events]) -> Events:
    """One array of all events. numpy's concatenate copies such records field by field, ten times slower."""
    return np.concatenate([block.view(np.uint8) for block in blocks]).view(EVENT)


def _copy(events: Events, out: Events) -> None:
    """Copy to the beginning of `out`, which may overlap."""
    out.view(np.uint8)[: events.nbytes] = events.view(np.uint8)


class Counts(NamedTuple):
    """Events that were lost or moved, and how often the clock jumped."""

    outside: int
    stepped_back: int
    misplaced: int
    jumps: int


class Tidy:
    """A stage between a decoder and everybody else. Memory: one block and the events of the last `window_us`."""

    def __init__(self, width: int, height: int, rules: Rules = RULES) -> None:
        from streamsnn.formats.kernels import place

        self._place = place
        self._width = width
        self._height = height
        self._rules = rules
        self._states = np.zeros(1, STATE)
        self._memory = np.empty(1 << 14, EVENT)
        self._held = 0  # Events at the beginning of `_memory` that are not certain yet.

    @property
    def counts(self) -> Counts:
        state = self._states[0]
        return Counts(*(int(state[name]) for name in Counts._fields))

    def push(self, events: Events) -> Events:
        """The events that are certain by now, in order, in memory of their own; `events` is left as it is."""
        state = self._states[0]
        end = self._held + events.size
        if end > self._memory.size:
            self._memory = joined((self._memory[: self._held], np.empty(2 * end - self._held, EVENT)))
        memory = self._memory
        _copy(events, memory[self._held :])
        kept = self._place(memory[:end], self._held, self._states, self._width, self._height, self._rules)
        believed = int(state["run_begin"]) if state["run"] else kept
        self._sort(memory[:believed])
        t_us = memory["t"]
        certain = bisect_right(range(believed), state["last"] - self._rules.window_us, key=lambda i: t_us[i])
        out = joined((memory[:certain],))
        _copy(memory[certain:kept], memory)
        self._held = kept - certain
        state["run_begin"] -= certain
        return out

    def finish(self) -> Events:
        """What was still held back when the recording ended."""
        state = self._states[0]
        held = self._held
        if state["run"]:
            ahead_us = state["run_first"] - state["last"]
            many = state["run_events"] * self._rules.confirm_events >= state["believed"]
            if 0 < ahead_us <= self._rules.doubt_us or (ahead_us > 0 and many):
                state["stepped_back"] += state["run_back"]
                state["jumps"] += state["run_jumps"]
            else:
                held = int(state["run_begin"])
                state["misplaced"] += state["run_events"]
            state["run"] = False
        self._sort(self._memory[:held])
        self._held = 0
        return joined((self._memory[:held],))

    def _sort(self, events: Events) -> None:
        state = self._states[0]
        if state["unordered"]:
            events[:] = events[np.argsort(events["t"], kind="stable")]
            state["unordered"] = state["run"]  # The suspects may be out of order, too.
