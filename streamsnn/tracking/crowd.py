"""The arrays of `Tracks` as a crowd: members join, leave, and become one."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

ID, SERIAL, BORN, SEEN, WATCHED = range(5)
"""The rows of what is known of each track as whole numbers."""

_ARRAYS = (
    float64[:, :, ::1],
    float64[:, :, :, ::1],
    float64[:, ::1],
    float64[:, ::1],
    float64[::1],
    boolean[::1],
    int64[:, ::1],
)


@compiled(
    int64(
        *_ARRAYS,
        int64,
        float64[:, ::1],
        int64[:, ::1],
        int32[::1],
        int32[::1],
        int64,
        float64[:, ::1],
        int64,
        int64,
    )
)
def join(
    state: Floats,
    covariance: Floats,
    origin: Floats,
    usual: Floats,
    on: Floats,
    sure: Bools,
    longs: Longs,
    count: int,
    boxes: Floats,
    sums: Longs,
    track_of: Ints,
    owners: Ints,
    least: int,
    unknown: Floats,
    serial: int,
    now_us: int,
) -> int:
    """Begin a track with each of the regions `boxes` (m, 4: left, top, right, bottom) of `least` pixels that belongs to
    none and is not left over of a divided one (owner -2), while there is room; how many tracks there are then."""
    for r in range(boxes.shape[0]):
        if track_of[r] >= 0 or owners[r] == -2 or sums[r, 0] < least or count == sure.size:
            continue
        for axis in range(2):
            low, high = boxes[r, axis], boxes[r, axis + 2]
            state[count, axis, 0], state[count, axis, 1], state[count, axis, 2] = low, high, 0.0
            covariance[count, axis] = unknown
            origin[count, 2 * axis], origin[count, 2 * axis + 1] = low, high
            usual[count, axis] = high - low
        on[count] = 0.5 + 0.5 * sums[r, 1] / sums[r, 0]
        sure[count] = False
        longs[:, count] = 0
        longs[SERIAL, count] = serial
        longs[BORN, count] = now_us
        longs[SEEN, count] = now_us
        serial += 1
        count += 1
    return count


@compiled(int64(*_ARRAYS, int64, int64, float64))
def unite(
    state: Floats,
    covariance: Floats,
    origin: Floats,
    usual: Floats,
    on: Floats,
    sure: Bools,
    longs: Longs,
    i: int,
    j: int,
    blur: float,
) -> int:
    """Track `i` becomes as large as tracks `i` and `j` together, and takes over what is known of `j`."""
    for axis in range(2):
        state[i, axis, 0] = min(state[i, axis, 0], state[j, axis, 0])
        state[i, axis, 1] = max(state[i, axis, 1], state[j, axis, 1])
        for edge in range(2):
            covariance[i, axis, edge, edge] += blur
            origin[i, 2 * axis + edge] = state[i, axis, edge]
        usual[i, axis] = state[i, axis, 1] - state[i, axis, 0]
    for row in (SEEN, WATCHED):
        longs[row, i] = max(longs[row, i], longs[row, j])
    if sure[j] and not sure[i]:
        sure[i] = True
        longs[ID, i] = longs[ID, j]
    return 0


@compiled(int64(*_ARRAYS, boolean[::1]))
def leave(
    state: Floats,
    covariance: Floats,
    origin: Floats,
    usual: Floats,
    on: Floats,
    sure: Bools,
    longs: Longs,
    stay: Bools,
) -> int:
    """Close the gaps of those who do not `stay` (n,); how many are left."""
    left = 0
    for i in range(stay.size):
        if not stay[i]:
            continue
        if left < i:
            state[left] = state[i]
            covariance[left] = covariance[i]
            origin[left] = origin[i]
            usual[left] = usual[i]
            on[left], sure[left] = on[i], sure[i]
            longs[:, left] = longs[:, i]
        left += 1
    return left
