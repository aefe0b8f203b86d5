"""`RateView`: how much comes in, and what of it was lost: all of the health that is true of a film, too.

What a film shows was computed while nobody waited for it: its latencies say nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter, short
from streamsnn.gui.panel import MARGIN, READABLE_NS, Panel, Playing
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.gui.theme import Theme
from streamsnn.player.messages import Opened
from streamsnn.player.screen import RECORDS, Screen, Watched

LENGTH_US = 10_000_000
AVERAGED_US = 1_000_000
_LEAST_HZ, _MOST_HZ = 1e1, 1e7
_ROW = np.dtype([("t_us", "<i8"), ("events", "<f4"), ("log_rate", "<f4")])
_TIP = "Input over the last 10 s of the stream, and how much of it was lost."


def log_rates(events: NDArray[np.number], step_us: int) -> NDArray[np.float64]:
    """The decimal logarithm of the input rate of steps with so many events, as far as a strip shows it."""
    logs: NDArray[np.float64] = np.log10((events.astype(np.float64) * (1e6 / step_us)).clip(_LEAST_HZ))
    return logs


def input_hz(rows: NDArray[np.void], step_us: int) -> float:
    """Events a second over the newest second of `rows` with `t_us` and `events`; NaN of none."""
    if not len(rows):
        return float("nan")
    newest = rows[rows["t_us"] > rows["t_us"][-1] - AVERAGED_US]
    return float(newest["events"].sum()) * 1e6 / (len(newest) * step_us)


def draw_rate(painter: Painter, playing: Playing, area: QRectF, rows: NDArray[np.void], theme: Theme) -> None:
    """A strip of the `log_rate` of `rows` over time, its title above it."""
    high = painter.face.high
    end_us = int(rows["t_us"][-1]) if len(rows) else LENGTH_US
    strip = Strip(area, end_us, LENGTH_US, float(np.log10(_LEAST_HZ)), float(np.log10(_MOST_HZ)))
    strip.draw_times(painter, playing.opened.begin_us, theme)
    draw_scale(painter, strip, {2: "100", 4: "10 k", 6: "1 M"}, theme)
    strip.draw(painter, strip.path(rows["t_us"], rows["log_rate"], 2 * playing.opened.layout.step_us), theme.accent)
    painter.write(QRectF(area.left(), area.top() - high - 1, area.width(), high), "input/s", theme.accent)


def draw_scale(painter: Painter, strip: Strip, values: dict[int, str], theme: Theme) -> None:
    """Level lines at powers of ten, and left of them what they stand for."""
    high, wide = painter.face.high, painter.face.width("100 ms")
    for value, text in values.items():
        y = strip.y(value)
        painter.across(strip.area, y, theme.grid)
        place = QRectF(strip.area.left() - wide - 6, y - high / 2, wide, high)
        painter.write(place, text, theme.muted, "right")


class RateView(Panel):
    """Two numbers and a strip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("rateView", _TIP, (240, 160), parent)
        self._tape, self._seen = Tape(_ROW, 1), Seen(1)
        self._told_ns: int | None = None
        self.input_hz = float("nan")
        """Events a second, over the newest second."""
        self.dropped = 0
        """Events that were lost since the stream began."""

    def open(self, opened: Opened, screen: Screen) -> None:
        steps = min(RECORDS - 1, LENGTH_US // opened.layout.step_us + 2)
        self._tape, self._seen = Tape(_ROW, steps), Seen(steps)
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        records, step_us = self._seen.new(self.playing.screen, watched).records, self.playing.opened.layout.step_us
        if len(records):
            rows = np.empty(len(records), _ROW)
            rows["t_us"] = (records["index"] + 1) * step_us
            rows["events"], rows["log_rate"] = records["events"], log_rates(records["events"], step_us)
            self._tape.add(rows)
            self.dropped = int(records["dropped"][-1])
        if self._told_ns is None or host_ns - self._told_ns >= READABLE_NS:
            self._told_ns = host_ns
            self.input_hz = input_hz(self._tape.rows, step_us)
        self.update_calmly(len(records) > 0, host_ns)

    def clear(self) -> None:
        self._tape.clear()
        self._told_ns, self.dropped, self.input_hz = None, 0, float("nan")
        self.update()

    def paint(self, painter: Painter, playing: Playing) -> None:
        painter.use(self.small)
        high, theme = painter.face.high, self.theme
        sound = playing.opened.layout.sensor.kind == "audio"
        line = QRectF(MARGIN, MARGIN - 2, self.width() - 2 * MARGIN, high)
        unit = "spikes/s" if sound else "events/s"
        rate = f"{short(self.input_hz)} {unit} in"
        lost = f"{self.dropped:,} {'samples' if sound else 'events'} lost" if self.dropped else "none lost"
        # Where there is no room for both, a loss is what one must know.
        roomy = painter.face.width(rate + lost) + MARGIN < line.width()
        if roomy or not self.dropped:
            painter.write(line, rate, theme.foreground)
        if roomy or self.dropped:
            painter.write(line, lost, theme.warning if self.dropped else theme.muted, "right")
        left, top = MARGIN + painter.face.width("100 ms") + 6, line.bottom() + high + 4
        area = QRectF(left, top, self.width() - MARGIN - left, max(8.0, self.height() - top - high - MARGIN))
        draw_rate(painter, playing, area, self._tape.rows, theme)
