"""`RegionTracker`, the default: regions of dense events become boxes, which keep their ids while they move.

At every step the pixels that were lately active are grouped into regions; regions are fragments or overlaps of objects,
which the tracks, moved on by their own velocities, sort out: fragments in one track's box are one object, and a region
that holds several tracks is divided among them, each of which then measures only those of its edges that no other hides
(EBBIOT, Acharya et al. 2019; Ussa et al. 2020; the motion model is in `kalman`, the assignment in `assignment`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking.activity import Activity
from streamsnn.tracking.assignment import absorb, affinity, assign
from streamsnn.tracking.measuring import measure
from streamsnn.tracking.merging import Merging
from streamsnn.tracking.regions import Regions
from streamsnn.tracking.tracks import MOST, Tracks, TrackSettings
from streamsnn.types import InputSpec, Sensor, Step, Track


@dataclass(frozen=True)
class RegionSettings:
    """What makes a region: lengths in units of the sensor's shorter side / 260.

    Pixels up to `gap` apart lie together, and `least` of them make a region. A region is looked for among the newest
    `enough` pixels for each of the sensor's columns and rows, but over two steps and `shortest_us` at least, and
    `longest_us` at most: a lively scene is seen at a shorter time than a slow one. Of many pixels the share `trim` may
    lie outside of each edge of a box. `growth` says how much larger than usual fragments may make an object.
    """

    gap: float = 6.0
    least: float = 12.0
    enough: float = 1.5
    shortest_us: int = 2_000
    longest_us: int = 100_000
    trim: float = 0.05
    growth: float = 0.3


class RegionTracker:
    """Follows what moves over a sensor; `update` takes the steps of `spec`, whose cells are the sensor's pixels."""

    def __init__(
        self,
        spec: InputSpec,
        step_us: int,
        regions: RegionSettings | None = None,
        tracks: TrackSettings | None = None,
    ) -> None:
        self.spec, self.step_us = spec, step_us
        self.settings = regions or RegionSettings()
        self.tracks = Tracks(Sensor("tracked", spec.width, spec.height), tracks or TrackSettings())
        scale = self.tracks.scale
        self._activity = Activity(spec, step_us=step_us, longest_us=self.settings.longest_us)
        self._regions = Regions(spec.width, spec.height, max(2, round(self.settings.gap * scale)))
        self._merging = Merging(self.tracks, float(self._regions.cell))
        self._least = max(5, round(self.settings.least * scale))
        self._enough = round(self.settings.enough * (spec.width + spec.height))
        self._histogram = np.empty((MOST + 1, spec.width + spec.height), np.int32)
        self._edges = np.empty((MOST, 4))
        self._pixels, self._signs = np.empty(MOST + 1, np.int64), np.empty(MOST + 1, np.int64)
        slots = 1 + self.settings.longest_us // self._activity.slot_us
        self._ages_s = (np.arange(slots) + 0.5) * self._activity.slot_us * 1e-6
        self._shifts = np.empty((MOST + 1, slots, 2), np.int32)

    def reset(self) -> None:
        """Forget the stream; ids go on where they were."""
        self._activity.reset()
        self.tracks.reset()
        self._merging.reset()

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects at the end of `step`."""
        tracks, settings = self.tracks, self.settings
        self._activity.push(step)
        seen = self._activity.look(self._enough, max(settings.shortest_us, 2 * self.step_us))
        if seen == 0 and tracks.count == 0:
            return ()
        tracks.predict((step.index + 1) * self.step_us)
        x, y, _, sign = self._activity.pixels
        if self._regions.find(x, y, sign, self._least):
            boxes = tracks.boxes
            track_of, shared = self._match(boxes)
            self._measure(track_of, boxes, shared)
            regions = self._regions
            tracks.begin(regions.boxes, regions.sums, track_of, regions.owners, self._least)
            self._merging(self.step_us)
        tracks.prune()
        return tracks.report()

    def _match(self, boxes: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """The track of each region, -1 for none; whose region had to be divided."""
        regions, gap = self._regions, float(self._regions.cell)
        shared = np.zeros(len(boxes), np.bool_)
        sure = np.flatnonzero(self.tracks.sure)
        before = regions.count
        if len(sure) > 1:
            regions.split(boxes[sure])
        fits = affinity(boxes, regions.boxes, gap)
        if regions.count > before:
            owners = sure[regions.owners[before:]]
            fits[:, before:] = 0.0
            fits[owners, np.arange(before, regions.count)] = 2.0
            shared[owners] = True
        track_of = assign(fits, 0.2)
        if len(boxes):
            absorb(boxes, self.tracks.usual, regions.boxes, track_of, gap, self.settings.growth)
        return track_of, shared

    def _measure(self, track_of: NDArray[np.int32], boxes: NDArray[np.float64], shared: NDArray[np.bool_]) -> None:
        n, regions, activity = len(boxes), self._regions, self._activity
        if n == 0:
            return
        edges, pixels, signs = self._edges[:n], self._pixels[: n + 1], self._signs[: n + 1]
        x, y, age, _ = activity.pixels
        measure(
            x,
            y,
            age,
            regions.of_pixel,
            track_of,
            regions.sums,
            self._ages_s,
            self.tracks.velocity,
            self.settings.trim,
            self.spec.width,
            self._histogram,
            self._shifts,
            edges,
            pixels,
            signs,
        )
        margin = float(regions.cell)
        self.tracks.correct(edges, pixels[:n], signs[:n], shared, margin=margin, elapsed_us=self.step_us)
