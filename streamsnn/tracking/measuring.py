"""Boxes of tracks measured on their pixels, each moved to where its edge is now."""

from __future__ import annotations

import numpy as np
from numba import float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


_FEW = 60
"""So many pixels may all be parts of the object."""


@compiled(
    int64(
        *[int32[::1]] * 3,
        int64,
        int64,
        float64,
        int32[::1],
        int32[::1],
        float64[:, ::1],
        float64,
        int64,
        int32[:, ::1],
        float64[:, ::1],
        int64[::1],
    )
)
def measure(
    xs: Ints,
    ys: Ints,
    ats: Ints,
    first: int,
    now: int,
    step_s: float,
    of_pixel: Ints,
    track_of: Ints,
    velocity: Floats,
    trim: float,
    width: int,
    histogram: Ints,
    edges: Floats,
    pixels: NDArray[np.int64],
) -> int:
    """Measure `edges` (n, 4: left, right, top, bottom) of the boxes of n tracks, and how many `pixels` (n,) each has.

    `of_pixel` names the region of a pixel and `track_of` the track of a region, or -1. A pixel that was active a while
    ago is moved on by its track's `velocity` (n, 2; pixels a second). The share `trim` of the pixels beyond the
    first 60 may lie outside of each edge. `histogram` (n, width + height) is room to count in: x, then y,
    of a sensor `width` wide.
    """
    n = velocity.shape[0]
    height = histogram.shape[1] - width
    for t in range(n):
        histogram[t, :] = 0
        pixels[t] = 0
    for i in range(first, xs.size):
        r = of_pixel[i]
        if r < 0 or track_of[r] < 0:
            continue
        t = track_of[r]
        age_s = (now - ats[i] + 0.5) * step_s
        x = int64(np.floor(xs[i] + 0.5 + velocity[t, 0] * age_s))
        y = int64(np.floor(ys[i] + 0.5 + velocity[t, 1] * age_s))
        histogram[t, min(max(x, 0), width - 1)] += 1
        histogram[t, width + min(max(y, 0), height - 1)] += 1
        pixels[t] += 1
    for t in range(n):
        if pixels[t] == 0:
            continue
        spare = trim * max(0, pixels[t] - _FEW)
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
