"""Checks of what stands before the steps: sources and filters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from streamsnn.checks.findings import SEED, Finding, findings, require
from streamsnn.types import EVENT, Events, Filter, Packet, Sensor, Source


def check_source(factory: Callable[[], Source], *, packets: int = 200) -> list[Finding]:
    """Check the first `packets` packets of a source; `factory` opens the same stream anew at each call."""

    def some() -> tuple[Sensor, list[Packet]]:
        source = factory()
        try:
            return source.sensor, list(itertools.islice(source, packets))
        finally:
            source.close()

    def sensor_is_real() -> None:
        sensor, _ = some()
        require(isinstance(sensor, Sensor), f"sensor is {sensor!r}")
        require(0 < sensor.width <= 65_536 and 0 < sensor.height <= 65_536, f"{sensor.width}x{sensor.height} pixels")
        require(sensor.kind in ("vision", "audio"), f"kind is {sensor.kind!r}")

    def packets_are_ordered() -> None:
        reached: int | None = None
        arrived_ns: int | None = None
        for packet in some()[1]:
            span = f"packet [{packet.t_begin_us}, {packet.t_end_us})"
            require(packet.t_end_us >= packet.t_begin_us, f"{span} ends before it begins")
            require(reached is None or packet.t_begin_us >= reached, f"{span} begins before {reached}, the last end")
            require(arrived_ns is None or packet.arrived_ns >= arrived_ns, f"{span} arrived before the one before it")
            require(packet.dropped >= 0, f"{span} dropped {packet.dropped} events")
            reached, arrived_ns = packet.t_end_us, packet.arrived_ns

    def whole_numbers() -> None:
        for packet in some()[1]:
            for name in ("t_begin_us", "t_end_us", "arrived_ns", "dropped"):
                value = getattr(packet, name)
                require(type(value) is int, f"{name} is a {type(value).__name__}, not an int")

    def events_are_sound() -> None:
        sensor, found = some()
        for packet in found:
            _sound_events(packet, sensor)

    def gives_packets() -> None:
        require(some()[1], "there is not a single packet, so nothing else could be checked")

    def opens_again() -> None:
        first, again = some(), some()
        require(first[0] == again[0], f"the sensor became {again[0]}")
        require(first[1] and again[1], "opened again it gave nothing")

    def closes_twice() -> None:
        source = factory()
        source.close()
        source.close()
        source = factory()
        list(itertools.islice(source, 1))
        source.close()
        source.close()

    return findings(
        [
            ("source: has a real sensor", sensor_is_real),
            ("source: gives packets", gives_packets),
            ("source: packets follow one another", packets_are_ordered),
            ("source: times and counts are ints", whole_numbers),
            ("source: events are ordered, inside packet and sensor", events_are_sound),
            ("source: can be opened again", opens_again),
            ("source: close is idempotent", closes_twice),
        ]
    )


def _sound_events(packet: Packet, sensor: Sensor) -> None:
    events = packet.events
    span = f"packet [{packet.t_begin_us}, {packet.t_end_us})"
    require(isinstance(events, np.ndarray) and events.ndim == 1, f"{span}: events are not a one-dimensional array")
    require(events.dtype == EVENT, f"{span}: events have the dtype {events.dtype}")
    if len(events):
        require(np.all(np.diff(events["t"]) >= 0), f"{span}: events are not ordered by time")
        inside = packet.t_begin_us <= events["t"][0] and events["t"][-1] < packet.t_end_us
        require(inside, f"{span}: events from {events['t'][0]} to {events['t'][-1]} us")
        require(events["x"].max() < sensor.width, f"{span}: x = {events['x'].max()} of {sensor.width}")
        require(events["y"].max() < sensor.height, f"{span}: y = {events['y'].max()} of {sensor.height}")


def check_filter(factory: Callable[[], Filter], sensor: Sensor) -> list[Finding]:
    """Check a filter for `sensor` on a made-up stream with bursts, pauses, ties and a pixel that never rests."""
    end_us = int(_made_up_events(sensor)["t"][-1]) + 1

    # Made anew for each use: a filter that writes into what it was given must not spoil the other checks.
    def whole() -> Packet:
        return Packet(_made_up_events(sensor), 0, end_us, 11, 3)

    def cut(size_us: int) -> Iterator[Packet]:
        return _cut(_made_up_events(sensor), end_us, size_us)

    def keeps_frame() -> None:
        apply = factory()
        for packet in cut(97_003):
            found = apply(packet)
            require(found[1:] == packet[1:], f"{packet[1:]} became {found[1:]}")

    def events_are_sound() -> None:
        apply = factory()
        for packet in cut(97_003):
            _sound_events(apply(packet), sensor)

    def input_untouched() -> None:
        packet = whole()
        before = packet.events.copy()
        factory()(packet)
        require(np.array_equal(packet.events, before), "the events that it was given have changed")
        packet.events.flags.writeable = False
        factory()(packet)

    def output_stays() -> None:
        apply = factory()
        first, *rest = cut(500_000)
        given = apply(first).events
        copy = given.copy()
        for packet in rest:
            apply(packet)
        require(np.array_equal(given, copy), "events that were given out change later")

    def empty_packets_pass() -> None:
        apply = factory()
        for begin in (0, 10, 20):
            found = apply(Packet(np.empty(0, EVENT), begin, begin + 10, begin, 1))
            require(len(found.events) == 0 and found[1:] == (begin, begin + 10, begin, 1), f"became {found}")

    def chunks_do_not_matter() -> None:
        wanted = factory()(whole()).events
        for size_us in (311, 10_007, 333_333):
            apply = factory()
            got = np.concatenate([apply(packet).events for packet in cut(size_us)])
            require(
                np.array_equal(got, wanted),
                f"{len(got)} events in packets of {size_us} us, {len(wanted)} in one packet",
            )

    def runs_alike() -> None:
        require(np.array_equal(factory()(whole()).events, factory()(whole()).events), "two fresh filters differ")

    def resets() -> None:
        apply: Any = factory()
        if hasattr(apply, "reset"):
            wanted = apply(whole()).events.copy()
            apply.reset()
            require(np.array_equal(apply(whole()).events, wanted), "after reset it answers as if it remembered")

    return findings(
        [
            ("filter: time range, arrival and dropped pass unchanged", keeps_frame),
            ("filter: events stay ordered, inside packet and sensor", events_are_sound),
            ("filter: the events given to it are not changed", input_untouched),
            ("filter: the events it gave out are not changed", output_stays),
            ("filter: empty packets pass", empty_packets_pass),
            ("filter: the size of packets does not matter", chunks_do_not_matter),
            ("filter: the same events give the same answer", runs_alike),
            ("filter: reset forgets", resets),
        ]
    )


def _made_up_events(sensor: Sensor) -> Events:
    rng = np.random.default_rng(SEED)
    burst_us = np.sort(rng.integers(0, 40_000, 3_000)) + np.repeat(np.arange(6) * 650_000, 500)
    wild = np.zeros(2_000, EVENT)
    wild["t"] = np.sort(rng.integers(0, 4_000_000, 2_000))
    events = np.zeros(3_000, EVENT)
    events["t"] = burst_us
    events = np.concatenate([events, wild, wild[:50]])
    events["x"] = rng.integers(0, sensor.width, len(events))
    events["y"] = rng.integers(0, sensor.height, len(events))
    events["p"] = rng.integers(0, 2, len(events))
    restless = np.zeros(4_000, EVENT)
    restless["t"] = np.arange(4_000) * 1_000
    restless["x"], restless["y"] = sensor.width // 2, sensor.height // 2
    events = np.concatenate([events, restless])
    ordered: Events = events[np.argsort(events["t"], kind="stable")]
    return ordered


def _cut(events: Events, end_us: int, size_us: int) -> Iterator[Packet]:
    edges = np.arange(0, end_us + size_us, size_us)
    places = np.searchsorted(events["t"], edges)
    for k, (begin, end) in enumerate(itertools.pairwise(places.tolist())):
        yield Packet(events[begin:end], k * size_us, (k + 1) * size_us, k, k % 2)
