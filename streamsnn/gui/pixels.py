"""`Pixels`: what each pixel of a sensor has to show, and the picture of it, one byte a pixel.

The bytes are the shades of `palettes`: of two, the greater is the one that is seen better.
"""

from __future__ import annotations

import numpy as np
from numba import int32, int64, types, uint8, uint32
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.gui.palettes import STRONGEST
from streamsnn.types import EVENT, Events

HELD = 1 << 20
_SLACK = 1 << 17
"""What is overwritten next is let go of some events early, so that counts can take it back first."""
LOOKS_BACK = HELD - _SLACK
"""Events that a picture can look back on: at a million events a second, those of nearly one second."""
_OLDEST_US = 1 << 30
_SQUARINGS = 5
# What is held of the stream at hand begins at _FIRST and ends before _HEAD. The time surface has seen what comes before
# _SURFACED; the counts are of what lies from _COUNTED_FROM to _COUNTED_TO.
_HEAD, _FIRST, _NEWEST_US, _SURFACED, _SURFACE_US, _COUNTED_FROM, _COUNTED_TO = range(7)
_NOTHING_US = -(1 << 62)
_EVENTS = types.Array(from_dtype(EVENT), 1, "A", readonly=True)


class Pixels:
    """A sensor of `width` x `height` pixels that saw nothing yet.

    An event that is older than the one before it begins a new stream: what was there is forgotten. Events outside the
    sensor are left out. Of its two pictures only the one that is asked for costs time.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._held_us = np.zeros(HELD, np.int64)
        self._held_cell = np.zeros(HELD, np.int32)
        self._marks = np.array([0, 0, _NOTHING_US, 0, _NOTHING_US, 0, 0], np.int64)
        self._last = np.zeros(height * width, np.int32)
        self._counts = np.zeros(height * width, np.int32)
        self._shades = np.zeros((height, width), np.uint8)

    def clear(self) -> None:
        """Forget everything."""
        self._marks[_FIRST] = self._marks[_HEAD]
        self._marks[_NEWEST_US] = _NOTHING_US
        self._marks[_SURFACE_US] = _NOTHING_US

    @property
    def newest_us(self) -> int | None:
        """The sensor time of the newest event, or None."""
        newest = int(self._marks[_NEWEST_US])
        return None if newest == _NOTHING_US else newest

    def add(self, events: Events) -> None:
        """See `events`, ordered by time."""
        _add(events, self.width, self.height, self._held_us, self._held_cell, self._marks)

    def surface(self, now_us: int, tau_us: int) -> NDArray[np.uint8]:
        """Shades (height, width) of the time surface at `now_us`: each pixel's last event, fading with `tau_us`.

        Within 2 % of exp(-age / tau), and nothing after 8 tau. Valid until the next call.
        """
        _fade(self._held_us, self._held_cell, self._marks, self._last, now_us, max(1, tau_us), self._shades.reshape(-1))
        return self._shades

    def accumulation(self, now_us: int, window_us: int, contrast: int = 3) -> NDArray[np.uint8]:
        """Shades (height, width) of ON minus OFF events in the newest `window_us`; `contrast` more of one are the most.

        Valid until the next call.
        """
        _count(self._held_us, self._held_cell, self._marks, self._counts, now_us - window_us)
        _shade(self._counts, STRONGEST // contrast, self._shades.reshape(-1))
        return self._shades


def coloured(shades: NDArray[np.uint8], words: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    """Paint `shades` in the colours `words` (256,) into `out`, which may be smaller: then the strongest is seen.

    So no event vanishes between two points of the screen.
    """
    if out.shape == shades.shape:
        _coloured(shades.reshape(-1), words, out.reshape(-1))
    else:
        _folded(shades, words, out)


@compiled(types.void(_EVENTS, int64, int64, int64[::1], int32[::1], int64[::1]))
def _add(
    events: Events,
    width: int,
    height: int,
    held_us: NDArray[np.int64],
    held_cell: NDArray[np.int32],
    marks: NDArray[np.int64],
) -> None:
    """Hold `events`; a cell is 2 * pixel + polarity."""
    head, newest_us = marks[_HEAD], marks[_NEWEST_US]
    for i in range(events.shape[0]):
        t_us, x, y = events[i].t, int64(events[i].x), int64(events[i].y)
        if x >= width or y >= height:
            continue
        if t_us < newest_us:
            marks[_FIRST] = head
            marks[_SURFACE_US] = _NOTHING_US
        newest_us = t_us
        held_us[head % HELD] = t_us
        held_cell[head % HELD] = ((y * width + x) << 1) | int64(events[i].p)
        head += 1
    marks[_HEAD], marks[_NEWEST_US] = head, newest_us
    marks[_FIRST] = max(marks[_FIRST], head - LOOKS_BACK)


@compiled(types.void(int64[::1], int32[::1], int64[::1], int32[::1], int64, int64, uint8[::1]))
def _fade(
    held_us: NDArray[np.int64],
    held_cell: NDArray[np.int32],
    marks: NDArray[np.int64],
    last: NDArray[np.int32],
    now_us: int,
    tau_us: int,
    shades: NDArray[np.uint8],
) -> None:
    """`last` holds the low 31 bits of each pixel's last time in its upper bits, and the polarity in bit 0.

    Those wrap after 71 minutes, so that what is older than 18 is kept at 18.
    """
    now = int32(now_us & ~1)
    if now_us - marks[_SURFACE_US] > _OLDEST_US:
        last[:] = int32(now - int32(_OLDEST_US))
    marks[_SURFACE_US] = now_us
    for k in range(max(marks[_SURFACED], marks[_FIRST]), marks[_HEAD]):
        if now_us - held_us[k % HELD] < _OLDEST_US:
            cell = held_cell[k % HELD]
            last[cell >> 1] = int32((held_us[k % HELD] & ~1) | int64(cell & 1))
    marks[_SURFACED] = marks[_HEAD]
    # exp(-a) = (1 - a / 32)^32, nearly: by squaring, which many pixels can do at once.
    factor = np.float32(-1.0 / (tau_us * (1 << _SQUARINGS)))
    for pixel in range(last.size):
        before = last[pixel]
        age_us = int32(now - before)
        age_us = min(max(age_us, int32(0)), int32(_OLDEST_US))
        last[pixel] = int32(int32(now - age_us) & int32(~1)) | (before & int32(1))
        left = max(np.float32(1) + np.float32(age_us) * factor, np.float32(0))
        for _ in range(_SQUARINGS):
            left = left * left
        shades[pixel] = (np.uint8(left * np.float32(STRONGEST) + np.float32(0.5)) << 1) | np.uint8(before & 1)


@compiled(types.void(int64[::1], int32[::1], int64[::1], int32[::1], int64))
def _count(
    held_us: NDArray[np.int64],
    held_cell: NDArray[np.int32],
    marks: NDArray[np.int64],
    counts: NDArray[np.int32],
    since_us: int,
) -> None:
    """Let `counts` be of the events at `since_us` and later: a few leave or come, and the others stay counted."""
    begin, end, first, head = marks[_COUNTED_FROM], marks[_COUNTED_TO], marks[_FIRST], marks[_HEAD]
    if end <= first or begin < head - HELD:
        # All that was counted is gone, and some of it overwritten.
        counts[:] = 0
        begin = first
        end = first
    while end < head:
        cell = held_cell[end % HELD]
        counts[cell >> 1] += 2 * (cell & 1) - 1
        end += 1
    while begin < head and (begin < first or held_us[begin % HELD] < since_us):
        cell = held_cell[begin % HELD]
        counts[cell >> 1] -= 2 * (cell & 1) - 1
        begin += 1
    while begin > first and held_us[(begin - 1) % HELD] >= since_us:
        begin -= 1
        cell = held_cell[begin % HELD]
        counts[cell >> 1] += 2 * (cell & 1) - 1
    marks[_COUNTED_FROM], marks[_COUNTED_TO] = begin, end


@compiled(types.void(int32[::1], int64, uint8[::1]))
def _shade(counts: NDArray[np.int32], factor: int, shades: NDArray[np.uint8]) -> None:
    for pixel in range(counts.size):
        strength = min(int32(abs(counts[pixel]) * int32(factor)), int32(STRONGEST))
        shades[pixel] = np.uint8(strength << 1) | np.uint8(counts[pixel] > 0)


@compiled(types.void(uint8[::1], uint32[::1], uint32[::1]))
def _coloured(shades: NDArray[np.uint8], words: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    for pixel in range(shades.size):
        out[pixel] = words[shades[pixel]]


@compiled(types.void(uint8[:, ::1], uint32[::1], uint32[:, ::1]))
def _folded(shades: NDArray[np.uint8], words: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    height, width = shades.shape
    rows, columns = out.shape
    strongest = np.empty(width, np.uint8)
    for row in range(rows):
        strongest[:] = 0
        for y in range(row * height // rows, max((row + 1) * height // rows, row * height // rows + 1)):
            for x in range(width):
                strongest[x] = max(strongest[x], shades[y, x])
        x = 0
        for column in range(columns):
            end = max((column + 1) * width // columns, x + 1)
            shade = strongest[x]
            for each in range(x + 1, end):
                shade = max(shade, strongest[each])
            out[row, column] = words[shade]
            x = min(end, width - 1)
