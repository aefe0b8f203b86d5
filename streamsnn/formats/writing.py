"""What all writers share: events are checked before a byte is written, and a file appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events, Sensor


def checked(path: Path, events: Events, sensor: Sensor, *, size_limit: int, silence_limit_us: int) -> Events:
    """`events`, if they can be written without loss; else StreamsnnError says what stands against it.

    `size_limit`: the format's addresses are below it; `silence_limit_us`: longer silences do not survive its clock.
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
    steps = np.diff(events["t"])
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
