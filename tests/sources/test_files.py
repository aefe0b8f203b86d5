"""Recordings as packets."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import write_recording
from streamsnn.sources.files import RecordingSource
from streamsnn.types import EVENT, Events, Packet, Sensor

SENSOR = Sensor("test", 60, 40)


def make_events(times: list[int]) -> Events:
    events = np.zeros(len(times), EVENT)
    events["t"] = times
    events["x"] = np.arange(len(times)) % 60
    events["p"] = np.arange(len(times)) % 4 == 0
    return events


def written(folder: Path, times: list[int], name: str = "a.aedat4") -> Path:
    write_recording(folder / name, make_events(times), SENSOR)
    return folder / name


def check_tiling(packets: list[Packet], packet_us: int) -> None:
    """No hole, no overlap, whole packets but for the last, and each event in its own packet."""
    for packet in packets:
        assert packet.events.dtype == EVENT
        assert np.all(packet.events["t"] >= packet.t_begin_us)
        assert np.all(packet.events["t"] < packet.t_end_us)
        assert packet.t_begin_us < packet.t_end_us
    for before, after in itertools.pairwise(packets):
        assert before.t_end_us == after.t_begin_us
        assert before.t_end_us - before.t_begin_us == packet_us


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    st.integers(0, 1 << 50),
    st.integers(1, 5000),
    st.one_of(st.none(), st.integers(0, 60_000)),
    st.one_of(st.none(), st.integers(1, 60_000)),
)
@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_events_for_every_packet_size(
    tmp_path: Path, gaps: list[int], begin_us: int, packet_us: int, start_us: int | None, length_us: int | None
) -> None:
    times = (begin_us + np.cumsum(gaps)).tolist()
    path = written(tmp_path, times)
    stop_us = None if length_us is None else (start_us or 0) + length_us
    packet_us = max(packet_us, (times[-1] - times[0]) // 500)
    source = RecordingSource(path, packet_us=packet_us, start_us=start_us, stop_us=stop_us)
    first_us = times[0] + (start_us or 0)
    last_us = times[-1] + 1 if stop_us is None else min(times[-1] + 1, times[0] + stop_us)
    if first_us > times[-1]:
        with pytest.raises(StreamsnnError, match="is over after"):
            list(source)
        return
    packets = list(source)
    check_tiling(packets, packet_us)
    assert packets[0].t_begin_us == first_us
    assert packets[-1].t_end_us == last_us
    out = np.concatenate([packet.events for packet in packets])
    expected = make_events(times)
    assert np.array_equal(out, expected[(expected["t"] >= first_us) & (expected["t"] < last_us)])


@pytest.mark.parametrize("name", ["a.dat", "a.raw", "a.aedat4"])
def test_packets_across_chunks(tmp_path: Path, name: str) -> None:
    times = np.sort(np.random.default_rng(5).integers(1000, 2_000_000, 150_000)).tolist()
    packets = list(RecordingSource(written(tmp_path, times, name), packet_us=77_777))
    check_tiling(packets, 77_777)
    assert np.array_equal(np.concatenate([packet.events for packet in packets]), make_events(times))


def test_silence_is_packets_too_and_comes_lazily(tmp_path: Path) -> None:
    path = written(tmp_path, [1000, 3_000_000_000])
    source = iter(RecordingSource(path, packet_us=1))
    assert next(source).events.size == 1
    for k in range(1, 1000):
        packet = next(source)
        assert packet.events.size == 0
        assert (packet.t_begin_us, packet.t_end_us) == (1000 + k, 1001 + k)


def test_nmnist_begins_at_zero(shared_data: Path) -> None:
    packets = list(RecordingSource(shared_data / "events" / "nmnist" / "00002.bin", packet_us=5000))
    check_tiling(packets, 5000)
    assert packets[0].t_begin_us == 0
    assert packets[-1].t_end_us == packets[-1].events["t"][-1] + 1


def test_iterating_again_begins_again(tmp_path: Path) -> None:
    source = RecordingSource(written(tmp_path, [5, 20_000, 70_000]), clock=ManualClock())
    assert source.duration_us is None
    first = list(source)
    assert source.duration_us == 69_996
    assert str(list(source)) == str(first)


def test_arrived_is_when_it_was_asked_for(tmp_path: Path) -> None:
    clock = ManualClock(100)
    arrived = []
    for packet in RecordingSource(written(tmp_path, [0, 15_000, 25_000]), clock=clock):
        arrived.append(packet.arrived_ns)
        clock.advance_ns(7)
    assert arrived == [100, 107, 114]


def test_stop_in_a_silence_and_after_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, [0, 100_000])
    packets = list(RecordingSource(path, start_us=20_000, stop_us=45_000))
    assert [(packet.t_begin_us, packet.t_end_us, packet.events.size) for packet in packets] == [
        (20_000, 30_000, 0),
        (30_000, 40_000, 0),
        (40_000, 45_000, 0),
    ]
    assert list(RecordingSource(path, stop_us=10**9))[-1].t_end_us == 100_001


def test_close_ends_it_at_any_time(tmp_path: Path) -> None:
    source = RecordingSource(written(tmp_path, list(range(0, 1_000_000, 100))))
    for count, _ in enumerate(source):
        if count == 3:
            source.close()
    assert count == 3
    assert list(source) == []
    source.close()


def test_a_start_beyond_the_end(tmp_path: Path) -> None:
    path = written(tmp_path, [7, 2_000_006])
    with pytest.raises(StreamsnnError, match="is over after 2 s, before the start"):
        list(RecordingSource(path, start_us=2_000_000))
    assert [packet.events.size for packet in RecordingSource(path, start_us=1_999_999)] == [1]


@pytest.mark.parametrize("name", ["a.dat", "a.raw", "a.aedat4"])
def test_a_header_and_no_events(tmp_path: Path, name: str) -> None:
    source = RecordingSource(written(tmp_path, [], name))
    with pytest.raises(StreamsnnError, match="a header and no events"):
        list(source)


def test_no_sound_event(tmp_path: Path) -> None:
    source = RecordingSource(written(tmp_path, [5, 6]), sensor=Sensor("a", 60, 0))
    with pytest.raises(StreamsnnError, match="no event that is sound") as caught:
        list(source)
    assert "2 events outside the sensor" in caught.value.hint


@pytest.mark.parametrize(
    ("settings_", "why"),
    [({"packet_us": 0}, "0 us"), ({"start_us": -1}, "-1 us"), ({"start_us": 5, "stop_us": 5}, "Nothing lies between")],
)
def test_settings_that_make_no_sense(tmp_path: Path, settings_: dict[str, Any], why: str) -> None:
    path = written(tmp_path, [5])
    with pytest.raises(StreamsnnError, match=why):
        RecordingSource(path, **settings_)


def test_what_cannot_be_opened_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="There is no file"):
        RecordingSource(tmp_path / "none.dat")


def test_a_recording_that_is_cut_off_plays_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, list(range(0, 100_000, 10)), "a.dat")
    path.write_bytes(path.read_bytes()[:-3])
    source = RecordingSource(path)
    assert sum(packet.events.size for packet in source) == 9999
    assert source.damage.truncated_bytes == 5
    with pytest.raises(StreamsnnError, match="cut off"):
        list(RecordingSource(path, strict=True))


def test_one_wrong_time_does_not_make_hours_of_silence(tmp_path: Path) -> None:
    path = written(tmp_path, list(range(0, 1_000_000, 100)), "a.dat")
    data = bytearray(path.read_bytes())
    begin = len(data) - 10_000 * 8
    data[begin + 8 * 5000 + 3] = 0xDD
    path.write_bytes(data)
    source = RecordingSource(path)
    packets = list(source)
    check_tiling(packets, 10_000)
    assert len(packets) == 100
    assert source.damage.misplaced_events == 1


def test_a_real_recording(shared_data: Path) -> None:
    source = RecordingSource(shared_data / "events" / "formats" / "gen4.dat", packet_us=33_333)
    packets = list(source)
    check_tiling(packets, 33_333)
    assert sum(packet.events.size for packet in packets) == 1_218_618
    assert source.duration_us == 10_773_853 + 1 - 5_856
    assert source.sensor[1:3] == (1280, 720)
