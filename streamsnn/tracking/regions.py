"""Regions of an event image: groups of active pixels that lie close together, and which track each pixel belongs to.

Event images divided into coarse cells, regions proposed where they are dense, and fragments and overlaps sorted out
with the help of the tracks: EBBIOT (Acharya et al. 2019, "EBBIOT: a low-complexity tracking algorithm for surveillance
in IoVT using stationary neuromorphic vision sensors") and the hybrid framework that followed (Ussa et al. 2020, "A
hybrid neuromorphic object tracking and classification framework for real-time systems"). Their proposals are crossings
of histograms along both axes; ours are connected cells, so that two objects on a diagonal are two.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

MOST = 256
"""Regions at a time; the smallest of more are overlooked."""


class Regions:
    """Groups the active pixels of a sensor of `width` x `height`; pixels up to `cell` apart lie together."""

    def __init__(self, width: int, height: int, cell: int) -> None:
        self.cell = cell
        columns, rows = -(-width // cell), -(-height // cell)
        # A border of one cell all round, so that no neighbour needs a test.
        self._counts = np.zeros((rows + 2, columns + 2), np.int32)
        self._extents = np.zeros((rows + 2, columns + 2, 4), np.int32)
        self._labels = np.zeros((rows + 2, columns + 2), np.int32)
        self._touched = np.empty(rows * columns, np.int32)
        self._stack = np.empty(rows * columns, np.int32)
        self._of_pixel = np.empty(width * height, np.int32)
        self._boxes = np.empty((2 * MOST, 4))
        self._sums = np.empty((2 * MOST, 2), np.int64)
        self._owners = np.empty(2 * MOST, np.int32)

    def find(self, x: Ints, y: Ints, at: Ints, on: NDArray[np.bool_], since: int, least: int) -> int:
        """Group the pixels that were active from step `since` on; the number of regions of at least `least` pixels."""
        self.x, self.y, self.at, self.on = x, y, at, on
        self.first = int(np.searchsorted(at, since))
        self.count: int = _group(
            x,
            y,
            on,
            self.first,
            self.cell,
            least,
            self._counts,
            self._extents,
            self._labels,
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
            self.x,
            self.y,
            self.on,
            self.first,
            self.count,
            tracks,
            self._of_pixel,
            self._boxes,
            self._sums,
            self._owners,
        )
        return self.count

    @property
    def boxes(self) -> Floats:
        """left, top, right, bottom of each region, (n, 4); right and bottom lie outside."""
        return self._boxes[: self.count]

    @property
    def sums(self) -> NDArray[np.int64]:
        """Pixels, and those of them whose newest event was ON, of each region, (n, 2)."""
        return self._sums[: self.count]

    @property
    def owners(self) -> Ints:
        """The track that each region was cut out for; -1: it was not cut. (n,)"""
        return self._owners[: self.count]

    @property
    def of_pixel(self) -> Ints:
        """The region of each pixel from `first` on; -1: none."""
        return self._of_pixel


@compiled(
    int64(
        int32[::1],
        int32[::1],
        boolean[::1],
        int64,
        int64,
        int64,
        int32[:, ::1],
        int32[:, :, ::1],
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
    ons: NDArray[np.bool_],
    first: int,
    cell: int,
    least: int,
    counts: Ints,
    extents: Ints,
    labels: Ints,
    touched: Ints,
    stack: Ints,
    of_pixel: Ints,
    boxes: Floats,
    sums: NDArray[np.int64],
) -> int:
    columns = counts.shape[1]
    count = 0
    for i in range(first, xs.size):
        x, y = xs[i], ys[i]
        row, column = y // cell + 1, x // cell + 1
        e = extents[row, column]
        if counts[row, column] == 0:
            touched[count] = row * columns + column
            count += 1
            e[0], e[1], e[2], e[3] = x, y, x, y
        counts[row, column] += 1
        e[0], e[1], e[2], e[3] = min(e[0], x), min(e[1], y), max(e[2], x), max(e[3], y)
    found = 0
    for i in range(count):
        seed = touched[i]
        if labels[seed // columns, seed % columns] != 0 or found == MOST:
            continue
        found += 1
        labels[seed // columns, seed % columns] = found
        stack[0] = seed
        top, filled = 1, 0
        while filled < top:
            row, column = stack[filled] // columns, stack[filled] % columns
            filled += 1
            e = extents[row, column]
            for down in range(-1, 2):
                for across in range(-1, 2):
                    r, c = row + down, column + across
                    if counts[r, c] == 0 or labels[r, c] != 0:
                        continue
                    o = extents[r, c]
                    apart_x = max(e[0] - o[2], o[0] - e[2])
                    apart_y = max(e[1] - o[3], o[1] - e[3])
                    # A lone pixel in each of two cells is a thin thread.
                    if max(apart_x, apart_y) > cell or counts[r, c] + counts[row, column] < 3:
                        continue
                    labels[r, c] = found
                    stack[top] = r * columns + c
                    top += 1
        pixels = 0
        for k in range(top):
            pixels += counts[stack[k] // columns, stack[k] % columns]
        if pixels < least:
            found -= 1
            for k in range(top):
                labels[stack[k] // columns, stack[k] % columns] = -1
            continue
        boxes[found - 1, 0], boxes[found - 1, 1], boxes[found - 1, 2], boxes[found - 1, 3] = 1e9, 1e9, -1e9, -1e9
        sums[found - 1, 0] = pixels
        sums[found - 1, 1] = 0
        for k in range(top):
            e = extents[stack[k] // columns, stack[k] % columns]
            b = boxes[found - 1]
            b[0], b[1], b[2], b[3] = min(b[0], e[0]), min(b[1], e[1]), max(b[2], e[2] + 1), max(b[3], e[3] + 1)
    for i in range(first, xs.size):
        label = labels[ys[i] // cell + 1, xs[i] // cell + 1]
        of_pixel[i] = label - 1 if label > 0 else -1
        if label > 0 and ons[i]:
            sums[label - 1, 1] += 1
    for i in range(count):
        row, column = touched[i] // columns, touched[i] % columns
        counts[row, column] = 0
        labels[row, column] = 0
    return found


@compiled(
    int64(
        int32[::1],
        int32[::1],
        boolean[::1],
        int64,
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
    ons: NDArray[np.bool_],
    first: int,
    found: int,
    tracks: Floats,
    of_pixel: Ints,
    boxes: Floats,
    sums: NDArray[np.int64],
    owners: Ints,
) -> int:
    n = tracks.shape[0]
    claims = np.zeros((found, n), np.int32)
    wanted = False
    for t in range(n):
        b = tracks[t]
        for r in range(found):
            o = boxes[r]
            if min(b[2], o[2]) > max(b[0], o[0]) and min(b[3], o[3]) > max(b[1], o[1]):
                claims[r, t] = 1
    for r in range(found):
        together = 0
        for t in range(n):
            together += claims[r, t]
        wanted |= together > 1
        if together < 2:
            claims[r, :] = 0
    if not wanted:
        return found
    # Who has pixels of a region in its box has a claim to it.
    inside = np.zeros((found, n), np.int32)
    for i in range(first, xs.size):
        r = of_pixel[i]
        if r < 0:
            continue
        for t in range(n):
            if claims[r, t] > 0:
                b = tracks[t]
                inside[r, t] += b[0] <= xs[i] < b[2] and b[1] <= ys[i] < b[3]
    part = np.full((found, n), -1, np.int32)
    total = found
    for r in range(found):
        together = 0
        for t in range(n):
            together += inside[r, t] >= max(3, sums[r, 0] // 20)
        if together < 2:
            continue
        for t in range(n):
            if inside[r, t] >= max(3, sums[r, 0] // 20) and total < boxes.shape[0]:
                part[r, t] = total
                owners[total] = t
                sums[total, 0], sums[total, 1] = 0, 0
                boxes[total, 0], boxes[total, 1], boxes[total, 2], boxes[total, 3] = 1e9, 1e9, -1e9, -1e9
                total += 1
        owners[r] = -2
        sums[r, 0], sums[r, 1] = 0, 0
        boxes[r, 0], boxes[r, 1], boxes[r, 2], boxes[r, 3] = 1e9, 1e9, -1e9, -1e9
    if total == found:
        return found
    for i in range(first, xs.size):
        r = of_pixel[i]
        if r < 0 or owners[r] != -2:
            continue
        nearest, best = r, 1.25
        for t in range(n):
            if part[r, t] >= 0:
                b = tracks[t]
                across = abs(xs[i] + 0.5 - 0.5 * (b[0] + b[2])) / (0.5 * (b[2] - b[0]))
                down = abs(ys[i] + 0.5 - 0.5 * (b[1] + b[3])) / (0.5 * (b[3] - b[1]))
                if max(across, down) < best:
                    best = max(across, down)
                    nearest = part[r, t]
        of_pixel[i] = nearest
        sums[nearest, 0] += 1
        sums[nearest, 1] += ons[i]
        b = boxes[nearest]
        b[0], b[1], b[2], b[3] = min(b[0], xs[i]), min(b[1], ys[i]), max(b[2], xs[i] + 1), max(b[3], ys[i] + 1)
    return total
