"""Events that are looked at block by block come out as those that are looked at one by one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from event_strategies import SENSOR, make_events
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamsnn.formats.rules import RULES
from streamsnn.formats.tidy import Tidy, joined, new_state
from streamsnn.formats.tidy_kernels import place
from streamsnn.types import EVENT, Events

BLOCK = 64
SECOND = 1_000_000


def steady(n: int, begin_us: int = 0) -> Events:
    return make_events(begin_us + 100 * np.arange(n), np.arange(n) % SENSOR.width, np.arange(n) % SENSOR.height)


def placed(events: Events, piece: int) -> tuple[Events, np.void]:
    """What the rules keep of `events` that come in pieces, and the state that they leave behind."""
    state = new_state()
    memory = np.empty(events.size, EVENT)
    kept = 0
    for begin in range(0, events.size, piece):
        some = events[begin : begin + piece]
        memory[kept : kept + some.size] = some
        kept = place(memory[: kept + some.size], kept, state, SENSOR.width, SENSOR.height, RULES)
    return memory[:kept], state[0]


def moved(by_us: int) -> Callable[[Events, int], None]:
    def move(events: Events, at: int) -> None:
        events["t"][at : at + 1] += by_us

    return move


def put(name: str, value: int) -> Callable[[Events, int], None]:
    def change(events: Events, at: int) -> None:
        events[name][at] = value

    return change


def later(by_us: int) -> Callable[[Events, int], None]:
    """All events from one on are this much later: silence, or a clock that starts again."""

    def move(events: Events, at: int) -> None:
        events["t"][at:] += by_us

    return move


GOOD = {
    "in the last column": put("x", SENSOR.width - 1),
    "in the last row": put("y", SENSOR.height - 1),
    "as late as the one before": moved(-100),
    "as late as may be without a doubt": later(RULES.jump_us - 100),
}
LOST = {
    "right of the sensor": put("x", SENSOR.width),
    "below the sensor": put("y", SENSOR.height),
    "anywhere": put("x", 0xFFFF),
    "long ago": moved(-RULES.window_us - 50_000),
    "far ahead": moved(50 * SECOND),
    "as near ahead as is doubted": moved(RULES.jump_us - 99),
    "never": put("t", RULES.never_us + 1),
    "at the end of numbers": put("t", (1 << 63) - 1),
    "at the beginning of numbers": put("t", -(1 << 63)),
}
MOVED = {"a little late": moved(-150), "as late as is put in order": moved(-RULES.window_us)}
CHANGES = {
    **GOOD,
    **LOST,
    **MOVED,
    "a pause": later(60_000),
    "a silence": later(SECOND),
    "half an hour": later(1800 * SECOND),
    "hours": later(3 * 3600 * SECOND),
    "a clock that starts again": later(-SECOND),
    "a clock that goes back a little": later(-50_000),
}


@pytest.mark.parametrize("begin_us", [0, SECOND])
@pytest.mark.parametrize("name", [*GOOD, *LOST, *MOVED])
def test_one_event_at_each_place_of_a_block(name: str, begin_us: int) -> None:
    for at in range(BLOCK, 3 * BLOCK + 2):
        events = steady(5 * BLOCK + 7, begin_us)
        CHANGES[name](events, at)
        expected = np.delete(events, at) if name in LOST else events[np.argsort(events["t"], kind="stable")]
        tidy = Tidy(SENSOR.width, SENSOR.height)
        out = joined((*tidy.push(events), tidy.finish()))
        assert np.array_equal(out, expected), at
        assert sum(tidy.counts[:3]) == (name not in GOOD), at
        assert tidy.counts.stepped_back == (name in MOVED), at
        assert tidy.counts.jumps == 0, at


@given(
    st.integers(0, 6 * BLOCK),
    st.sampled_from([0, 50, SECOND, 1 << 50, -SECOND, -(1 << 40)]),
    st.lists(st.tuples(st.sampled_from(list(CHANGES)), st.integers(0, 6 * BLOCK - 1)), max_size=6),
    st.integers(BLOCK, 4 * BLOCK),
)
@example(6 * BLOCK, SECOND, [("a clock that goes back a little", 100), ("a pause", 250)], BLOCK)
@settings(deadline=None, max_examples=400)
def test_blocks_change_nothing(n: int, begin_us: int, changes: list[tuple[str, int]], piece: int) -> None:
    events = steady(n, begin_us)
    for name, at in changes:
        if at < n:
            CHANGES[name](events, at)
    one_by_one, state = placed(events, 1)
    for size in (BLOCK - 1, piece, max(n, 1)):
        out, other = placed(events, size)
        assert np.array_equal(out, one_by_one)
        assert other == state
