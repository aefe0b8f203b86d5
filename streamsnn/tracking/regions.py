"""Regions of an event image: groups of active pixels that lie close together, and which track each pixel belongs to.

Event images divided into coarse cells, regions proposed where they are dense, and fragments and overlaps sorted out
with the help of the tracks: EBBIOT (Acharya et al. 2019, "EBBIOT: a low-complexity tracking algorithm for surveillance
in IoVT using stationary neuromorphic vision sensors") and the hybrid framework that followed (Ussa et al. 2020, "A
hybrid neuromorphic object tracking and classification framework for real-time systems"). Their proposals are crossings
of histograms along both axes; ours are connected cells, so that two objects on a diagonal are two.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int8, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.crowd import Crowd
from streamsnn.tracking.sharing import empty, grow, share_out

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Signs = NDArray[np.int8]

MOST = 256
"""Regions at a time; the smallest of more are overlooked."""

_FAR = 1 << 20


class Regions:
    """Groups the active pixels of a sensor of `width` x `height`; pixels up to `cell` apart lie together."""

    def __init__(self, width: int, height: int, cell: int) -> None:
        self.cell = cell
        columns, rows = -(-width // cell), -(-height // cell)
        # A border of one cell all round, so that no neighbour needs a test.
        self._column = (np.arange(width) // cell + 1).astype(np.int32)
        self._row = ((np.arange(height) // cell + 1) * (columns + 2)).astype(np.int32)
        self._columns = columns + 2
        self._cells = np.zeros(((rows + 2) * (columns + 2), 7), np.int32)
        self._cells[:, :4] = _FAR, _FAR, -_FAR, -_FAR
        self._touched = np.empty(rows * columns + 1, np.int32)
        self._stack = np.empty(rows * columns + 1, np.int32)
        self._of_pixel = np.empty(width * height, np.int32)
        self._boxes = np.empty((2 * MOST, 4))
        self._sums = np.empty((2 * MOST, 2), np.int64)
        self._owners = np.empty(2 * MOST, np.int32)

    def find(self, x: Ints, y: Ints, sign: Signs, least: int) -> int:
        """Group the pixels `x`, `y`, of which `sign` is the polarity; the number of regions of at least `least`."""
        self.count: int = _group(
            x,
            y,
            sign,
            self.cell,
            self._columns,
            least,
            self._column,
            self._row,
            self._cells,
            self._touched,
            self._stack,
            self._of_pixel,
            self._boxes,
            self._sums,
        )
        return int(self.count)

    def share_out(
        self,
        x: Ints,
        y: Ints,
        age: Ints,
        sign: Signs,
        least: int,
        crowd: Crowd,
        known_us: int,
        ages_s: Floats,
        reach: float,
        shared: NDArray[np.bool_],
    ) -> None:
        """Divide these regions among the tracks of a `crowd`: see `sharing.share_out`."""
        self.count = share_out(
            x,
            y,
            age,
            sign,
            self.count,
            least,
            crowd,
            known_us,
            ages_s,
            reach,
            self._of_pixel,
            self._boxes,
            self._sums,
            self._owners,
            shared,
        )

    @property
    def boxes(self) -> Floats:
        """left, top, right, bottom of each region, (n, 4); right and bottom lie outside."""
        return self._boxes[: self.count]

    @property
    def sums(self) -> NDArray[np.int64]:
        """Pixels, and the sum of their polarities, of each region, (n, 2)."""
        return self._sums[: self.count]

    @property
    def owners(self) -> Ints:
        """The track that each region was cut out for, -1 for none; -2: too little is left of it. (n,)"""
        return self._owners[: self.count]

    @property
    def of_pixel(self) -> Ints:
        """The region of each pixel; -1: none."""
        return self._of_pixel


@compiled(
    int64(
        int32[::1],
        int32[::1],
        int8[::1],
        int64,
        int64,
        int64,
        int32[::1],
        int32[::1],
        int32[:, ::1],
        int32[::1],
        int32[::1],
        int32[::1],
        float64[:, ::1],
        int64[:, ::1],
    )
)
def _group(
    xs: Ints,
    ys: Ints,
    signs: Signs,
    cell: int,
    columns: int,
    least: int,
    column_of: Ints,
    row_of: Ints,
    cells: Ints,
    touched: Ints,
    stack: Ints,
    of_pixel: Ints,
    boxes: Floats,
    sums: NDArray[np.int64],
) -> int:
    # Of a cell: left, top, right, bottom of its pixels, how many they are, the sum of their polarities, and its region
    # (from 1; -1: too small). Nothing here is predictable, and so there are as few branches as possible.
    count = 0
    for i in range(xs.size):
        x, y = xs[i], ys[i]
        at = row_of[y] + column_of[x]
        of_pixel[i] = at
        touched[count] = at
        count += cells[at, 4] == 0
        cells[at, 0], cells[at, 2] = min(cells[at, 0], x), max(cells[at, 2], x)
        cells[at, 1], cells[at, 3] = min(cells[at, 1], y), max(cells[at, 3], y)
        cells[at, 4] += 1
        cells[at, 5] += signs[i]
    found = 0
    for i in range(count):
        if cells[touched[i], 6] != 0 or found == MOST:
            continue
        found += 1
        cells[touched[i], 6] = found
        stack[0] = touched[i]
        top, filled, pixels, sign = 1, 0, 0, 0
        while filled < top:
            at = stack[filled]
            filled += 1
            left, above, right, below = cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3]
            pixels += cells[at, 4]
            sign += cells[at, 5]
            for down in range(-1, 2):
                for across in range(-1, 2):
                    there = at + down * columns + across
                    apart_x = max(left - cells[there, 2], cells[there, 0] - right)
                    apart_y = max(above - cells[there, 3], cells[there, 1] - below)
                    # Up to three pixels in two cells are a thin thread. Empty cells are far from everything.
                    joins = (
                        (cells[there, 6] == 0) & (max(apart_x, apart_y) <= cell) & (cells[there, 4] + cells[at, 4] > 3)
                    )
                    cells[there, 6] = found if joins else cells[there, 6]
                    stack[top] = there
                    top += joins
        if pixels < least:
            found -= 1
            for k in range(top):
                cells[stack[k], 6] = -1
            continue
        empty(boxes, sums, found - 1)
        sums[found - 1, 0] = pixels
        sums[found - 1, 1] = sign
        for k in range(top):
            at = stack[k]
            grow(boxes, found - 1, cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3])
    for i in range(xs.size):
        of_pixel[i] = max(cells[of_pixel[i], 6], 0) - 1
    for i in range(count):
        at = touched[i]
        cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3] = _FAR, _FAR, -_FAR, -_FAR
        cells[at, 4], cells[at, 5], cells[at, 6] = 0, 0, 0
    return found
