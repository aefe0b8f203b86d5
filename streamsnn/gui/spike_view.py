"""`SpikeView`: who fires, layer by layer, how often, and what that would cost in hardware."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter, short
from streamsnn.gui.panel import MARGIN, READABLE_NS, Panel, Playing
from streamsnn.gui.raster import Raster, full_of
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.player.messages import Opened
from streamsnn.player.screen import COLUMNS, EAR, RECORDS, Screen, Watched

LENGTH_US = 5_000_000
_BIN_US = 100_000
_AVERAGED_US = 1_000_000
_TIP = "Spikes of each layer over the last seconds. Click a row to watch the membrane of a neuron."


class Numbers(NamedTuple):
    """Means over the newest second of stream: spikes a second of each layer, operations a second, watts."""

    spikes_hz: tuple[float, ...]
    operations_hz: float
    power_w: float


class SpikeView(Panel):
    """A raster a layer."""

    neuronPicked = Signal(str, int)
    """Layer and neuron of the row that was clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("spikeView", _TIP, (420, 360), parent)
        self.setMouseTracking(True)
        self.probes: tuple[tuple[str, int], ...] = ()
        self.numbers = Numbers((), float("nan"), float("nan"))
        self._tape, self._seen = Tape([("t_us", "<i8")], 1), Seen(1)
        self._rasters: list[Raster] = []
        self._told_ns: int | None = None
        self._pointed: tuple[int, int] | None = None

    def open(self, opened: Opened, screen: Screen) -> None:
        layout = opened.layout
        steps = min(RECORDS - 1, LENGTH_US // layout.step_us + 2)
        dtype = [("t_us", "<i8"), ("operations", "<f8"), ("energy_pj", "<f8"), ("spikes", "<i4", (len(layout.layers),))]
        self._tape, self._seen = Tape(dtype, steps), Seen(steps)
        self._rasters = []
        hearing = opened.card.hearing
        for place, (name, neurons) in enumerate(layout.layers):
            sharing = -(-neurons // max(1, layout.rows(place)))
            cells = full_of(hearing) if hearing is not None and name == EAR else 1
            self._rasters.append(Raster(cells * sharing * layout.column_us // layout.step_us))
        self.probes, self._pointed = (), None
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        new = self._seen.new(self.playing.screen, watched)
        rows = np.empty(len(new.records), self._tape.rows.dtype)
        rows["t_us"] = (new.records["index"] + 1) * self.playing.opened.layout.step_us
        rows["operations"], rows["energy_pj"] = new.records["operations"], new.records["energy_pj"]
        rows["spikes"] = new.spikes
        self._tape.add(rows)
        if self._told_ns is None or host_ns - self._told_ns >= READABLE_NS:
            self._told_ns = host_ns
            self.numbers = self._count()
            self.update()
        self.update_calmly(len(rows) > 0, host_ns)

    def clear(self) -> None:
        self._tape.clear()
        self._told_ns = None
        self.numbers = self._count()
        self.update()

    def set_probes(self, probes: tuple[tuple[str, int], ...]) -> None:
        """Mark the (layer, neuron) whose membranes are watched."""
        self.probes = tuple(probes)
        self.update()

    def _count(self) -> Numbers:
        layers = len(self.playing.opened.layout.layers) if self.playing else 0
        rows = self._tape.rows
        if self.playing is None or not len(rows):
            return Numbers((0.0,) * layers, float("nan"), float("nan"))
        step_us = self.playing.opened.layout.step_us
        rows = rows[rows["t_us"] > rows["t_us"][-1] - _AVERAGED_US]
        seconds = len(rows) * step_us * 1e-6
        spikes = rows["spikes"].sum(axis=0, dtype=np.float64) / seconds
        return Numbers(
            tuple(spikes.tolist()),
            float(rows["operations"].sum()) / seconds,
            float(rows["energy_pj"].sum()) * 1e-12 / seconds,
        )

    def areas(self) -> list[QRectF]:
        """Where each layer's raster is painted."""
        layers = self.playing.opened.layout.layers if self.playing else ()
        high = self.small.high
        top = MARGIN + high + 4
        free = self.height() - top - high - 4
        tall = free / max(1, len(layers))
        wide = max(8.0, self.width() - 2.0 * MARGIN)
        return [
            QRectF(MARGIN, top + place * tall + high + 2, wide, max(2.0, tall - high - 6))
            for place in range(len(layers))
        ]

    # Painting.

    def paint(self, painter: Painter, playing: Playing) -> None:
        layout, rows = playing.opened.layout, self._tape.rows
        painter.use(self.small)
        high = painter.face.high
        self._paint_costs(painter, QRectF(MARGIN, MARGIN - 2, self.width() - 2 * MARGIN, high))
        length_us = min(LENGTH_US, COLUMNS * layout.column_us)
        end_us = int(rows["t_us"][-1]) if len(rows) else length_us
        areas = self.areas()
        for place, area in enumerate(areas):
            if len(rows):
                counts = playing.screen.raster(place)[:, -max(1, length_us // layout.column_us) :]
                self._rasters[place].paint(painter, area, counts, self.theme)
            last = place == len(areas) - 1
            Strip(area, end_us, length_us).draw_times(
                painter, playing.opened.begin_us, self.theme, labels=last, over=True
            )
            self._paint_title(painter, playing, place, QRectF(area.left(), area.top() - high - 2, area.width(), high))
        self._paint_marks(painter, layout.layers, areas)

    def _paint_costs(self, painter: Painter, area: QRectF) -> None:
        numbers = self.numbers
        if numbers.operations_hz != numbers.operations_hz:
            painter.write(area, "operations are not counted", self.theme.muted)
            return
        text = f"{short(numbers.operations_hz)} synaptic operations/s"
        power = f"{short(numbers.power_w, 'W', small=True)}  (45 nm estimate)"
        painter.write(area, text, self.theme.foreground)
        if painter.face.width(text + power) + MARGIN < area.width():
            painter.write(area, power, self.theme.muted, "right")

    def _paint_title(self, painter: Painter, playing: Playing, place: int, area: QRectF) -> None:
        name, neurons = playing.opened.layout.layers[place]
        rate = f"{short(self.numbers.spikes_hz[place])} spikes/s" if self.numbers.spikes_hz else ""
        pointed = f"neuron {self._pointed[1]}" if self._pointed is not None and self._pointed[0] == place else ""
        number_wide = painter.face.width("999 k spikes/s") + 6
        painter.write(area, rate, self.theme.foreground, "right")
        name_wide = painter.face.width(name)
        painter.write(area.adjusted(0, 0, -number_wide, 0), name, self.theme.foreground)
        told = area.adjusted(name_wide + 8, 0, -number_wide, 0)
        painter.write(told, pointed or f"{neurons} neurons", self.theme.accent if pointed else self.theme.muted)
        line = QRectF(area.right() - number_wide - 90, area.top() + 2, 84, area.height() - 4)
        if line.left() > area.left() + name_wide + painter.face.width("  99999 neurons"):
            self._paint_rate(painter, place, line)

    def _paint_rate(self, painter: Painter, place: int, area: QRectF) -> None:
        t_us, spikes = self._tape.rows["t_us"], self._tape.rows["spikes"]
        if not len(t_us):
            return
        first = int(t_us[0]) // _BIN_US
        sums = np.bincount(t_us // _BIN_US - first, weights=spikes[:, place]).astype(np.float32)
        times_us = (np.arange(sums.size) + first + 1) * _BIN_US
        # The newest piece is not full yet, and would always look as if everything had just gone quiet.
        strip = Strip(area, int(times_us[-1]), LENGTH_US, 0.0, max(1.0, float(sums.max())))
        path = strip.path(times_us[:-1], sums[:-1], 10 * _BIN_US)
        strip.draw(painter, path, self.theme.accent)

    def _paint_marks(self, painter: Painter, layers: tuple[tuple[str, int], ...], areas: list[QRectF]) -> None:
        """Where the neurons lie that are watched, and the one under the mouse."""
        names = [name for name, _ in layers]
        for index, (name, neuron) in enumerate(self.probes):
            if name in names:
                area, neurons = areas[names.index(name)], layers[names.index(name)][1]
                y = area.top() + (neuron + 0.5) / neurons * area.height()
                painter.fillRect(QRectF(area.left() - 7, y - 2, 6, 4), self.theme.category(index))
        if self._pointed is not None:
            area, neurons = areas[self._pointed[0]], layers[self._pointed[0]][1]
            y = area.top() + (self._pointed[1] + 0.5) / neurons * area.height()
            painter.across(area, y, self.theme.accent)

    # What people do.

    def neuron_at(self, position: QPointF) -> tuple[int, int] | None:
        """(layer, neuron) at a point of the widget, where there is one whose membrane can be watched."""
        if self.playing is None:
            return None
        for place, area in enumerate(self.areas()):
            name, neurons = self.playing.opened.layout.layers[place]
            if area.contains(position) and name in self.playing.opened.probed:
                share = (position.y() - area.top()) / area.height()
                return place, min(neurons - 1, int(share * neurons))
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        pointed = self.neuron_at(event.position())
        if pointed != self._pointed:
            self._pointed = pointed
            self.setCursor(Qt.CursorShape.ArrowCursor if pointed is None else Qt.CursorShape.PointingHandCursor)
            self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        found = self.neuron_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and found is not None and self.playing is not None:
            self.neuronPicked.emit(self.playing.opened.layout.layers[found[0]][0], found[1])

    def leaveEvent(self, event: object) -> None:
        self._pointed = None
        self.update()
