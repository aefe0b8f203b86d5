"""`Boxes`: the frames around what a tracker follows, each with its number, its label and the way that it came."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QTransform

from streamsnn.gui.painter import Face, Painter
from streamsnn.gui.theme import Theme, text_on

TAIL_US = 500_000
"""How much of its way a box leaves visible."""
_PIECES = 4


class Boxes:
    """No boxes yet."""

    def __init__(self) -> None:
        self._tracks: NDArray[np.void] | None = None
        self._ways: dict[int, deque[tuple[int, float, float]]] = {}

    def clear(self) -> None:
        """Forget all boxes."""
        self._tracks = None
        self._ways.clear()

    def follow(self, tracks: NDArray[np.void], now_us: int) -> None:
        """These are the boxes at sensor time `now_us`; `tracks` are of type TRACK."""
        self._tracks = tracks
        for id_, x, y, width, height, _ in tracks.tolist():
            way = self._ways.setdefault(id_, deque())
            if way and now_us < way[-1][0]:
                way.clear()
            if not way or now_us > way[-1][0]:
                way.append((now_us, x + width / 2, y + height / 2))
        for id_, way in list(self._ways.items()):
            while way and way[0][0] < now_us - TAIL_US:
                way.popleft()
            if not way:
                del self._ways[id_]

    def paint(self, painter: Painter, place: QTransform, face: Face, theme: Theme, now_us: int) -> None:
        """Draw them; `place` says where a pixel of the sensor lies on the widget."""
        painter.use(face)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for id_, way in self._ways.items():
            self._paint_way(painter, place, theme.category(id_), list(way), now_us)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for id_, x, y, width, height, label in () if self._tracks is None else self._tracks.tolist():
            colour = theme.category(id_)
            frame = place.mapRect(QRectF(x, y, width, height))
            painter.setPen(QPen(colour, 2))
            painter.setBrush(QBrush(Qt.BrushStyle.NoBrush))
            painter.drawRect(frame)
            text = f"{id_}: {label}" if label else str(id_)
            high = face.high
            plate = QRectF(frame.left() - 1, frame.top() - high, face.width(text) + 8, high)
            painter.fillRect(plate, colour)
            painter.write(plate, text, text_on(colour), "centre")

    @staticmethod
    def _paint_way(
        painter: Painter, place: QTransform, colour: QColor, way: list[tuple[int, float, float]], now_us: int
    ) -> None:
        """The way in pieces, each fainter than the one after it."""
        points = [place.map(QPointF(x, y)) for _, x, y in way]
        for piece in range(_PIECES):
            begin, end = piece * len(points) // _PIECES, (piece + 1) * len(points) // _PIECES + 1
            if len(points[begin:end]) > 1:
                faint = QColor(colour)
                faint.setAlphaF(min(1.0, max(0.1, 1 - (now_us - way[begin][0]) / TAIL_US)))
                painter.setPen(QPen(faint, 2))
                painter.drawPolyline(points[begin:end])
