"""What silence costs our step, and whether it grows slower over a long stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from streamsnn.bench.contender import Ours
from streamsnn.bench.networks import silent_step
from streamsnn.bench.timing import Stream, time_steps, undisturbed
from streamsnn.types import Step

_BUSY_BEFORE = 20
"""Busy steps before each silent one that is timed."""

_LONG = 2000
"""Silent steps until nothing decays any more."""

_PART = 50_000
"""Steps between two words of progress."""

_TURNS = 10

_IN_A_TURN = 100


def silence(ours: Ours, busy: Sequence[Step], count: int) -> dict[str, float]:
    """Median nanoseconds of a busy step, of the silent step right after it, and of one after long silence."""
    now, call, silent, stream = time.perf_counter_ns, ours.call, silent_step(), Stream(busy)
    ours.reset()
    busy_ns, after_ns = [], []
    nothing = ours.ready(silent)
    with undisturbed():
        for _ in range(count):
            for _ in range(_BUSY_BEFORE):
                given = ours.ready(stream.next())
                began = now()
                call(*given)
                took = now() - began
            busy_ns.append(took)
            began = now()
            call(*nothing)
            after_ns.append(now() - began)
        long_ns = time_steps(ours, Stream([silent]), count, _LONG)
    ours.reset()
    return {
        "busy_ns": float(np.median(busy_ns)),
        "after_busy_ns": float(np.median(after_ns)),
        "after_long_silence_ns": float(np.median(long_ns)),
    }


def growth(ours: Ours, steps: Sequence[Step], count: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Median steps of a stream that is `count` steps old and of a fresh one, in turns; and bytes before and after.

    In turns, because a machine is not as fast now as it was a million steps ago.
    """
    aged, stream = ours.another(), Stream(steps)
    before = aged.state_bytes
    for place in range(count):
        if place % _PART == 0:
            told(f"{place:,} of {count:,} steps")
        aged.call(*aged.ready(stream.next()))
    fresh = ours.another()
    times: dict[Ours, list[float]] = {fresh: [], aged: []}
    heard = {each: Stream(steps) for each in times}
    with undisturbed():
        for _ in range(_TURNS):
            for each, medians in times.items():
                medians.append(float(np.median(time_steps(each, heard[each], _IN_A_TURN, _BUSY_BEFORE))))
    ratios = np.array(times[aged]) / np.array(times[fresh])
    return {
        "steps": count,
        "fresh_ns": float(np.median(times[fresh])),
        "aged_ns": float(np.median(times[aged])),
        "ratio": float(np.median(ratios)),
        "bytes_before": before,
        "bytes_after": aged.state_bytes,
    }
