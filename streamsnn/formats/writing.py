"""What all writers share: events are checked before they are written, and a file appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.tidy import joined
from streamsnn.types import EVENT, Events, Sensor

Encode = Callable[[BinaryIO, Sensor, Iterator[Events]], None]
"""Writes a header and all events of an iterator of blocks, without keeping them. How they are cut changes no byte."""


@dataclass(frozen=True)
class Writer:
    """How a format is written, and what it has no room for: see `checked`."""

    encode: Encode
    size_limit: int
    silence_limit_us: int = 1 << 62

    def __call__(self, path: Path, events: Events, sensor: Sensor) -> None:
        """Write all `events`. As `stream`."""
        self.stream(path, (events,), sensor)

    def stream(self, path: Path, blocks: Iterable[Events], sensor: Sensor) -> None:
        """Write blocks of events in order of time, as they come, in memory of a few of them.

        Raises StreamsnnError if they do not suit the sensor or the format, or if the file cannot be written.
        """
        with partial_file(path) as partial, partial.open("wb") as file:
            self.encode(file, sensor, self._checked(path, blocks, sensor))

    def _checked(self, path: Path, blocks: Iterable[Events], sensor: Sensor) -> Iterator[Events]:
        last = np.empty(0, EVENT)
        checked(path, last, sensor, size_limit=self.size_limit, silence_limit_us=self.silence_limit_us)
        for block in blocks:
            checked(path, block, sensor, size_limit=self.size_limit, silence_limit_us=self.silence_limit_us, after=last)
            if block.size:
                last = block[-1:].copy()
                yield block


def regrouped(blocks: Iterable[Events], size: int) -> Iterator[Events]:
    """The same events in blocks of `size`, but for the last one."""
    waiting: list[Events] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= size:
            events = waiting[0] if len(waiting) == 1 else joined(waiting)
            whole = count // size * size
            for begin in range(0, whole, size):
                yield events[begin : begin + size]
            waiting = [events[whole:].copy()]
            count -= whole
    if count:
        yield joined(waiting)


def checked(
    path: Path,
    events: Events,
    sensor: Sensor,
    *,
    size_limit: int,
    silence_limit_us: int,
    after: Events | None = None,
) -> Events:
    """`events`, if they can be written without loss; else StreamsnnError says what stands against it.

    `size_limit`: the format's addresses are below it; `silence_limit_us`: longer silences do not survive its clock.
    `after`: the last event before them, in an array, if there is one.
    """

    def refuse(why: str, hint: str) -> StreamsnnError:
        return StreamsnnError(f"{path} was not written: {why}", hint=hint)

    if events.dtype != EVENT or events.ndim != 1:
        raise refuse(f"events of {events.dtype}", "Give a one-dimensional array of dtype streamsnn.types.EVENT.")
    if max(sensor.width, sensor.height) > size_limit:
        raise refuse(
            f"the format has {size_limit} rows and columns, the sensor {sensor.width}x{sensor.height}",
            "Choose another format, or crop the events.",
        )
    if np.any(events["x"] >= sensor.width) or np.any(events["y"] >= sensor.height):
        raise refuse(f"some events lie outside the sensor's {sensor.width}x{sensor.height}", "Crop the events.")
    before = events["t"][:0] if after is None else after["t"]
    steps = np.diff(events["t"], prepend=before)
    if np.any(steps < 0):
        raise refuse("the events are not in order of time", "Sort them by t.")
    if np.any(steps >= silence_limit_us):
        raise refuse(
            f"a silence of {steps.max() / 60e6:.1f} minutes is longer than the format's clock can tell",
            "Choose another format, or split the recording there.",
        )
    return events


@contextmanager
def partial_file(path: Path) -> Iterator[Path]:
    """A path to write to. It becomes `path` in one go when the block ends well, and vanishes when it does not."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise StreamsnnError(
            f"{path} was not written: {error.strerror or error}",
            hint="Is there space on the disk, and may you write to this folder?",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
