"""`Raster`: the picture of spikes, a row a neuron, a column a moment; none is lost in it, however small it is."""

from __future__ import annotations

import numpy as np
from numba import types, uint8, uint32
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from streamsnn.compiled import compiled
from streamsnn.gui.theme import Theme
from streamsnn.types import AnyHearing, Hearing

_FULL_A_CELL = 3


def full_of(hearing: AnyHearing | None) -> int:
    """Spikes of an ear's channel in a moment that are as bright as it gets."""
    return _FULL_A_CELL * (hearing.cells if isinstance(hearing, Hearing) else 1)


class Raster:
    """Counts of which `full` are the brightest; a single spike is `faintest` from 0 (not seen) to 1 (as bright)."""

    def __init__(self, full: int, faintest: float = 0.45) -> None:
        self._full, self._faintest = max(1, full), faintest
        self._picture = np.zeros((1, 1), np.uint32)
        self._words: tuple[Theme | None, NDArray[np.uint32]] = (None, np.zeros(256, np.uint32))

    def paint(self, painter: QPainter, area: QRectF, counts: NDArray[np.uint8], theme: Theme) -> None:
        """Draw `counts` (rows, columns), their first row at the top, over all of `area`."""
        if self._words[0] != theme:
            self._words = (theme, ramp(theme, self._full, self._faintest))
        ratio = painter.deviceTransform().m11()
        rows = min(counts.shape[0], max(1, int(area.height() * ratio)))
        columns = min(counts.shape[1], max(1, int(area.width() * ratio)))
        if self._picture.shape != (rows, columns):
            self._picture = np.empty((rows, columns), np.uint32)
        _paint(counts, self._words[1], self._picture)
        image = QImage(self._picture.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        painter.drawImage(area, image)


def ramp(theme: Theme, full: int, faintest: float) -> NDArray[np.uint32]:
    """(256,) 0xffRRGGBB of the counts 0 to 255."""
    counts = np.arange(256)
    share = faintest + (1 - faintest) * (np.log(counts.clip(1)) / np.log(max(2, full))).clip(0, 1)
    share[0] = 0
    stops = [QColor(colour) for colour in (theme.panel, theme.accent, theme.foreground)]
    parts = [
        np.interp(share, (0, 0.75, 1), [part(stop) for stop in stops])
        for part in (QColor.red, QColor.green, QColor.blue)
    ]
    red, green, blue = (np.rint(part).astype(np.uint32) for part in parts)
    words: NDArray[np.uint32] = np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue
    return words


@compiled(types.void(types.Array(uint8, 2, "A", readonly=True), uint32[::1], uint32[:, ::1]))
def _paint(counts: NDArray[np.uint8], words: NDArray[np.uint32], out: NDArray[np.uint32]) -> None:
    """A point of `out` is the greatest of the counts that it stands for."""
    height, width = counts.shape
    rows, columns = out.shape
    greatest = np.empty(width, np.uint8)
    for row in range(rows):
        greatest[:] = 0
        for y in range(row * height // rows, (row + 1) * height // rows):
            for x in range(width):
                greatest[x] = max(greatest[x], counts[y, x])
        for column in range(columns):
            count = np.uint8(0)
            for x in range(column * width // columns, (column + 1) * width // columns):
                count = max(count, greatest[x])
            out[row, column] = words[count]
