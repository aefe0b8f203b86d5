"""Packets that end where steps do, in true time, with filters that can be turned off."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.clock import ManualClock
from streamsnn.player.feed import Feed, Pace, Switch, Tap
from streamsnn.types import EVENT, Events, Packet, Sensor

SENSOR = Sensor("toy", 8, 6)


class Packets:
    sensor = SENSOR

    def __init__(self, packets: list[Packet]) -> None:
        self.packets = packets
        self.closed = False

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.packets)

    def close(self) -> None:
        self.closed = True


def packet(begin_us: int, end_us: int, times: list[int], dropped: int = 0) -> Packet:
    events = np.zeros(len(times), EVENT)
    events["t"] = times
    return Packet(events, begin_us, end_us, 0, dropped)


@settings(deadline=None)
@given(
    cuts=st.lists(st.integers(-3_000, 9_000), min_size=2, max_size=12, unique=True).map(sorted),
    times=st.lists(st.integers(-3_000, 9_000), max_size=40).map(sorted),
    step_us=st.integers(40, 4_000),
)
def test_no_part_crosses_an_edge_and_nothing_is_lost(cuts: list[int], times: list[int], step_us: int) -> None:
    whole = [
        packet(begin, end, [t for t in times if begin <= t < end], dropped=number)
        for number, (begin, end) in enumerate(itertools.pairwise(cuts))
    ]
    source = Packets(whole)
    feed = Feed(source, step_us, lambda part: part)
    parts = list(feed)
    assert feed.begin_us == cuts[0]
    assert [part.t_begin_us for part in parts][1:] == [part.t_end_us for part in parts][:-1]
    assert (parts[0].t_begin_us, parts[-1].t_end_us) == (cuts[0], cuts[-1])
    for part in parts:
        assert part.t_begin_us // step_us == (part.t_end_us - 1) // step_us
        assert all(part.t_begin_us <= t < part.t_end_us for t in part.events["t"].tolist())
    assert np.concatenate([part.events["t"] for part in parts]).tolist() == [
        t for t in times if cuts[0] <= t < cuts[-1]
    ]
    assert sum(part.dropped for part in parts) == sum(each.dropped for each in whole)
    feed.close()
    assert source.closed


def pace(speed: float | None) -> tuple[Pace, ManualClock, list[float]]:
    clock, behind = ManualClock(1_000), list[float]()
    return Pace(clock, speed, behind.append), clock, behind


def test_packets_come_when_they_are_due() -> None:
    held, clock, _ = pace(0.5)
    released = [held.release(packet(begin, begin + 1_000, [])) for begin in (7_000, 8_000, 9_000)]
    assert [each.arrived_ns for each in released] == [1_000 + 2_000_000 * number for number in (1, 2, 3)]
    assert clock.now_ns() == released[-1].arrived_ns


def test_another_speed_counts_from_where_one_is() -> None:
    held, clock, _ = pace(1.0)
    held.release(packet(0, 1_000, []))
    held.speed = 10.0
    began_ns = clock.now_ns()
    assert held.release(packet(1_000, 2_000, [])).arrived_ns == began_ns + 100_000


def test_nobody_is_late_for_what_was_held() -> None:
    held, clock, behind = pace(1.0)
    held.release(packet(0, 1_000, []))
    clock.advance_ns(60_000_000_000)
    held.hold()
    now_ns = clock.now_ns()
    assert held.release(packet(1_000, 2_000, [])).arrived_ns == now_ns + 1_000_000
    assert behind == []


def test_lateness_shows_as_lag_until_a_second_has_piled_up() -> None:
    held, clock, behind = pace(1.0)
    held.release(packet(0, 1_000, []))
    clock.advance_ns(900_000_000)
    late = held.release(packet(1_000, 2_000, []))
    assert clock.now_ns() - late.arrived_ns == 899_000_000
    clock.advance_ns(500_000_000)
    anew = held.release(packet(2_000, 3_000, []))
    assert anew.arrived_ns == clock.now_ns()
    assert behind == [pytest.approx(1.398)]


def test_as_fast_as_it_goes_is_not_paced() -> None:
    held, clock, _ = pace(None)
    assert held.release(packet(0, 1_000_000, [])).arrived_ns == clock.now_ns() == 1_000


class Halves:
    def __init__(self) -> None:
        self.resets = 0

    def __call__(self, packet: Packet) -> Packet:
        return packet._replace(events=packet.events[::2])

    def reset(self) -> None:
        self.resets += 1


def test_a_switch_applies_its_filter_while_it_is_on() -> None:
    halves = Halves()
    switch = Switch("halves", halves, on=False)
    four = packet(0, 10, [1, 2, 3, 4])
    assert len(switch(four).events) == 4
    switch.on = True
    assert len(switch(four).events) == 2
    assert halves.resets == 1
    switch.on = False
    assert switch(four) is four


def test_a_tap_passes_everything_on() -> None:
    shown: list[Events] = []
    four = packet(0, 10, [1, 2, 3, 4])
    assert Tap(shown.append)(four) is four
    assert shown[0] is four.events
