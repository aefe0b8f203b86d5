"""`HealthView`: whether the engine keeps up: rates, latency by stage, and everything that was late or lost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Painter, short
from streamsnn.gui.panel import MARGIN, READABLE_NS, Panel, Playing
from streamsnn.gui.rate_view import AVERAGED_US, LENGTH_US, draw_rate, draw_scale, input_hz, log_rates
from streamsnn.gui.strip import Strip
from streamsnn.gui.tape import Seen, Tape
from streamsnn.player.messages import Opened
from streamsnn.player.screen import RECORDS, Screen, Watched

STAGES = ("bin", "queue", "compute", "total", "display")
_ROW = np.dtype(
    [("t_us", "<i8"), ("finished_ns", "<i8"), ("events", "<f4")]
    + [(stage, "<f4") for stage in ("queue", "compute", "total", "display", "log_total", "log_compute", "log_rate")]
)
_FASTEST_MS, _SLOWEST_MS = 1e-2, 1e3
_TIP = (
    "Sensor lag: from an event to its picture. bin: an event's wait for its step to close. queue: from arrival to the"
    " step's begin. compute: the step. total: queue and compute. display: from the step's end to this picture. Over the"
    " last 10 s of the stream."
)


class Health(NamedTuple):
    """Numbers over the newest second (rates, load, behind) and the newest 10 s (`latency_ms`: stage -> p50, p99)."""

    input_hz: float
    steps_hz: float
    load: float
    behind_ms: float
    late_steps: int
    dropped: int
    latency_ms: dict[str, tuple[float, float]]


_NAN = float("nan")
_UNKNOWN = Health(_NAN, 0.0, _NAN, _NAN, 0, 0, dict.fromkeys(STAGES, (_NAN, _NAN)))


class HealthView(Panel):
    """Six numbers, a table of stages, and two strips over time."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("healthView", _TIP, (420, 300), parent)
        self.health = _UNKNOWN
        self._tape, self._seen = Tape(_ROW, 1), Seen(1)
        self._told_ns: int | None = None
        self._dropped = 0

    def open(self, opened: Opened, screen: Screen) -> None:
        steps = min(RECORDS - 1, LENGTH_US // opened.layout.step_us + 2)
        self._tape, self._seen = Tape(_ROW, steps), Seen(steps)
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        new = self._seen.new(self.playing.screen, watched)
        if len(new.records):
            self._take(new.records, host_ns, self.playing.opened.layout.step_us)
        # Strips of 10 s need no more pictures than the numbers do.
        if self._told_ns is None or host_ns - self._told_ns >= READABLE_NS:
            self._told_ns = host_ns
            self.health = self._measure(self.playing, host_ns)
            self.update()

    def clear(self) -> None:
        self._tape.clear()
        self._told_ns = None
        self._dropped = 0
        self.health = _UNKNOWN
        self.update()

    def _take(self, records: NDArray[np.void], host_ns: int, step_us: int) -> None:
        rows = np.empty(len(records), _ROW)
        rows["t_us"] = (records["index"] + 1) * step_us
        rows["finished_ns"], rows["events"] = records["finished_ns"], records["events"]
        rows["queue"] = (records["started_ns"] - records["arrived_ns"]) * 1e-6
        rows["compute"] = (records["finished_ns"] - records["started_ns"]) * 1e-6
        rows["total"] = rows["queue"] + rows["compute"]
        # Only the newest step of a picture is seen when it is new; the others were never the newest.
        rows["display"] = np.nan
        rows["display"][-1] = max(0.0, (host_ns - int(records["finished_ns"][-1])) * 1e-6)
        rows["log_total"] = np.log10(rows["total"].clip(_FASTEST_MS))
        rows["log_compute"] = np.log10(rows["compute"].clip(_FASTEST_MS))
        rows["log_rate"] = log_rates(rows["events"], step_us)
        self._tape.add(rows)
        self._dropped = int(records["dropped"][-1])

    def _measure(self, playing: Playing, host_ns: int) -> Health:
        rows, step_us = self._tape.rows, playing.opened.layout.step_us
        if not len(rows):
            return _UNKNOWN
        step_ms = step_us / 1000
        newest = rows[rows["t_us"] > rows["t_us"][-1] - AVERAGED_US]
        latency_ms = {"bin": (step_ms * 0.5, step_ms * 0.99)}
        for stage in STAGES[1:]:
            latency_ms[stage] = percentiles(rows[stage])
        seen_ms = newest["total"] + newest["display"]
        seen_ms = seen_ms[np.isfinite(seen_ms)]
        return Health(
            input_hz=input_hz(rows, step_us),
            steps_hz=float(np.count_nonzero(rows["finished_ns"] > host_ns - 1_000_000_000)),
            load=float(newest["compute"].mean()) / step_ms,
            behind_ms=step_ms / 2 + float(np.median(seen_ms)) if seen_ms.size else _NAN,
            late_steps=playing.screen.late_steps,
            dropped=self._dropped,
            latency_ms=latency_ms,
        )

    # Painting.

    def paint(self, painter: Painter, playing: Playing) -> None:
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        painter.use(self.small)
        high = painter.face.high
        tiles = QRectF(area.left(), area.top(), area.width(), 4.8 * high)
        self._paint_tiles(painter, tiles, high)
        rest = QRectF(area.left(), tiles.bottom() + 8, area.width(), area.bottom() - tiles.bottom() - 8)
        wide = painter.face.width("compute   9999 ms   9999 ms") + 12
        tall = (len(STAGES) + 1) * (high + 2)
        if rest.width() >= wide + 180:
            self._paint_table(painter, QRectF(rest.left(), rest.top(), wide, tall), high)
            strips = rest.adjusted(wide + 2 * MARGIN, 0, 0, 0)
        else:
            self._paint_table(painter, QRectF(rest.left(), rest.top(), rest.width(), tall), high)
            strips = rest.adjusted(0, tall + MARGIN, 0, 0)
        if strips.height() >= 3 * high:
            self._paint_strips(painter, playing, strips, high)

    def _paint_tiles(self, painter: Painter, area: QRectF, high: float) -> None:
        health, theme = self.health, self.theme
        sound = self.playing is not None and self.playing.opened.layout.sensor.kind == "audio"
        tiles = (
            ("spikes/s in" if sound else "events/s in", short(health.input_hz), theme.foreground),
            ("steps/s", f"{health.steps_hz:.0f}", theme.foreground),
            ("load", _percent(health.load), theme.warning if health.load > 1 else theme.foreground),
            ("sensor lag", _ms(health.behind_ms), theme.foreground),
            ("late steps", f"{health.late_steps}", theme.warning if health.late_steps else theme.foreground),
            (
                "lost samples" if sound else "lost events",
                f"{health.dropped}",
                theme.warning if health.dropped else theme.foreground,
            ),
        )
        wide, tall = area.width() / 3, area.height() / 2
        large = self.sized(1.0, bold=True)
        for index, (title, value, colour) in enumerate(tiles):
            place = QRectF(area.left() + index % 3 * wide, area.top() + index // 3 * tall, wide - 6, high)
            painter.use(self.small)
            painter.write(place, title, theme.muted)
            painter.use(large)
            painter.write(place.translated(0, high), value, colour)
        painter.use(self.small)

    def _paint_table(self, painter: Painter, area: QRectF, high: float) -> None:
        column = min(painter.face.width("9999 ms") + 14, area.width() / 3.2)
        titles = (("", "p50", "p99"), *((stage, *map(_ms, self.health.latency_ms[stage])) for stage in STAGES))
        for row, texts in enumerate(titles):
            line = QRectF(area.left(), area.top() + row * (high + 2), area.width(), high)
            ink = self.theme.muted if row == 0 else self.theme.foreground
            painter.write(line.adjusted(0, 0, -2 * column, 0), texts[0], self.theme.muted)
            painter.write(QRectF(line.right() - 2 * column, line.top(), column, high), texts[1], ink, "right")
            painter.write(QRectF(line.right() - column, line.top(), column, high), texts[2], ink, "right")

    def _paint_strips(self, painter: Painter, playing: Playing, area: QRectF, high: float) -> None:
        left = area.left() + painter.face.width("100 ms") + 6
        # The rate is among the numbers above, too: where room is short, latency has all of it.
        both = area.height() >= 11 * high
        tall = (area.height() - 4 * high) / 2 if both else area.height() - 2 * high - 2
        above = QRectF(left, area.top() + high, area.right() - left, max(8.0, tall))
        self._paint_latency(painter, playing, above, labels=not both)
        if both:
            draw_rate(painter, playing, above.translated(0, above.height() + 1.5 * high), self._tape.rows, self.theme)

    def _strip(self, area: QRectF, low: float, high: float) -> Strip:
        rows = self._tape.rows
        end_us = int(rows["t_us"][-1]) if len(rows) else LENGTH_US
        return Strip(area, end_us, LENGTH_US, float(np.log10(low)), float(np.log10(high)))

    def _paint_latency(self, painter: Painter, playing: Playing, area: QRectF, *, labels: bool) -> None:
        rows, step_us = self._tape.rows, playing.opened.layout.step_us
        strip = self._strip(area, _FASTEST_MS, _SLOWEST_MS)
        strip.draw_times(painter, playing.opened.begin_us, self.theme, labels=labels)
        draw_scale(painter, strip, {-2: "10 µs", 0: "1 ms", 2: "100 ms"}, self.theme)
        painter.across(area, strip.y(float(np.log10(step_us / 1000))), self.theme.muted, dashed=True)
        title = QRectF(area.left(), area.top() - painter.face.high - 2, area.width(), painter.face.high)
        for place, name in enumerate(("total", "compute")):
            colour = self.theme.categories[place]
            strip.draw(painter, strip.path(rows["t_us"], rows[f"log_{name}"], 2 * step_us), colour)
            painter.write(title, name, colour)
            title.setLeft(title.left() + painter.face.width(name) + MARGIN)
        painter.write(title, "- - one step", self.theme.muted)


def percentiles(values_ms: NDArray[np.float32]) -> tuple[float, float]:
    """The least values that 50 % and 99 % of those known do not exceed; NaN where none is known."""
    known = np.sort(values_ms[np.isfinite(values_ms)])
    if not known.size:
        return _NAN, _NAN
    places = [max(0, int(np.ceil(share * known.size)) - 1) for share in (0.5, 0.99)]
    return float(known[places[0]]), float(known[places[1]])


def _ms(duration_ms: float) -> str:
    return short(duration_ms / 1000, "s", small=True)


def _percent(share: float) -> str:
    return "–" if share != share else f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"
