"""Packets for a player: cut where steps end, let through when they are due, and noted for the display."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from streamsnn.clock import Clock
from streamsnn.types import Events, Filter, Packet, Sensor, Source

_BEHIND_NS = 1_000_000_000


class Pace:
    """Lets packets through when they are due: `speed` times true time, or at once where `speed` is None.

    It counts from the first packet after it was made, after `hold`, and after the speed changed. Whoever is so late
    that a second has piled up counts anew from there, and `fell_behind` is told how many seconds it was.
    """

    def __init__(self, clock: Clock, speed: float | None, fell_behind: Callable[[float], None]) -> None:
        self._clock = clock
        self._speed = speed
        self._fell_behind = fell_behind
        self._anchor: tuple[int, int] | None = None

    @property
    def speed(self) -> float | None:
        return self._speed

    @speed.setter
    def speed(self, speed: float | None) -> None:
        self._speed = speed
        self.hold()

    def hold(self) -> None:
        """Count from the next packet on: nobody is late who was not asked."""
        self._anchor = None

    def release(self, packet: Packet) -> Packet:
        """The packet once it is due, stamped with when that was."""
        now_ns = self._clock.now_ns()
        if self._speed is None:
            return packet._replace(arrived_ns=now_ns)
        if self._anchor is None:
            self._anchor = packet.t_begin_us, now_ns
        begin_us, begin_ns = self._anchor
        due_ns = begin_ns + math.ceil((packet.t_end_us - begin_us) * 1000 / self._speed)
        if now_ns - due_ns > _BEHIND_NS:
            self._fell_behind((now_ns - due_ns) * 1e-9)
            self._anchor = packet.t_end_us, now_ns
            due_ns = now_ns
        self._clock.sleep_until_ns(due_ns)
        return packet._replace(arrived_ns=due_ns)


class Feed:
    """A source whose packets end where steps do, so that a stream can be taken up again between any two steps.

    `release` is given each packet, and what it returns goes on.
    """

    def __init__(self, source: Source, step_us: int, release: Callable[[Packet], Packet]) -> None:
        self._source = source
        self._step_us = step_us
        self._release = release
        self.begin_us: int | None = None
        """The beginning of the first packet, once it was there."""

    @property
    def sensor(self) -> Sensor:
        return self._source.sensor

    def __iter__(self) -> Iterator[Packet]:
        for packet in self._source:
            if self.begin_us is None:
                self.begin_us = packet.t_begin_us
            for part in self._parts(packet):
                yield self._release(part)

    def _parts(self, packet: Packet) -> Iterator[Packet]:
        begin_us, at = packet.t_begin_us, 0
        while (edge_us := (begin_us // self._step_us + 1) * self._step_us) < packet.t_end_us:
            end = int(packet.events["t"].searchsorted(edge_us))
            yield packet._replace(events=packet.events[at:end], t_begin_us=begin_us, t_end_us=edge_us)
            packet = packet._replace(dropped=0)
            begin_us, at = edge_us, end
        yield packet._replace(events=packet.events[at:], t_begin_us=begin_us)

    def close(self) -> None:
        self._source.close()


class Switch:
    """A filter that can be turned on and off while the stream runs."""

    def __init__(self, spelling: str, apply: Filter, on: bool) -> None:
        self.spelling = spelling
        self._apply = apply
        self._on = on

    @property
    def on(self) -> bool:
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        # What it remembers is from before it was turned off.
        self.reset()
        self._on = on

    def __call__(self, packet: Packet) -> Packet:
        return self._apply(packet) if self._on else packet

    def reset(self) -> None:
        """Forget what the filter learnt, where it can."""
        forget = getattr(self._apply, "reset", None)
        if forget is not None:
            forget()


class Tap:
    """Passes every packet on, and gives its events to `show`."""

    def __init__(self, show: Callable[[Events], None]) -> None:
        self._show = show

    def __call__(self, packet: Packet) -> Packet:
        self._show(packet.events)
        return packet
