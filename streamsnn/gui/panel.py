"""`Panel`: what all views have in common: a surface painted by hand, and a word before anything plays."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from streamsnn.gui.theme import DARK, Theme
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen, Watched

MARGIN = 10
"""Pixels between a panel's edge and what it shows."""
_LEFT, _CENTRE, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight
ALIGNED = {"left": _LEFT, "centre": _CENTRE, "right": _RIGHT}


class Playing(NamedTuple):
    """What a panel shows."""

    opened: Opened
    screen: Screen


class Panel(QWidget):
    """A view that paints itself: all of it in `paint`, once something plays."""

    def __init__(self, name: str, tip: str, size: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.theme: Theme = DARK
        self.playing: Playing | None = None
        self._size = QSize(*size)

    def open(self, opened: Opened, screen: Screen) -> None:
        """Show this stream from now on."""
        self.playing = Playing(opened, screen)
        self.clear()

    def refresh(self, watched: Watched, host_ns: int) -> None:
        """Show the steps that are new since the last call, at host time `host_ns`."""
        self.update()

    def clear(self) -> None:
        """Forget what was shown."""
        self.update()

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self.theme = theme
        self.update()

    def paint(self, painter: QPainter, playing: Playing) -> None:
        """Paint what is `playing` on a surface that is filled with the theme's `panel`."""

    # What Qt asks for.

    def sizeHint(self) -> QSize:
        return self._size

    def minimumSizeHint(self) -> QSize:
        return QSize(min(160, self._size.width()), min(80, self._size.height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), QColor(self.theme.panel))
            if self.playing is None:
                self.say(painter, "nothing plays yet")
            else:
                self.paint(painter, self.playing)
        finally:
            painter.end()

    # What painting needs.

    def sized(self, factor: float, *, bold: bool = False) -> QFont:
        """The widget's font, `factor` times as large."""
        font = QFont(self.font())
        points = font.pointSizeF()
        if points > 0:
            font.setPointSizeF(points * factor)
        else:
            font.setPixelSize(max(1, round(font.pixelSize() * factor)))
        font.setBold(bold)
        return font

    @property
    def small(self) -> QFont:
        """The font of labels and axes."""
        return self.sized(0.85)

    def say(self, painter: QPainter, text: str) -> None:
        """Write `text` quietly into the middle: there is nothing else to show."""
        painter.setFont(self.font())
        painter.setPen(QColor(self.theme.muted))
        area = QRectF(self.rect()).adjusted(MARGIN, 0, -MARGIN, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)


def write(painter: QPainter, area: QRectF, text: str, colour: QColor | str, align: str = "left") -> None:
    """Write one line into `area` in the painter's font, halfway from top to bottom, shortened where it is too long."""
    metrics = QFontMetricsF(painter.font())
    if metrics.horizontalAdvance(text) > area.width():
        text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, area.width())
    painter.setPen(QColor(colour))
    painter.drawText(area, ALIGNED[align] | Qt.AlignmentFlag.AlignVCenter, text)


def width_of(font: QFont, text: str) -> float:
    """Pixels that `text` is wide."""
    return QFontMetricsF(font).horizontalAdvance(text)


def height_of(font: QFont) -> float:
    """Pixels that a line is high."""
    return QFontMetricsF(font).height()


def rule(painter: QPainter, begin: QPointF, end: QPointF, colour: QColor | str, *, dashed: bool = False) -> None:
    """A line one pixel wide."""
    pen = QPen(QColor(colour), 1.0)
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4, 3])
    painter.setPen(pen)
    painter.drawLine(begin, end)


_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SMALL = ((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def short(number: float, unit: str = "", *, small: bool = False) -> str:
    """A number of three digits with a prefix and a unit: 1234567 is "1.23 M"; with `small` 0.001 W is "1.00 mW"."""
    if number != number:
        return "–"
    for factor, prefix in (*_LARGE, *_SMALL) if small else _LARGE:
        if abs(number) >= 0.9995 * factor:
            return f"{_three(number / factor)} {prefix}{unit}".rstrip()
    return f"{_three(number)} {unit}".rstrip()


def _three(number: float) -> str:
    size = abs(number)
    return f"{number:.0f}" if size >= 99.95 or size == 0 else f"{number:.1f}" if size >= 9.995 else f"{number:.2f}"
