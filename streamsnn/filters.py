"""Filters between packets: what does not belong into the scene is taken out of the stream.

What a filter lets through depends on the events alone, never on how they were cut into packets. A packet's time range,
its arrival and its count of dropped events pass unchanged, and no filter writes into the events it was given.
All are built as `Name(sensor, ...)` and have `reset()`, which forgets everything learnt from the stream. Those with a
memory refuse packets that go back in time, and all refuse events outside the sensor, with `StreamsnnError`.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamsnn import filter_kernels as kernels
from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events, Filter, Packet, Sensor

Number = TypeVar("Number", int, float)
_NEVER = np.iinfo(np.int64).min


class ResettableFilter(Filter, Protocol):
    """A filter that can forget its stream; all in this module are of this kind."""

    def reset(self) -> None: ...


class BackgroundActivity:
    """Keeps an event only if one of the eight pixels around it had an event in the `tau_us` before: noise stands alone.

    An event's own pixel is no witness, so that a hot pixel does not vouch for itself. Both polarities count; events
    that are taken out vouch for others all the same. (Delbruck 2008, "Frame-free dynamic digital vision".)
    """

    def __init__(self, sensor: Sensor, *, tau_us: int = 5_000) -> None:
        self.tau_us = _positive("tau", tau_us)
        self._stream = _Stream(sensor)
        # A border of one pixel all round, so that no neighbour needs a test.
        self._last_us = np.full((sensor.height + 2, sensor.width + 2), _NEVER, np.int64)

    def __call__(self, packet: Packet) -> Packet:
        self._stream.follow(packet)
        out = np.empty(len(packet.events), EVENT)
        return self._stream.kept(packet, out, kernels.supported(packet.events, self._last_us, self.tau_us, out))

    def reset(self) -> None:
        self._stream.reset()
        self._last_us.fill(_NEVER)


class Refractory:
    """Lets a pixel's next event through only `period_us` or more after the last one that it let through."""

    def __init__(self, sensor: Sensor, *, period_us: int = 1_000) -> None:
        self.period_us = _positive("period", period_us)
        self._stream = _Stream(sensor)
        self._last_us = np.full((sensor.height, sensor.width), _NEVER, np.int64)

    def __call__(self, packet: Packet) -> Packet:
        self._stream.follow(packet)
        out = np.empty(len(packet.events), EVENT)
        return self._stream.kept(packet, out, kernels.rested(packet.events, self._last_us, self.period_us, out))

    def reset(self) -> None:
        self._stream.reset()
        self._last_us.fill(_NEVER)


class HotPixels:
    """Masks pixels that fire at more than `factor` times the median rate of the active ones, learnt as it goes.

    Rates are counted over windows of `window_us` on an absolute grid; a pixel is active in a window in which it fired.
    What a window taught holds from the next event on until the next window with events has ended, so nothing is masked
    during the first. Masked pixels are counted as well: one that calms down comes back. `rate_hz` is the rate that no
    pixel is masked below, so that a quiet scene's only moving edge is not taken for a fault.
    """

    def __init__(
        self, sensor: Sensor, *, factor: float = 10.0, window_us: int = 1_000_000, rate_hz: float = 100.0
    ) -> None:
        self.factor = _positive("k", factor)
        self.window_us = _positive("window", window_us)
        self.rate_hz = _positive("rate", rate_hz)
        self._stream = _Stream(sensor)
        self._counts = np.zeros((sensor.height, sensor.width), np.int64)
        self._hot = np.zeros((sensor.height, sensor.width), np.bool_)
        self._active = np.empty(sensor.height * sensor.width, np.int64)
        self._window = np.zeros(2, np.int64)  # its index, and how many pixels have been active in it

    @property
    def hot(self) -> NDArray[np.bool_]:
        """Which pixels are masked now. (height, width), a copy"""
        return self._hot.copy()

    def __call__(self, packet: Packet) -> Packet:
        self._stream.follow(packet)
        out = np.empty(len(packet.events), EVENT)
        count = kernels.calm(
            packet.events,
            self._counts,
            self._hot,
            self._active,
            self._window,
            self.window_us,
            self.factor,
            self.rate_hz * self.window_us * 1e-6,
            out,
        )
        return self._stream.kept(packet, out, count)

    def reset(self) -> None:
        self._stream.reset()
        self._counts.fill(0)
        self._hot.fill(False)
        self._window.fill(0)


class Region:
    """Keeps the events inside a rectangle of the sensor; their coordinates stay what they are."""

    def __init__(self, sensor: Sensor, *, x: int, y: int, width: int, height: int) -> None:
        if min(x, y) < 0 or min(width, height) < 1 or x + width > sensor.width or y + height > sensor.height:
            raise StreamsnnError(
                f"A region of {width}x{height} pixels at ({x}, {y}) is not inside the sensor"
                f' "{sensor.name}", which is {sensor.width}x{sensor.height}.',
                hint="A region is x,y,width,height in sensor pixels, with (0, 0) at the upper left.",
            )
        self._stream = _Stream(sensor)
        self._view = (x, y, x + width, y + height)

    def __call__(self, packet: Packet) -> Packet:
        out = np.empty(len(packet.events), EVENT)
        return self._stream.kept(packet, out, kernels.inside(packet.events, *self._view, *self._stream.size, out))

    def reset(self) -> None:
        """Nothing to forget."""


class Flip:
    """Mirrors the stream along `axes`: "x" swaps left and right, "y" top and bottom, "xy" both."""

    def __init__(self, sensor: Sensor, *, axes: str) -> None:
        if axes not in ("x", "y", "xy", "yx"):
            raise StreamsnnError(f'There is no axis "{axes}" to flip along.', hint="Choose x, y or xy.")
        self._stream = _Stream(sensor)
        self._axes = ("x" in axes, "y" in axes)

    def __call__(self, packet: Packet) -> Packet:
        out = np.empty(len(packet.events), EVENT)
        if kernels.mirrored(packet.events, *self._axes, *self._stream.size, out) < 0:
            raise _outside(packet.events, self._stream.sensor)
        return packet._replace(events=out)

    def reset(self) -> None:
        """Nothing to forget."""


class Polarity:
    """Keeps the events of one polarity: "on" those that say brighter, "off" those that say darker."""

    def __init__(self, sensor: Sensor, *, keep: str) -> None:
        if keep not in ("on", "off"):
            raise StreamsnnError(f'There is no polarity "{keep}".', hint="Choose on (brighter) or off (darker).")
        self._stream = _Stream(sensor)
        self._on = keep == "on"

    def __call__(self, packet: Packet) -> Packet:
        out = np.empty(len(packet.events), EVENT)
        return self._stream.kept(packet, out, kernels.of_polarity(packet.events, self._on, *self._stream.size, out))

    def reset(self) -> None:
        """Nothing to forget."""


class _Stream:
    """What all filters know of the stream: its sensor, and how far it has come."""

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor
        self.size = (sensor.width, sensor.height)
        self._t_end_us = _NEVER

    def reset(self) -> None:
        self._t_end_us = _NEVER

    def follow(self, packet: Packet) -> None:
        """Refuse a packet from the past: to a memory of the future, all its events would look wrong."""
        if packet.t_begin_us < self._t_end_us:
            raise StreamsnnError(
                f"A packet begins at {packet.t_begin_us} us, before the end of the one before it"
                f" at {self._t_end_us} us.",
                hint="Reset the filters before another recording, and make the source deliver in the order of time.",
            )
        self._t_end_us = packet.t_end_us

    def kept(self, packet: Packet, out: Events, count: int) -> Packet:
        """`packet` with the first `count` events of `out`; itself when nothing was taken out of it."""
        if count < 0:
            raise _outside(packet.events, self.sensor)
        return packet if count == len(packet.events) else packet._replace(events=out[:count])


def _positive(name: str, value: Number) -> Number:
    if not value > 0 or value == float("inf"):
        raise StreamsnnError(f"A filter's {name} must be above 0, not {value}.")
    return value


def _outside(events: Events, sensor: Sensor) -> StreamsnnError:
    bad = events[(events["x"] >= sensor.width) | (events["y"] >= sensor.height)][0]
    return StreamsnnError(
        f'An event at ({bad["x"]}, {bad["y"]}) is outside the sensor "{sensor.name}",'
        f" which is {sensor.width}x{sensor.height}.",
        hint="The source breaks its promises: run `streamsnn check` on it.",
    )
