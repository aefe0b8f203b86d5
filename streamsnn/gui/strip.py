"""`Strip`: a rectangle in which time runs to the right and a value upwards; all views share the way it is drawn."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from streamsnn.gui.painter import Painter
from streamsnn.gui.tape import line
from streamsnn.gui.theme import Theme


class Strip(NamedTuple):
    """`area` shows the `length_us` of sensor time that end at `end_us`, and values from `low` to `high`."""

    area: QRectF
    end_us: int
    length_us: int
    low: float = 0.0
    high: float = 1.0

    def x(self, t_us: float) -> float:
        """Where a time lies, in the pixels of the widget."""
        return self.area.right() - (self.end_us - t_us) * self.area.width() / self.length_us

    def y(self, value: float) -> float:
        """Where a value lies."""
        return self.area.bottom() - (value - self.low) * self.area.height() / (self.high - self.low)

    def path(self, t_us: NDArray[Any], values: NDArray[Any], gap_us: int) -> QPainterPath:
        """The line of `values` (float32) at `t_us`, broken at NaN and at holes of more than `gap_us`."""
        if self.area.width() < 1 or not len(t_us):
            return QPainterPath()
        x, y = line(
            t_us,
            values,
            begin_us=self.end_us - self.length_us,
            us_a_pixel=self.length_us / self.area.width(),
            left=self.area.left(),
            bottom=self.area.bottom(),
            pixels_a_unit=self.area.height() / (self.high - self.low),
            low=self.low,
            gap_us=gap_us,
        )
        return pg.functions.arrayToQPath(x, y, connect="finite") if len(x) else QPainterPath()

    def draw(self, painter: Painter, path: QPainterPath, colour: QColor | str) -> None:
        """Draw a `path` within the rectangle, a pixel wide."""
        painter.save()
        painter.setClipRect(self.area)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor(colour), 1.0)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # Wider pens take twenty times as long: on a finer screen several lines side by side do the same.
        ratio = painter.deviceTransform().m11()
        for _ in range(max(1, round(ratio))):
            painter.drawPath(path)
            painter.translate(0, 1 / ratio)
        painter.restore()

    def draw_times(
        self, painter: Painter, origin_us: int, theme: Theme, *, labels: bool = True, over: bool = False
    ) -> None:
        """Upright lines at round times since `origin_us`, and below the rectangle those times in the painter's face.

        With `over` what lies below the lines shines through.
        """
        face, colour = painter.face, QColor(theme.muted if over else theme.grid)
        colour.setAlphaF(0.25 if over else 1.0)
        apart_us = _round_up(self.length_us * 1.6 * face.width("00:00.0") / max(1.0, self.area.width()))
        first = math.ceil((self.end_us - self.length_us - origin_us) / apart_us)
        for tick in range(first, (self.end_us - origin_us) // apart_us + 1):
            x = self.x(origin_us + tick * apart_us)
            painter.rule(QPointF(x, self.area.top()), QPointF(x, self.area.bottom()), colour)
            if labels and tick >= 0:
                text = time_text(tick * apart_us)
                wide = face.width(text) + 4
                left = min(max(x - wide / 2, self.area.left()), self.area.right() - wide)
                painter.write(QRectF(left, self.area.bottom() + 1, wide, face.high), text, theme.muted, "centre")

    def draw_values(self, painter: Painter, values: dict[float, str], theme: Theme) -> None:
        """Level lines at `values`, and left of the rectangle what is written there."""
        high = painter.face.high
        for value, text in values.items():
            y = self.y(value)
            painter.across(self.area, y, theme.grid)
            painter.write(QRectF(0, y - high / 2, self.area.left() - 6, high), text, theme.muted, "right")


def time_text(offset_us: int) -> str:
    """Seconds as they stand under an axis: "2.5 s", from a minute on "1:05"."""
    seconds = offset_us / 1e6
    if seconds < 60:
        return f"{seconds:g} s"
    rest = f"{seconds % 60:g}"
    return f"{int(seconds // 60)}:{rest if float(rest) >= 10 else '0' + rest}"


def _round_up(us: float) -> int:
    """The least of 1, 2, 5, 10, ... that is not less."""
    power = 10 ** max(0, math.floor(math.log10(max(1.0, us))))
    return int(next(power * step for step in (1, 2, 5, 10) if power * step >= us))
