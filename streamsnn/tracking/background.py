"""What a background makes of events that covers the sensor: how lively it is, and how it moves. The kernels of
`ego_motion`.

Planes are (rows, columns) of cells.
"""

from __future__ import annotations

import numpy as np
from numba import float32, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

REACH = 3
"""A cell's energy is that of the square of 2 `REACH` + 1 cells around it."""

_SATURATED = 8
"""A sum of polarities counts no more than so many: one hot pixel is no edge."""
_SAMPLED = 3
"""What holds for the whole picture is found on every third cell of every third row."""


@compiled(int64(int32[::1], int64, int64, int64, int64, int32[:, ::1]))
def count(addresses: Ints, plane: int, width: int, cell: int, times: int, polarities: Ints) -> int:
    """Add to the `polarities` of each cell those of the events at `addresses`, of which those from `plane` on are ON,
    so many `times`; -1 takes them away."""
    reciprocal = float64(1.0) / width
    for i in range(addresses.size):
        address = int64(addresses[i])
        on = int64(address >= plane)
        pixel = address - plane * on
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        if cell > 1:
            y, x = y // cell, x // cell
        polarities[y, x] += times * (2 * on - 1)
    return 0


@compiled()
def _across(column: Ints, room: Ints, out: Ints) -> None:
    """`out` is the sum of seven neighbours in `column`, fewer at its ends."""
    columns = column.size
    twos, fours = room[0], room[1]
    for x in range(columns - 1):
        twos[x] = column[x] + column[x + 1]
    for x in range(columns - 3):
        fours[x] = twos[x] + twos[x + 2]
    inner = out[REACH:]
    for x in range(columns - 2 * REACH):
        inner[x] = fours[x] + twos[x + 4] + column[x + 6]
    for x in range(REACH):
        left = right = int32(0)
        for u in range(x + REACH + 1):
            left += column[u]
            right += column[columns - 1 - u]
        out[x], out[columns - 1 - x] = left, right


@compiled(int64(int32[:, ::1], int32[:, ::1], int32[:, ::1], int32[:, ::1]))
def weigh(polarities: Ints, squares: Ints, energy: Ints, room: Ints) -> int:
    """The `energy` of each cell: the sum of the squared `polarities` of the square around it.

    What flickers in place and noise make as many events of either polarity, which cancel; a texture that moves slowly
    makes one of a pixel where a strong edge makes several, which count as their square. `squares` is room of the same
    shape, and so is `room` (3, columns).
    """
    rows, columns = polarities.shape
    column = room[2]
    for x in range(columns):
        column[x] = 0
    for y in range(rows + REACH):
        if y < rows:
            for x in range(columns):
                value = min(max(polarities[y, x], int32(-_SATURATED)), int32(_SATURATED))
                squares[y, x] = value * value
                column[x] += squares[y, x]
        if y > 2 * REACH:
            for x in range(columns):
                column[x] -= squares[y - 2 * REACH - 1, x]
        if y >= REACH:
            _across(column, room, energy[y - REACH])
    return 0


@compiled(float64(int32[:, ::1], float64, int32[::1]))
def usual(energy: Ints, above: float, histogram: Ints) -> float:
    """What the background's `energy` does not exceed: its median, and `above` times as much as its upper sixth lies
    above that, three at least; -1 where half of the picture is silent, for then the background does not move.
    `histogram` is room to count in."""
    for value in range(histogram.size):
        histogram[value] = 0
    seen = 0
    for y in range(_SAMPLED // 2, energy.shape[0], _SAMPLED):
        for x in range(_SAMPLED // 2, energy.shape[1], _SAMPLED):
            histogram[min(int64(energy[y, x]), histogram.size - 1)] += 1
            seen += 1
    median, upper, below = -1, 0, 0
    for value in range(histogram.size):
        below += histogram[value]
        if median < 0 and 2 * below >= seen:
            median = value
        if 6 * below >= 5 * seen:
            upper = value
            break
    return median + above * max(upper - median, 3) if median > 0 else -1.0


@compiled(
    int64(
        int32[:, ::1],
        int32[:, ::1],
        int32[:, ::1],
        float64,
        float64,
        float32[:, ::1],
        float32[:, :, ::1],
        float64[:, ::1],
        float64[::1],
    )
)
def flow(
    polarities: Ints,
    aged: Ints,
    energy: Ints,
    limit: float,
    keeps: float,
    memory: Floats,
    smooth: Floats,
    matrix: NDArray[np.float64],
    vector: NDArray[np.float64],
) -> int:
    """The normal equations, `matrix` (4, 4) and `vector` (4,), of how the background has moved during the window of
    `polarities`, in cells: shift across and down, and growth and turn at the corners.

    A window's events are the brightness that changed, and this is what the gradient of brightness loses by the motion:
    change = -gradient . motion (Gallego et al. 2015, "Event-based camera pose tracking using a generative event
    model"; with a motion of four parameters instead of a known map). Brightness is `memory`, the leaky sum of events
    (Scheerlinck et al. 2018, "Continuous-time intensity estimation using event cameras") from before the window, which
    `keeps` this share of itself each time and takes in those that have `aged`, and half of the window. Least squares
    over every third cell of every third row, without those whose `energy` is above `limit`. `smooth` (2, rows, columns)
    is room.
    """
    rows, columns = polarities.shape
    brightness, change = smooth[0], smooth[1]
    half, quarter = float32(0.5), float32(0.25)
    share = float32(keeps)
    for y in range(rows):
        old, new, gone, light, changed = memory[y], polarities[y], aged[y], brightness[y, 1:], change[y, 1:]
        for x in range(columns):
            value = share * old[x] + float32(gone[x])
            # Arithmetic is slow on what is almost nothing.
            old[x] = value if abs(value) > float32(1e-6) else float32(0.0)
        for x in range(columns - 2):
            here = quarter * float32(new[x] + new[x + 2]) + half * float32(new[x + 1])
            changed[x] = here
            # Halfway through the window.
            light[x] = half * here + quarter * (old[x] + old[x + 2]) + half * old[x + 1]
    for i in range(4):
        vector[i] = 0.0
        for j in range(4):
            matrix[i, j] = 0.0
    unit = 2.0 / np.hypot(rows, columns)
    for y in range(2, rows - 2, _SAMPLED):
        down = (y + 0.5 - 0.5 * rows) * unit
        for x in range(2, columns - 2, _SAMPLED):
            if energy[y, x] > limit:
                continue
            gx = (
                0.125 * (brightness[y - 1, x + 1] - brightness[y - 1, x - 1])
                + 0.25 * (brightness[y, x + 1] - brightness[y, x - 1])
                + 0.125 * (brightness[y + 1, x + 1] - brightness[y + 1, x - 1])
            )
            gy = 0.125 * (brightness[y + 2, x] - brightness[y - 2, x]) + 0.25 * (
                brightness[y + 1, x] - brightness[y - 1, x]
            )
            lost = -0.25 * (change[y - 1, x] + change[y + 1, x]) - 0.5 * change[y, x]
            across = (x + 0.5 - 0.5 * columns) * unit
            grows, turns = gx * across + gy * down, gy * across - gx * down
            matrix[0, 0] += gx * gx
            matrix[0, 1] += gx * gy
            matrix[0, 2] += gx * grows
            matrix[0, 3] += gx * turns
            matrix[1, 1] += gy * gy
            matrix[1, 2] += gy * grows
            matrix[1, 3] += gy * turns
            matrix[2, 2] += grows * grows
            matrix[2, 3] += grows * turns
            matrix[3, 3] += turns * turns
            vector[0] += gx * lost
            vector[1] += gy * lost
            vector[2] += grows * lost
            vector[3] += turns * lost
    for i in range(4):
        for j in range(i):
            matrix[i, j] = matrix[j, i]
    return 0


@compiled(
    int64(
        int32[::1],
        int64,
        int64,
        int64,
        int32[:, ::1],
        int32[:, ::1],
        float64,
        int64,
        float64[::1],
        int64,
        int32[::1],
    )
)
def sieve(
    addresses: Ints,
    plane: int,
    width: int,
    cell: int,
    polarities: Ints,
    energy: Ints,
    limit: float,
    least: int,
    back: NDArray[np.float64],
    height: int,
    kept: Ints,
) -> int:
    """List in `kept` the events at `addresses` whose cells have an `energy` above `limit` and `polarities` that come to
    `least`, where they lie on the ground; how many. With a `limit` below 0 that is all of them.

    A pixel (x, y) lies at (b0 x - b1 y + b2, b1 x + b0 y + b3), `back` (4,); what lies outside of the sensor is lost.
    """
    reciprocal = float64(1.0) / width
    b0, b1, b2, b3 = back[0], back[1], back[2], back[3]
    size = 0
    for i in range(addresses.size):
        address = int64(addresses[i])
        first = plane * int64(address >= plane)
        pixel = address - first
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        if limit >= 0.0:
            row, column = (y, x) if cell == 1 else (y // cell, x // cell)
            if energy[row, column] <= limit or abs(polarities[row, column]) < least:
                continue
        u = int64(np.floor(b0 * x - b1 * y + b2 + 0.5))
        v = int64(np.floor(b1 * x + b0 * y + b3 + 0.5))
        if 0 <= u < width and 0 <= v < height:
            kept[size] = first + v * width + u
            size += 1
    return size
