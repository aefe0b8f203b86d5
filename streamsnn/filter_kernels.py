"""The compiled inner loops of the filters.

Each takes the events of a packet and what the filter remembers, copies what stays to the front of `out` (as long as
`events`) and returns how many that is, or -1 if an event is outside the sensor. Memories are (height, width).
Explicit types, so that read-only and strided arrays of events cost no compilation in the middle of a stream.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64, types
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import EVENT, Events

_IN = types.Array(from_dtype(EVENT), 1, "A", readonly=True)
_OUT = types.Array(from_dtype(EVENT), 1, "C")
_PIXELS = int64[:, ::1]


@compiled(int64(_IN, _PIXELS, int64, _OUT))
def supported(events: Events, last_us: NDArray[np.int64], tau_us: int, out: Events) -> int:
    kept = 0
    for i in range(events.shape[0]):
        x, y = int64(events[i].x), int64(events[i].y)
        if x >= last_us.shape[1] - 2 or y >= last_us.shape[0] - 2:
            return -1
        since_us = events[i].t - tau_us
        above, here, below = last_us[y], last_us[y + 1], last_us[y + 2]
        here[x + 1] = events[i].t
        # The latest witness by maximum: faster than eight branches that nobody can predict.
        witness_us = max(max(above[x], above[x + 1]), max(above[x + 2], here[x]))
        witness_us = max(witness_us, max(max(below[x], below[x + 1]), max(below[x + 2], here[x + 2])))
        out[kept] = events[i]
        kept += witness_us >= since_us
    return kept


@compiled(int64(_IN, _PIXELS, int64, _OUT))
def rested(events: Events, last_us: NDArray[np.int64], period_us: int, out: Events) -> int:
    kept = 0
    for i in range(events.shape[0]):
        x, y = events[i].x, events[i].y
        if x >= last_us.shape[1] or y >= last_us.shape[0]:
            return -1
        if last_us[y, x] <= events[i].t - period_us:
            last_us[y, x] = events[i].t
            out[kept] = events[i]
            kept += 1
    return kept


@compiled()
def _learn(
    counts: NDArray[np.int64], hot: NDArray[np.bool_], active: NDArray[np.int64], factor: float, least: float
) -> None:
    """Mask the pixels of a window that has ended by their counts, and count from zero; work follows active pixels."""
    counted = np.empty(active.size, np.int64)
    for i in range(active.size):
        counted[i] = counts[active[i]]
    limit = max(factor * np.median(counted), least)
    hot[:] = False
    for i in range(active.size):
        hot[active[i]] = counted[i] > limit
        counts[active[i]] = 0


@compiled(int64(_IN, _PIXELS, boolean[:, ::1], int64[::1], int64[::1], int64, float64, float64, _OUT))
def calm(
    events: Events,
    counts: NDArray[np.int64],
    hot: NDArray[np.bool_],
    active: NDArray[np.int64],
    window: NDArray[np.int64],
    window_us: int,
    factor: float,
    least: float,
    out: Events,
) -> int:
    kept = 0
    for i in range(events.shape[0]):
        t_us, x, y = events[i].t, events[i].x, events[i].y
        if x >= counts.shape[1] or y >= counts.shape[0]:
            return -1
        if window[1] == 0 or t_us >= (window[0] + 1) * window_us:
            if window[1] > 0:
                _learn(counts.reshape(-1), hot.reshape(-1), active[: window[1]], factor, least)
            window[0] = t_us // window_us
            window[1] = 0
        if counts[y, x] == 0:
            active[window[1]] = int64(y) * counts.shape[1] + int64(x)
            window[1] += 1
        counts[y, x] += 1
        if not hot[y, x]:
            out[kept] = events[i]
            kept += 1
    return kept


@compiled(int64(_IN, *[int64] * 6, _OUT))
def inside(events: Events, left: int, top: int, right: int, bottom: int, width: int, height: int, out: Events) -> int:
    kept = 0
    for i in range(events.shape[0]):
        x, y = int64(events[i].x), int64(events[i].y)
        if x >= width or y >= height:
            return -1
        out[kept] = events[i]
        kept += (left <= x) & (x < right) & (top <= y) & (y < bottom)
    return kept


@compiled(int64(_IN, boolean, int64, int64, _OUT))
def of_polarity(events: Events, on: bool, width: int, height: int, out: Events) -> int:
    kept = 0
    for i in range(events.shape[0]):
        if events[i].x >= width or events[i].y >= height:
            return -1
        out[kept] = events[i]
        kept += events[i].p == on
    return kept


@compiled(int64(_IN, boolean, boolean, int64, int64, _OUT))
def mirrored(events: Events, across: bool, down: bool, width: int, height: int, out: Events) -> int:
    for i in range(events.shape[0]):
        x, y = int64(events[i].x), int64(events[i].y)
        if x >= width or y >= height:
            return -1
        out[i] = events[i]
        if across:
            out[i].x = width - 1 - x
        if down:
            out[i].y = height - 1 - y
    return len(events)
