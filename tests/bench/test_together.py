"""Streams that step together: each hears its own events, all are as they are alone, and a difference is no figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_cases import small_case, small_images

from streamsnn.bench.contender import Ours
from streamsnn.bench.networks import Case, event_steps
from streamsnn.bench.timing import Effort
from streamsnn.bench.together import SIZES, Together, one_by_one, together
from streamsnn.errors import StreamsnnError
from streamsnn.network import Network
from streamsnn.state import StateBatch
from streamsnn.types import Output, Step

TINY = Effort(rounds=2, budget_ms=0.1, fewest=3, most=5, warm=2, trial=3)


@pytest.mark.parametrize("case", [small_case(), small_images()], ids=["flat", "images"])
def test_each_size_is_timed_beside_a_stream_alone(case: Case) -> None:
    ours = Ours(case)
    fresh = ours.state.floats.copy()
    told: list[str] = []
    found = together(case, ours, 4_000, TINY, told.append)
    assert told == ["comparing outputs", "round 1 of 2", "round 2 of 2"]
    assert [row["streams"] for row in found["batches"]] == list(SIZES)
    for row in (found["alone"], found["one_by_one"], *found["batches"]):
        assert 6 <= row["calls"] <= 10
        assert row["median_ns"] > 0
    for ratio in (*(row["ratio_to_alone"] for row in found["batches"]), found["batches"][-1]["ratio_to_one_by_one"]):
        assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]
    assert np.array_equal(ours.state.floats, fresh)


def test_each_stream_has_its_own_events() -> None:
    case = small_case()
    network = Network(case.spec, case.weights)
    events = [event_steps(case, 4_000, 5, seed) for seed in range(2)]
    batch = Together(network.step_many, [network.initial_state() for _ in range(2)], events)
    steps, _ = batch.ready(events[0][4])
    assert [step is own[4] for step, own in zip(steps, events, strict=True)] == [True, True]
    assert not np.array_equal(steps[0].addresses, steps[1].addresses)


def test_one_by_one_they_say_the_same() -> None:
    case = small_case()
    network = Network(case.spec, case.weights)
    events = [event_steps(case, 4_000, 5, seed) for seed in range(3)]
    calls = (network.step_many, one_by_one(network))
    both = [Together(call, [network.initial_state() for _ in events], events) for call in calls]
    for step in events[0]:
        batch, each = (streams.call(*streams.ready(step)) for streams in both)
        assert all(map(np.array_equal, (said.scores for said in batch), (said.scores for said in each)))


def test_one_stream_takes_all_steps_where_it_is_alone() -> None:
    case = small_case()
    network = Network(case.spec, case.weights)
    state = network.initial_state()
    steps = event_steps(case, 4_000, 5)
    one_by_one(network)(steps, StateBatch([state]))
    assert state.steps == 5


def test_a_stream_that_differs_in_a_batch_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    really = Network.step_many

    def swapped(self: Network, steps: list[Step], states: StateBatch) -> list[Output]:
        return really(self, [*steps[1:], steps[0]] if len(steps) == 8 else steps, states)

    monkeypatch.setattr(Network, "step_many", swapped)
    case = small_case()
    told: list[Any] = []
    with pytest.raises(StreamsnnError, match="a stream of small differs in a batch of 8"):
        together(case, Ours(case), 4_000, TINY, told.append)
    assert told == ["comparing outputs"]
