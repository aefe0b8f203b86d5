"""Steps are the same however the recording was cut up."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn import binning
from streamsnn.binning import Binner
from streamsnn.errors import StreamsnnError
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.types import EVENT, Events, InputSpec, Packet, Sensor, Step

SENSOR = Sensor("toy", 8, 6)
SPLIT = InputSpec(8, 6)
Row = tuple[int, int, int, bool]


def events_of(rows: list[Row]) -> Events:
    return np.array(rows, EVENT)


def binned(binner: Binner, packets: list[Packet]) -> list[Step]:
    steps = [step for packet in packets for step in binner.push(packet)]
    return steps + list(binner.flush())


def plain(steps: list[Step]) -> list[tuple[int, list[int]]]:
    return [(step.index, step.addresses.tolist()) for step in steps]


def cut(rows: list[Row], begin_us: int, end_us: int, cuts: list[int]) -> list[Packet]:
    """The recording [begin_us, end_us) cut at `cuts`; a cut that occurs twice gives an empty packet of no length."""
    edges = [begin_us, *sorted(cuts), end_us]
    return [
        Packet(events_of([row for row in rows if begin <= row[0] < end]), begin, end, k)
        for k, (begin, end) in enumerate(itertools.pairwise(edges))
    ]


def expected(rows: list[Row], begin_us: int, end_us: int, step_us: int, fit: SensorFit) -> list[tuple[int, list[int]]]:
    """The definition of a step, written down without any care for speed."""
    spec = fit.spec
    found = []
    for index in range(begin_us // step_us, -(-end_us // step_us)):
        addresses: list[int] = []
        for t_us, x, y, p in rows:
            if t_us // step_us != index:
                continue
            if not (fit.x <= x < fit.x + fit.width and fit.y <= y < fit.y + fit.height):
                continue
            column, row = fit.left + (x - fit.x) // fit.downsample, fit.top + (y - fit.y) // fit.downsample
            channel = int(p) if spec.polarity == "split" else 0
            address = (channel * spec.height + row) * spec.width + column
            if spec.value == "count" or address not in addresses:
                addresses.append(address)
        found.append((index, addresses))
    return found


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Row], int, int, list[int], list[int]]:
    begin_us = draw(st.integers(-5_000, 5_000))
    end_us = begin_us + draw(st.integers(1, 3_000))
    times = st.integers(begin_us, end_us - 1)
    rows = draw(st.lists(st.tuples(times, st.integers(0, 7), st.integers(0, 5), st.booleans()), max_size=40))
    rows.sort(key=lambda row: row[0])
    cuts = st.lists(st.integers(begin_us, end_us), max_size=12)
    return rows, begin_us, end_us, draw(cuts), draw(cuts)


FITS = [
    fit_sensor(SENSOR, SPLIT),
    fit_sensor(SENSOR, InputSpec(8, 6, polarity="merge", value="binary")),
    fit_sensor(SENSOR, InputSpec(8, 6, value="binary")),
    fit_sensor(SENSOR, InputSpec(5, 5, value="binary"), downsample=2, letterbox=True),
    fit_sensor(SENSOR, InputSpec(3, 2, polarity="merge"), crop=(1, 2, 6, 4), downsample=2),
]


@settings(deadline=None, max_examples=150)
@given(recordings(), st.sampled_from(FITS), st.integers(1, 700))
def test_steps_follow_the_definition_for_any_packets(
    recording: tuple[list[Row], int, int, list[int], list[int]], fit: SensorFit, step_us: int
) -> None:
    rows, begin_us, end_us, cuts, other_cuts = recording
    wanted = expected(rows, begin_us, end_us, step_us, fit)
    binner = Binner(step_us, fit)
    assert plain(binned(binner, cut(rows, begin_us, end_us, cuts))) == wanted
    # flush has reset it: the same again, cut in another way
    assert plain(binned(binner, cut(rows, begin_us, end_us, other_cuts))) == wanted


def test_addresses_are_int32_and_stay_unchanged_for_ever() -> None:
    rng = np.random.default_rng(0)
    binner = Binner(100, FITS[0])
    kept = []
    for k in range(50):
        events = np.zeros(40, EVENT)
        events["t"] = np.sort(rng.integers(k * 330, (k + 1) * 330, 40))
        events["x"] = rng.integers(0, 8, 40)
        for step in binner.push(Packet(events, k * 330, (k + 1) * 330, 0)):
            assert step.addresses.dtype == np.int32
            assert step.addresses.flags.c_contiguous
            kept.append((step.addresses, step.addresses.copy()))
    assert sum(len(addresses) for addresses, _ in kept) > 1_900
    for addresses, copy in kept:
        np.testing.assert_array_equal(addresses, copy)


def test_grows_for_packets_that_are_larger_than_its_first_buffer() -> None:
    events = np.zeros(100_000, EVENT)
    events["t"] = np.arange(100_000)
    binner = Binner(60_000, FITS[0])
    steps = binned(binner, [Packet(events[:50_000], 0, 50_000, 0), Packet(events[50_000:], 50_000, 100_000, 1)])
    assert [len(step.addresses) for step in steps] == [60_000, 40_000]
    steps = binned(Binner(10, FITS[0]), [Packet(events, 0, 100_000, 0)])
    assert [len(step.addresses) for step in steps] == [10] * 10_000


def test_a_step_arrives_with_the_packet_that_closes_it() -> None:
    binner = Binner(1000, FITS[0])
    assert list(binner.push(Packet(events_of([]), 0, 999, 10))) == []
    assert [(s.index, s.arrived_ns) for s in binner.push(Packet(events_of([]), 999, 2500, 20))] == [(0, 20), (1, 20)]
    assert [(s.index, s.arrived_ns) for s in binner.flush()] == [(2, 20)]
    list(binner.push(Packet(events_of([]), 0, 500, 10)))
    assert [s.arrived_ns for s in binner.flush(77)] == [77]


def test_push_takes_the_packet_in_even_if_nobody_looks_at_its_steps() -> None:
    binner = Binner(1000, FITS[0])
    binner.push(Packet(events_of([(5, 1, 0, False)]), 0, 1500, 0))
    assert [step.index for step in binner.push(Packet(events_of([]), 1500, 2000, 0))] == [1]


def test_a_long_silence_is_all_its_steps_and_no_memory() -> None:
    binner = Binner(1000, FITS[0])
    day_us = 24 * 3600 * 1_000_000
    steps = binner.push(Packet(events_of([(day_us - 1, 7, 5, True)]), 0, day_us, 0))
    assert [next(steps).index for _ in range(3)] == [0, 1, 2]
    # The last event's step only: the silent ones cost nothing before they are asked for.
    assert binner.push(Packet(events_of([]), day_us, day_us + 1000, 0)).__next__().index == day_us // 1000


def test_flush_gives_nothing_when_the_recording_ended_with_a_step() -> None:
    binner = Binner(1000, FITS[0])
    assert [s.index for s in binner.push(Packet(events_of([]), 500, 2000, 0))] == [0, 1]
    assert list(binner.flush()) == []
    assert list(binner.flush()) == []  # and nothing before anything was pushed


def test_reset_forgets_the_open_step_and_the_time() -> None:
    binner = Binner(1000, FITS[1])
    binner.push(Packet(events_of([(8_100, 1, 0, False)]), 8_000, 8_500, 0))
    binner.reset()
    assert plain(binned(binner, [Packet(events_of([(100, 2, 0, False)]), 0, 1000, 0)])) == [(0, [2])]


@pytest.mark.parametrize(
    ("packet", "message"),
    [
        (Packet(events_of([]), 999, 2000, 0), "begins at 999 us, before the end of the one before it at 1000 us"),
        (Packet(events_of([]), 2000, 1999, 0), "ends before that"),
        (Packet(events_of([(1000, 8, 0, True)]), 1000, 2000, 0), r"\(8, 0\) is outside the sensor .toy., which is 8x6"),
        (Packet(events_of([(1000, 0, 6, True)]), 1000, 2000, 0), r"\(0, 6\) is outside the sensor"),
        (Packet(events_of([(2000, 0, 0, True)]), 1000, 2000, 0), r"2000 us is outside its packet, \[1000, 2000\)"),
        (Packet(events_of([(999, 0, 0, True)]), 1000, 2000, 0), "999 us is outside its packet"),
        (Packet(events_of([(1500, 0, 0, True), (1499, 0, 0, True)]), 1000, 2000, 0), "1499 us follows a later one"),
    ],
)
def test_refuses_what_a_sound_source_never_gives(packet: Packet, message: str) -> None:
    binner = Binner(1000, FITS[0])
    list(binner.push(Packet(events_of([]), 0, 1000, 0)))
    with pytest.raises(StreamsnnError, match=message):
        binner.push(packet)


def test_takes_events_that_are_read_only_or_strided() -> None:
    events = events_of([(k, k % 8, 0, False) for k in range(100)])
    frozen = events.copy()
    frozen.flags.writeable = False
    for given_events in (frozen, events[:], np.repeat(events, 2)[::2]):
        steps = binned(Binner(100, FITS[0]), [Packet(given_events, 0, 100, 0)])
        assert plain(steps) == [(0, [k % 8 for k in range(100)])]


def test_a_step_lasts_at_least_a_microsecond() -> None:
    with pytest.raises(StreamsnnError, match="A step of 0 us"):
        Binner(0, FITS[0])


@pytest.mark.parametrize("packets", [1, 7, 500])
def test_a_step_without_an_end_is_bounded_and_what_it_loses_is_counted(
    monkeypatch: pytest.MonkeyPatch, packets: int
) -> None:
    monkeypatch.setattr(binning, "MOST_ADDRESSES", 150)
    monkeypatch.setattr(binning, "MOST_PER_US", 0)
    rng = np.random.default_rng(5)
    events = np.zeros(5_000, EVENT)
    events["t"] = np.sort(rng.integers(0, 1_000, len(events)))
    events["x"], events["y"] = rng.integers(0, 8, len(events)), rng.integers(0, 6, len(events))
    # Behind the crowd a step like any other, which loses nothing.
    events["t"][-3:] = 1_500
    edges = np.linspace(0, 2_000, packets + 1).astype(int).tolist()
    binner = Binner(1_000, fit_sensor(SENSOR, SPLIT))
    steps: list[Step] = []
    for begin_us, end_us in itertools.pairwise(edges):
        begin, end = events["t"].searchsorted((begin_us, end_us))
        steps += binner.push(Packet(events[begin:end], begin_us, end_us, 0))
        assert binner.held <= 150
    assert [len(step.addresses) for step in steps] == [150, 3]
    assert binner.dropped == 5_000 - 3 - 150
    expected = events["y"][:150].astype(int) * 8 + events["x"][:150]
    assert steps[0].addresses.tolist() == expected.tolist()


def test_what_counts_each_address_once_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binning, "MOST_ADDRESSES", 10)
    monkeypatch.setattr(binning, "MOST_PER_US", 0)
    spec = dataclasses.replace(SPLIT, value="binary")
    rows = [(5, x, y, False) for x in range(8) for y in range(6)] * 3
    binner = Binner(1_000, fit_sensor(SENSOR, spec))
    (step,) = binned(binner, [Packet(events_of(rows), 0, 1_000, 0)])
    assert len(step.addresses) == 48
    assert binner.dropped == 0
