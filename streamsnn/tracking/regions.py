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

from streamsnn.compiled import compiled, part

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
        self.x, self.y, self.sign = x, y, sign
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
        self._owners[: self.count] = -1
        return int(self.count)

    def split(self, tracks: Floats) -> int:
        """Divide regions that hold several of the boxes `tracks` (n, 4) among these; the number of regions then."""
        self.count = _split(
            self.x, self.y, self.sign, self.count, tracks, self._of_pixel, self._boxes, self._sums, self._owners
        )
        return self.count

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
        """The track that each region was cut out for; -1: it was not cut. (n,)"""
        return self._owners[: self.count]

    @property
    def of_pixel(self) -> Ints:
        """The region of each pixel; -1: none."""
        return self._of_pixel


@part
def _empty(boxes: Floats, sums: NDArray[np.int64], place: int) -> None:
    """Begin a box, and the sums of its pixels."""
    boxes[place, 0], boxes[place, 1], boxes[place, 2], boxes[place, 3] = 1e9, 1e9, -1e9, -1e9
    sums[place, 0] = 0
    sums[place, 1] = 0


@part
def _grow(boxes: Floats, place: int, left: int, top: int, right: int, bottom: int) -> None:
    """Make a box hold these pixels, too."""
    boxes[place, 0], boxes[place, 1] = min(boxes[place, 0], left), min(boxes[place, 1], top)
    boxes[place, 2], boxes[place, 3] = max(boxes[place, 2], right + 1), max(boxes[place, 3], bottom + 1)


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
                    # A lone pixel in each of two cells is a thin thread. Empty cells are far from everything.
                    joins = (
                        (cells[there, 6] == 0) & (max(apart_x, apart_y) <= cell) & (cells[there, 4] + cells[at, 4] > 2)
                    )
                    cells[there, 6] = found if joins else cells[there, 6]
                    stack[top] = there
                    top += joins
        if pixels < least:
            found -= 1
            for k in range(top):
                cells[stack[k], 6] = -1
            continue
        _empty(boxes, sums, found - 1)
        sums[found - 1, 0] = pixels
        sums[found - 1, 1] = sign
        for k in range(top):
            at = stack[k]
            _grow(boxes, found - 1, cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3])
    for i in range(xs.size):
        of_pixel[i] = max(cells[of_pixel[i], 6], 0) - 1
    for i in range(count):
        at = touched[i]
        cells[at, 0], cells[at, 1], cells[at, 2], cells[at, 3] = _FAR, _FAR, -_FAR, -_FAR
        cells[at, 4], cells[at, 5], cells[at, 6] = 0, 0, 0
    return found


@compiled(
    int64(
        int32[::1],
        int32[::1],
        int8[::1],
        int64,
        float64[:, ::1],
        int32[::1],
        float64[:, ::1],
        int64[:, ::1],
        int32[::1],
    )
)
def _split(
    xs: Ints,
    ys: Ints,
    signs: Signs,
    found: int,
    tracks: Floats,
    of_pixel: Ints,
    boxes: Floats,
    sums: NDArray[np.int64],
    owners: Ints,
) -> int:
    n = tracks.shape[0]
    # Who overlaps a region has a claim to it: `claim[first[r] : first[r + 1]]` are the tracks that share region r.
    first = np.zeros(found + 1, np.int32)
    claim = np.empty(found * n, np.int32)
    for r in range(found):
        size = first[r]
        for t in range(n):
            across = min(tracks[t, 2], boxes[r, 2]) - max(tracks[t, 0], boxes[r, 0])
            down = min(tracks[t, 3], boxes[r, 3]) - max(tracks[t, 1], boxes[r, 1])
            if across > 0.0 and down > 0.0:
                claim[size] = t
                size += 1
        first[r + 1] = size if size > first[r] + 1 else first[r]
    if first[found] == 0:
        return found
    # Of those, only who has pixels of it in its box gets a part.
    inside = np.zeros(first[found], np.int32)
    shared = np.zeros(found + 1, np.bool_)
    for r in range(found):
        shared[r + 1] = first[r + 1] > first[r]
    which = np.empty(xs.size + 1, np.int32)
    size = 0
    for i in range(xs.size):
        which[size] = i
        size += shared[of_pixel[i] + 1]
    for i in which[:size]:
        r, x, y = of_pixel[i], xs[i], ys[i]
        for k in range(first[r], first[r + 1]):
            t = claim[k]
            inside[k] += (tracks[t, 0] <= x) & (x < tracks[t, 2]) & (tracks[t, 1] <= y) & (y < tracks[t, 3])
    part = np.empty(first[found], np.int32)
    total, kept = found, 0
    for r in range(found):
        least, begin = max(3, sums[r, 0] // 20), kept
        together = 0
        for k in range(first[r], first[r + 1]):
            together += inside[k] >= least
        if together > 1 and total + together <= boxes.shape[0]:
            for k in range(first[r], first[r + 1]):
                if inside[k] >= least:
                    claim[kept], part[kept] = claim[k], total
                    owners[total] = claim[k]
                    _empty(boxes, sums, total)
                    kept += 1
                    total += 1
            owners[r] = -2
            _empty(boxes, sums, r)
        first[r] = begin
    first[found] = kept
    if total == found:
        return found
    # Middle and what makes 1 of half the size, along both axes.
    scale = np.empty((kept, 4))
    for k in range(kept):
        for axis in range(2):
            low, high = tracks[claim[k], axis], tracks[claim[k], axis + 2]
            scale[k, axis], scale[k, 2 + axis] = 0.5 * (low + high) - 0.5, 2.0 / (high - low)
    for i in which[:size]:
        r, x, y = of_pixel[i], xs[i], ys[i]
        if owners[r] != -2:
            continue
        nearest, best = r, 1.25
        for k in range(first[r], first[r + 1]):
            away = max(abs(x - scale[k, 0]) * scale[k, 2], abs(y - scale[k, 1]) * scale[k, 3])
            nearest = part[k] if away < best else nearest
            best = min(best, away)
        of_pixel[i] = nearest
        sums[nearest, 0] += 1
        sums[nearest, 1] += signs[i]
        _grow(boxes, nearest, x, y, x, y)
    return total
