"""`SoundView`: what a cochlea makes of sound, place by place over time, and how loud the sound is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter
from streamsnn.gui.panel import MARGIN, Panel, Playing
from streamsnn.gui.raster import Raster, full_of
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.player.messages import Opened
from streamsnn.player.screen import COLUMNS, RECORDS, Screen, Watched
from streamsnn.types import AnyHearing, DeltaHearing

LENGTH_US = 5_000_000
QUIETEST_DB, LOUDEST_DB = -80.0, 0.0
_FAINTEST = 0.28
_ROUND_HZ = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
_ROW = np.dtype([("t_us", "<i8"), ("level_db", "<f4")])
_TIP = "Spikes of the cochlea over the last seconds, high frequencies at the top, and the level of the sound below."


class SoundView(Panel):
    """The centre of the window for sound."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("soundView", _TIP, (640, 480), parent)
        self._tape, self._seen = Tape(_ROW, 1), Seen(1)
        self._raster = Raster(1)
        self._best_hz: NDArray[np.float64] = np.zeros(0)

    def open(self, opened: Opened, screen: Screen) -> None:
        steps = min(RECORDS - 1, LENGTH_US // opened.layout.step_us + 2)
        self._tape, self._seen = Tape(_ROW, steps), Seen(steps)
        hearing = opened.card.hearing
        # Every cell fires now and then in silence: one spike alone says little.
        self._raster = Raster(full_of(hearing), _FAINTEST)
        self._best_hz = _best_hz(hearing) if hearing else np.zeros(0)
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        new = self._seen.new(self.playing.screen, watched)
        rows = np.empty(len(new.records), _ROW)
        rows["t_us"] = (new.records["index"] + 1) * self.playing.opened.layout.step_us
        rows["level_db"] = new.records["level_db"]
        self._tape.add(rows)
        if len(rows):
            self.update()

    def clear(self) -> None:
        self._tape.clear()
        self.update()

    @property
    def level_db(self) -> float:
        """How loud the newest step was, in dB of full scale; NaN where that is not known."""
        rows = self._tape.rows
        return float(rows["level_db"][-1]) if len(rows) else float("nan")

    def parts(self) -> list[str]:
        """What is painted in the parts of the picture, from the top: what falls and what rises, of each ear."""
        if self.playing is None:
            return [""]
        opened = self.playing.opened
        kinds = ("falls", "rises") if opened.card.input.channels == 2 else ("",)
        ears = ("left", "right") if opened.layout.sensor.height == 2 else ("",)
        return [" ".join(word for word in (ear, kind) if word) for kind in kinds for ear in ears]

    def strips(self) -> tuple[Strip, Strip]:
        """Where the cochlea's spikes are painted, and where the level is."""
        high = self.small.high
        rows = self._tape.rows
        length_us = LENGTH_US
        if self.playing is not None:
            length_us = min(LENGTH_US, COLUMNS * self.playing.opened.layout.column_us)
        end_us = int(rows["t_us"][-1]) if len(rows) else length_us
        left = MARGIN + self.small.width("-80 dB") + 6
        wide, footer = max(8.0, self.width() - left - MARGIN), high + 8
        level = min(max(24.0, self.height() * 0.14), 90.0)
        bottom = self.height() - footer - high - 2
        below = QRectF(left, max(MARGIN + 8.0, bottom - level), wide, level)
        above = QRectF(left, MARGIN, wide, max(8.0, below.top() - 2 * MARGIN))
        return Strip(above, end_us, length_us), Strip(below, end_us, length_us, QUIETEST_DB, LOUDEST_DB)

    def paint(self, painter: Painter, playing: Playing) -> None:
        painter.use(self.small)
        above, below = self.strips()
        layout, rows = playing.opened.layout, self._tape.rows
        if layout.layers and len(rows):
            columns = max(1, above.length_us // layout.column_us)
            self._raster.paint(painter, above.area, playing.screen.raster(0)[:, -columns:], self.theme)
        above.draw_times(painter, playing.opened.begin_us, self.theme, labels=False, over=True)
        self._paint_frequencies(painter, above.area)
        below.draw_times(painter, playing.opened.begin_us, self.theme)
        below.draw_values(painter, {LOUDEST_DB: "0 dB", -40.0: "-40", QUIETEST_DB: "-80"}, self.theme)
        below.draw(painter, below.path(rows["t_us"], rows["level_db"], 2 * layout.step_us), self.theme.accent)
        self._paint_footer(painter, playing)

    def _paint_frequencies(self, painter: Painter, area: QRectF) -> None:
        high = painter.face.high
        names = self.parts()
        tall = area.height() / len(names)
        for block, name in enumerate(names):
            top = area.top() + block * tall
            painter.write(QRectF(area.left(), top + 2, area.width() - 4, high), name, self.theme.muted, "right")
            if block:
                painter.rule(QPointF(area.left(), top), QPointF(area.right(), top), self.theme.muted)
            last = -high
            for y, text in self._frequencies(tall):
                if y - last >= high and high / 2 <= y <= tall - high / 2:
                    last = y
                    painter.rule(QPointF(area.left() - 4, top + y), QPointF(area.left(), top + y), self.theme.muted)
                    place = QRectF(0, top + y - high / 2, area.left() - 6, high)
                    painter.write(place, text, self.theme.muted, "right")

    def _frequencies(self, tall: float) -> list[tuple[float, str]]:
        """Round frequencies and how far below the top they lie, of a cochlea that is `tall` pixels high."""
        best_hz = self._best_hz
        if best_hz.size < 2:
            return []
        places = np.interp(np.log(_ROUND_HZ), np.log(best_hz[::-1]), np.arange(best_hz.size, dtype=np.float64)[::-1])
        named = [
            ((place + 0.5) / best_hz.size * tall, f"{hz // 1000} kHz" if hz >= 1000 else f"{hz} Hz")
            for hz, place in zip(_ROUND_HZ, places.tolist(), strict=True)
            if best_hz[-1] <= hz <= best_hz[0]
        ]
        return sorted(named)

    def _paint_footer(self, painter: Painter, playing: Playing) -> None:
        high = painter.face.high
        area = QRectF(MARGIN, self.height() - high - 6, self.width() - 2 * MARGIN, high)
        level = self.level_db
        told = "level unknown" if level != level else f"level {level:.0f} dB"
        colour = QColor(self.theme.muted if level != level else self.theme.foreground)
        painter.write(area, told, colour, "right")
        layout, hearing = playing.opened.layout, playing.opened.card.hearing
        parts = [f"1 step = {layout.step_us / 1000:g} ms", f"{layout.sensor.width} channels"]
        if hearing is not None:
            parts.append(f"{hearing.lowest_hz:g} to {hearing.highest_hz:g} Hz")
        if layout.sensor.height > 1:
            parts.append(f"{layout.sensor.height} ears")
        painter.write(
            area.adjusted(0, 0, -painter.face.width(told) - MARGIN, 0),
            "   ·   ".join(parts),
            self.theme.muted,
        )


def _best_hz(hearing: AnyHearing) -> NDArray[np.float64]:
    """The frequency of each channel, the highest first."""
    if isinstance(hearing, DeltaHearing):
        from streamsnn.cochlea.gammatone import centres_hz

        return centres_hz(hearing.channels, hearing.lowest_hz, hearing.highest_hz)
    from streamsnn.cochlea.membrane import choose_places

    return choose_places(hearing.channels, hearing.lowest_hz, hearing.highest_hz).best_hz
