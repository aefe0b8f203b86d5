"""How tracks are confirmed, are lost and are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.crowd import CROWD

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]


@compiled(
    int64(
        CROWD,
        int64[::1],
        int64[::1],
        boolean[::1],
        float64[::1],
        float64,
        int64,
        int64,
        int64,
        float64,
        float64,
    )
)
def settle(
    crowd: Any,
    pixels: Longs,
    signs: Longs,
    shared: Bools,
    limits: Floats,
    border: float,
    now_us: int,
    elapsed_us: int,
    confirm_us: int,
    moved: float,
    leap: float,
) -> int:
    """Take note of the tracks that were seen now, with `pixels` (n,) and the sum of their polarities, and confirm those
    that were watched for `confirm_us` and have come `moved` pixels from their origin, or, watched for four steps only,
    their size times `leap`.

    What counts is how far both edges of an axis have moved in one direction, or one of them where the other lies at the
    sensor's border (`limits`: width, height). Seen whole is who has a region of its own (not `shared`) and is farther
    than `border` from there.
    """
    for i in range(crowd.size):
        track = crowd[i]
        if pixels[i] > 0:
            track.watched_us += elapsed_us
            track.seen_us = now_us
            track.on += 0.3 * (0.5 + 0.5 * signs[i] / pixels[i] - track.on)
            whole = not shared[i]
            for axis in range(2):
                whole &= track.state[axis, 0] > border and track.state[axis, 1] < limits[axis] - border
            track.whole_us += elapsed_us * whole
        if track.sure or track.watched_us < min(confirm_us, 4 * elapsed_us):
            continue
        way, size = 0.0, 0.0
        for axis in range(2):
            low, high = track.state[axis, 0] - track.origin[axis, 0], track.state[axis, 1] - track.origin[axis, 1]
            together = min(abs(low), abs(high)) if low * high > 0.0 else 0.0
            if track.state[axis, 0] <= 1.0:
                together = abs(high)
            if track.state[axis, 1] >= limits[axis] - 1.0:
                together = abs(low)
            way += together * together
            size = max(size, track.state[axis, 1] - track.state[axis, 0])
        enough = moved if track.watched_us >= confirm_us else max(moved, leap * size)
        track.sure = way >= enough * enough
    return 0


@compiled(int64(CROWD, float64[::1], int64, int64, int64, boolean[::1]))
def outlive(crowd: Any, limits: Floats, now_us: int, coast_us: int, tentative_us: int, stay: Bools) -> int:
    """Mark the tracks that `stay` and count them: seen now, or lately and with their middle on the sensor."""
    left = 0
    for i in range(crowd.size):
        track = crowd[i]
        limit_us = max(min(coast_us, track.watched_us) if track.sure else 0, tentative_us)
        stay[i] = now_us - track.seen_us < limit_us
        if track.seen_us != now_us:
            for axis in range(2):
                stay[i] &= 0.0 < 0.5 * (track.state[axis, 0] + track.state[axis, 1]) < limits[axis]
        left += stay[i]
    return left


@compiled(int64(CROWD, float64[::1], int64, int64, int32[::1], float64[:, ::1]))
def show(crowd: Any, limits: Floats, now_us: int, shown_us: int, which: NDArray[np.int32], boxes: Floats) -> int:
    """List `which` confirmed tracks were seen lately, and their `boxes` (x, y, width, height, vx, vy) inside the
    sensor; how many."""
    count = 0
    for i in range(crowd.size):
        track = crowd[i]
        if not track.sure or now_us - track.seen_us > min(shown_us, track.watched_us // 3):
            continue
        for axis in range(2):
            low, high = max(track.state[axis, 0], 0.0), min(track.state[axis, 1], limits[axis])
            boxes[count, axis], boxes[count, 2 + axis], boxes[count, 4 + axis] = low, high - low, track.state[axis, 2]
        if boxes[count, 2] >= 1.0 and boxes[count, 3] >= 1.0:
            which[count] = i
            count += 1
    return count
