"""What `streamsnn info` says of a recording."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.cli import text
from streamsnn.formats import Damage, open_recording
from streamsnn.formats.opening import split_member
from streamsnn.types import Sensor

_PLOT_COLUMNS = 60
_CELLS = 4096
_HOT_TIMES, _HOT_RATE_HZ = 10, 100
"""A pixel is hot if it has so many times the events of an active one, on average, and so many a second."""
_SHOWN = 5


@dataclass(frozen=True)
class Survey:
    """A recording, read from its beginning to its end. `counts` are events per `bin_us` from the beginning on,
    `hot` the x, y and events of hot pixels."""

    path: Path
    size_bytes: int
    format_name: str
    sensor: Sensor
    t_begin_us: int
    duration_us: int
    events: int
    on_events: int
    active_pixels: int
    hottest: tuple[int, int, int]
    counts: NDArray[np.int64]
    bin_us: int
    notes: tuple[str, ...]
    damage: Damage
    hot: tuple[tuple[int, int, int], ...] = ()

    @property
    def rate_hz(self) -> float:
        return self.events / (self.duration_us * 1e-6) if self.duration_us else 0.0

    def rates_hz(self, columns: int) -> tuple[NDArray[np.float64], float]:
        """Events a second in at most `columns` stretches of equal length, and that length in us.

        The last stretch may reach beyond the end; its rate counts only what lies before it.
        """
        cells = -(-self.duration_us // self.bin_us)
        each = max(1, -(-cells // columns))
        stretches = -(-cells // each)
        counts = np.zeros(stretches * each, np.int64)
        counts[:cells] = self.counts[:cells]
        length_us = each * self.bin_us
        lengths_us = np.full(stretches, length_us, np.float64)
        if stretches:
            lengths_us[-1] = self.duration_us - (stretches - 1) * length_us
        return counts.reshape(stretches, each).sum(1) / (lengths_us * 1e-6), length_us

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        rates_hz, length_us = self.rates_hz(_PLOT_COLUMNS)
        x, y, count = self.hottest
        return {
            "kind": "recording",
            "path": str(self.path),
            "format": self.format_name,
            "size_bytes": self.size_bytes,
            "sensor": self.sensor._asdict(),
            "t_begin_us": self.t_begin_us,
            "duration_s": self.duration_us * 1e-6,
            "events": self.events,
            "rate_hz": self.rate_hz,
            "on_share": self.on_events / self.events if self.events else None,
            "active_pixels": self.active_pixels,
            "hottest_pixel": {"x": x, "y": y, "events": count} if self.events else None,
            "hot_pixels": [{"x": x, "y": y, "events": events} for x, y, events in self.hot],
            "rate": {"stretch_ms": length_us * 1e-3, "events_per_s": rates_hz.tolist()},
            "notes": list(self.notes),
            "damage": dataclasses.asdict(self.damage),
        }

    def sentences(self) -> str:
        """All of it, for people."""
        sensor = self.sensor
        hears = sensor.kind == "audio"
        size = (
            f"{sensor.width} channels, {text.ears(sensor.height)}"
            if hears
            else f"{sensor.width}x{sensor.height} pixels"
        )
        rows = [
            ("recording", f"{self.path}, {self.format_name}, {text.bytes_of(self.size_bytes)}"),
            ("sensor", f"{sensor.name}, {size}, {sensor.kind}"),
        ]
        if not self.events:
            why = "nothing in the file can be read" if self.damage else "the file has no more than a header"
            rows.append(("events", f"none: {why}"))
        else:
            x, y, count = self.hottest
            pixels = sensor.width * sensor.height
            rows += [
                ("duration", f"{text.duration(self.duration_us)}, from {self.t_begin_us * 1e-6:.6f} s on"),
                ("events", f"{self.events:,}, {text.number(self.rate_hz)}/s on average"),
                (
                    "polarity",
                    f"{text.percent(self.on_events / self.events)} {'positive' if hears else 'brighter'} (ON)",
                ),
                (
                    "channels" if hears else "pixels",
                    f"{text.percent(self.active_pixels / pixels)} active; ({x}, {y}) most, {count:,} events",
                ),
                ("rate", self._plot()),
            ]
            if self.hot and not hears:
                worst = ", ".join(f"({x}, {y})" for x, y, _ in self.hot[:_SHOWN])
                share = sum(events for *_, events in self.hot) / self.events
                more = f" and {len(self.hot) - _SHOWN} more" if len(self.hot) > _SHOWN else ""
                rows.append(("hot pixels", f"{worst}{more}: {text.percent(share)} of the events (--filter hot:k=10)"))
        rows += [("note", note) for note in self.notes]
        rows += [("damage", sentence) for sentence in self.damage.describe()]
        return text.facts(rows)

    def _plot(self) -> str:
        rates_hz, length_us = self.rates_hz(_PLOT_COLUMNS)
        top = f"up to {text.number(float(rates_hz.max()))} events/s, a column is {text.duration(length_us)}"
        return "\n".join([top, *(line.rstrip() for line in text.columns(rates_hz.tolist()))])


def survey(path: Path, sensor: Sensor | None, columns: str | None = None) -> Survey:
    """Read a recording once, in bounded memory. Raises StreamsnnError if it cannot be read."""
    recording = open_recording(path, sensor=sensor, columns=columns)
    seen_by = recording.sensor
    pixels = np.zeros(seen_by.height * seen_by.width, np.int64)
    counts = np.zeros(_CELLS, np.int64)
    begin_us, bin_us = recording.t_begin_us, 1_000
    events = on_events = 0
    end_us = begin_us
    for chunk in recording.chunks():
        end_us = int(chunk["t"][-1]) + 1
        # The longer the recording, the coarser its curve: memory does not grow.
        while end_us - begin_us > _CELLS * bin_us:
            counts = np.concatenate([counts.reshape(-1, 2).sum(1), np.zeros(_CELLS // 2, np.int64)])
            bin_us *= 2
        counts += np.bincount((chunk["t"] - begin_us) // bin_us, minlength=_CELLS)
        pixels += np.bincount(chunk["y"].astype(np.int64) * seen_by.width + chunk["x"], minlength=pixels.size)
        events += len(chunk)
        on_events += int(np.count_nonzero(chunk["p"]))
    hottest = int(pixels.argmax())
    y, x = divmod(hottest, seen_by.width)
    return Survey(
        path=path,
        size_bytes=split_member(path)[0].stat().st_size,
        format_name=recording.format_name,
        sensor=seen_by,
        t_begin_us=begin_us,
        duration_us=end_us - begin_us,
        events=events,
        on_events=on_events,
        active_pixels=int(np.count_nonzero(pixels)),
        hottest=(x, y, int(pixels[hottest])),
        hot=_hot(pixels, seen_by.width, end_us - begin_us),
        counts=counts,
        bin_us=bin_us,
        notes=recording.notes,
        damage=recording.damage,
    )


def _hot(pixels: NDArray[np.int64], width: int, duration_us: int) -> tuple[tuple[int, int, int], ...]:
    """x, y and events of the hot pixels, the hottest first."""
    active = pixels[pixels > 0]
    if not active.size:
        return ()
    least = max(_HOT_TIMES * float(active.mean()), _HOT_RATE_HZ * duration_us * 1e-6)
    places = np.flatnonzero(pixels > least)
    places = places[np.argsort(-pixels[places], kind="stable")]
    return tuple((int(place % width), int(place // width), int(pixels[place])) for place in places)
