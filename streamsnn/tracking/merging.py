"""`Merging`: tracks that turn out to be parts of one object become one track."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.tracks import MOST, Tracks

_AFTER_US = 60_000


class Merging:
    """Lets the younger of two tracks go once they have moved alike, side by side, for 60 ms.

    Things that move together belong together (Wertheimer 1923, "common fate"): fragments that lie nearer than half
    their size, overlapping boxes, and the leading and the trailing edge of a uniform object, which are thin along
    their way, beside one another, and of opposite polarity.
    """

    def __init__(self, tracks: Tracks, gap: float) -> None:
        self._tracks, self._gap = tracks, gap
        self._alike_us = np.zeros((MOST, MOST), np.int64)
        self._serials = np.zeros(MOST, np.int64)
        self._count = 0

    def reset(self) -> None:
        """Forget who moved with whom."""
        self._count = 0

    def __call__(self, elapsed_us: int) -> None:
        """Another `elapsed_us` has passed."""
        tracks, n = self._tracks, self._tracks.count
        _carry_over(self._serials, self._count, tracks.serials, self._alike_us)
        self._count = n
        if n < 2:
            return
        ready = _accrue(
            tracks.boxes,
            tracks.velocity,
            tracks.speed_variance,
            tracks.on,
            tracks.seen_us == tracks.now_us,
            self._gap,
            tracks.scale,
            elapsed_us,
            self._alike_us,
        )
        if not ready:
            return
        stay, pairs = np.ones(n, np.bool_), np.empty((n, 2), np.int64)
        for older, younger in pairs[: _choose(self._alike_us, stay, pairs)].tolist():
            tracks.unite(older, younger)
        tracks.keep(stay)


@compiled(int64(int64[::1], int64, int64[::1], int64[:, ::1]))
def _carry_over(before: NDArray[np.int64], count: int, serials: NDArray[np.int64], alike_us: NDArray[np.int64]) -> int:
    """Follow the tracks, of which some are gone and others new; serials ascend. `before` becomes `serials`."""
    n = serials.size
    place = np.full(n, -1, np.int64)
    old = 0
    for i in range(n):
        while old < count and before[old] < serials[i]:
            old += 1
        if old < count and before[old] == serials[i]:
            place[i] = old
    for i in range(n):
        for j in range(n):
            # In place: who stays moves down.
            alike_us[i, j] = alike_us[place[i], place[j]] if place[i] >= 0 and place[j] >= 0 else 0
    for i in range(n):
        before[i] = serials[i]
    return 0


@compiled(int64(int64[:, ::1], boolean[::1], int64[:, ::1]))
def _choose(alike_us: NDArray[np.int64], stay: NDArray[np.bool_], pairs: NDArray[np.int64]) -> int:
    """List in `pairs` who becomes one with whom, and mark that the younger does not `stay`; how many pairs."""
    count = 0
    for i in range(stay.size):
        for j in range(i + 1, stay.size):
            if alike_us[i, j] >= _AFTER_US and stay[i] and stay[j]:
                stay[j] = False
                pairs[count, 0], pairs[count, 1] = i, j
                count += 1
    return count


@compiled()
def _alike(
    i: int,
    j: int,
    boxes: NDArray[np.float64],
    velocity: NDArray[np.float64],
    variance: NDArray[np.float64],
    on: NDArray[np.float64],
    seen: NDArray[np.bool_],
    gap: float,
    scale: float,
) -> bool:
    """Whether two tracks that are not far apart, i the older, move alike and lie as parts of one object do."""
    a, b = boxes[i], boxes[j]
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    wide_a, high_a, wide_b, high_b = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
    largest = max(max(wide_a, high_a), max(wide_b, high_b))
    apart = max(max(-across, -down), 0.0)
    smaller = min(wide_a * high_a, wide_b * high_b)
    common = across * down if across > 0.0 and down > 0.0 else 0.0
    # Who is not seen while another is where it should be has been swallowed.
    if common > 0.7 * smaller and not seen[j]:
        return True
    sure = np.sqrt(max(variance[i], variance[j]))
    vx, vy = 0.5 * (velocity[i, 0] + velocity[j, 0]), 0.5 * (velocity[i, 1] + velocity[j, 1])
    speed = np.hypot(vx, vy)
    differ = np.hypot(velocity[i, 0] - velocity[j, 0], velocity[i, 1] - velocity[j, 1])
    # Nested boxes must move apart, not only wobble, to be two objects.
    if common > 0.7 * smaller and differ < 0.6 * speed + 2.0 * sure:
        return True
    if sure > max(40.0 * scale, 0.5 * speed) or differ > 0.25 * speed + sure or speed < 5.0 * scale:
        return False
    if common > 0.3 * smaller or (apart <= 2.0 * gap and apart < 0.5 * largest and speed > differ * 2.0):
        return True
    if abs(on[i] - on[j]) <= 0.4:
        return False
    # Two edges: seen along the way that they move, each is thin, and they lie side by side.
    if abs(vx) > abs(vy):
        return bool(max(wide_a, wide_b) < 0.6 * min(high_a, high_b) < down)
    return bool(max(high_a, high_b) < 0.6 * min(wide_a, wide_b) < across)


@compiled(
    int64(
        float64[:, ::1],
        float64[:, ::1],
        float64[::1],
        float64[::1],
        boolean[::1],
        float64,
        float64,
        int64,
        int64[:, ::1],
    )
)
def _accrue(
    boxes: NDArray[np.float64],
    velocity: NDArray[np.float64],
    variance: NDArray[np.float64],
    on: NDArray[np.float64],
    seen: NDArray[np.bool_],
    gap: float,
    scale: float,
    elapsed_us: int,
    alike_us: NDArray[np.int64],
) -> int:
    """Add up, in the upper triangle, how long tracks have moved alike and lain as parts of one object do; how many
    pairs have for long enough."""
    ready = 0
    for i in range(boxes.shape[0]):
        for j in range(i + 1, boxes.shape[0]):
            # What lies far apart is told at once: most pairs do.
            apart_x = max(boxes[j, 0] - boxes[i, 2], boxes[i, 0] - boxes[j, 2])
            apart_y = max(boxes[j, 1] - boxes[i, 3], boxes[i, 1] - boxes[j, 3])
            largest = max(boxes[i, 2] - boxes[i, 0], boxes[i, 3] - boxes[i, 1])
            largest = max(largest, max(boxes[j, 2] - boxes[j, 0], boxes[j, 3] - boxes[j, 1]))
            near = max(apart_x, apart_y) <= largest
            if near and _alike(i, j, boxes, velocity, variance, on, seen, gap, scale):
                alike_us[i, j] += elapsed_us
                ready += alike_us[i, j] >= _AFTER_US
            else:
                alike_us[i, j] //= 2
    return ready
