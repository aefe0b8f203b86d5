"""Boxes of tracks measured on their pixels, each moved to where its edge is now."""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


_SPARE, _SPARED_FROM = 2, 24
"""Of so many pixels a pair outside of each edge is noise."""

_FEW = 60
"""Of more pixels than so many a share is."""


@compiled(
    int64(
        *[int32[::1]] * 5,
        int64[:, ::1],
        float64[::1],
        float64[:, ::1],
        float64,
        int64,
        int32[:, ::1],
        int32[:, :, ::1],
        float64[:, ::1],
        int64[::1],
        int64[::1],
    )
)
def measure(
    xs: Ints,
    ys: Ints,
    ages: Ints,
    of_pixel: Ints,
    track_of: Ints,
    sums: Longs,
    ages_s: Floats,
    velocity: Floats,
    trim: float,
    width: int,
    histogram: Ints,
    shifts: Ints,
    edges: Floats,
    pixels: Longs,
    signs: Longs,
) -> int:
    """Measure `edges` (n, 4: left, right, top, bottom) of the boxes of n tracks, how many `pixels` (n + 1,) each has,
    and what their `signs` (n + 1,) come to, of which `sums` (regions, 2) has those of each region.

    `of_pixel` names the region of a pixel and `track_of` the track of a region, or -1: the last row of everything is
    nobody's. A pixel that was active a while ago, `ages_s` of its age, is moved on by its track's `velocity` (n, 2;
    pixels a second). The share `trim` of the pixels beyond the first 60, and of 24 pixels or more 2 at least, may lie
    outside of each edge. `histogram`
    (more than n, width + height) is room to count in: x, then y, of a sensor `width` wide; `shifts` (more than n, ages,
    2) is room, too.
    """
    n = velocity.shape[0]
    height = histogram.shape[1] - width
    for t in range(n):
        histogram[t, :] = 0
        pixels[t] = 0
        signs[t] = 0
        for age in range(ages_s.size):
            for axis in range(2):
                shifts[t, age, axis] = int64(np.floor(velocity[t, axis] * ages_s[age] + 0.5))
    # What belongs to no track is counted like the rest: a branch would be no better than a guess.
    pixels[n], signs[n] = 0, 0
    shifts[n, :, :] = 0
    row_of = np.full(track_of.size + 1, n, np.int32)
    for r in range(track_of.size):
        row_of[r + 1] = track_of[r] if track_of[r] >= 0 else n
        signs[row_of[r + 1]] += sums[r, 1]
    for i in range(xs.size):
        t = row_of[of_pixel[i] + 1]
        x, y = xs[i] + shifts[t, ages[i], 0], ys[i] + shifts[t, ages[i], 1]
        histogram[t, min(max(x, 0), width - 1)] += 1
        histogram[t, width + min(max(y, 0), height - 1)] += 1
        pixels[t] += 1
    for t in range(n):
        if pixels[t] == 0:
            continue
        spare = max(float64(_SPARE if pixels[t] >= _SPARED_FROM else 0), trim * max(0, pixels[t] - _FEW))
        for axis in range(2):
            begin, size = (0, width) if axis == 0 else (width, height)
            low, seen = 0, 0
            while seen + histogram[t, begin + low] <= spare:
                seen += histogram[t, begin + low]
                low += 1
            high, seen = size - 1, 0
            while seen + histogram[t, begin + high] <= spare:
                seen += histogram[t, begin + high]
                high -= 1
            edges[t, 2 * axis] = low
            edges[t, 2 * axis + 1] = high + 1
    return 0
