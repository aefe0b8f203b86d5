"""`Activity`: which pixels of a sensor were lately active, without noise that stands alone and without what
flickers."""

from __future__ import annotations

import math

import numpy as np
from numba import boolean, float32, float64, int32, int64, types
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import InputSpec, Step

_NEVER = np.iinfo(np.int32).min // 2
_FLICKER_US = 300_000
"""A pixel's share of busy steps is averaged over so long."""


class Activity:
    """The pixels that were active in the last `window_us`, each once, with the time of its newest event.

    An event counts if one of the eight pixels around it was active in its step or in the one before (Delbruck 2008,
    "Frame-free dynamic digital vision"), and if its own pixel has been busy for less than `flicker` of the time: an
    edge passes, a lamp stays. Times are numbers of steps since the first. Work follows the events and active pixels.
    """

    def __init__(self, spec: InputSpec, *, step_us: int, flicker: float = 0.6) -> None:
        self.spec, self.step_us = spec, step_us
        pixels = spec.width * spec.height
        self._plane = pixels if spec.polarity == "split" else 2 * pixels
        self._any = np.empty((spec.height + 2, spec.width + 2), np.int32)
        self._kept = np.empty((spec.height, spec.width), np.int32)
        self._busy = np.empty((spec.height, spec.width), np.float32)
        self._busy_at = np.empty((spec.height, spec.width), np.int32)
        self._x, self._y, self._at = (np.empty(pixels, np.int32) for _ in range(3))
        self._on = np.empty(pixels, np.bool_)
        self._decay = np.exp(-np.arange(256) * step_us / _FLICKER_US).astype(np.float32)
        self._flicker = np.float32(flicker)
        # How many pixels became active in each step that may still be looked at.
        self._counts = np.zeros(1, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        for times in (self._any, self._kept, self._busy_at):
            times.fill(_NEVER)
        self._busy.fill(0.0)
        self.count = 0
        self.now = 0
        self._first: int | None = None

    def push(self, step: Step, longest_us: int) -> int:
        """Take a step in; pixels that were last active longer than `longest_us` ago are let go. Returns how many are
        new."""
        if self._first is None:
            self._first = step.index
        self.now = step.index - self._first
        if self.count == 0 and len(step.addresses) == 0:
            return 0
        self.count = _gather(
            step.addresses,
            self._plane,
            self.now,
            self.now - max(1, longest_us // self.step_us),
            self._any,
            self._kept,
            self._busy,
            self._busy_at,
            self._decay,
            self._flicker,
            self._x,
            self._y,
            self._at,
            self._on,
            self.count,
            self._counts,
        )
        return int(self._counts[0])

    @property
    def pixels(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]]:
        """Columns, rows, times of the newest event and its polarity, oldest first; views until the next push."""
        n = self.count
        return self._x[:n], self._y[:n], self._at[:n], self._on[:n]

    def window(self, enough: int, shortest_us: int) -> int:
        """Since which step there were `enough` active pixels, or all that are held, at least for `shortest_us`."""
        fewest = self.now - max(1, math.ceil(shortest_us / self.step_us)) + 1
        if self.count == 0:
            return fewest
        at = int(self._at[max(0, self.count - enough)])
        return min(at, fewest)


_SPEC = int64(
    types.Array(int32, 1, "C"),
    int64,
    int64,
    int64,
    int32[:, ::1],
    int32[:, ::1],
    float32[:, ::1],
    int32[:, ::1],
    float32[::1],
    float32,
    int32[::1],
    int32[::1],
    int32[::1],
    boolean[::1],
    int64,
    int64[::1],
)


@compiled(_SPEC)
def _gather(
    addresses: NDArray[np.int32],
    plane: int,
    now: int,
    oldest: int,
    any_at: NDArray[np.int32],
    kept_at: NDArray[np.int32],
    busy: NDArray[np.float32],
    busy_at: NDArray[np.int32],
    decay: NDArray[np.float32],
    flicker: float,
    xs: NDArray[np.int32],
    ys: NDArray[np.int32],
    ats: NDArray[np.int32],
    ons: NDArray[np.bool_],
    count: int,
    fresh: NDArray[np.int64],
) -> int:
    """Mark the step's events, then let go of pixels that are too old or were seen again; the number held."""
    width = kept_at.shape[1]
    reciprocal = float64(1.0) / width
    # First what was there, so that there is room: marks of this step are made meanwhile.
    marked = 0
    for i in range(addresses.size):
        address = addresses[i]
        pixel = address - plane if address >= plane else address
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        if any_at[y + 1, x + 1] != now:
            any_at[y + 1, x + 1] = now
            since = min(now - int64(busy_at[y, x]), int64(decay.size - 1))
            busy[y, x] = busy[y, x] * decay[since] + (float32(1.0) - decay[1])
            busy_at[y, x] = now
        if kept_at[y, x] == now or busy[y, x] > flicker:
            continue
        above, here, below = any_at[y], any_at[y + 1], any_at[y + 2]
        witness = max(max(above[x], above[x + 1]), max(above[x + 2], here[x]))
        witness = max(witness, max(max(below[x], below[x + 1]), max(below[x + 2], here[x + 2])))
        if witness >= now - 1:
            kept_at[y, x] = now
            marked += 1
    held = 0
    for i in range(count):
        if ats[i] > oldest and kept_at[ys[i], xs[i]] == ats[i]:
            xs[held], ys[held], ats[held], ons[held] = xs[i], ys[i], ats[i], ons[i]
            held += 1
    if marked > 0:
        for i in range(addresses.size):
            address = addresses[i]
            on = address >= plane
            pixel = address - plane if on else address
            y = int64((pixel + 0.5) * reciprocal)
            x = pixel - y * width
            if kept_at[y, x] == now:
                # Listed once: the mark is taken off, and put on again below.
                kept_at[y, x] = now - 1
                xs[held], ys[held], ats[held], ons[held] = x, y, now, on
                held += 1
        for i in range(held - marked, held):
            kept_at[ys[i], xs[i]] = now
    fresh[0] = marked
    return held
