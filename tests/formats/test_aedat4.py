"""iniVation AEDAT4, against another reader and writer, and real recordings."""

from __future__ import annotations

import hashlib
from pathlib import Path

import faery
import numpy as np
import pytest
from aedat4_files import packets, steady, write_with_faery
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import aedat4, open_recording, write_recording
from streamsnn.types import EVENT, Events, Sensor

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def read_with_faery(path: Path) -> Events:
    out = np.concatenate(list(faery.events_stream_from_file(path)))
    return make_events(out["t"], out["x"], out["y"], out["p"])


@given(sorted_events(first_us=1 << 55), st.integers(1, 2000))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, events, SENSOR)
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage
    assert open_recording(path).sensor == SENSOR
    assert [each.name for each in tmp_path.iterdir()] == ["a.aedat4"]


def test_many_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(50_000), SENSOR)
    assert len(packets(path.read_bytes())) == 49
    for chunk_bytes in (1, 1 << 17, 1 << 24):
        assert np.array_equal(read_all(path, chunk_bytes)[0], steady(50_000))


def test_faery_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(20_000), Sensor("<a & b>", 60, 40))
    assert np.array_equal(read_with_faery(path), steady(20_000))


@pytest.mark.parametrize("compression", [("lz4", 1), ("lz4", 9), ("zstd", 3), None])
def test_we_read_what_faery_writes(tmp_path: Path, compression: tuple[str, int] | None) -> None:
    path = tmp_path / "a.aedat4"
    write_with_faery(path, steady(), compression)
    out, damage = read_all(path)
    assert np.array_equal(out, steady())
    assert not damage


def test_a_written_recording_that_is_cut_off_loses_little(tmp_path: Path) -> None:
    data = (RECORDINGS / "digits" / "1-pen.aedat4").read_bytes()
    (tmp_path / "whole.aedat4").write_bytes(data)
    whole, _ = read_all(tmp_path / "whole.aedat4")
    path = tmp_path / "cut.aedat4"
    path.write_bytes(data[: len(data) * 3 // 4])
    out, damage = read_all(path)
    assert out.size > 0.7 * whole.size - 1024  # A packet at most.
    assert np.array_equal(out, whole[: out.size])
    assert 0 < damage.truncated_bytes < len(data) // 2


def test_one_event_outside_costs_one_event(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    events = steady()
    events["x"][70] = 60
    events["y"][80] = 40
    aedat4.write(path, events, Sensor("bigger", 61, 41))
    path.write_bytes(path.read_bytes().replace(b'type="int">61<', b'type="int">60<').replace(b">41<", b">40<"))
    out, damage = read_all(path)
    assert np.array_equal(out, np.delete(events, [70, 80]))
    assert damage.outside_events == 2


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b"IOHE", b"NOPE", "not marked"),
        (b"</dv>", b"</vd>", "mismatched"),
        (b">EVTS<", b">FRME<", "without a stream of events"),
        (b'<dv version="2.0">', b'<!DOCTYPE dv "ab">', "entities"),
    ],
)
def test_a_damaged_header(tmp_path: Path, old: bytes, new: bytes, what: str) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(), SENSOR)
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))
    with pytest.raises(StreamsnnError, match=what):
        open_recording(path)


def test_unknown_compression(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(), SENSOR)
    data = bytearray(path.read_bytes())
    data[14 + 32] = 9
    path.write_bytes(data)
    with pytest.raises(StreamsnnError, match="number 9"):
        open_recording(path)


def test_header_only(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(0), SENSOR)
    assert list(open_recording(path).chunks()) == []


def test_a_stream_without_a_size(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(), SENSOR)
    path.write_bytes(path.read_bytes().replace(b'"sizeX"', b'"sizeQ"'))
    assert open_recording(path).sensor[1:3] == (304, 240)


@given(st.data())
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.aedat4"
    if data.draw(st.booleans()):
        write_with_faery(path, steady(200), data.draw(st.sampled_from([("lz4", 1), ("zstd", 1), None])))
    else:
        aedat4.write(path, steady(200), SENSOR)
    raw = bytearray(path.read_bytes())
    begin = packets(bytes(raw))[0][0]
    for _ in range(data.draw(st.integers(0, 12))):
        somewhere = st.one_of(st.integers(0, 80), st.integers(0, begin), st.integers(begin, len(raw) - 1))
        raw[data.draw(somewhere)] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.one_of(st.just(len(raw)), st.integers(1, len(raw))))])
    try:
        whole, damage = read_all(path)
    except StreamsnnError:
        return
    pieces, same = read_all(path, data.draw(st.integers(1, 5000)))
    assert np.array_equal(pieces, whole)
    assert same == damage


@pytest.mark.parametrize("name", ["formats/sample.aedat4", "davis346-traffic/davis346_traffic.aedat4"])
def test_real_recordings_equal_what_faery_reads(shared_data: Path, name: str) -> None:
    path = shared_data / "events" / name
    out, damage = read_all(path)
    assert np.array_equal(out, read_with_faery(path))
    assert not damage


def test_a_real_recording_has_the_published_digests(shared_data: Path) -> None:
    path = shared_data / "events" / "davis346-traffic" / "davis346_traffic.aedat4"
    events, _ = read_all(path)
    # SHA3-224 of the columns, from the tests of faery (github.com/aestream/faery, tests/assets.py).
    assert {name: hashlib.sha3_224(events[name].tobytes()).hexdigest()[:16] for name in EVENT.names or ()} == {
        "t": "f1e093cad5afb6ec",
        "x": "1d8ea97b0febadfd",
        "y": "18f89da35f8f10b2",
        "p": "6f99cf01187da8a0",
    }
    assert open_recording(path).sensor == Sensor("DAVIS346_00000002", 346, 260)


def test_one_packet_of_many_events(shared_data: Path) -> None:
    for path in sorted((shared_data / "events" / "davis346-wheel").glob("*.aedat4")):
        out, damage = read_all(path)
        assert np.array_equal(out, read_with_faery(path))
        assert not damage


@pytest.mark.parametrize("left", range(1, 9))
def test_an_index_that_begins_within_a_packets_header(tmp_path: Path, left: int) -> None:
    """Found by fuzzing."""
    write_recording(tmp_path / "a.aedat4", make_events(np.arange(100)), SENSOR)
    data = bytearray((tmp_path / "a.aedat4").read_bytes())
    begin = 18 + int.from_bytes(data[14:18], "little")
    data[18 + 36 : 18 + 44] = (begin + left).to_bytes(8, "little")
    (tmp_path / "a.aedat4").write_bytes(data)
    recording = open_recording(tmp_path / "a.aedat4")
    assert list(recording.chunks()) == []
    assert recording.damage.truncated_bytes == left
