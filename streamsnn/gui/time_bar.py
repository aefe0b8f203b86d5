"""The recording from its beginning to its end: how busy it is, where one is, and where one wants to go."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from streamsnn.gui.theme import Theme
from streamsnn.player.overview import Overview

_MARGIN = 10
_TICKS = 8


class TimeBar(QWidget):
    """Click or drag to seek (`sought`, an offset in us from the beginning); the in and out markers are drawn on it."""

    sought = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeBar")
        self.setToolTip("Click or drag to seek. I and O set the markers of the loop.")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        self._theme = theme
        self._overview: Overview | None = None
        self._duration_us: int | None = None
        self._position_us = 0
        self._dragged_us: int | None = None
        self._hover_us: int | None = None
        self.in_us: int | None = None
        self.out_us: int | None = None

    def sizeHint(self) -> QSize:
        return QSize(600, 62)

    @property
    def duration_us(self) -> int | None:
        """How long the recording is, as far as that is known."""
        return self._duration_us

    @property
    def position_us(self) -> int:
        """Where it is drawn that one is: while one drags, where the mouse is."""
        return self._position_us if self._dragged_us is None else self._dragged_us

    def open(self, duration_us: int | None) -> None:
        """Another recording."""
        self._overview, self._duration_us, self._position_us = None, duration_us, 0
        self.in_us = self.out_us = self._dragged_us = None
        self.update()

    def show_overview(self, overview: Overview) -> None:
        """Draw how busy it is, as far as it was read."""
        self._overview = overview
        if overview.done or (self._duration_us or 0) < overview.duration_us:
            self._duration_us = overview.duration_us
        self.update()

    def show_position(self, offset_us: int) -> None:
        """Draw where one is. A stream that is longer than it was said to be stretches the bar."""
        if offset_us == self._position_us:
            return
        self._position_us = offset_us
        if self._duration_us is not None:
            self._duration_us = max(self._duration_us, offset_us)
        self.update()

    def set_markers(self, in_us: int | None, out_us: int | None) -> None:
        """Draw the markers."""
        self.in_us, self.out_us = in_us, out_us
        self.update()

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self._theme = theme
        self.update()

    def x_of(self, offset_us: int) -> float:
        """Where an offset lies, in pixels from the left."""
        return _MARGIN + offset_us / max(self._duration_us or 1, 1) * (self.width() - 2 * _MARGIN)

    def offset_at(self, x: float) -> int:
        """The offset at a place, in us, inside the recording."""
        share = (x - _MARGIN) / max(self.width() - 2 * _MARGIN, 1)
        return round(min(max(share, 0.0), 1.0) * (self._duration_us or 0))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self._duration_us:
            self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover_us = self.offset_at(event.position().x()) if self._duration_us else None
        if self._dragged_us is not None:
            self._drag(event)
        elif self._hover_us is not None:
            QToolTip.showText(event.globalPosition().toPoint(), clock_text(self._hover_us), self)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged_us = None
        self.update()

    def _drag(self, event: QMouseEvent) -> None:
        self._dragged_us = self.offset_at(event.position().x())
        self.sought.emit(self._dragged_us)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.panel))
        floor = self.height() - 18.0
        if not self._duration_us:
            painter.setPen(QColor(theme.muted))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, "no recording: nothing to wind")
            return
        self._draw_rate(painter, floor)
        self._draw_axis(painter, floor)
        self._draw_markers(painter, floor)
        x = self.x_of(self.position_us)
        painter.setPen(QPen(QColor(theme.accent), 2))
        painter.drawLine(QPointF(x, 2), QPointF(x, floor))
        painter.setBrush(QColor(theme.accent))
        painter.drawPolygon(QPolygonF([QPointF(x - 5, 2), QPointF(x + 5, 2), QPointF(x, 9)]))

    def _draw_rate(self, painter: QPainter, floor: float) -> None:
        overview = self._overview
        if overview is None or not len(overview.counts):
            return
        peak = float(np.max(overview.counts)) or 1.0
        heights = np.sqrt(overview.counts / peak) * (floor - 8)
        colour = QColor(self._theme.muted)
        colour.setAlpha(120)
        points = [QPointF(self.x_of(0), floor)]
        for place, height in enumerate(heights.tolist()):
            end_us = min((place + 1) * overview.cell_us, overview.duration_us)
            points += [
                QPointF(self.x_of(place * overview.cell_us), floor - height),
                QPointF(self.x_of(end_us), floor - height),
            ]
        points.append(QPointF(points[-1].x(), floor))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawPolygon(QPolygonF(points))

    def _draw_axis(self, painter: QPainter, floor: float) -> None:
        assert self._duration_us is not None
        painter.setPen(QColor(self._theme.muted))
        painter.drawLine(QPointF(self.x_of(0), floor), QPointF(self.x_of(self._duration_us), floor))
        step_us = _round_step(self._duration_us / _TICKS)
        for offset_us in range(0, self._duration_us + 1, step_us):
            x = self.x_of(offset_us)
            painter.drawLine(QPointF(x, floor), QPointF(x, floor + 3))
            box = QRectF(x - 40, floor + 3, 80, 14)
            flag = Qt.AlignmentFlag.AlignHCenter
            if box.left() < 0:
                box, flag = QRectF(x - 4, floor + 3, 80, 14), Qt.AlignmentFlag.AlignLeft
            elif box.right() > self.width():
                box, flag = QRectF(x - 76, floor + 3, 80, 14), Qt.AlignmentFlag.AlignRight
            painter.drawText(box, flag, clock_text(offset_us, step_us))

    def _draw_markers(self, painter: QPainter, floor: float) -> None:
        if self.in_us is None and self.out_us is None:
            return
        assert self._duration_us is not None
        begin, end = self.x_of(self.in_us or 0), self.x_of(self.out_us or self._duration_us)
        shade = QColor(self._theme.background)
        shade.setAlpha(170)
        painter.fillRect(QRectF(self.x_of(0), 0, begin - self.x_of(0), floor), shade)
        painter.fillRect(QRectF(end, 0, self.x_of(self._duration_us) - end, floor), shade)
        painter.setPen(QPen(QColor(self._theme.foreground), 2))
        for x, inwards in ((begin, 5), (end, -5)):
            painter.drawPolyline(
                [QPointF(x + inwards, 3), QPointF(x, 3), QPointF(x, floor), QPointF(x + inwards, floor)]
            )


def clock_text(offset_us: int, step_us: int = 1) -> str:
    """An offset as people write it, 1:02.345, with as many decimals as a scale with `step_us` between ticks needs."""
    seconds, rest_us = divmod(offset_us, 1_000_000)
    decimals = 0 if step_us % 1_000_000 == 0 else 1 if step_us % 100_000 == 0 else 3
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{rest_us // 10 ** (6 - decimals):0{decimals}d}" if decimals else ""
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{seconds:02d}{fraction}"


def _round_step(least_us: float) -> int:
    """The next length of time that people count in."""
    base = 1_000
    while True:
        for factor in (1, 2, 5):
            if base * factor >= least_us and base * factor < 60_000_000:
                return base * factor
        if base > 60_000_000:
            break
        base *= 10
    minutes = 60_000_000
    for factor in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 1440):
        if minutes * factor >= least_us:
            return minutes * factor
    return minutes * 1440
