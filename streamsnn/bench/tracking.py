"""`streamsnn bench tracking`: events a second through each tracker, and how long a step takes at a million a second;
and what it takes to take a camera's own motion out."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.clock import ManualClock
from streamsnn.sources.synthetic import open_synthetic
from streamsnn.tracking.ego_motion import EgoMotion
from streamsnn.tracking.names import DEFAULT, NAMES, make_tracker
from streamsnn.types import InputSpec, Step, Tracker

RIGHT = (1, 2, 3)
_STEP_US = 10_000
_RATE_HZ = 1_000_000


def measure(quick: bool, told: Callable[[str], None]) -> dict[str, Any]:
    """Every tracker over the same steps: synthetic shapes, played as much faster as it takes for 1 M events a second.
    And the default one before a camera that shakes, in true time, with and without its motion.

    Time is that of the processor in this thread, of each step the best of several rounds.
    """
    told("drawing a scene")
    duration_us, rounds = (2_000_000, 3) if quick else (6_000_000, 7)
    spec, addresses, _ = _scene("shapes:hard:0", duration_us)
    size = _RATE_HZ * _STEP_US // 1_000_000
    count = len(addresses) // size
    steps = [Step(k, addresses[k * size : (k + 1) * size], 0) for k in range(count)]
    rows = []
    for name in NAMES:
        told(name)
        rows.append(_row(name, functools.partial(make_tracker, name, spec, _STEP_US), steps, rounds))
    told("drawing a camera that shakes")
    spec, addresses, t_us = _scene("shapes:shaking:100", duration_us)
    ends = np.searchsorted(t_us, np.arange(1, duration_us // _STEP_US + 1) * _STEP_US)
    shaken = [Step(k, part, 0) for k, part in enumerate(np.split(addresses, ends)[:-1])]
    told("--ego-motion")
    beside = [
        _row(DEFAULT, functools.partial(make_tracker, DEFAULT, spec, _STEP_US), shaken, rounds),
        _row(
            f"{DEFAULT}, --ego-motion",
            lambda: EgoMotion(make_tracker(DEFAULT, spec, _STEP_US), spec, _STEP_US),
            shaken,
            rounds,
        ),
    ]
    return {
        "rate_hz": _RATE_HZ,
        "step_us": _STEP_US,
        "steps": count,
        "trackers": rows,
        "shaking": {"steps": len(shaken), "rate_hz": len(addresses) * 1e6 / duration_us, "trackers": beside},
    }


def _scene(name: str, duration_us: int) -> tuple[InputSpec, NDArray[np.int32], NDArray[np.int64]]:
    """What a synthetic camera sees: its input, and the addresses and times of its events."""
    source = open_synthetic(name, clock=ManualClock(), duration_us=duration_us, packet_us=100_000)
    events = np.concatenate([packet.events for packet in source])
    spec = InputSpec(source.sensor.width, source.sensor.height)
    addresses = (events["p"].astype(np.int64) * spec.height + events["y"]) * spec.width + events["x"]
    return spec, addresses.astype(np.int32), events["t"]


def _row(name: str, make: Callable[[], Tracker], steps: Sequence[Step], rounds: int) -> dict[str, Any]:
    spent_s = np.array([_round(make(), steps) for _ in range(rounds)]).min(axis=0)
    return {
        "tracker": name,
        "events_per_second": sum(len(step.addresses) for step in steps) / spent_s.sum(),
        "p50_us": float(np.percentile(spent_s, 50)) * 1e6,
        "p99_us": float(np.percentile(spent_s, 99)) * 1e6,
    }


def _round(tracker: Tracker, steps: Sequence[Step]) -> list[float]:
    spent = []
    for step in steps:
        began_s = time.thread_time()
        tracker.update(step)
        spent.append(time.thread_time() - began_s)
    return spent


def tables(result: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
    """The result as tables: title, headings, rows."""
    headings = ("tracker", "million events/s", "step p50 us", "p99 us")
    step_ms, shaking = result["step_us"] / 1000, result["shaking"]
    return [
        (f"{result['steps']} steps of {step_ms:g} ms at 1 M events/s, one core", headings, _lines(result["trackers"])),
        (
            f"a camera that shakes, {shaking['steps']} steps of {step_ms:g} ms at"
            f" {shaking['rate_hz'] / 1e6:.1f} M events/s, one core",
            headings,
            _lines(shaking["trackers"]),
        ),
    ]


def _lines(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            row["tracker"],
            f"{row['events_per_second'] / 1e6:.1f}",
            f"{row['p50_us']:.0f}",
            f"{row['p99_us']:.0f}",
        )
        for row in rows
    ]
