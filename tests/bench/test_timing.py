"""Figures of known times; turns that are fair; nothing here asserts how long anything took."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_cases import small_case

from streamsnn.bench import endurance, timing
from streamsnn.bench.contender import Answers, Ours
from streamsnn.bench.networks import event_steps, silent_step
from streamsnn.bench.timing import Effort, Stream, figures, ratios, take_turns, time_steps
from streamsnn.types import Step


class Writes:
    """A contender that writes its name whenever it steps."""

    def __init__(self, name: str, diary: list[str]) -> None:
        self.name, self.diary, self.inside = name, diary, False

    @property
    def call(self) -> Callable[..., Any]:
        return self._step

    def _step(self, index: int) -> None:
        assert self.inside
        assert not gc.isenabled()
        self.diary.append(self.name)

    @contextlib.contextmanager
    def _enter(self) -> Any:
        self.inside = True
        yield
        self.inside = False

    def settings(self) -> AbstractContextManager[Any]:
        manager: AbstractContextManager[Any] = self._enter()
        return manager

    def reset(self) -> None: ...

    def ready(self, step: Step) -> tuple[Any, ...]:
        return (step.index,)

    def answers(self, said: Any) -> Answers:
        raise NotImplementedError


def test_figures_of_a_thousand_steps() -> None:
    found = figures(np.arange(1, 1001) * 1000, 1000)
    assert found["steps"] == 1000
    assert found["median_ns"] == 500_500
    assert found["mean_ns"] == 500_500
    assert found["p99_ns"] == pytest.approx(990_010)
    assert found["p99_9_ns"] == pytest.approx(999_001)
    assert found["steps_a_second"] == pytest.approx(1998, rel=1e-3)
    assert found["streams_in_true_time"] == pytest.approx(1.998, rel=1e-3)


def test_nobody_knows_one_in_a_thousand_of_fewer() -> None:
    assert figures(np.full(999, 5), 1000)["p99_9_ns"] is None


def test_ratios_are_those_of_rounds() -> None:
    ours = [np.array([10, 10, 1000]), np.array([20, 20, 20]), np.array([10, 10, 10])]
    theirs = [np.array([30, 30, 30]), np.array([40, 40, 40]), np.array([50, 50, 50])]
    assert ratios(theirs, ours) == {"median": 3.0, "min": 2.0, "max": 5.0}


def test_all_take_turns_in_every_round() -> None:
    diary: list[str] = []
    contenders = {name: Writes(name, diary) for name in "ab"}
    told: list[str] = []
    effort = Effort(rounds=3, budget_ms=1, fewest=2, most=4, warm=2)
    times = take_turns(contenders, [silent_step()], effort, {"a": 1.0, "b": 1e9}, told.append)
    assert "".join(diary) == 3 * ("aa" + "aaaa" + "bb" + "bb")
    assert {name: [len(round_) for round_ in rounds] for name, rounds in times.items()} == {"a": [4] * 3, "b": [2] * 3}
    assert told == ["round 1 of 3", "round 2 of 3", "round 3 of 3"]
    assert gc.isenabled()


def test_steps_come_round() -> None:
    steps = event_steps(small_case(), 1000, 3)
    stream = Stream(steps)
    assert [stream.next().index for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]


def test_the_clock_takes_time() -> None:
    assert timing.timer_ns() > 0


def test_a_coarse_clock_of_computing_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for resolution, clock in ((1e-9, time.thread_time_ns), (0.015, time.perf_counter_ns)):
        monkeypatch.setattr(time, "get_clock_info", lambda name, found=resolution: SimpleNamespace(resolution=found))
        assert timing.computing_clock() is clock


def test_silence_and_growth_leave_a_fresh_state() -> None:
    case = small_case()
    ours = Ours(case)
    fresh = ours.state.floats.copy()
    busy = event_steps(case, 8_000, 30)
    found = endurance.silence(ours, busy, 5)
    assert found.keys() == {"busy_ns", "after_busy_ns", "after_long_silence_ns"}
    assert min(found.values()) > 0
    told: list[str] = []
    grown = endurance.growth(ours, busy, 50, told.append)
    assert grown["steps"] == 50
    assert grown["bytes_before"] == grown["bytes_after"] > 0
    assert min(grown[key] for key in ("fresh_ns", "aged_ns", "ratio")) > 0
    assert told == ["0 of 50 steps"]
    assert np.array_equal(ours.state.floats, fresh)


def test_time_steps_counts_what_it_should() -> None:
    diary: list[str] = []
    with timing.undisturbed():
        times = time_steps(Writes("x", diary), Stream([silent_step()]), 5, 3)
    assert len(diary) == 8
    assert times.shape == (5,)
