"""`MembraneView`: the membranes of a few neurons that were picked, over the last seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter, short
from streamsnn.gui.panel import MARGIN, Panel, Playing
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.gui.theme import mixed
from streamsnn.player.messages import Opened
from streamsnn.player.screen import PROBES, RECORDS, Screen, Watched

LENGTH_US = 5_000_000
_ROW = np.dtype([("t_us", "<i8"), ("membranes", "<f4", (PROBES,))])
Probes = tuple[tuple[str, int], ...]
"""(layer, neuron) of each neuron whose membrane is watched."""
_CROSS = "✕"
_TIP = "Membranes of the neurons that were picked among the spikes. A cross removes one."


class MembraneView(Panel):
    """A trace a neuron, each on a scale of its own: membranes of different layers have little in common.

    Each has a cross to remove it by. Of `always`, if there are any, nobody can: they are watched in every stream.
    """

    probeRemoved = Signal(int)
    """The place, among the probes, of the one whose cross was clicked."""

    def __init__(self, parent: QWidget | None = None, *, always: Probes = ()) -> None:
        super().__init__("membraneView", _TIP, (420, 240), parent)
        self._always = always
        self.setMouseTracking(True)
        self.probes: Probes = ()
        self._tape, self._seen = Tape(_ROW, 1), Seen(1)
        self._scales: list[tuple[float, float] | None] = [None] * PROBES

    def open(self, opened: Opened, screen: Screen) -> None:
        steps = min(RECORDS - 1, LENGTH_US // opened.layout.step_us + 2)
        self._tape, self._seen = Tape(_ROW, steps), Seen(steps)
        self.probes = self._always
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        taken = self._take(self._seen.new(self.playing.screen, watched))
        self.update_calmly(taken > 0, host_ns)

    def clear(self) -> None:
        self._tape.clear()
        self._scales = [None] * PROBES
        self.update()

    def set_probes(self, probes: Sequence[tuple[str, int]]) -> None:
        """These (layer, neuron) are watched from now on, a column each; those that stay keep their past."""
        if self.playing is not None:
            self._take(self._seen.rest(self.playing.screen))
        chosen = tuple(probes[:PROBES])
        past = self._tape.rows["membranes"].copy()
        scales = list(self._scales)
        self._tape.rows["membranes"] = np.nan
        self._scales = [None] * PROBES
        for place, probe in enumerate(chosen):
            if probe in self.probes:
                before = self.probes.index(probe)
                self._tape.rows["membranes"][:, place] = past[:, before]
                self._scales[place] = scales[before]
        self.probes = chosen
        self.update()

    def _take(self, new: Watched) -> int:
        if self.playing is None:
            return 0
        rows = np.empty(len(new.records), _ROW)
        rows["t_us"] = (new.records["index"] + 1) * self.playing.opened.layout.step_us
        rows["membranes"] = new.membranes
        rows["membranes"][:, len(self.probes) :] = np.nan
        self._tape.add(rows)
        return len(rows)

    # Painting.

    def lanes(self) -> list[QRectF]:
        """Where each trace is painted, its title above it."""
        high = self.small.high
        free = self.height() - 2 * MARGIN - high
        tall = free / max(1, len(self.probes))
        left = MARGIN + self.small.width("-99.9") + 6
        return [
            QRectF(
                left,
                MARGIN + place * tall + high,
                max(8.0, self.width() - left - MARGIN),
                max(4.0, tall - high - 6),
            )
            for place in range(len(self.probes))
        ]

    def crosses(self) -> list[QRectF]:
        """Where each trace's cross is painted, if it has one."""
        if self._always:
            return []
        high = self.small.high
        return [QRectF(lane.right() - high, lane.top() - high - 1, high, high) for lane in self.lanes()]

    def paint(self, painter: Painter, playing: Playing) -> None:
        if not self.probes:
            self.say(painter, "Click a row among the spikes to watch the membrane of a neuron.")
            return
        painter.use(self.small)
        high = painter.face.high
        rows, layout = self._tape.rows, playing.opened.layout
        end_us = int(rows["t_us"][-1]) if len(rows) else LENGTH_US
        lanes = self.lanes()
        for place, (name, neuron) in enumerate(self.probes):
            lane, values, colour = lanes[place], rows["membranes"][:, place], self.theme.category(place)
            low, high_value = self._scale(place, values)
            strip = Strip(lane, end_us, LENGTH_US, low, high_value)
            strip.draw_times(painter, playing.opened.begin_us, self.theme, labels=place == len(lanes) - 1)
            ends = {low: _plain(low), high_value: _plain(high_value)} if lane.height() > 1.5 * high else {}
            strip.draw_values(painter, ends, self.theme)
            if low < 0 < high_value:
                painter.across(lane, strip.y(0), mixed(self.theme.grid, self.theme.muted, 0.5))
            strip.draw(painter, strip.path(rows["t_us"], values, 2 * layout.step_us), colour)
            title = QRectF(lane.left(), lane.top() - high - 1, lane.width() - high - 6, high)
            painter.fillRect(QRectF(title.left(), title.center().y() - 4, 8, 8), colour)
            painter.write(title.adjusted(14, 0, 0, 0), f"{name}  neuron {neuron}", self.theme.foreground)
            newest = float(values[-1]) if len(values) else float("nan")
            painter.write(title.adjusted(14, 0, 0, 0), _plain(newest), colour, "right")
        for cross in self.crosses():
            painter.write(cross, _CROSS, self.theme.muted, "centre")

    def _scale(self, place: int, values: np.ndarray) -> tuple[float, float]:
        """The least and greatest value that a trace has room for: it grows at once and shrinks when half is unused."""
        low, high = (float(end.reduce(values, initial=np.nan)) for end in (np.fmin, np.fmax))
        if not np.isfinite(low + high):
            return self._scales[place] or (-1.0, 1.0)
        room = 0.08 * (high - low) or max(0.5, 0.1 * abs(high))
        before = self._scales[place]
        if before is None or low < before[0] or high > before[1] or high - low < 0.5 * (before[1] - before[0]):
            self._scales[place] = before = (low - room, high + room)
        return before

    # Removing one.

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = any(cross.contains(event.position()) for cross in self.crosses())
        self.setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.ArrowCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        for place, cross in enumerate(self.crosses()):
            if event.button() == Qt.MouseButton.LeftButton and cross.contains(event.position()):
                self.probeRemoved.emit(place)
                return


def _plain(value: float) -> str:
    return short(value)
