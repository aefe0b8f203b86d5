"""How long steps take: all contenders in turn, each step timed by itself, and what is made of the times."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.contender import Timed
from streamsnn.types import Step

Times = NDArray[np.int64]
"""Nanoseconds, one number a step."""

_TURNS = 3

_ENOUGH = 1000
"""Of fewer steps than this nobody knows what one in a thousand takes."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Each of `rounds` gives every contender as many steps as it makes in `budget_ms`, but no fewer than `fewest` and no
    more than `most`, after `warm` steps that do not count. `check` steps are compared first, `trial` steps choose among
    the ways in which a library may be set up.
    """

    rounds: int = 10
    budget_ms: float = 100.0
    fewest: int = 20
    most: int = 1000
    warm: int = 20
    check: int = 120
    trial: int = 30
    silence: int = 500
    growth: int = 20_000
    builds_slowly: bool = True

    def steps_a_round(self, typical_ns: float) -> int:
        return int(np.clip(self.budget_ms * 1e6 / max(typical_ns, 1.0), self.fewest, self.most))


QUICK = Effort(
    rounds=3, budget_ms=20.0, fewest=5, most=400, warm=3, trial=10, silence=50, growth=2_000, builds_slowly=False
)
FULL = Effort()


class Stream:
    """Steps without end: those given, over and over again."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps, self._at = steps, 0

    def next(self) -> Step:
        step = self._steps[self._at]
        self._at = (self._at + 1) % len(self._steps)
        return step


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Without the garbage collector, which would strike some steps and not others."""
    enabled = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


Clock = Callable[[], int]
"""Nanoseconds since whenever."""


def computing_clock() -> Clock:
    """Time that this thread has computed, where the system counts it finely enough; else time that has passed.

    Of long calls every one is interrupted where a machine is busy, and no median is free of that.
    """
    fine = time.get_clock_info("thread_time").resolution <= 1e-6
    return time.thread_time_ns if fine else time.perf_counter_ns


def time_steps(contender: Timed, stream: Stream, count: int, warm: int = 0, now: Clock = time.perf_counter_ns) -> Times:
    """Nanoseconds of each of `count` steps after `warm` others; only the call is timed."""
    call, ready = contender.call, contender.ready
    times = [0] * count
    with contender.settings():
        for _ in range(warm):
            call(*ready(stream.next()))
        for place in range(count):
            given = ready(stream.next())
            began = now()
            call(*given)
            times[place] = now() - began
    return np.array(times, np.int64)


def trial(contenders: Mapping[str, Timed], steps: Sequence[Step], effort: Effort) -> dict[str, float]:
    """Median nanoseconds of a step of each, the best of a few turns: what else the machine does must not choose."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    with undisturbed():
        for _ in range(_TURNS):
            for name, contender in contenders.items():
                times[name].append(float(np.median(time_steps(contender, Stream(steps), effort.trial, 3))))
    return {name: min(medians) for name, medians in times.items()}


def take_turns(
    contenders: Mapping[str, Timed],
    steps: Sequence[Step],
    effort: Effort,
    typical_ns: Mapping[str, float],
    told: Callable[[str], None],
    now: Clock = time.perf_counter_ns,
) -> dict[str, list[Times]]:
    """The times of each contender, one array a round: in every round each has its turn, in the same order."""
    streams = {name: Stream(steps) for name in contenders}
    times: dict[str, list[Times]] = {name: [] for name in contenders}
    with undisturbed():
        for number in range(effort.rounds):
            told(f"round {number + 1} of {effort.rounds}")
            for name, contender in contenders.items():
                count = effort.steps_a_round(typical_ns[name])
                warm = max(min(effort.warm, count // 2), 2)
                times[name].append(time_steps(contender, streams[name], count, warm, now))
    return times


def figures(times: Times, step_us: int) -> dict[str, Any]:
    """Median, mean and tail of single steps (ns), steps a second, and streams that one core holds in true time."""
    mean = float(times.mean())
    return {
        "steps": int(times.size),
        "median_ns": float(np.median(times)),
        "mean_ns": mean,
        "p99_ns": float(np.percentile(times, 99)),
        "p99_9_ns": float(np.percentile(times, 99.9)) if times.size >= _ENOUGH else None,
        "steps_a_second": 1e9 / mean,
        "streams_in_true_time": step_us * 1e3 / mean,
    }


def ratios(rounds: Sequence[Times], ours: Sequence[Times]) -> dict[str, float]:
    """How many times as long as ours a contender takes: the ratio of the medians of each round."""
    each = [float(np.median(theirs) / np.median(own)) for theirs, own in zip(rounds, ours, strict=True)]
    return {"median": float(np.median(each)), "min": min(each), "max": max(each)}


def timer_ns() -> float:
    """What reading the clock adds to a step: the median of two readings with nothing between them."""
    now = time.perf_counter_ns
    times = []
    for _ in range(2000):
        began = now()
        times.append(now() - began)
    return float(np.median(times))
