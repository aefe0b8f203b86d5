"""`Follower`: boxes that were detected at a time, each matched with a track: tracking by detection, plain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking.assignment import absorb, affinity, assign
from streamsnn.tracking.merging import Merging
from streamsnn.tracking.tracks import Tracks, TrackSettings
from streamsnn.types import InputSpec, Sensor, Track

_LEAST_FIT = 0.2
_GROWTH = 0.3
# Boxes that are detected anew at every step jump about: which edge is hidden cannot be told from that.
DETECTED = TrackSettings(moved=2.0, leap=math.inf, acceleration=150.0, breathing=12.0, mature_us=1 << 62)


class Follower:
    """Tracks of the boxes that a detector finds, one step after another. `gap` is how far apart boxes may lie that
    still belong together, in pixels."""

    def __init__(self, spec: InputSpec, step_us: int, gap: float, settings: TrackSettings | None = None) -> None:
        self.tracks = Tracks(Sensor("tracked", spec.width, spec.height), settings or DETECTED)
        self._step_us, self._gap = step_us, gap
        self._merging = Merging(self.tracks, gap)

    def reset(self) -> None:
        """Lose all tracks."""
        self.tracks.reset()
        self._merging.reset()

    def follow(
        self, now_us: int, boxes: NDArray[np.float64], pixels: NDArray[np.int64], signs: NDArray[np.int64]
    ) -> tuple[Track, ...]:
        """The objects at `now_us`, when these `boxes` (m, 4: left, top, right, bottom), which consist of some `pixels`
        (m,) with this sum of polarities (m,), were detected."""
        tracks = self.tracks
        if len(boxes) == 0 and tracks.count == 0:
            return ()
        tracks.predict(now_us)
        if len(boxes):
            track_of = assign(affinity(tracks.boxes, boxes, np.full(tracks.count, self._gap)), _LEAST_FIT)
            n = tracks.count
            if n:
                pieces = np.zeros(n, np.int32)
                absorb(tracks.crowd, boxes, track_of, pieces, self._gap, _GROWTH, 0.0)
                mine = track_of >= 0
                owner = track_of[mine]
                # left, right, top, bottom of all pieces of a track.
                edges = np.full((n, 4), np.inf) * (1.0, -1.0, 1.0, -1.0)
                np.minimum.at(edges[:, ::2], owner, boxes[mine, :2])
                np.maximum.at(edges[:, 1::2], owner, boxes[mine, 2:])
                counts, total = np.zeros(n, np.int64), np.zeros(n, np.int64)
                np.add.at(counts, owner, pixels[mine])
                np.add.at(total, owner, signs[mine])
                alone = np.zeros(n, np.bool_)
                tracks.correct(edges, counts, total, alone, pieces, margin=self._gap, elapsed_us=self._step_us)
            sums = np.column_stack([pixels, signs])
            tracks.begin(boxes, sums, track_of, np.full(len(boxes), -1, np.int32), 1)
            self._merging(self._step_us)
        tracks.prune()
        return tracks.report()
