"""`ClusterTracker`: clusters that follow events, one update an event, without any frame.

An event within a cluster's reach moves the cluster a little towards itself, and adapts its spread and its mass; any
other, unless it stands alone, begins a cluster. Masses decay; clusters that run out of events die, and those that come
to lie on one another merge. (Litzenberger et al. 2006, "Embedded vision system for real-time object tracking using an
asynchronous transient vision sensor"; Delbruck and Lang 2013, "Robotic goalie with 3 ms reaction time at 4 % CPU load
using event-based dynamic vision sensor"; Lagorce et al. 2015, "Asynchronous event-based multikernel algorithm for
high-speed visual features tracking".) For event e at t, cluster k with middle m, spread d (mean absolute deviation),
mass w:
    m += a (e - m),   d += a (|e - m| - d),   w = w exp(-(t - t_k) / tau) + 1,   a = max(a_min, 1 / (n_k + 1))
where n_k counts its events. Evenly filled boxes have edges at m -+ 2 d, outlines at m -+ 1.3 d; taken is 1.7. Events
have the order, not the times, in a step: they are taken as spread evenly over it. Middles are told to the tracks at
each step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.detections import DETECTED, Follower
from streamsnn.tracking.tracks import TrackSettings
from streamsnn.types import InputSpec, Step, Track

_MOST = 64
_NEVER = np.iinfo(np.int32).min // 2
# Columns of a cluster.
_X, _Y, _DX, _DY, _MASS, _T, _ON, _N = range(8)


@dataclass(frozen=True)
class ClusterSettings:
    """Lengths in units of the sensor's shorter side / 260: a cluster reaches `reach` times its spread and `margin`
    more, and begins with `spread`. `pull` is a_min, `tau_us` the mass's time constant; one of less than `least` is not
    told."""

    spread: float = 8.0
    reach: float = 2.5
    margin: float = 4.0
    pull: float = 0.02
    tau_us: float = 50_000.0
    least: float = 30.0
    edge: float = 1.7


# An object is several clusters for long.
_TRACKS = replace(DETECTED, young_us=2_000_000)


class ClusterTracker:
    """Follows what moves over a sensor; `update` takes the steps of `spec`, whose cells are the sensor's pixels."""

    def __init__(
        self,
        spec: InputSpec,
        step_us: int,
        clusters: ClusterSettings | None = None,
        tracks: TrackSettings | None = None,
    ) -> None:
        self.spec, self.step_us, self.settings = spec, step_us, clusters or ClusterSettings()
        self.scale = max(0.5, min(spec.width, spec.height) / 260.0)
        pixels = spec.width * spec.height
        self._plane = pixels if spec.polarity == "split" else 2 * pixels
        self._follower = Follower(spec, step_us, 2 * self.settings.margin * self.scale, tracks or _TRACKS)
        self._last = np.empty((spec.height + 2, spec.width + 2), np.int32)
        self._clusters = np.zeros((_MOST, 8))
        self.reset()

    def reset(self) -> None:
        """Forget the stream; ids go on where they were."""
        self._last.fill(_NEVER)
        self._clusters.fill(0.0)
        self._first: int | None = None
        self._follower.reset()

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects at the end of `step`."""
        if self._first is None:
            self._first = step.index
        s, scale, now = self.settings, self.scale, step.index - self._first
        constants = np.array([s.spread * scale, s.reach, s.margin * scale, s.pull, s.tau_us / self.step_us])
        _follow(step.addresses, self._plane, now, self._last, constants, self._clusters)
        c = self._clusters
        told = c[c[:, _MASS] >= s.least]
        half = np.maximum(s.edge * told[:, (_DX, _DY)], 1.0)
        boxes = np.concatenate([told[:, :2] + 0.5 - half, told[:, :2] + 0.5 + half], axis=1)
        boxes = np.clip(boxes, 0.0, [self.spec.width, self.spec.height] * 2)
        now_us = (step.index + 1) * self.step_us
        mass = np.ceil(told[:, _MASS]).astype(np.int64)
        return self._follower.follow(now_us, boxes, mass, np.rint((2 * told[:, _ON] - 1) * mass).astype(np.int64))


@compiled(int64(int32[::1], int64, int64, int32[:, ::1], float64[::1], float64[:, ::1]))
def _follow(
    addresses: NDArray[np.int32],
    plane: int,
    now: int,
    last: NDArray[np.int32],
    constants: NDArray[np.float64],
    clusters: NDArray[np.float64],
) -> int:
    """Take a step's events in, one by one; then let clusters decay to its end, merge, and die. Times are in steps."""
    spread, reach, margin, pull, tau = constants
    width = last.shape[1] - 2
    reciprocal = float64(1.0) / width
    for i in range(addresses.size):
        address = int64(addresses[i])
        on = address >= plane
        pixel = address - plane if on else address
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        above, here, below = last[y], last[y + 1], last[y + 2]
        witness = max(max(above[x], above[x + 1]), max(above[x + 2], here[x]))
        witness = max(witness, max(max(below[x], below[x + 1]), max(below[x + 2], here[x + 2])))
        here[x + 1] = now
        if witness < now - 1:
            continue
        t = now + i / addresses.size
        nearest, free, best = -1, -1, 1.0
        for k in range(clusters.shape[0]):
            c = clusters[k]
            if c[4] <= 0.0:
                free = k if free < 0 else free
                continue
            away = max(abs(x - c[0]) / (reach * c[2] + margin), abs(y - c[1]) / (reach * c[3] + margin))
            if away < best:
                nearest, best = k, away
        if nearest >= 0:
            c = clusters[nearest]
            a = max(pull, 1.0 / (c[7] + 1.0))
            c[2] += a * (abs(x - c[0]) - c[2])
            c[3] += a * (abs(y - c[1]) - c[3])
            c[0] += a * (x - c[0])
            c[1] += a * (y - c[1])
            c[4] = c[4] * math.exp((c[5] - t) / tau) + 1.0
            c[5] = t
            c[6] += a * (float64(on) - c[6])
            c[7] += 1.0
        elif free >= 0:
            c = clusters[free]
            c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] = x, y, spread, spread, 1.0, t, float64(on), 4.0
    for k in range(clusters.shape[0]):
        c = clusters[k]
        if c[4] > 0.0:
            c[4] *= math.exp((c[5] - now - 1.0) / tau)
            c[5] = now + 1.0
            if c[4] < 0.5:
                c[4] = 0.0
    for k in range(clusters.shape[0]):
        for j in range(k):
            a, b = clusters[j], clusters[k]
            if a[4] <= 0.0 or b[4] <= 0.0:
                continue
            # Boxes that overlap are one cluster, of both their events.
            apart_x = abs(a[0] - b[0]) - 1.5 * (a[2] + b[2])
            apart_y = abs(a[1] - b[1]) - 1.5 * (a[3] + b[3])
            if max(apart_x, apart_y) < 0.0:
                share = b[4] / (a[4] + b[4])
                for axis in range(2):
                    middle = a[axis] + share * (b[axis] - a[axis])
                    a[2 + axis] = (1.0 - share) * (a[2 + axis] + abs(a[axis] - middle)) + share * (
                        b[2 + axis] + abs(b[axis] - middle)
                    )
                    a[axis] = middle
                a[6] += share * (b[6] - a[6])
                a[4] += b[4]
                a[7] = max(a[7], b[7])
                b[4] = 0.0
    return 0
