"""`TRACK`: all that is known of a track; and a crowd of them, in which members join, leave, and become one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, from_dtype, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

TRACK = np.dtype(
    [
        # What `kalman` estimates: of each axis low edge, high edge and velocity, and how sure they are.
        ("state", np.float64, (2, 3)),
        ("covariance", np.float64, (2, 3, 3)),
        # Its edges when it began, which its first motion is told by.
        ("origin", np.float64, (2, 2)),
        # Its size so far, its edges as measured of late, and which edge along each axis is hidden: see `judging`.
        ("usual", np.float64, (2,)),
        ("recent", np.float64, (2, 2)),
        ("hidden", np.int64, (2,)),
        # The share of ON among its newest events, over some steps.
        ("on", np.float64),
        ("sure", np.bool_),
        # The number that it is shown by, 0 before it is; and one of its own from the beginning.
        ("id", np.int64),
        ("serial", np.int64),
        ("born_us", np.int64),
        ("seen_us", np.int64),
        # How long it has been seen; and how long whole, away from borders and from others.
        ("watched_us", np.int64),
        ("whole_us", np.int64),
    ],
    align=True,
)
Crowd = NDArray[np.void]
CROWD: Any = from_dtype(TRACK)[::1]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@compiled(
    int64(
        CROWD,
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
    crowd: Any,
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
    none and is not a remainder to be left alone (owner -2), while there is room; how many tracks there are then."""
    for r in range(boxes.shape[0]):
        if track_of[r] >= 0 or owners[r] == -2 or sums[r, 0] < least or count == crowd.size:
            continue
        track = crowd[count]
        for axis in range(2):
            low, high = boxes[r, axis], boxes[r, axis + 2]
            track.state[axis, 0], track.state[axis, 1], track.state[axis, 2] = low, high, 0.0
            track.origin[axis, 0], track.origin[axis, 1] = low, high
            track.recent[axis, 0], track.recent[axis, 1] = low, high
            track.usual[axis] = high - low
            track.hidden[axis] = 0
            for row in range(3):
                for column in range(3):
                    track.covariance[axis, row, column] = unknown[row, column]
        track.on = 0.5 + 0.5 * sums[r, 1] / sums[r, 0]
        track.sure = False
        track.id = 0
        track.serial = serial
        track.born_us = now_us
        track.seen_us = now_us
        track.watched_us = 0
        track.whole_us = 0
        serial += 1
        count += 1
    return count


@compiled(int64(CROWD, int64, int64, float64))
def unite(crowd: Any, i: int, j: int, variance: float) -> int:
    """Track `i` becomes as large as tracks `i` and `j` together, its edges less sure by `variance`, and takes over what
    is known of `j`."""
    track, other = crowd[i], crowd[j]
    for axis in range(2):
        track.state[axis, 0] = min(track.state[axis, 0], other.state[axis, 0])
        track.state[axis, 1] = max(track.state[axis, 1], other.state[axis, 1])
        for edge in range(2):
            track.covariance[axis, edge, edge] += variance
            track.origin[axis, edge] = track.state[axis, edge]
            track.recent[axis, edge] = track.state[axis, edge]
        track.usual[axis] = track.state[axis, 1] - track.state[axis, 0]
    track.seen_us = max(track.seen_us, other.seen_us)
    track.watched_us = max(track.watched_us, other.watched_us)
    if other.sure and not track.sure:
        track.sure = True
        track.id = other.id
    return 0


@compiled(int64(CROWD, boolean[::1]))
def leave(crowd: Any, stay: Bools) -> int:
    """Close the gaps of those who do not `stay` (n,); how many are left."""
    left = 0
    for i in range(stay.size):
        if stay[i]:
            if left < i:
                crowd[left] = crowd[i]
            left += 1
    return left
