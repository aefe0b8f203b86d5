"""How a background moves that covers the sensor, and how many events it makes: the kernels of `ego_motion`.

Images are (rows, columns) of cells, float32.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float32, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Image = NDArray[np.float32]
Images = NDArray[np.float32]
Ints = NDArray[np.int32]

_MOST = 4096
_SATURATED = 2.0


@compiled(int64(int32[::1], int64, int64, int64, int64, float32[:, :, :, ::1]))
def count_events(addresses: Ints, plane: int, width: int, cell: int, slot: int, counts: Images) -> int:
    """Count the events at `addresses`, of which those from `plane` on are ON, in a `slot` of `counts` (2, slots, rows,
    columns): how many fall into each cell, and the sum of their polarities."""
    for i in range(addresses.size):
        address = int64(addresses[i])
        on = int64(address >= plane)
        y, x = divmod(address - plane * on, width)
        counts[0, slot, y // cell, x // cell] += float32(1.0)
        counts[1, slot, y // cell, x // cell] += float32(2 * on - 1)
    return 0


@compiled(int64(float32[:, :, :, ::1], int64, float32[:, ::1], float32[:, ::1], float32[:, ::1]))
def add_up(counts: Images, newest: int, total: Image, older: Image, newer: Image) -> int:
    """Of the ring `counts`: the events of its newer half, and the polarities of both halves, none above 2, so that no
    single edge outweighs the others."""
    slots = counts.shape[1]
    for y in range(total.shape[0]):
        for x in range(total.shape[1]):
            events, late, early = float32(0.0), float32(0.0), float32(0.0)
            for age in range(slots):
                slot = (newest - age) % slots
                if age < slots // 2:
                    events += counts[0, slot, y, x]
                    late += counts[1, slot, y, x]
                else:
                    early += counts[1, slot, y, x]
            total[y, x] = events
            newer[y, x] = min(max(float(late), -_SATURATED), _SATURATED)
            older[y, x] = min(max(float(early), -_SATURATED), _SATURATED)
    return 0


@compiled(int64(float32[:, ::1], int64, float32[:, ::1]))
def smooth(image: Image, reach: int, room: Image) -> int:
    """Replace each cell by the sum over the square of 2 `reach` + 1 around it, made up for what lies outside."""
    rows, columns = image.shape
    whole = float32(2 * reach + 1)
    for y in range(rows):
        run = float32(0.0)
        for x in range(min(reach, columns)):
            run += image[y, x]
        for x in range(columns):
            if x + reach < columns:
                run += image[y, x + reach]
            if x - reach > 0:
                run -= image[y, x - reach - 1]
            room[y, x] = run * whole / (min(x + reach, columns - 1) - max(x - reach, 0) + 1)
    run_of = np.zeros(columns, np.float32)
    for y in range(min(reach, rows)):
        for x in range(columns):
            run_of[x] += room[y, x]
    for y in range(rows):
        share = whole / (min(y + reach, rows - 1) - max(y - reach, 0) + 1)
        for x in range(columns):
            if y + reach < rows:
                run_of[x] += room[y + reach, x]
            if y - reach > 0:
                run_of[x] -= room[y - reach - 1, x]
            image[y, x] = run_of[x] * share
    return 0


@compiled(float64(float32[:, ::1], float64))
def usual(density: Image, above: float) -> float:
    """What the background's `density` does not exceed: its median, and `above` times as much as its upper sixth lies
    above that; -1 where half of the picture is silent, for then the background does not move."""
    histogram = np.zeros(_MOST, np.int64)
    for y in range(density.shape[0]):
        for x in range(density.shape[1]):
            histogram[min(int64(density[y, x] + float32(0.5)), _MOST - 1)] += 1
    median, upper, below = -1, -1, 0
    for value in range(_MOST):
        below += histogram[value]
        if median < 0 and 2 * below >= density.size:
            median = value
        if 6 * below >= 5 * density.size:
            upper = value
            break
    return median + above * max(upper - median, 1) if median > 0 else -1.0


@compiled(float64[::1](float32[:, ::1], float32[:, ::1], float32[:, ::1], float64))
def flow(older: Image, newer: Image, density: Image, limit: float) -> NDArray[np.float64]:
    """The shift in cells, x and y, that best makes `older` into `newer` where `density` is not above `limit`, (2,).

    Least squares of the brightness constancy equation over the whole image (Lucas, Kanade 1981, "An iterative image
    registration technique"), on counts of events (Benosman et al. 2012, "Asynchronous frameless event-based optical
    flow"). (0, 0) where there is nothing that could tell.
    """
    xx = xy = yy = xt = yt = 0.0
    rows, columns = density.shape
    for y in range(1, rows - 1):
        for x in range(1, columns - 1):
            if density[y, x] > limit:
                continue
            across = 0.25 * (older[y, x + 1] + newer[y, x + 1] - older[y, x - 1] - newer[y, x - 1])
            down = 0.25 * (older[y + 1, x] + newer[y + 1, x] - older[y - 1, x] - newer[y - 1, x])
            change = newer[y, x] - older[y, x]
            xx += across * across
            xy += across * down
            yy += down * down
            xt += across * change
            yt += down * change
    determinant = xx * yy - xy * xy
    if determinant <= 1e-3 * (xx + yy) ** 2:
        return np.zeros(2)
    return np.array([(xy * yt - yy * xt) / determinant, (xy * xt - xx * yt) / determinant])


@compiled(boolean[::1](int32[::1], int64, int64, int64, float32[:, ::1], float64))
def standing_out(addresses: Ints, plane: int, width: int, cell: int, density: Image, limit: float) -> NDArray[np.bool_]:
    """Which events lie where `density` is above `limit`, (n,)."""
    out = np.empty(addresses.size, np.bool_)
    for i in range(addresses.size):
        address = int64(addresses[i])
        y, x = divmod(address - plane * int64(address >= plane), width)
        out[i] = density[y // cell, x // cell] > limit
    return out
