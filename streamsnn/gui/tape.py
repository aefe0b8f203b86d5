"""`Tape`: the newest steps that a view shows, and the line that a value of theirs makes on the screen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, float64, int64, types
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.player.screen import Screen, Watched


class Tape:
    """The newest `length` or more of rows of type `dtype`, oldest first and in one piece.

    `rows["t_us"]` (int64), the sensor time of a row, rises; a row from before the one before it begins a new tape.
    """

    def __init__(self, dtype: Any, length: int) -> None:
        self._held = np.zeros(3 * length, dtype)
        self._length = length
        self._begin = self._end = 0

    def clear(self) -> None:
        """Forget all rows."""
        self._begin = self._end = 0

    @property
    def rows(self) -> NDArray[np.void]:
        """All rows, a view that holds until the next `add`."""
        return self._held[self._begin : self._end]

    def add(self, rows: NDArray[np.void]) -> None:
        """Append `rows`, in the order in which they came."""
        if not len(rows):
            return
        rows = rows[-self._length :]
        back = np.flatnonzero(np.diff(rows["t_us"]) <= 0)
        if back.size:
            rows = rows[back[-1] + 1 :]
        if back.size or (self._end > self._begin and rows["t_us"][0] <= self._held["t_us"][self._end - 1]):
            self.clear()
        if self._end + len(rows) > len(self._held):
            kept = self.rows[-self._length :]
            self._held[: len(kept)] = kept
            self._begin, self._end = 0, len(kept)
        self._held[self._end : self._end + len(rows)] = rows
        self._end += len(rows)
        self._begin = max(self._begin, self._end - self._length)


class Seen:
    """Which steps a view has seen, so that one that was hidden catches up when it is shown again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen = 0

    def new(self, screen: Screen, watched: Watched) -> Watched:
        """The steps that this view has not seen: of those just `watched`, and at most `most` that it missed before."""
        begin = watched.until - len(watched.records)
        wanted = max(self._seen, watched.until - self._most)
        if begin > wanted + watched.missed:
            return self.rest(screen)
        self._seen = watched.until
        known = max(0, min(wanted - begin, len(watched.records)))
        if not known:
            return watched
        records, scores, spikes, membranes = watched.records, watched.scores, watched.spikes, watched.membranes
        return Watched(records[known:], scores[known:], spikes[known:], membranes[known:], 0, watched.until)

    def rest(self, screen: Screen) -> Watched:
        """All steps that this view has not seen, but for those that are too old for it."""
        watched = screen.steps_since(max(self._seen, screen.steps_written - self._most))
        self._seen = watched.until
        return watched


def line(
    t_us: NDArray[Any],
    values: NDArray[Any],
    *,
    begin_us: int,
    us_a_pixel: float,
    left: float,
    bottom: float,
    pixels_a_unit: float,
    low: float,
    gap_us: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points (x, y) on the screen of `values` (float32) at `t_us` (int64), at most two a pixel: its least and greatest.

    x is `left` at `begin_us`, y is `bottom` at the value `low`. Where a value is NaN or the next one is more than
    `gap_us` away, a point of NaN breaks the line.
    """
    x, y = np.empty(3 * len(t_us) + 4), np.empty(3 * len(t_us) + 4)
    count = _line(t_us, values, begin_us, us_a_pixel, left, bottom, pixels_a_unit, low, gap_us, x, y)
    return x[:count], y[:count]


@compiled(
    int64(
        types.Array(int64, 1, "A"),
        types.Array(float32, 1, "A"),
        int64,
        *[float64] * 5,
        int64,
        float64[::1],
        float64[::1],
    )
)
def _line(
    t_us: NDArray[np.int64],
    values: NDArray[np.float32],
    begin_us: int,
    us_a_pixel: float,
    left: float,
    bottom: float,
    pixels_a_unit: float,
    low: float,
    gap_us: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> int:
    count = 0
    k = 0
    while k < t_us.size:
        # Pixels lie on an absolute grid of time: the same values share one whenever they are drawn.
        pixel = t_us[k] // us_a_pixel
        least, greatest = -1, -1
        broken = False
        while k < t_us.size and t_us[k] // us_a_pixel == pixel:
            if values[k] != values[k]:
                broken = True
            elif least < 0:
                least = greatest = k
            elif values[k] < values[least]:
                least = k
            elif values[k] > values[greatest]:
                greatest = k
            k += 1
        if least >= 0:
            for place in (min(least, greatest), max(least, greatest)):
                x[count] = left + (t_us[place] - begin_us) / us_a_pixel
                y[count] = bottom - (float64(values[place]) - low) * pixels_a_unit
                count += 1
                if least == greatest:
                    break
        else:
            broken = True
        if (broken or (k < t_us.size and t_us[k] - t_us[k - 1] > gap_us)) and count and y[count - 1] == y[count - 1]:
            x[count] = y[count] = np.nan
            count += 1
    return count
