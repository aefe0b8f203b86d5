"""A recording to measure readers on: bursts of moving edges over noise, the same for the same settings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamsnn.types import EVENT, Events, Sensor

_EVT3_WRAP_US = 1 << 24
_GRID_US = 100_000


@dataclass(frozen=True)
class Scene:
    """How much is recorded, and of what. `noise` is the share of events that no edge caused."""

    events: int
    duration_us: int
    width: int = 640
    height: int = 480
    noise: float = 0.3
    bursts: int = 12
    seed: int = 2025

    @property
    def sensor(self) -> Sensor:
        return Sensor("synthetic", self.width, self.height)

    @property
    def t_begin_us(self) -> int:
        """On every usual grid of steps, and so that EVT3's clock goes round in the middle, as it does every 16.8 s."""
        return (_EVT3_WRAP_US - self.duration_us // 2) // _GRID_US * _GRID_US


def synthetic_events(scene: Scene) -> Events:
    """`scene.events` events in order of time. The first one is at `scene.t_begin_us`, all are within `duration_us`.

    An edge's events come in runs along a row at one time, as cameras read them out, bright ahead of it and dark behind.
    """
    rng = np.random.default_rng(scene.seed)
    runs = int(scene.events * (scene.noise + (1 - scene.noise) / 2)) + 16
    isolated = rng.random(runs) < 2 * scene.noise / (1 + scene.noise)
    sizes = np.where(isolated, 1, rng.geometric(0.5, runs))
    while sizes.sum() < scene.events:  # Chance may have made them short.
        sizes[rng.integers(0, runs, 16)] += 1
    last = int(np.searchsorted(np.cumsum(sizes), scene.events)) + 1
    sizes, isolated = sizes[:last], isolated[:last]
    sizes[-1] -= sizes.sum() - scene.events

    centres_us = rng.random(scene.bursts) * scene.duration_us
    width_us = scene.duration_us / (4 * scene.bursts)
    around_us = centres_us[rng.integers(0, scene.bursts, last)] + rng.normal(0, width_us, last)
    at_us = np.where(isolated, rng.random(last) * scene.duration_us, around_us % scene.duration_us).astype(np.int64)
    at_us = np.minimum(np.sort(at_us), scene.duration_us - 1)
    at_us[0] = 0

    edge = at_us * 1e-6 * 400 % scene.width  # Pixels: 400 of them a second.
    off_edge = rng.normal(0, 4, last)
    x = np.where(isolated, rng.integers(0, scene.width, last), edge + off_edge).astype(np.int64)
    on = np.where(isolated | (rng.random(last) < 0.05), rng.random(last) < 0.5, off_edge > 0)

    begins = np.cumsum(sizes) - sizes
    along = np.arange(scene.events) - np.repeat(begins, sizes)
    events = np.empty(scene.events, EVENT)
    events["t"] = scene.t_begin_us + np.repeat(at_us, sizes)
    events["x"] = (np.repeat(x, sizes) + along) % scene.width
    events["y"] = np.repeat(rng.integers(0, scene.height, last), sizes)
    events["p"] = np.repeat(on, sizes)
    return events
