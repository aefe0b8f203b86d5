"""iniVation AEDAT4, against another reader and writer, and real recordings."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import faery
import lz4.frame
import numpy as np
import pytest
import zstandard
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import aedat4, open_recording
from streamsnn.types import EVENT, Events, Sensor

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def steady(n: int = 3000, begin_us: int = 1_600_000_000_000_000) -> Events:
    return make_events(begin_us + 100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def write_with_faery(path: Path, events: Events, compression: tuple[str, int] | None) -> None:
    packets = iter(np.array_split(events.astype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")]), 10))
    faery.file_encoder.events_to_file(packets, path, (60, 40), file_type="aedat", compression=compression)


def read_with_faery(path: Path) -> Events:
    out = np.concatenate(list(faery.events_stream_from_file(path)))
    return make_events(out["t"], out["x"], out["y"], out["p"])


def packets(data: bytes) -> list[tuple[int, int]]:
    """Where each packet's 8 bytes of stream and size begin, and how long its payload is; in files made here."""
    (size,) = struct.unpack_from("<I", data, 14)
    (index_begin,) = struct.unpack_from("<q", data, 14 + 40)
    at, found = 18 + size, []
    while at < (index_begin if index_begin > 0 else len(data)):
        (length,) = struct.unpack_from("<i", data, at + 4)
        found.append((at, length))
        at += 8 + length
    return found


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


@pytest.mark.parametrize("compression", [("lz4", 1), ("zstd", 3), None])
@pytest.mark.parametrize("cut", [1, 9, 20, 200])
def test_cut_off(tmp_path: Path, compression: tuple[str, int] | None, cut: int) -> None:
    path = tmp_path / "a.aedat4"
    write_with_faery(path, steady(), compression)
    data = path.read_bytes()
    begin, length = packets(data)[6]
    path.write_bytes(data[: begin + 8 + length - cut])
    out, damage = read_all(path)
    assert 1800 <= out.size <= 2100
    assert np.array_equal(out, steady()[: out.size])
    assert 0 < damage.truncated_bytes <= 8 + length - cut
    if compression is None:
        assert out.size == 2100 - -(-cut // 16)
        assert damage.truncated_bytes <= 32
    elif out.size == 1800:
        assert damage.truncated_bytes == 8 + length - cut
    with pytest.raises(StreamsnnError, match="cut off"):
        list(open_recording(path, strict=True).chunks())


@pytest.mark.parametrize("compression", [1, 3, 0])
def test_a_single_large_packet_that_is_cut_off_gives_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: int
) -> None:
    chance = np.random.default_rng(0)
    n = 60_000
    events = make_events(np.cumsum(chance.integers(0, 99, n)), chance.integers(0, 60, n), chance.integers(0, 40, n), 1)
    path = tmp_path / "a.aedat4"
    monkeypatch.setattr(aedat4, "_WRITE_EVENTS", n)
    aedat4.write(path, events, SENSOR)
    data = bytearray(path.read_bytes())
    data[14 + 32] = compression
    [(begin, _)] = packets(bytes(data))
    plain = lz4.frame.decompress(bytes(data[begin + 8 :]))
    compress = {0: bytes, 1: lz4.frame.compress, 3: zstandard.ZstdCompressor().compress}[compression]
    payload = compress(plain)
    path.write_bytes(data[:begin] + struct.pack("<ii", 0, len(payload)) + payload)
    assert np.array_equal(read_all(path)[0], events)
    path.write_bytes(path.read_bytes()[: -len(payload) // 4])
    out, damage = read_all(path)
    assert 0.6 * n < out.size < n
    assert np.array_equal(out, events[: out.size])
    assert 0 < damage.truncated_bytes < len(payload) // 4


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


def test_wrong_bits_in_what_we_write_are_no_wrong_events(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(3000), SENSOR)
    data = path.read_bytes()
    begin, length = packets(data)[1]
    for at in range(begin + 8, begin + 8 + length, 41):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        out, damage = read_all(path)
        if damage:
            assert damage.unreadable_bytes == length
            assert np.array_equal(out, np.delete(steady(3000), slice(1024, 2048)))
        else:  # Some bits make no difference.
            assert np.array_equal(out, steady(3000))


def test_a_damaged_packet_costs_that_packet(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    write_with_faery(path, steady(), None)
    data = bytearray(path.read_bytes())
    begin, length = packets(bytes(data))[3]
    data[begin + 16 : begin + 20] = b"NOPE"
    path.write_bytes(data)
    out, damage = read_all(path)
    assert np.array_equal(out, np.delete(steady(), slice(900, 1200)))
    assert damage.unreadable_bytes == length


@pytest.mark.parametrize("size", [-5, 0, 1 << 30])
def test_a_damaged_packet_size_costs_the_rest(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(50_000), SENSOR)
    data = bytearray(path.read_bytes())
    begin, _ = packets(bytes(data))[3]
    struct.pack_into("<i", data, begin + 4, size)
    path.write_bytes(data)
    out, damage = read_all(path)
    assert np.array_equal(out, steady((4 if size > 0 else 3) * 1024))
    assert 0 < damage.truncated_bytes + damage.unreadable_bytes <= len(data) - begin


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
