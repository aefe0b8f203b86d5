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

_PART = 250_000
"""Steps timed in one go, so that their times do not fill the memory."""


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
    """Medians of the first and the last tenth of `count` steps of one stream, and its bytes before and after."""
    stream, times = Stream(steps), np.zeros(count, np.int32)
    ours.reset()
    before = ours.state_bytes
    with undisturbed():
        time_steps(ours, stream, min(1000, count))
        for begin in range(0, count, _PART):
            told(f"{begin:,} of {count:,} steps")
            part = min(_PART, count - begin)
            times[begin : begin + part] = np.minimum(time_steps(ours, stream, part), np.iinfo(np.int32).max)
    tenth = max(count // 10, 1)
    first, last = float(np.median(times[:tenth])), float(np.median(times[-tenth:]))
    found = {
        "steps": count,
        "first_tenth_ns": first,
        "last_tenth_ns": last,
        "ratio": last / first,
        "bytes_before": before,
        "bytes_after": ours.state_bytes,
    }
    ours.reset()
    return found
