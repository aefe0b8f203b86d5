"""`SurfaceTracker`: objects detected on a time surface that decays linearly, and adapts to how lively the scene is.

A pixel's value falls in a straight line from 1, when it was active, to 0 after tau; tau is as long as it takes until
enough pixels of the sensor have been active, so that fast and slow objects look equally sharp (Chen et al. 2019,
"Asynchronous tracking-by-detection on adaptive time surfaces for event-based object tracking"). Detected are the groups
of pixels above 0, with boxes around all but a small share of their value. Theirs detect with a learned network on
frames made at its own times; ours, by connection, at every step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.activity import Activity
from streamsnn.tracking.detections import Follower
from streamsnn.tracking.regions import MOST, Regions
from streamsnn.tracking.tracks import TrackSettings
from streamsnn.types import InputSpec, Step, Track


@dataclass(frozen=True)
class SurfaceSettings:
    """`gap` and `least` as for regions; tau until `enough` pixels a column and row of the sensor were active, between
    `shortest_us` and `longest_us`. The share `trim` of a group's value may lie outside of each edge."""

    gap: float = 8.0
    least: float = 10.0
    enough: float = 1.5
    shortest_us: int = 2_000
    longest_us: int = 80_000
    trim: float = 0.01


class SurfaceTracker:
    """Follows what moves over a sensor; `update` takes the steps of `spec`, whose cells are the sensor's pixels."""

    def __init__(
        self,
        spec: InputSpec,
        step_us: int,
        surface: SurfaceSettings | None = None,
        tracks: TrackSettings | None = None,
    ) -> None:
        self.settings, self.step_us = surface or SurfaceSettings(), step_us
        scale = max(0.5, min(spec.width, spec.height) / 260.0)
        cell = max(2, round(self.settings.gap * scale))
        self._follower = Follower(spec, step_us, float(cell), tracks)
        self._activity = Activity(spec, step_us=step_us, longest_us=self.settings.longest_us)
        self._regions = Regions(spec.width, spec.height, cell)
        self._least = max(5, round(self.settings.least * scale))
        self._enough = round(self.settings.enough * (spec.width + spec.height))
        self._histogram = np.zeros((MOST, spec.width + spec.height))
        self._width = spec.width

    def reset(self) -> None:
        """Forget the stream; ids go on where they were."""
        self._activity.reset()
        self._follower.reset()

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects at the end of `step`."""
        settings, regions, activity = self.settings, self._regions, self._activity
        activity.push(step)
        activity.look(self._enough, max(settings.shortest_us, 2 * self.step_us))
        x, y, age, sign = activity.pixels
        n = regions.find(x, y, sign, self._least)
        boxes = regions.boxes.copy()
        if n:
            tau = float(age[-1] + 1)
            _weigh(x, y, age, tau, settings.trim, regions.of_pixel, self._width, self._histogram, boxes)
        sums = regions.sums
        return self._follower.follow((step.index + 1) * self.step_us, boxes, sums[:, 0], sums[:, 1])


@compiled(
    int64(
        *[int32[::1]] * 3,
        float64,
        float64,
        int32[::1],
        int64,
        float64[:, ::1],
        float64[:, ::1],
    )
)
def _weigh(
    xs: NDArray[np.int32],
    ys: NDArray[np.int32],
    ages: NDArray[np.int32],
    tau: float,
    trim: float,
    of_pixel: NDArray[np.int32],
    width: int,
    histogram: NDArray[np.float64],
    boxes: NDArray[np.float64],
) -> int:
    """Draw each of `boxes` (n, 4: left, top, right, bottom) in, until the share `trim` of its value lies outside of
    each edge; `histogram` (more than n, width + height) is room to add up in."""
    height = histogram.shape[1] - width
    n = boxes.shape[0]
    histogram[:n] = 0.0
    for i in range(xs.size):
        if of_pixel[i] >= 0:
            value = 1.0 - ages[i] / tau
            histogram[of_pixel[i], xs[i]] += value
            histogram[of_pixel[i], width + ys[i]] += value
    for r in range(n):
        for axis in range(2):
            begin, size = (0, width) if axis == 0 else (width, height)
            spare = trim * histogram[r, begin : begin + size].sum()
            low, passed = 0, histogram[r, begin]
            while passed <= spare and low < size - 1:
                low += 1
                passed += histogram[r, begin + low]
            high, passed = size - 1, histogram[r, begin + size - 1]
            while passed <= spare and high > low:
                high -= 1
                passed += histogram[r, begin + high]
            boxes[r, axis], boxes[r, axis + 2] = low, high + 1
    return 0
