"""`HistoryView`: what was decided over the last seconds: when the network made up its mind, and when it changed it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter
from streamsnn.gui.panel import MARGIN, Panel, Playing
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.gui.theme import text_on
from streamsnn.player.messages import Opened
from streamsnn.player.screen import RECORDS, Screen, Watched

LENGTH_US = 10_000_000
_ROW = np.dtype([("t_us", "<i8"), ("label", "<i4"), ("confidence", "<f4")])
_TIP = "What was shown over the last 10 s of the stream, and the confidence of the best class beside the threshold."


class Said(NamedTuple):
    """A label that stood from `begin_us` to `end_us`; `place` is the label's among all of them."""

    place: int
    begin_us: int
    end_us: int


class HistoryView(Panel):
    """Labels as coloured spans, and below them the confidence as a line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("historyView", _TIP, (640, 140), parent)
        self.threshold = 0.5
        self._tape = Tape(_ROW, 1)
        self._seen = Seen(1)

    def open(self, opened: Opened, screen: Screen) -> None:
        steps = min(RECORDS - 1, LENGTH_US // opened.layout.step_us + 2)
        self._tape, self._seen = Tape(_ROW, steps), Seen(steps)
        self.threshold = opened.card.readout.threshold
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        new = self._seen.new(self.playing.screen, watched)
        rows = np.empty(len(new.records), _ROW)
        rows["t_us"] = (new.records["index"] + 1) * self.playing.opened.layout.step_us
        rows["label"], rows["confidence"] = new.records["label"], new.records["confidence"]
        self._tape.add(rows)
        if len(rows):
            self.update()

    def clear(self) -> None:
        self._tape.clear()
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """The confidence in [0, 1] above which a label is shown."""
        self.threshold = threshold
        self.update()

    def spans(self) -> list[Said]:
        """The labels that were shown, the oldest first, from the step that brought them to the one that ended them."""
        rows, step_us = self._tape.rows, self.playing.opened.layout.step_us if self.playing else 1
        if not len(rows):
            return []
        t_us, label = rows["t_us"], rows["label"]
        turns = np.flatnonzero((np.diff(label) != 0) | (np.diff(t_us) != step_us))
        begins, ends = np.append(0, turns + 1), np.append(turns, len(rows) - 1)
        return [
            Said(int(label[begin]), int(t_us[begin]), int(t_us[end]) + step_us * (end < len(rows) - 1))
            for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
            if label[begin] >= 0
        ]

    def strip(self) -> Strip:
        """Where the confidence is painted."""
        high = self.small.high
        rows = self._tape.rows
        left = MARGIN + self.small.width("100 %") + 6
        top = MARGIN + high + 14
        area = QRectF(left, top, self.width() - left - MARGIN, max(8.0, self.height() - top - high - MARGIN))
        return Strip(area, int(rows["t_us"][-1]) if len(rows) else LENGTH_US, LENGTH_US)

    def paint(self, painter: Painter, playing: Playing) -> None:
        painter.use(self.small)
        strip, rows, labels = self.strip(), self._tape.rows, playing.opened.card.labels
        strip.draw_times(painter, playing.opened.begin_us, self.theme)
        strip.draw_values(painter, {0.0: "0", 1.0: "100 %"}, self.theme)
        high = painter.face.high
        band = QRectF(strip.area.left(), MARGIN, strip.area.width(), high + 6)
        for said in self.spans():
            left, right = max(band.left(), strip.x(said.begin_us)), strip.x(said.end_us)
            if right <= band.left():
                continue
            colour = self.theme.category(said.place)
            plate = QRectF(left, band.top(), max(1.0, right - left), band.height())
            painter.fillRect(plate, colour)
            if plate.width() > painter.face.width(labels[said.place]) + 6:
                painter.write(plate, labels[said.place], text_on(colour), "centre")
            below = QRectF(left, strip.area.top(), plate.width(), strip.area.height())
            tint = QColor(colour)
            tint.setAlphaF(0.14)
            painter.fillRect(below, tint)
            if strip.x(said.begin_us) >= band.left():
                painter.rule(QPointF(left, band.bottom()), QPointF(left, strip.area.bottom()), colour)
        step_us = playing.opened.layout.step_us
        strip.draw(painter, strip.path(rows["t_us"], rows["confidence"], 2 * step_us), self.theme.foreground)
        y = strip.y(self.threshold)
        painter.across(strip.area, y, self.theme.accent, dashed=True)
        near = min(abs(self.threshold - value) for value in (0.0, 1.0)) * strip.area.height()
        if near > high:
            painter.write(
                QRectF(0, y - high / 2, strip.area.left() - 6, high),
                f"{100 * self.threshold:.0f} %",
                self.theme.accent,
                "right",
            )
