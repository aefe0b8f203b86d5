"""`Merging`: tracks that turn out to be parts of one object become one track."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled, part
from streamsnn.tracking.crowd import CROWD
from streamsnn.tracking.tracks import MOST, Tracks

_AFTER_US = 60_000
_ALONE_US, _LATE = 200_000, 8
"""Who was seen whole for so long is an object; who was not, and is not young, becomes part of another so much later."""


class Merging:
    """Lets the younger of two tracks go once they have moved alike, side by side, for 60 ms, while it is young, or for
    half a second, where it has hardly ever been seen whole.

    Things that move together belong together (Wertheimer 1923, "common fate"): fragments that lie nearer than half
    their size, overlapping boxes, and the leading and the trailing edge of a uniform object, which are of opposite
    polarity, one behind the other along their way, and as wide as one another across it. Who has gone by itself for
    long is an object of its own, whoever goes beside it now.
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
        _carry_over(self._serials, self._count, tracks.crowd, self._alike_us)
        self._count = n
        if n < 2:
            return
        young_us = tracks.settings.young_us
        if not _accrue(tracks.crowd, tracks.now_us, self._gap, tracks.scale, young_us, elapsed_us, self._alike_us):
            return
        stay, pairs = np.ones(n, np.bool_), np.empty((n, 2), np.int64)
        for older, younger in pairs[: _choose(self._alike_us, stay, pairs)].tolist():
            tracks.unite(older, younger)
        tracks.keep(stay)


@compiled(int64(int64[::1], int64, CROWD, int64[:, ::1]))
def _carry_over(before: NDArray[np.int64], count: int, crowd: Any, alike_us: NDArray[np.int64]) -> int:
    """Follow the tracks, of which some are gone and others new; serials ascend. `before` becomes theirs."""
    n = crowd.size
    place = np.full(n, -1, np.int64)
    old = 0
    for i in range(n):
        while old < count and before[old] < crowd[i].serial:
            old += 1
        if old < count and before[old] == crowd[i].serial:
            place[i] = old
    for i in range(n):
        for j in range(n):
            # In place: who stays moves down.
            alike_us[i, j] = alike_us[place[i], place[j]] if place[i] >= 0 and place[j] >= 0 else 0
    for i in range(n):
        before[i] = crowd[i].serial
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


@part
def _alike(a: Any, b: Any, now_us: int, gap: float, scale: float) -> bool:
    """Whether two tracks that are not far apart, `a` the older, move alike and lie as parts of one object do."""
    across = min(a.state[0, 1], b.state[0, 1]) - max(a.state[0, 0], b.state[0, 0])
    down = min(a.state[1, 1], b.state[1, 1]) - max(a.state[1, 0], b.state[1, 0])
    wide_a, high_a = a.state[0, 1] - a.state[0, 0], a.state[1, 1] - a.state[1, 0]
    wide_b, high_b = b.state[0, 1] - b.state[0, 0], b.state[1, 1] - b.state[1, 0]
    largest = max(max(wide_a, high_a), max(wide_b, high_b))
    apart = max(max(-across, -down), 0.0)
    smaller = min(wide_a * high_a, wide_b * high_b)
    common = across * down if across > 0.0 and down > 0.0 else 0.0
    # Who is not seen while another is where it should be has been swallowed.
    if common > 0.7 * smaller and b.seen_us != now_us:
        return True
    variance = 0.0
    for axis in range(2):
        variance = max(variance, max(a.covariance[axis, 2, 2], b.covariance[axis, 2, 2]))
    sure = np.sqrt(variance)
    vx, vy = 0.5 * (a.state[0, 2] + b.state[0, 2]), 0.5 * (a.state[1, 2] + b.state[1, 2])
    speed = np.hypot(vx, vy)
    differ = np.hypot(a.state[0, 2] - b.state[0, 2], a.state[1, 2] - b.state[1, 2])
    # Nested boxes must move apart, not only wobble, to be two objects.
    if common > 0.7 * smaller and differ < 0.6 * speed + 2.0 * sure:
        return True
    if sure > max(40.0 * scale, 0.5 * speed) or differ > 0.25 * speed + sure or speed < 5.0 * scale:
        return False
    if common > 0.3 * smaller or (apart <= 2.0 * gap and apart < 0.5 * largest and speed > differ * 2.0):
        return True
    if abs(a.on - b.on) <= 0.4:
        return False
    # Two edges of one object.
    if abs(vx) > abs(vy):
        return bool(-across < 3.0 * down and max(high_a, high_b) < 1.15 * down + 2.0 * scale)
    return bool(-down < 3.0 * across and max(wide_a, wide_b) < 1.15 * across + 2.0 * scale)


@compiled(int64(CROWD, int64, float64, float64, int64, int64, int64[:, ::1]))
def _accrue(
    crowd: Any, now_us: int, gap: float, scale: float, young_us: int, elapsed_us: int, alike_us: NDArray[np.int64]
) -> int:
    """Add up, in the upper triangle, how long tracks have moved alike and lain as parts of one object do; how many
    pairs have for long enough."""
    ready = 0
    for i in range(crowd.size):
        for j in range(i + 1, crowd.size):
            a, b = crowd[i], crowd[j]
            # What lies far apart is told at once: most pairs do.
            apart, largest = 0.0, 0.0
            for axis in range(2):
                apart = max(apart, max(b.state[axis, 0] - a.state[axis, 1], a.state[axis, 0] - b.state[axis, 1]))
                largest = max(largest, max(a.state[axis, 1] - a.state[axis, 0], b.state[axis, 1] - b.state[axis, 0]))
            near, young = apart <= 3.0 * largest, b.watched_us < young_us
            if near and (young or b.whole_us < _ALONE_US) and _alike(a, b, now_us, gap, scale):
                alike_us[i, j] += elapsed_us if young else max(1, elapsed_us // _LATE)
                ready += alike_us[i, j] >= _AFTER_US
            else:
                alike_us[i, j] //= 2
    return ready
