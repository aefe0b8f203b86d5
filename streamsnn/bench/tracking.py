"""`streamsnn bench tracking`: events a second through each tracker, and how long a step takes at a million a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from streamsnn.clock import ManualClock
from streamsnn.sources.synthetic import open_synthetic
from streamsnn.tracking.names import NAMES, make_tracker
from streamsnn.types import InputSpec, Step

RIGHT = (1, 2, 3)
_STEP_US = 10_000
_RATE_HZ = 1_000_000


def measure(quick: bool, told: Callable[[str], None]) -> dict[str, Any]:
    """Every tracker over the same steps: synthetic shapes, played as much faster as it takes for 1 M events a second.

    Time is that of the processor in this thread, of each step the best of several rounds.
    """
    told("drawing a scene")
    source = open_synthetic(
        "shapes:hard:0", clock=ManualClock(), duration_us=2_000_000 if quick else 6_000_000, packet_us=100_000
    )
    events = np.concatenate([packet.events for packet in source])
    spec = InputSpec(source.sensor.width, source.sensor.height)
    addresses = (events["p"].astype(np.int64) * spec.height + events["y"]) * spec.width + events["x"]
    size = _RATE_HZ * _STEP_US // 1_000_000
    count = len(addresses) // size
    steps = [Step(k, addresses[k * size : (k + 1) * size].astype(np.int32), 0) for k in range(count)]
    rows = []
    for name in NAMES:
        told(name)
        rounds = np.array([_round(name, spec, steps) for _ in range(3 if quick else 7)]).min(axis=0)
        rows.append(
            {
                "tracker": name,
                "events_per_second": size * count / rounds.sum(),
                "p50_us": float(np.percentile(rounds, 50)) * 1e6,
                "p99_us": float(np.percentile(rounds, 99)) * 1e6,
            }
        )
    return {"rate_hz": _RATE_HZ, "step_us": _STEP_US, "steps": count, "trackers": rows}


def _round(name: str, spec: InputSpec, steps: list[Step]) -> list[float]:
    tracker = make_tracker(name, spec, _STEP_US)
    spent = []
    for step in steps:
        began_s = time.thread_time()
        tracker.update(step)
        spent.append(time.thread_time() - began_s)
    return spent


def tables(result: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """The result as tables: title, headings, rows."""
    rows: list[tuple[str, ...]] = [
        (
            row["tracker"],
            f"{row['events_per_second'] / 1e6:.1f}",
            f"{row['p50_us']:.0f}",
            f"{row['p99_us']:.0f}",
        )
        for row in result["trackers"]
    ]
    title = f"{result['steps']} steps of {result['step_us'] / 1000:g} ms at 1 M events/s, one core"
    return [(title, ("tracker", "million events/s", "step p50 us", "p99 us"), rows)]
