"""`Follower`: boxes that were detected at a time, each matched with a track: tracking by detection, plain."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking.assignment import affinity, assign
from streamsnn.tracking.merging import Merging
from streamsnn.tracking.tracks import Tracks, TrackSettings
from streamsnn.types import InputSpec, Sensor, Track

_LEAST_FIT = 0.2
# Boxes that are detected anew at every step jump about.
_SETTINGS = TrackSettings(moved=2.0, leap=math.inf, acceleration=150.0, breathing=12.0)


class Follower:
    """Tracks of the boxes that a detector finds, one step after another. `gap` is how far apart boxes may lie that
    still belong together, in pixels."""

    def __init__(self, spec: InputSpec, step_us: int, gap: float, settings: TrackSettings | None = None) -> None:
        self.tracks = Tracks(Sensor("tracked", spec.width, spec.height), settings or _SETTINGS)
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
            track_of = assign(affinity(tracks.boxes, boxes, self._gap), _LEAST_FIT)
            n = tracks.count
            if n:
                edges, counts, total = np.zeros((n, 4)), np.zeros(n, np.int64), np.zeros(n, np.int64)
                mine = track_of >= 0
                edges[track_of[mine]] = boxes[mine][:, [0, 2, 1, 3]]
                counts[track_of[mine]] = pixels[mine]
                total[track_of[mine]] = signs[mine]
                tracks.correct(edges, counts, total, np.zeros(n, np.bool_), margin=self._gap, elapsed_us=self._step_us)
            sums = np.column_stack([pixels, signs])
            tracks.begin(boxes, sums, track_of, np.full(len(boxes), -1, np.int32), 1)
            self._merging(self._step_us)
        tracks.prune()
        return tracks.report()
