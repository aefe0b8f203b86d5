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
    lie outside of each edge of a box. `growth` says how much larger than usual fragments may make an object, and
    `reach` how far outside of its box, which is an eighth larger, a pixel of a shared region may be one's own.
    """

    gap: float = 6.0
    least: float = 12.0
    enough: float = 1.5
    shortest_us: int = 2_000
    longest_us: int = 100_000
    trim: float = 0.05
    growth: float = 0.3
    reach: float = 4.0


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
        self._pieces, self._shared = np.zeros(MOST, np.int32), np.zeros(MOST, np.bool_)
        slots = 1 + self.settings.longest_us // self._activity.slot_us
        self._ages_s = np.arange(0.5, slots, dtype=np.float64) * (self._activity.slot_us * 1e-6)
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
            track_of = self._match()
            self._measure(track_of)
            regions = self._regions
            tracks.begin(regions.boxes, regions.sums, track_of, regions.owners, self._least)
            self._merging(self.step_us)
        tracks.prune()
        return tracks.report()

    def _match(self) -> NDArray[np.int32]:
        """The track of each region, -1 for none."""
        tracks, regions, gap = self.tracks, self._regions, float(self._regions.cell)
        x, y, age, sign = self._activity.pixels
        before = regions.count
        regions.share_out(
            x,
            y,
            age,
            sign,
            self._least,
            tracks.crowd,
            tracks.settings.known_us,
            self._ages_s,
            self.settings.reach * tracks.scale,
            self._shared,
        )
        fits = affinity(tracks.boxes, regions.boxes, tracks.margins(gap))
        fits[:, before:] = 0.0
        fits[regions.owners[before:], np.arange(before, regions.count)] = 2.0
        track_of = assign(fits, 0.2)
        oldest_s = self._ages_s[age[-1]]
        absorb(tracks.crowd, regions.boxes, track_of, self._pieces, gap, self.settings.growth, oldest_s)
        return track_of

    def _measure(self, track_of: NDArray[np.int32]) -> None:
        n, regions, activity = self.tracks.count, self._regions, self._activity
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
        self.tracks.correct(
            edges,
            pixels[:n],
            signs[:n],
            self._shared[:n],
            self._pieces[:n],
            margin=float(regions.cell),
            elapsed_us=self.step_us,
        )
