"""The signs on the buttons, drawn: not every font has them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap, QPolygonF

from streamsnn.gui.theme import Theme

_SIZE = 64
"""Pixels of the drawing; buttons show it smaller, and sharp at twice the usual density."""


def icon(name: str, theme: Theme) -> QIcon:
    """The sign called `name`: "play", "pause", "rewind", "back", "forward" or "loop"."""
    made = QIcon()
    made.addPixmap(_drawn(name, theme.foreground), QIcon.Mode.Normal)
    made.addPixmap(_drawn(name, theme.muted, 0.4), QIcon.Mode.Disabled)
    made.addPixmap(_drawn(name, theme.accent), QIcon.Mode.Normal, QIcon.State.On)
    return made


def _drawn(name: str, colour: str, opacity: float = 1.0) -> QPixmap:
    picture = QPixmap(_SIZE, _SIZE)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(opacity)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    _SIGNS[name](painter)
    painter.end()
    return picture


def _triangle(painter: QPainter, base: float, tip: float) -> None:
    painter.drawPolygon(QPolygonF([QPointF(base, 12), QPointF(base, 52), QPointF(tip, 32)]))


def _bar(painter: QPainter, left: float, width: float = 8) -> None:
    painter.drawRect(QRectF(left, 12, width, 40))


def _play(painter: QPainter) -> None:
    _triangle(painter, 16, 54)


def _pause(painter: QPainter) -> None:
    _bar(painter, 16, 12)
    _bar(painter, 38, 12)


def _rewind(painter: QPainter) -> None:
    _bar(painter, 8, 6)
    _triangle(painter, 36, 14)
    _triangle(painter, 58, 36)


def _back(painter: QPainter) -> None:
    _triangle(painter, 38, 12)
    _bar(painter, 44)


def _forward(painter: QPainter) -> None:
    _bar(painter, 12)
    _triangle(painter, 26, 52)


def _loop(painter: QPainter) -> None:
    painter.setPen(QPen(painter.brush().color(), 7, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    colour = painter.brush().color()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # Qt counts angles in sixteenths of a degree.
    painter.drawArc(QRectF(12, 12, 40, 40), 60 * 16, 290 * 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(36, 2), QPointF(58, 14), QPointF(38, 27)]))


_SIGNS = {"play": _play, "pause": _pause, "rewind": _rewind, "back": _back, "forward": _forward, "loop": _loop}
