"""A camera of 128x128 pixels that sends a million events a second, evenly over all pixels: the worst there is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streamsnn.clock import HostClock
from streamsnn.types import EVENT, Packet, Sensor

SIDE = 128
RATE_HZ = 1_000_000
_PACKET_US = 1_000
_PACKETS = 500
"""Packets until the same events come again."""


class Noise:
    """Packets of 1 ms without end, as fast as they are pulled; the same ones every time."""

    sensor = Sensor("noise", SIDE, SIDE)

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self._packets = []
        for _ in range(_PACKETS):
            events = np.zeros(rng.poisson(RATE_HZ * _PACKET_US * 1e-6), EVENT)
            events["t"] = np.sort(rng.integers(0, _PACKET_US, len(events)))
            events["x"], events["y"] = rng.integers(0, SIDE, (2, len(events)))
            events["p"] = rng.integers(0, 2, len(events))
            self._packets.append(events)
        self._closed = False

    def __iter__(self) -> Iterator[Packet]:
        clock = HostClock()
        begin_us = 0
        while not self._closed:
            for kept in self._packets:
                events = kept.copy()
                events["t"] += begin_us
                yield Packet(events, begin_us, begin_us + _PACKET_US, clock.now_ns())
                begin_us += _PACKET_US

    def close(self) -> None:
        """End at the next packet."""
        self._closed = True
