"""`Panel`: what all views have in common: a surface painted by hand, and a word before anything plays."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from streamsnn.gui.painter import Face, Painter
from streamsnn.gui.theme import DARK, Theme
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen, Watched

MARGIN = 10
"""Pixels between a panel's edge and what it shows."""
_TIP_MS = 6_000
CALM_NS = 60_000_000
READABLE_NS = 250_000_000
"""Numbers change at most so often: faster ones cannot be read."""


class Playing(NamedTuple):
    """What a panel shows."""

    opened: Opened
    screen: Screen


class Panel(QWidget):
    """A view that paints itself: all of it in `paint`, once something plays."""

    nothing = "nothing plays yet"
    """What is written while nothing plays."""

    def __init__(self, name: str, tip: str, size: tuple[int, int], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setToolTip(tip)
        self.setToolTipDuration(_TIP_MS)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.theme: Theme = DARK
        self.playing: Playing | None = None
        self.exposed = self.rect()
        """What of the panel is being painted."""
        self._size = QSize(*size)
        self._stale, self._asked_ns = False, 0
        self._fonts: dict[tuple[float, bool], Face] = {}

    def open(self, opened: Opened, screen: Screen) -> None:
        """Show this stream from now on."""
        self.playing = Playing(opened, screen)
        self.clear()

    def refresh(self, watched: Watched, host_ns: int) -> None:
        """Show the steps that are new since the last call, at host time `host_ns`."""
        self.update()

    def update_calmly(self, new: bool, host_ns: int) -> None:
        """Ask to be painted where something is `new`, but not more often than strips of seconds need to glide."""
        self._stale = self._stale or new
        if self._stale and not 0 <= host_ns - self._asked_ns < CALM_NS:
            self._stale, self._asked_ns = False, host_ns
            self.update()

    def clear(self) -> None:
        """Forget what was shown."""
        self.update()

    def leave(self) -> None:
        """Let go of the stream and of its screen: nothing plays any more."""
        self.clear()
        self.playing = None
        self.update()

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self.theme = theme
        self.update()

    def paint(self, painter: Painter, playing: Playing) -> None:
        """Paint what is `playing` on a surface that is filled with the theme's `panel`."""

    # What Qt asks for.

    def sizeHint(self) -> QSize:
        return self._size

    def minimumSizeHint(self) -> QSize:
        return QSize(min(160, self._size.width()), min(80, self._size.height()))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = Painter(self)
        self.exposed = event.rect()
        try:
            painter.fillRect(self.rect(), QColor(self.theme.panel))
            if self.playing is None:
                self.say(painter, self.nothing)
            else:
                self.paint(painter, self.playing)
        finally:
            painter.end()

    # What painting needs.

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fonts.clear()
        super().changeEvent(event)

    def sized(self, factor: float, *, bold: bool = False) -> Face:
        """The widget's font, `factor` times as large."""
        # A new font is looked up among those of the system when it is first used, and that takes a while.
        found = self._fonts.get((factor, bold))
        if found is None:
            found = self._fonts[factor, bold] = Face(self._sized(factor, bold))
        return found

    def _sized(self, factor: float, bold: bool) -> QFont:
        font = QFont(self.font())
        points = font.pointSizeF()
        if points > 0:
            font.setPointSizeF(points * factor)
        else:
            font.setPixelSize(max(1, round(font.pixelSize() * factor)))
        font.setBold(bold)
        return font

    @property
    def small(self) -> Face:
        """The face of labels and axes."""
        return self.sized(0.85)

    def say(self, painter: Painter, text: str) -> None:
        """Write `text` quietly into the middle: there is nothing else to show."""
        painter.setFont(self.font())
        painter.setPen(QColor(self.theme.muted))
        area = QRectF(self.rect()).adjusted(MARGIN, 0, -MARGIN, 0)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
