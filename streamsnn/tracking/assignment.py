"""Which detection belongs to which track: optimal assignment (Kuhn 1955, "The Hungarian method") by how boxes
overlap."""

from __future__ import annotations

import numpy as np
from numba import float64, int32
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from streamsnn.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@compiled(float64[:, ::1](float64[:, ::1], float64[:, ::1], float64))
def affinity(tracks: Floats, boxes: Floats, margin: float) -> Floats:
    """How well each box fits each track, (n, m) in [0, 1]; 0 where they are more than `margin` apart.

    The mean of intersection over union and intersection over the smaller of the two, both boxes grown by `margin` / 2:
    a fragment of an object lies inside its track's box, and a small and fast one beside it.
    """
    fits = np.zeros((tracks.shape[0], boxes.shape[0]))
    half = margin / 2.0
    for i in range(tracks.shape[0]):
        a = tracks[i]
        size_a = (a[2] - a[0] + margin) * (a[3] - a[1] + margin)
        for j in range(boxes.shape[0]):
            b = boxes[j]
            across = min(a[2], b[2]) - max(a[0], b[0]) + 2 * half
            down = min(a[3], b[3]) - max(a[1], b[1]) + 2 * half
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


@compiled(int32(float64[:, ::1], float64[:, ::1], float64[:, ::1], int32[::1], float64, float64))
def absorb(tracks: Floats, usual: Floats, boxes: Floats, track_of: Ints, margin: float, growth: float) -> int:
    """Give boxes without a track to one that they are a fragment of; how many.

    A fragment lies for the most part in its track's box (n, 4), and together with what the track has got already is not
    larger than its `usual` size (n, 2), each grown by the share `growth` and by `margin`.
    """
    n = tracks.shape[0]
    got = np.empty((n, 4))
    got[:, :2], got[:, 2:] = 1e9, -1e9
    for j in range(boxes.shape[0]):
        i = track_of[j]
        if i >= 0:
            got[i, 0], got[i, 1] = min(got[i, 0], boxes[j, 0]), min(got[i, 1], boxes[j, 1])
            got[i, 2], got[i, 3] = max(got[i, 2], boxes[j, 2]), max(got[i, 3], boxes[j, 3])
    absorbed = 0
    for j in range(boxes.shape[0]):
        b = boxes[j]
        if track_of[j] != -1 or b[2] <= b[0]:
            continue
        best = 0.5
        for i in range(n):
            a, g = tracks[i], got[i]
            grow_x, grow_y = margin + growth * (a[2] - a[0]), margin + growth * (a[3] - a[1])
            across = min(a[2] + grow_x, b[2]) - max(a[0] - grow_x, b[0])
            down = min(a[3] + grow_y, b[3]) - max(a[1] - grow_y, b[1])
            if across <= 0.0 or down <= 0.0 or g[2] < g[0]:
                continue
            wide, high = max(g[2], b[2]) - min(g[0], b[0]), max(g[3], b[3]) - min(g[1], b[1])
            if wide > usual[i, 0] * (1.0 + growth) + margin or high > usual[i, 1] * (1.0 + growth) + margin:
                continue
            share = across * down / ((b[2] - b[0]) * (b[3] - b[1]))
            if share > best:
                best = share
                track_of[j] = i
        i = track_of[j]
        if i >= 0:
            absorbed += 1
            got[i, 0], got[i, 1] = min(got[i, 0], b[0]), min(got[i, 1], b[1])
            got[i, 2], got[i, 3] = max(got[i, 2], b[2]), max(got[i, 3], b[3])
    return absorbed
