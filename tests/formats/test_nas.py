"""The hardware cochlea's records: nothing in the file says what they are, and its name may."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.formats.nas import NasLayout, layout_in_name, open_nas
from streamsnn.sources.files import RecordingSource
from streamsnn.types import EVENT, Events, Sensor

NAME = "tone_{ears}_{channels}ch_ONOFF_addr{size}b_ts{tick}.aedat"


def sample(n: int = 300, channels: int = 64, ears: int = 2, seed: int = 1, begin_us: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    t_us = begin_us + np.sort(rng.integers(0, 300_000, n))
    return make_events(t_us, rng.integers(0, channels, n), rng.integers(0, ears, n), rng.integers(0, 2, n))


def encode(events: Events, channels: int = 64, size: int = 2, ticks_per_us: int = 1) -> bytes:
    records = np.empty(len(events), [("address", f">u{size}"), ("ticks", ">u4")])
    records["address"] = events["y"].astype(int) * 2 * channels + events["x"].astype(int) * 2 + events["p"]
    records["ticks"] = (events["t"] * ticks_per_us) % (1 << 32)
    return records.tobytes()


@pytest.mark.parametrize("ears", [1, 2])
@pytest.mark.parametrize("channels", [32, 64])
@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize(("tick", "ticks_per_us"), [("02", 5), ("1", 1)])
@pytest.mark.parametrize("chunk_bytes", [1, 64, 1 << 18])
def test_events_come_back(
    tmp_path: Path, ears: int, channels: int, size: int, tick: str, ticks_per_us: int, chunk_bytes: int
) -> None:
    events = sample(100, channels, ears)
    name = NAME.format(ears="mono" if ears == 1 else "stereo", channels=channels, size=size, tick=tick)
    path = tmp_path / name
    path.write_bytes(encode(events, channels, size, ticks_per_us))
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage
    recording = open_recording(path)
    assert recording.format_name == "NAS"
    assert recording.sensor == Sensor("NAS", channels, ears, "audio")


@pytest.mark.parametrize("chunk_bytes", [6, 600, 1 << 18])
def test_the_clock_goes_round(tmp_path: Path, chunk_bytes: int) -> None:
    """After 14 minutes at 0.2 us."""
    path = tmp_path / NAME.format(ears="stereo", channels=64, size=2, tick="02")
    events = sample(begin_us=(1 << 32) // 5 - 150_000)
    path.write_bytes(encode(events, ticks_per_us=5))
    assert np.array_equal(read_all(path, chunk_bytes)[0], events)


def test_cut_off(tmp_path: Path) -> None:
    path = tmp_path / NAME.format(ears="stereo", channels=64, size=2, tick="1")
    path.write_bytes(encode(sample())[:-2])
    out, damage = read_all(path)
    assert np.array_equal(out, sample()[:-1])
    assert damage.truncated_bytes == 4


def test_addresses_of_no_channel_are_damage(tmp_path: Path) -> None:
    path = tmp_path / NAME.format(ears="mono", channels=64, size=4, tick="1")
    data = bytearray(encode(sample(ears=1), size=4))
    data[8 * 100] = 0x80
    data[8 * 101 + 3] = 128
    path.write_bytes(data)
    out, damage = read_all(path)
    assert np.array_equal(out, np.delete(sample(ears=1), [100, 101]))
    assert damage.outside_events == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("130Hz_mono_64ch_ONOFF_addr2b_ts02.aedat", NasLayout(64, 1, 0.2, 2)),
        ("enun_stereo_64ch_ONOFF_addr4b_ts1.aedat", NasLayout(64, 2, 1.0, 4)),
        ("a-32ch.aedat", NasLayout(32)),
        ("monotone_stereotype_64chan_ts.aedat", NasLayout()),
    ],
)
def test_what_a_name_says(name: str, expected: NasLayout) -> None:
    assert layout_in_name(name) == expected


def test_what_neither_name_nor_user_says_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(encode(sample(), ticks_per_us=5))
    for stated, why in (
        (NasLayout(), "how many channels"),
        (NasLayout(64), "how many ears"),
        (NasLayout(64, 2), "how long a tick is"),
    ):
        with pytest.raises(StreamsnnError, match=why) as caught:
            open_nas(path, stated)
        assert "open_nas" in caught.value.hint
    with pytest.raises(StreamsnnError, match="how many channels"):
        open_recording(path)
    recording = open_nas(path, NasLayout(64, 2, 0.2))
    assert np.array_equal(np.concatenate(list(recording.chunks())), sample())
    named = path.rename(tmp_path / "a_ts02.aedat")
    out, _ = read_all(named, sensor=Sensor("ears", 64, 2))
    assert np.array_equal(out, sample())
    assert open_recording(named, sensor=Sensor("ears", 64, 2)).sensor.kind == "audio"


def test_what_is_said_wrongly_is_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME.format(ears="stereo", channels=64, size=4, tick="1")
    path.write_bytes(encode(sample()))
    with pytest.raises(StreamsnnError, match="addresses of 2 bytes, and is said to have them of 4"):
        open_recording(path)
    assert open_nas(path, NasLayout(address_bytes=2)).sensor.width == 64
    with pytest.raises(StreamsnnError, match="no NAS of 0 channels"):
        open_nas(path, NasLayout(0, address_bytes=2))


def test_found_by_content_under_a_wrong_name(tmp_path: Path) -> None:
    path = tmp_path / "a_stereo_64ch_ts1.bin"
    path.write_bytes(encode(sample()))
    assert open_recording(path).format_name == "NAS"


@pytest.mark.parametrize(
    "data", [b"hello world, this is no recording " * 50, bytes(1000), np.random.default_rng(0).bytes(3000)]
)
def test_other_files_are_not_taken_for_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / NAME.format(ears="mono", channels=64, size=2, tick="1")
    path.write_bytes(data)
    with pytest.raises(StreamsnnError, match="no recording of a known format"):
        open_recording(path)


def test_one_with_a_header_is_another_format(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat"
    path.write_bytes(b"#!AER-DAT1.0\r\n" + encode(sample(), size=4))
    with pytest.raises(StreamsnnError, match="AEDAT 1, which is not read"):
        open_recording(path)


@given(st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([2, 4]))
    raw = bytearray(encode(sample(40), size=size))
    for _ in range(data.draw(st.integers(0, 30))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / NAME.format(ears="stereo", channels=64, size=size, tick="1")
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    try:
        whole, damage = read_all(path)
    except StreamsnnError:
        return
    pieces, same = read_all(path, data.draw(st.integers(1, 50)))
    assert np.array_equal(pieces, whole)
    assert same == damage


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_events_or_an_error(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / NAME.format(ears="stereo", channels=64, size=2, tick="1")
    path.write_bytes(raw)
    try:
        recording = open_nas(path, NasLayout(address_bytes=2))
        events = np.concatenate([np.empty(0, EVENT), *recording.chunks()])
    except StreamsnnError:
        return
    assert np.all(np.diff(events["t"]) >= 0)


@pytest.mark.parametrize(
    ("begin", "events", "seconds", "sensor"),
    [
        ("130Hz", 331_949, 0.497, (64, 1)),
        ("enun", 428_635, 13.74, (64, 2)),
        ("sound", 49_864, 1.14, (32, 1)),
    ],
)
def test_real_recordings(shared_data: Path, begin: str, events: int, seconds: float, sensor: tuple[int, int]) -> None:
    (path,) = (shared_data / "audio" / "nas-cochlea").glob(f"{begin}*.aedat")
    source = RecordingSource(path, packet_us=10_000, strict=True)
    assert source.sensor == Sensor("NAS", *sensor, "audio")
    packets = list(source)
    out = np.concatenate([packet.events for packet in packets])
    assert len(out) == events
    assert (out["t"][-1] - out["t"][0]) * 1e-6 == pytest.approx(seconds, abs=0.006)
    # Each spike's twin of the other polarity is never far: a spike is one half of an oscillation.
    assert 0.45 < np.mean(out["p"]) < 0.55
    assert set(out["y"]) == set(range(sensor[1]))
