"""Which detection belongs to which track: optimal assignment (Kuhn 1955, "The Hungarian method") by how boxes
overlap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float64, int32
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from streamsnn.compiled import compiled
from streamsnn.tracking.crowd import CROWD

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@compiled(float64[:, ::1](float64[:, ::1], float64[:, ::1], float64[::1]))
def affinity(tracks: Floats, boxes: Floats, margins: Floats) -> Floats:
    """How well each box fits each track, (n, m) in [0, 1]; 0 where they are more than the track's margin (n,) apart.

    The mean of intersection over union and intersection over the smaller of the two, both boxes grown by margin / 2:
    a fragment of an object lies inside its track's box, and a small and fast one beside it.
    """
    fits = np.zeros((tracks.shape[0], boxes.shape[0]))
    for i in range(tracks.shape[0]):
        a, margin = tracks[i], margins[i]
        size_a = (a[2] - a[0] + margin) * (a[3] - a[1] + margin)
        for j in range(boxes.shape[0]):
            b = boxes[j]
            across = min(a[2], b[2]) - max(a[0], b[0]) + margin
            down = min(a[3], b[3]) - max(a[1], b[1]) + margin
            if across <= 0.0 or down <= 0.0:
                continue
            size_b = (b[2] - b[0] + margin) * (b[3] - b[1] + margin)
            common = across * down
            fits[i, j] = 0.5 * (common / (size_a + size_b - common) + common / min(size_a, size_b))
    return fits


def assign(fits: Floats, least: float) -> Ints:
    """The track of each box (m,), -1 for none: at most one box a track, the sum of `fits` (n, m) being largest."""
    track_of = np.full(fits.shape[1], -1, np.int32)
    if fits.size:
        for i, j in zip(*linear_sum_assignment(fits, maximize=True), strict=True):
            if fits[i, j] >= least:
                track_of[j] = i
    return track_of


@compiled(int32(CROWD, float64[:, ::1], int32[::1], int32[::1], float64, float64, float64))
def absorb(
    crowd: Any, boxes: Floats, track_of: Ints, pieces: Ints, margin: float, growth: float, oldest_s: float
) -> int:
    """Give boxes without a track to one that they are a fragment of; how many. `pieces` (n,) is how many boxes each
    track has then.

    A fragment lies for the most part in its track's box, and together with what the track has got already is not
    larger than its usual size, grown by the share `growth`, by `margin`, and by the way that it moves in `oldest_s`.
    """
    n = crowd.size
    got = np.empty((n, 4))
    got[:, :2], got[:, 2:] = 1e9, -1e9
    pieces[:n] = 0
    for j in range(boxes.shape[0]):
        i = track_of[j]
        if i >= 0:
            pieces[i] += 1
            got[i, 0], got[i, 1] = min(got[i, 0], boxes[j, 0]), min(got[i, 1], boxes[j, 1])
            got[i, 2], got[i, 3] = max(got[i, 2], boxes[j, 2]), max(got[i, 3], boxes[j, 3])
    absorbed = 0
    for j in range(boxes.shape[0]):
        b = boxes[j]
        if track_of[j] != -1 or b[2] <= b[0]:
            continue
        best = 0.5
        for i in range(n):
            track = crowd[i]
            if pieces[i] == 0:
                continue
            share, fits = 1.0 / ((b[2] - b[0]) * (b[3] - b[1])), True
            for axis in range(2):
                low, high = track.state[axis, 0], track.state[axis, 1]
                grown = margin + growth * (high - low)
                share *= max(min(high + grown, b[axis + 2]) - max(low - grown, b[axis]), 0.0)
                together = max(got[i, axis + 2], b[axis + 2]) - min(got[i, axis], b[axis])
                trail = abs(track.state[axis, 2]) * oldest_s
                fits &= together <= track.usual[axis] * (1.0 + growth) + margin + trail
            if fits and share > best:
                best = share
                track_of[j] = i
        i = track_of[j]
        if i >= 0:
            absorbed += 1
            pieces[i] += 1
            got[i, 0], got[i, 1] = min(got[i, 0], b[0]), min(got[i, 1], b[1])
            got[i, 2], got[i, 3] = max(got[i, 2], b[2]), max(got[i, 3], b[3])
    return absorbed
