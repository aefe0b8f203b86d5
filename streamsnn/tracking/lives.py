"""How tracks begin, are confirmed, are lost and are shown: what `Tracks` does to its arrays."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.crowd import SEEN, WATCHED

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


@compiled(
    int64(
        float64[:, :, ::1],
        float64[:, ::1],
        int64[:, ::1],
        float64[::1],
        boolean[::1],
        int64[::1],
        int64[::1],
        float64[::1],
        int64,
        int64,
        int64,
        float64,
        float64,
    )
)
def settle(
    state: Floats,
    origin: Floats,
    longs: Longs,
    on: Floats,
    sure: Bools,
    pixels: Longs,
    signs: Longs,
    limits: Floats,
    now_us: int,
    elapsed_us: int,
    confirm_us: int,
    moved: float,
    leap: float,
) -> int:
    """Take note of the tracks that were seen now, with `pixels` (n,) and the sum of their polarities, and confirm those
    that were watched for `confirm_us` and have come `moved` pixels from their `origin` (n, 4: left, right, top,
    bottom), or, watched for four steps only, their size times `leap`.

    What counts is how far both edges of an axis have moved in one direction, or one of them where the other lies at the
    sensor's border (`limits`: width, height).
    """
    for i in range(state.shape[0]):
        if pixels[i] > 0:
            longs[WATCHED, i] += elapsed_us
            longs[SEEN, i] = now_us
            on[i] += 0.3 * (0.5 + 0.5 * signs[i] / pixels[i] - on[i])
        if sure[i] or longs[WATCHED, i] < min(confirm_us, 4 * elapsed_us):
            continue
        way, size = 0.0, 0.0
        for axis in range(2):
            low, high = state[i, axis, 0] - origin[i, 2 * axis], state[i, axis, 1] - origin[i, 2 * axis + 1]
            together = min(abs(low), abs(high)) if low * high > 0.0 else 0.0
            if state[i, axis, 0] <= 1.0:
                together = abs(high)
            if state[i, axis, 1] >= limits[axis] - 1.0:
                together = abs(low)
            way += together * together
            size = max(size, state[i, axis, 1] - state[i, axis, 0])
        enough = moved if longs[WATCHED, i] >= confirm_us else max(moved, leap * size)
        sure[i] = way >= enough * enough
    return 0


@compiled(
    int64(
        float64[:, :, ::1],
        int64[::1],
        int64[::1],
        boolean[::1],
        float64[::1],
        int64,
        int64,
        int64,
        boolean[::1],
    )
)
def outlive(
    state: Floats,
    watched_us: Longs,
    seen_us: Longs,
    sure: Bools,
    limits: Floats,
    now_us: int,
    coast_us: int,
    tentative_us: int,
    stay: Bools,
) -> int:
    """Mark the tracks that `stay` and count them: seen now, or lately and with their middle on the sensor."""
    left = 0
    for i in range(state.shape[0]):
        limit_us = max(min(coast_us, watched_us[i]) if sure[i] else 0, tentative_us)
        stay[i] = now_us - seen_us[i] < limit_us
        if seen_us[i] != now_us:
            for axis in range(2):
                stay[i] &= 0.0 < 0.5 * (state[i, axis, 0] + state[i, axis, 1]) < limits[axis]
        left += stay[i]
    return left


@compiled(
    int64(
        float64[:, :, ::1],
        int64[::1],
        int64[::1],
        boolean[::1],
        float64[::1],
        int64,
        int64,
        int32[::1],
        float64[:, ::1],
    )
)
def show(
    state: Floats,
    watched_us: Longs,
    seen_us: Longs,
    sure: Bools,
    limits: Floats,
    now_us: int,
    shown_us: int,
    which: NDArray[np.int32],
    boxes: Floats,
) -> int:
    """List `which` confirmed tracks were seen lately, and their `boxes` (x, y, width, height, vx, vy) inside the
    sensor; how many."""
    count = 0
    for i in range(state.shape[0]):
        if not sure[i] or now_us - seen_us[i] > min(shown_us, watched_us[i] // 3):
            continue
        for axis in range(2):
            low, high = max(state[i, axis, 0], 0.0), min(state[i, axis, 1], limits[axis])
            boxes[count, axis], boxes[count, 2 + axis], boxes[count, 4 + axis] = low, high - low, state[i, axis, 2]
        if boxes[count, 2] >= 1.0 and boxes[count, 3] >= 1.0:
            which[count] = i
            count += 1
    return count
