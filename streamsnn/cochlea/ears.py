"""From settings to what hears: `[hearing] encoder` says which."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamsnn.types import AnyHearing, DeltaHearing, Packet, Sensor, Sound


class Ear(Protocol):
    """What makes events of a stream of sound, the same ones however it is cut into blocks."""

    @property
    def sensor(self) -> Sensor: ...

    @property
    def best_hz(self) -> NDArray[np.float64]:
        """The frequency that each channel answers to most (channels,)."""
        ...

    @property
    def delay_us(self) -> NDArray[np.float64]:
        """How long after a click each channel answers most (channels,), resampling included."""
        ...

    @property
    def resampling_us(self) -> float:
        """What of `delay_us` is the resampling's."""
        ...

    def push(self, sound: Sound) -> Packet:
        """What `sound` brings. Raises StreamsnnError for what is no sound."""
        ...

    def reset(self) -> None:
        """Go back to the beginning of a stream, in silence."""
        ...

    def copy(self) -> Self:
        """Another one that goes on from here and shares nothing with this one."""
        ...


def make_ear(hearing: AnyHearing, rate_hz: int, ears: int = 1, seed: int = 0) -> Ear:
    """What hears a stream of `ears` ears at `rate_hz` as `hearing` asks; two of one `seed` hear the same.

    Raises StreamsnnError for settings and rates that cannot be.
    """
    if isinstance(hearing, DeltaHearing):
        from streamsnn.cochlea.deltas import DeltaEar

        return DeltaEar(hearing, rate_hz, ears, seed)
    from streamsnn.cochlea.encoder import Cochlea

    return Cochlea(hearing, rate_hz, ears, seed)
