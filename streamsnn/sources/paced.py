"""True time for any source: every packet comes when it would have come from the sensor."""

from __future__ import annotations

import math
from collections.abc import Iterator

from streamsnn.clock import Clock
from streamsnn.errors import StreamsnnError
from streamsnn.types import Packet, Sensor, Source


class Paced:
    """Releases each packet once its end is due: `speed` times true time, counted from the first packet's beginning.

    `arrived_ns` is the time at which the packet is due, as it would be with a live sensor, whether or not somebody was
    there to take it: a consumer that is late never waits, no packet is dropped, and what has piled up shows as lag.
    Every iteration starts its own count.

    Raises StreamsnnError if `speed` is not a finite number above 0.
    """

    def __init__(self, source: Source, speed: float, clock: Clock) -> None:
        if not (math.isfinite(speed) and speed > 0):
            raise StreamsnnError(
                f"A recording cannot be played at speed {speed}", hint="1 is true time, 0.5 half as fast, 2 twice."
            )
        self._source = source
        self._speed = speed
        self._clock = clock

    @property
    def sensor(self) -> Sensor:
        return self._source.sensor

    def __iter__(self) -> Iterator[Packet]:
        first: tuple[int, int] | None = None
        for packet in self._source:
            if first is None:
                first = packet.t_begin_us, self._clock.now_ns()
            begin_us, begin_ns = first
            due_ns = begin_ns + math.ceil((packet.t_end_us - begin_us) * 1000 / self._speed)
            self._clock.sleep_until_ns(due_ns)
            yield packet._replace(arrived_ns=due_ns)

    def close(self) -> None:
        self._source.close()
