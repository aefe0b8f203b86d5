"""What every format hands out: a recording that can be streamed in bounded memory, and what was wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.columns import OUTSIDE, Columns
from streamsnn.formats.tidy import Surveyed, Tidy, events_of
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

CHUNK_BYTES = 1 << 18
"""Bytes of a file that are decoded at once."""

_LARGE_BYTES = 1 << 23
HEAD_BYTES = 1 << 18
"""Bytes at the beginning of a file by which its format is recognised; no header may be longer."""


@dataclass
class Damage:
    """What was wrong with a recording, counted while it is read.

    Counts of events are lost events, but for `stepped_back_events`, which were put in their place.
    """

    truncated_bytes: int = 0
    """Bytes of a last record that was cut off."""
    unreadable_bytes: int = 0
    """Bytes that could not be decoded."""
    reserved_words: int = 0
    """Words of a kind that the format does not have; they were passed over."""
    undated_events: int = 0
    """Events that came before the file's first word of time or row, or that have none."""
    outside_events: int = 0
    """Events whose pixel the sensor does not have."""
    stepped_back_events: int = 0
    """Events that were older than one before them, by `RULES.window_us` at most; they were put in order."""
    misplaced_events: int = 0
    """Events whose time left the recording's and came back."""
    clock_jumps: int = 0
    """How often the clock went back for good, or forward further than is believed; such gaps were closed."""
    crowded_events: int = 0
    """Events of one microsecond that were more than can be played."""

    def __post_init__(self) -> None:
        self.read_bytes = 0
        """How far reading has come; no damage."""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    def describe(self) -> tuple[str, ...]:
        """One short sentence for each kind of damage that was found."""
        sentences = {
            "truncated_bytes": "the file is cut off: the last {} bytes are no whole record and were left out",
            "unreadable_bytes": "{} bytes could not be decoded and were left out",
            "reserved_words": "{} words of an unknown kind were passed over",
            "undated_events": "{} events without a time or row were left out",
            "outside_events": "{} events outside the sensor were left out",
            "stepped_back_events": "{} events stepped back in time and were put in order",
            "misplaced_events": "{} events far from the recording's time were left out",
            "clock_jumps": "the clock jumped {} times and the gaps were closed",
            "crowded_events": "the clock stood still: {} events, too many for one microsecond, were left out",
        }
        return tuple(text.format(f"{getattr(self, name):,}") for name, text in sentences.items() if getattr(self, name))


Chunks = Generator[Events, None, None]
Blocks = Generator[Events | Surveyed, None, None]


@dataclass(frozen=True)
class Content:
    """What a format found in a file.

    `decode(damage, chunk_bytes)` starts at the beginning and yields blocks of events as they are stored: int64 us
    without wraps, possibly out of order or outside the sensor. A block is in memory of its own, which is writable and
    which nobody else changes any more: it is handed on as it is where nothing is wrong with it. What a decoder saw of
    its events on the way comes with them, until the next block is asked for.
    `sensor` is None where the file does not say. `t_begin_us` is None where time begins with the first event.
    """

    decode: Callable[[Damage, int], Blocks]
    sensor: Sensor | None
    t_begin_us: int | None = None
    notes: tuple[str, ...] = ()
    decode_from: Callable[[Damage, int, int], Blocks] | None = None
    """As `decode`, but what lies before a time in us may be left out; None where a format has no way to find it."""


class Match(IntEnum):
    """How well a file's content fits a format."""

    NO = 0
    POSSIBLE = 1
    """Only if the file's extension says so, too."""
    LIKELY = 2
    """The bytes make sense in this format."""
    SURE = 3
    """The format's own signature."""


@dataclass(frozen=True)
class Format:
    """One file format. `extensions` are lower case with their dot; `write` is None where it is only read.

    `recognise(head, extension, sensor)` judges the first `HEAD_BYTES` of a file that is not empty.
    `open(path, head, sensor)` reads the header, no more. A file of a format with `members` holds many recordings:
    `path` may be "FILE#NUMBER".
    """

    name: str
    extensions: tuple[str, ...]
    description: str
    recognise: Callable[[bytes, str, Sensor | None], Match]
    open: Callable[[Path, bytes, Sensor | None], Content]
    write: Writer | None = None
    members: bool = False
    open_table: Callable[[Path, bytes, Sensor | None, Columns], Content] | None = None
    """As `open`, with the columns as the user states them; None where files say themselves."""
    instead: Callable[[Path], Format | None] | None = None
    """Looks deeper into a file: another format with the same signature, if it is that one."""


_USUAL_SIZES = ((304, 240), (346, 260), (640, 480), (1280, 720))


class Recording:
    """Events on disk: `chunks()` streams them from the beginning as often as it is called.

    `damage` counts what the latest pass has met so far. `strict` refuses damage: the pass raises StreamsnnError.
    """

    def __init__(self, path: Path, format_name: str, content: Content, *, strict: bool = False) -> None:
        self.path = path
        self.format_name = format_name
        self.strict = strict
        self.notes = content.notes
        self.damage = Damage()
        self._content = content

    @cached_property
    def sensor(self) -> Sensor:
        """What the recording was made with; where the file does not say, the smallest usual one that its events fit."""
        if self._content.sensor is not None:
            return self._content.sensor
        with contextlib.closing(self._blocks(Damage(), CHUNK_BYTES)) as blocks:
            events = next((some for some in map(events_of, blocks) if some.size), np.empty(0, EVENT))
        events = events[(events["x"] < OUTSIDE) & (events["y"] < OUTSIDE)]
        # A few corrupt addresses must not blow the sensor up: 99.9 % of the events have to fit.
        x, y = (int(np.quantile(events[axis], 0.999, method="lower")) if events.size else 0 for axis in "xy")
        width, height = next(((w, h) for w, h in _USUAL_SIZES if x < w and y < h), (x + 1, y + 1))
        self.notes = (*self.notes, f"the file states no size: {width}x{height} is the smallest that fits its events")
        return Sensor(self.format_name, width, height)

    @cached_property
    def t_begin_us(self) -> int:
        """When the recording begins: its first event's time, or 0 in a format that says so, or without events."""
        if self._content.t_begin_us is not None:
            return self._content.t_begin_us
        with contextlib.closing(self._pass(Damage(), CHUNK_BYTES // 4)) as chunks:
            return next((int(chunk["t"][0]) for chunk in chunks), 0)

    def chunks(self, chunk_bytes: int = CHUNK_BYTES, from_us: int | None = None) -> Chunks:
        """All events in order of time and never an empty chunk; close it to stop early.
        About `chunk_bytes` of the file are decoded at once. Events before `from_us` may be left out, and their damage
        uncounted, where the format allows to begin there.

        Raises StreamsnnError if the file cannot be read, or if it is damaged and the recording is strict.
        """
        self.damage = Damage()
        return self._pass(self.damage, chunk_bytes, from_us)

    def _pass(self, damage: Damage, chunk_bytes: int, from_us: int | None = None) -> Chunks:
        _keep_memory()
        tidy = Tidy(self.sensor.width, self.sensor.height)
        with contextlib.closing(self._blocks(damage, chunk_bytes, from_us)) as blocks:
            for block in blocks:
                chunks = tidy.push(block)
                self._account(damage, tidy)
                yield from chunks
        chunk = tidy.finish()
        self._account(damage, tidy)
        if chunk.size:
            yield chunk

    def _blocks(self, damage: Damage, chunk_bytes: int, from_us: int | None = None) -> Blocks:
        begin_at = self._content.decode_from
        try:
            if from_us is None or begin_at is None:
                yield from self._content.decode(damage, chunk_bytes)
            else:
                yield from begin_at(damage, chunk_bytes, from_us)
        except OSError as error:
            raise StreamsnnError(f"{self.path} cannot be read: {error.strerror or error}") from error

    def _account(self, damage: Damage, tidy: Tidy) -> None:
        counts = tidy.counts
        damage.outside_events = counts.outside
        damage.stepped_back_events = counts.stepped_back
        damage.misplaced_events = counts.misplaced
        damage.clock_jumps = counts.jumps
        self._refuse_damage(damage)

    def count_crowded(self, events: int) -> None:
        """Note that whoever plays the latest pass left so many events out, as too many for one microsecond.

        Raises StreamsnnError if the recording is strict and there were any.
        """
        self.damage.crowded_events += events
        self._refuse_damage(self.damage)

    def _refuse_damage(self, damage: Damage) -> None:
        if self.strict and damage:
            raise StreamsnnError(
                f"{self.path} is damaged: {damage.describe()[0]}",
                hint="Read it without strict to use what is good in it.",
            )


def _keep_memory() -> None:
    """Let the C library keep what is freed: glibc does once something large was freed. If not, it gives the memory of
    each chunk back to the system, which clears it for the next one; that takes as long as decoding."""
    np.empty(_LARGE_BYTES, np.uint8)


def read_blocks(path: Path, begin: int, record_bytes: int, damage: Damage, chunk_bytes: int) -> Iterator[bytes]:
    """The file's bytes from `begin` on in blocks of whole records; the bytes that are left over are counted."""
    size = max(chunk_bytes // record_bytes, 1) * record_bytes
    with path.open("rb") as file:
        file.seek(begin)
        while block := file.read(size):
            damage.read_bytes += len(block)
            left_over = len(block) % record_bytes
            damage.truncated_bytes += left_over
            if whole := block[: len(block) - left_over]:
                yield whole
