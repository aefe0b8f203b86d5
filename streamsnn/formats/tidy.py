"""Decoded events put right, whatever a damaged file held: inside the sensor, in order of time, without absurd gaps.

The rules, which give the same events however the stream is cut into blocks:

- An event outside the sensor is left out.
- Up to `window_us` older than the newest event: put in its place (stably: equal times keep their order).
- Further back than that, or after a silence (more than `jump_us`): a suspect. It and the events that carry on from it
  are held back until `confirm_events` came in a row, over `confirm_us` and without another silence; then all of them
  are believed, and silences up to `silence_us` play as they are. Once an event contradicts the suspects by being older,
  as the true time goes on, they are left out.
- As many suspects that do not come in such a row are thin. They are believed, too, but silences only up to `doubt_us`,
  or up to `silence_us` where most of the recording is thin.
- Where something was wrong (an event outside or left out less than `confirm_events` before, or among the suspects),
  a row's silences are believed up to `doubt_us`, and thin ones not at all; neither are these where one of them was
  out of order, or 1 in `confirm_events` of all closed a silence. The first `confirm_events` events are thin at no such
  cost, unless more were wrong than right.
- When the recording ends with suspects, those ahead are thin, or, after a single silence, believed like a row; but
  few (1 in `confirm_events` of all) are left out if they are far (`doubt_us`), unless most of the recording is thin.
- Silences that are not believed, and a clock that went back for good, are closed: the events follow on at once. Nobody
  waits for the hours that a few wrong bits make.
- Of `hold_events` suspects without an end those ahead are believed, and those behind left out: memory is bounded.
- What is older than the newest event of `hold_events` before (or half of that) is behind, though it be within
  `window_us`: a clock that stands still fills no memory either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.formats.rules import RULES, Rules
from streamsnn.types import EVENT, Events

STATE = np.dtype(
    [(name, "<i8") for name in ("last", "shift", "believed", "thin", "unordered", "wrong", "wrong_at")]
    + [(name, "<i8") for name in ("outside", "stepped_back", "misplaced", "jumps")]
    + [("run", "?")]
    + [(name, "<i8") for name in ("run_begin", "run_first", "run_last", "run_events", "run_back")]
    + [(name, "<i8") for name in ("row_first", "row_events")]
    + [(name, "<i8") for name in ("floor", "mark", "marked")]
)
"""What the compiled loop remembers between blocks.

`run` is whether suspects are held back, from `run_begin` on; the `row` is those of them after the latest silence.
`wrong` is what went wrong since shortly before they began, the last time after `wrong_at` believed events, `run_back`
how many of them stepped back; `thin` is how many believed events were. `mark` is what `last` was when `marked` events
were believed, `floor` what it was at the mark before.
"""


def joined(blocks: Sequence[Events]) -> Events:
    """One array of all events. numpy's concatenate copies such records field by field, ten times slower."""
    return np.concatenate([block.view(np.uint8) for block in blocks]).view(EVENT)


SEEN = np.dtype([("x", "<u2"), ("y", "<u2"), ("step_us", "<u8")])
"""What is seen of a block on the way through it: the largest x and y, and the longest step from one time to the next
as a number without a sign, so that a step back is a very long one."""


class Surveyed(NamedTuple):
    """A block whose decoder has already looked at every event, which is cheaper than to look again."""

    events: Events
    seen: NDArray[np.void]


def events_of(block: Events | Surveyed) -> Events:
    return block.events if isinstance(block, Surveyed) else block


class Counts(NamedTuple):
    """Events that were lost or moved, and how often the clock jumped."""

    outside: int
    stepped_back: int
    misplaced: int
    jumps: int


def new_state(rules: Rules = RULES) -> NDArray[np.void]:
    """A `STATE` before the first event."""
    state = np.zeros(1, STATE)
    state["floor"] = state["mark"] = -rules.never_us
    return state


class Tidy:
    """A stage between a decoder and everybody else. Memory: some blocks, and the events that are not certain yet."""

    def __init__(self, width: int, height: int, rules: Rules = RULES) -> None:
        from streamsnn.formats.tidy_kernels import certain, follow, look, place, settle

        self.counts = Counts(0, 0, 0, 0)
        self._certain = certain
        self._follow = follow
        self._look = look
        self._place = place
        self._settle = settle
        self._width = width
        self._height = height
        self._rules = rules
        self._states = new_state(rules)
        self._held: list[
            Events
        ] = []  # What is not certain yet, in order; suspects lie behind it, in one piece with it.

    def push(self, block: Events | Surveyed) -> list[Events]:
        """The events that are certain by now, in order, in pieces of which none is empty.

        They may lie in the memory of the block's events, which must not change any more.
        """
        events, seen = block if isinstance(block, Surveyed) else (block, self._survey(block))
        if events.size and not self._follow(events, seen, self._states, self._width, self._height, self._rules):
            memory = joined((*self._held, events))
            begin = memory.size - events.size
            kept = self._place(memory, begin, self._states, self._width, self._height, self._rules)
            self._held = [memory[:kept]]
            self._sort(memory[: self._believed(kept)])
            self._count()
        elif events.size:
            self._held.append(events)
        return self._let_go()

    def finish(self) -> Events:
        """What was still held back when the recording ended."""
        state = self._states[0]
        held = joined(self._held) if self._held else np.empty(0, EVENT)
        self._held = []
        if state["run"]:
            near = state["run_last"] - state["last"] <= self._rules.doubt_us
            many = state["run_events"] * self._rules.confirm_events >= state["believed"]
            sparse = state["believed"] < 2 * state["thin"] + self._rules.confirm_events
            if state["run_first"] > state["last"] and (near or many or sparse):
                self._settle(held, held.size, False, self._states, self._rules)
            else:
                held = held[: state["run_begin"]]
                state["misplaced"] += state["run_events"]
                state["run"] = False
        self._sort(held)
        self._count()
        return held

    def _survey(self, events: Events) -> NDArray[np.void]:
        seen = np.zeros(1, SEEN)
        self._look(events, seen)
        return seen

    def _count(self) -> None:
        state = self._states[0]
        self.counts = Counts(*(int(state[name]) for name in Counts._fields))

    def _believed(self, kept: int) -> int:
        """How many of the first events that are held are no suspects."""
        state = self._states[0]
        return int(state["run_begin"]) if state["run"] else kept

    def _let_go(self) -> list[Events]:
        """What no event that is still to come may get before."""
        pieces: list[Events] = []
        while self._held:
            piece = self._held[0]
            count = self._certain(piece, self._states, self._rules)
            if count:
                pieces.append(piece[:count])
            if count < piece.size:
                self._held[0] = piece[count:]
                break
            del self._held[0]
        return pieces

    def _sort(self, events: Events) -> None:
        state = self._states[0]
        if state["unordered"]:
            events[:] = events[np.argsort(events["t"], kind="stable")]
            state["unordered"] = state["run"]  # The suspects may be out of order, too.
