"""`Merging`: tracks that turn out to be parts of one object become one track."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.tracking.tracks import Tracks

_AFTER_US = 60_000


class Merging:
    """Lets the younger of two tracks go once they have moved alike, side by side, for 60 ms.

    Things that move together belong together (Wertheimer 1923, "common fate"): fragments that lie nearer than half
    their size, overlapping boxes, and the leading and the trailing edge of a uniform object, which are thin along
    their way, beside one another, and of opposite polarity.
    """

    def __init__(self, tracks: Tracks, gap: float) -> None:
        self._tracks, self._gap = tracks, gap
        self._alike_us = np.zeros((0, 0), np.int64)
        self._births: NDArray[np.int64] = np.zeros(0, np.int64)

    def reset(self) -> None:
        """Forget who moved with whom."""
        self._alike_us = np.zeros((0, 0), np.int64)
        self._births = np.zeros(0, np.int64)

    def __call__(self, elapsed_us: int) -> None:
        """Another `elapsed_us` has passed."""
        tracks, n = self._tracks, self._tracks.count
        self._carry_over(tracks.serials)
        if n < 2:
            return
        alike = np.zeros((n, n), np.bool_)
        if not _alike(
            tracks.boxes,
            tracks.velocity,
            tracks.speed_deviation,
            tracks.on,
            tracks.seen_us == tracks.now_us,
            self._gap,
            tracks.scale,
            alike,
        ):
            self._alike_us[:] = 0
            return
        self._alike_us = np.where(alike, self._alike_us + elapsed_us, self._alike_us // 2)
        stay = np.ones(n, np.bool_)
        for older, younger in np.argwhere(np.triu(self._alike_us >= _AFTER_US, 1)):
            if stay[older] and stay[younger]:
                stay[younger] = False
                tracks.unite(int(older), int(younger))
        tracks.keep(stay)

    def _carry_over(self, serials: NDArray[np.int64]) -> None:
        """Follow the tracks, of which some are gone and others new."""
        if np.array_equal(serials, self._births):
            return
        before, self._births = self._births, serials.copy()
        old, self._alike_us = self._alike_us, np.zeros((len(serials), len(serials)), np.int64)
        _, there, here = np.intersect1d(before, serials, assume_unique=True, return_indices=True)
        self._alike_us[np.ix_(here, here)] = old[np.ix_(there, there)]


@compiled(
    int64(
        float64[:, ::1],
        float64[:, ::1],
        float64[::1],
        float64[::1],
        boolean[::1],
        float64,
        float64,
        boolean[:, ::1],
    )
)
def _alike(
    boxes: NDArray[np.float64],
    velocity: NDArray[np.float64],
    deviation: NDArray[np.float64],
    on: NDArray[np.float64],
    seen: NDArray[np.bool_],
    gap: float,
    scale: float,
    alike: NDArray[np.bool_],
) -> int:
    """Mark, in the upper triangle, which tracks move `alike` and lie as parts of one object do; how many pairs."""
    pairs = 0
    for i in range(boxes.shape[0]):
        for j in range(i + 1, boxes.shape[0]):
            a, b = boxes[i], boxes[j]
            across = min(a[2], b[2]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[1], b[1])
            wide_a, high_a, wide_b, high_b = a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]
            largest = max(max(wide_a, high_a), max(wide_b, high_b))
            apart = max(max(-across, -down), 0.0)
            if apart > largest:
                continue
            smaller = min(wide_a * high_a, wide_b * high_b)
            common = across * down if across > 0.0 and down > 0.0 else 0.0
            # Who is not seen while another is where it should be has been swallowed.
            if common > 0.7 * smaller and not seen[j]:
                alike[i, j] = True
                pairs += 1
                continue
            sure = max(deviation[i], deviation[j])
            vx, vy = 0.5 * (velocity[i, 0] + velocity[j, 0]), 0.5 * (velocity[i, 1] + velocity[j, 1])
            speed = np.hypot(vx, vy)
            differ = np.hypot(velocity[i, 0] - velocity[j, 0], velocity[i, 1] - velocity[j, 1])
            # Nested boxes must move apart, not only wobble, to be two objects.
            if common > 0.7 * smaller and differ < 0.6 * speed + 2.0 * sure:
                alike[i, j] = True
                pairs += 1
                continue
            if sure > max(40.0 * scale, 0.5 * speed) or differ > 0.25 * speed + sure or speed < 5.0 * scale:
                continue
            if common > 0.3 * smaller or (apart <= 2.0 * gap and apart < 0.5 * largest and speed > differ * 2.0):
                alike[i, j] = True
            elif abs(on[i] - on[j]) > 0.4:
                # Two edges: seen along the way that they move, each is thin, and they lie side by side.
                if abs(vx) > abs(vy):
                    thin, beside, least = max(wide_a, wide_b), down, min(high_a, high_b)
                else:
                    thin, beside, least = max(high_a, high_b), across, min(wide_a, wide_b)
                alike[i, j] = thin < 0.6 * least and beside > 0.6 * least
            pairs += alike[i, j]
    return pairs
