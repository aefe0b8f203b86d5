"""What every reader must give, and the first place where one gives something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.types import Events, InputSpec, Sensor

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""t, x, y, p of the same events."""

Steps = Iterator[tuple[int, NDArray[Any]]]
"""Index of each step, and what is in it: addresses, or counts (height, width)."""

_EMPTY_LIMIT = 100_000  # So many empty packets in a row, and a reader will never end.


@dataclass(frozen=True)
class View:
    """The pipeline that all are measured on: what is kept of a sensor's events, and how they are cut into steps.

    Of the rectangle (`x`, `y`, `width`, `height`), in pixels, the brighter events are kept, and become addresses
    row * width + column of a grid as large as the rectangle, in steps of `step_us` on the absolute grid of time.
    """

    x: int
    y: int
    width: int
    height: int
    step_us: int
    t_begin_us: int

    @classmethod
    def middle_of(cls, sensor: Sensor, step_us: int, t_begin_us: int) -> View:
        """The middle of a sensor, half as wide and half as high."""
        return cls(sensor.width // 4, sensor.height // 4, sensor.width // 2, sensor.height // 2, step_us, t_begin_us)

    @property
    def spec(self) -> InputSpec:
        return InputSpec(self.width, self.height, polarity="merge", value="count")

    @property
    def first_step(self) -> int:
        return self.t_begin_us // self.step_us


def expected_steps(events: Events, view: View) -> list[NDArray[np.int64]]:
    """The sorted addresses of each step from the first event to the last, worked out the long and simple way."""
    index = events["t"] // view.step_us
    inside = (events["x"] >= view.x) & (events["x"] < view.x + view.width)
    inside &= (events["y"] >= view.y) & (events["y"] < view.y + view.height)
    kept = inside & events["p"]
    rows, columns = events["y"][kept].astype(np.int64) - view.y, events["x"][kept].astype(np.int64) - view.x
    addresses = rows * view.width + columns
    edges = np.searchsorted(index[kept], np.arange(view.first_step + 1, int(index[-1]) + 1))
    return [np.sort(some) for some in np.split(addresses, edges)]


def first_difference_of_events(events: Events, packets: Iterable[Columns]) -> str | None:
    """Where `packets` are not exactly `events`, in a few words; None where they are."""
    at = 0
    empty = 0
    for packet in packets:
        size = len(packet[0])
        empty = 0 if size else empty + 1
        if empty > _EMPTY_LIMIT:
            return f"after event {at:,} it goes on with empty packets for ever"
        expected = events[at : at + size]
        wrong = np.zeros(len(expected), np.bool_)
        for name, column in zip("txyp", packet, strict=True):
            wrong |= np.asarray(column)[: len(expected)].astype(np.int64) != expected[name].astype(np.int64)
        if wrong.any():
            place = int(wrong.argmax())
            given = ", ".join(str(int(column[place])) for column in packet)
            wanted = ", ".join(str(int(expected[name][place])) for name in "txyp")
            return f"event {at + place:,} is (t, x, y, p) = ({given}) and not ({wanted})"
        if size > len(expected):
            return f"it gives more than the {len(events):,} events that were written"
        at += size
    return None if at == len(events) else f"it gives {at:,} of {len(events):,} events"


def first_difference_of_steps(expected: list[NDArray[np.int64]], view: View, steps: Steps) -> str | None:
    """Where `steps` are not those `expected`, in a few words; None where they are."""
    at = 0
    for index, values in steps:
        if at == len(expected):
            return f"it gives more than {len(expected)} steps"
        if index != view.first_step + at:
            return f"step {view.first_step + at} is missing, step {index} comes instead"
        given = _sorted_addresses(values)
        if not np.array_equal(given, expected[at]):
            return f"step {index} has {len(given)} addresses, other ones than the {len(expected[at])} right ones"
        at += 1
    return None if at == len(expected) else f"it gives {at} of {len(expected)} steps"


def _sorted_addresses(values: NDArray[Any]) -> NDArray[np.int64]:
    if values.ndim == 1:
        return np.sort(values).astype(np.int64)
    counts = values.reshape(-1).astype(np.int64)
    return np.repeat(np.arange(counts.size), counts)
