"""True time, on a clock that only moves when it is told to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from streamsnn.checks import assert_conforms, check_source
from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.sources.paced import Paced
from streamsnn.types import EVENT, Packet, Sensor


class Packets:
    """A source of empty packets that end at `ends_us`, the first of which begins at `begin_us`."""

    sensor = Sensor("test", 3, 4)

    def __init__(self, begin_us: int, *ends_us: int) -> None:
        self.edges_us = (begin_us, *ends_us)
        self.closed = False

    def __iter__(self) -> Iterator[Packet]:
        for begin_us, end_us in zip(self.edges_us, self.edges_us[1:], strict=False):
            yield Packet(np.empty(0, EVENT), begin_us, end_us, arrived_ns=-1)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("begin_us", [0, 1 << 50, -70])
@pytest.mark.parametrize(("speed", "factor"), [(1, 1), (0.25, 4), (4, 0.25)])
def test_packets_come_when_they_end(begin_us: int, speed: float, factor: float) -> None:
    clock = ManualClock(500)
    paced = Paced(Packets(begin_us, begin_us + 10_000, begin_us + 25_000, begin_us + 26_000), speed, clock)
    arrived = [packet.arrived_ns for packet in paced]
    assert arrived == [500 + int(us * 1000 * factor) for us in (10_000, 25_000, 26_000)]
    assert clock.now_ns() == arrived[-1]


def test_what_comes_through_is_otherwise_unchanged() -> None:
    packets = Packets(5, 6, 7)
    for before, after in zip(packets, Paced(packets, 1, ManualClock()), strict=True):
        assert after.events is not None
        assert (before.t_begin_us, before.t_end_us, before.dropped) == (after.t_begin_us, after.t_end_us, after.dropped)


def test_who_comes_late_never_waits_and_catches_up() -> None:
    clock = ManualClock()
    paced = Paced(Packets(0, 10_000, 20_000, 30_000, 40_000), 1, clock)
    seen = []
    for k, packet in enumerate(paced):
        seen.append((clock.now_ns() // 1000, packet.arrived_ns // 1000))
        if k == 0:
            clock.advance_ns(25_000_000)
    # Released late, but stamped with the time at which a live sensor would have sent it.
    assert seen == [(10_000, 10_000), (35_000, 20_000), (35_000, 30_000), (40_000, 40_000)]


def test_what_piles_up_before_a_slow_consumer_is_lag() -> None:
    clock = ManualClock()
    lag_ms = []
    for packet in Paced(Packets(0, *range(5_000, 100_001, 5_000)), 1, clock):
        clock.advance_ns(20_000_000)
        lag_ms.append((clock.now_ns() - packet.arrived_ns) // 1_000_000)
    # 20 ms of work for 5 ms of stream: each step is 15 ms later than the one before.
    assert lag_ms == [20 + 15 * k for k in range(20)]


def test_conforms() -> None:
    assert_conforms(check_source(lambda: Paced(Packets(3, 10_000, 10_000, 30_000), 0.7, ManualClock(9))))


def test_no_drift_at_an_odd_speed() -> None:
    clock = ManualClock()
    paced = Paced(Packets(0, *range(1000, 1_000_001, 1000)), 3, clock)
    assert [packet.arrived_ns for packet in paced][-1] == 333_333_334


def test_every_iteration_starts_its_own_count() -> None:
    clock = ManualClock()
    paced = Paced(Packets(0, 10_000), 1, clock)
    for expected in (10_000_000, 20_000_000):
        assert [packet.arrived_ns for packet in paced] == [expected]


@pytest.mark.parametrize("speed", [0, -1, float("nan"), float("inf")])
def test_impossible_speeds(speed: float) -> None:
    with pytest.raises(StreamsnnError, match="speed"):
        Paced(Packets(0, 1), speed, ManualClock())


def test_sensor_and_close_are_the_sources() -> None:
    packets = Packets(0, 1)
    paced = Paced(packets, 1, ManualClock())
    assert paced.sensor == packets.sensor
    paced.close()
    assert packets.closed
