"""What a film shows: some of the window's views in a fixed arrangement, painted without a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from streamsnn.gui.decision_view import DecisionView
from streamsnn.gui.event_view import EventView
from streamsnn.gui.film_files import Picture, Size
from streamsnn.gui.history_view import HistoryView
from streamsnn.gui.membrane_view import MembraneView, Probes
from streamsnn.gui.palettes import PALETTES
from streamsnn.gui.rate_view import RateView
from streamsnn.gui.sound_view import SoundView
from streamsnn.gui.spike_view import SpikeView
from streamsnn.gui.theme import Theme, mixed
from streamsnn.gui.view import View
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen

_SIDE, _BELOW, _CAPTION = 0.3, 0.22, 0.045
_TOLD = 0.64
_FONT = 0.019
_GAP = 0.005
"""Widths as parts of a film's width, heights as parts of its height."""
_SWATCHES = 4


class Stage(QWidget):
    """Events or sound at the left, what was decided and how much came in below it, the decision, the spikes and the
    membranes of `probes`, if any, at the right, and a line that says what this is. `size` in pixels; texts and gaps
    grow with it."""

    def __init__(
        self, opened: Opened, screen: Screen, theme: Theme, size: Size, speed: float, probes: Probes = ()
    ) -> None:
        super().__init__()
        # Views take up only what they would show to somebody; nobody needs a window for that.
        self.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)
        self.setFixedSize(*size)
        font = self.font()
        font.setPixelSize(max(7, round(_FONT * size[1])))
        self.setFont(font)
        self._theme, self._opened, self._screen, self._speed = theme, opened, screen, speed
        heard = opened.layout.sensor.kind == "audio"
        self.picture: EventView | SoundView = SoundView() if heard else EventView()
        self.decision, self.history, self.spikes = DecisionView(), HistoryView(), SpikeView()
        self.rate = RateView()
        self.membranes = MembraneView(always=probes) if probes else None
        views = (self.picture, self.decision, self.history, self.spikes, self.rate, self.membranes)
        self._views: tuple[View, ...] = tuple(view for view in views if view is not None)
        self._seen = 0
        self._caption = QRect()
        self._lay_out()
        self.show()
        for view in self._views:
            view.use_theme(theme)
            view.open(opened, screen)
        self.spikes.set_probes(probes)

    def set_threshold(self, threshold: float) -> None:
        """Show that labels are shown above this confidence."""
        self.decision.set_threshold(threshold)
        self.history.set_threshold(threshold)

    def set_interval_us(self, interval_us: int) -> None:
        """Show events for as much stream as one picture stands for, at least: what is never seen is not filmed."""
        if isinstance(self.picture, EventView):
            whole_ms = round(interval_us / 1000) * 1000
            self.picture.set_accumulation_us(max(self.picture.accumulation_us, whole_ms))

    def shoot(self, host_ns: int) -> Picture:
        """Take up what is new on the screen, at a time `host_ns` of the film, and paint everything."""
        watched = self._screen.steps_since(self._seen)
        self._seen = watched.until
        for view in self._views:
            view.refresh(watched, host_ns)
        image = QImage(self.size(), QImage.Format.Format_RGB32)
        self.render(image)
        pixels = np.frombuffer(image.constBits(), np.uint8)
        return pixels.reshape(image.height(), image.width(), 4).copy()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            painter.fillRect(self.rect(), QColor(self._theme.background))
            painter.setFont(self.font())
            margin, time = self._caption.height() // 2, self._time()
            line = self._caption.adjusted(margin, 0, -margin, 0)
            metrics = painter.fontMetrics()
            room = line.width() - metrics.horizontalAdvance(time) - margin
            name = metrics.elidedText(self._name(), Qt.TextElideMode.ElideMiddle, room)
            for text, colour, side in (
                (name, self._theme.foreground, Qt.AlignmentFlag.AlignLeft),
                (time, self._theme.muted, Qt.AlignmentFlag.AlignRight),
            ):
                painter.setPen(QColor(colour))
                painter.drawText(line, side | Qt.AlignmentFlag.AlignVCenter, text)
        finally:
            painter.end()

    def _name(self) -> str:
        opened = self._opened
        return f"{Path(opened.source).name if opened.path else opened.source}   ·   {opened.card.name}"

    def _time(self) -> str:
        shown_us = self._screen.newest_us - self._opened.begin_us if self._screen.steps_written else 0
        speed = "" if self._speed == 1 else f"{self._speed:g} × true time   ·   "
        return f"{speed}{max(0, shown_us) / 1e6:.2f} s"

    def _lay_out(self) -> None:
        width, height = self.width(), self.height()
        gap = max(1, round(_GAP * height))
        side, below, line = round(_SIDE * width), round(_BELOW * height), round(_CAPTION * height)
        left, top = width - side - gap, height - line
        told, beside = round(_TOLD * left), left + gap
        # At the right as many as there are, one below the other, all of one height.
        column: list[QWidget] = [self.decision, self.spikes, *([] if self.membranes is None else [self.membranes])]
        tall = (top - gap * (len(column) - 1)) // len(column)
        places: list[tuple[QWidget, QRect]] = [
            (self.picture, QRect(0, 0, left, top - below - gap)),
            (self.history, QRect(0, top - below, told, below)),
            (self.rate, QRect(told + gap, top - below, left - told - gap, below)),
        ]
        for number, each in enumerate(column):
            begin = number * (tall + gap)
            end = top if each is column[-1] else begin + tall
            places.append((each, QRect(beside, begin, side, end - begin)))
        self._caption = QRect(0, top, width, line)
        for view, place in places:
            view.setParent(self)
            view.setGeometry(place)


def colours_of(theme: Theme) -> Picture:
    """A picture of the colours that a film in this theme may show at any time, and half-way to what is behind them."""
    marks = [theme.category(place) for place in range(len(theme.categories))]
    marks += [QColor(name) for name in (theme.foreground, theme.muted, theme.accent, theme.grid, theme.background)]
    shades = [mixed(mark.name(), theme.panel, part / _SWATCHES) for mark in marks for part in range(_SWATCHES)]
    table = PALETTES[theme.name].table()[::_SWATCHES]
    picture = np.zeros((1, len(shades) + len(table), 4), np.uint8)
    picture[0, : len(shades), :3] = [(each.blue(), each.green(), each.red()) for each in shades]
    picture[0, len(shades) :, :3] = table[:, ::-1]
    return picture
