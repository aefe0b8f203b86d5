"""Packets of AEDAT4: whole, cut off, damaged, and among those of other streams."""

from __future__ import annotations

import struct
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard
from aedat4_files import packets, steady, write_with_faery
from event_strategies import SENSOR, make_events, read_all

from streamsnn.errors import StreamsnnError
from streamsnn.formats import aedat4, open_recording


def test_packets_of_any_size_among_those_of_other_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = steady(40_000)
    path = tmp_path / "a.aedat4"
    file = b""
    begin = 0
    for size in (0, 1, 5000, 3, 0, 30_000, 2, 1, 900, 0, 4093):
        monkeypatch.setattr(aedat4, "_WRITE_EVENTS", max(size, 1))
        aedat4.write(path, events[begin : begin + size], SENSOR)
        data = path.read_bytes()
        if not file:
            file = data
        if size:
            file += data[packets(data)[0][0] :]
        else:
            empty = lz4.frame.compress(struct.pack("<II4s2xHHHiII", 28, 16, b"EVTS", 6, 8, 4, 6, 4, 0))
            file += struct.pack("<ii", 0, len(empty)) + empty
        file += struct.pack("<ii", 1, 3 + size) + bytes(3 + size)
        begin += size
    path.write_bytes(file)
    assert begin == 40_000
    for chunk_bytes in (1, 13 * 1000, 13 * 5003, 13 * 5004, 1 << 18):
        out, damage = read_all(path, chunk_bytes)
        assert np.array_equal(out, events)
        assert not damage


def test_a_damaged_polarity_is_one_of_the_two(tmp_path: Path) -> None:
    path = tmp_path / "a.aedat4"
    write_with_faery(path, steady(100), None)
    data = bytearray(path.read_bytes())
    begin, length = packets(bytes(data))[0]
    data[begin + 8 + length - 16 + 12] = 0xA6  # The last of ten events, brighter as it is.
    path.write_bytes(data)
    out, damage = read_all(path)
    assert np.array_equal(out, steady(100))
    assert out["p"].view(np.uint8).max() == 1
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


@pytest.mark.parametrize("where", ["before the packets", "behind the file", "nowhere", "behind two packets"])
def test_where_the_index_begins(tmp_path: Path, where: str) -> None:
    path = tmp_path / "a.aedat4"
    aedat4.write(path, steady(), SENSOR)
    data = bytearray(path.read_bytes())
    (_, _), (_, _), (third, _) = packets(bytes(data))
    places = {"before the packets": 20, "behind the file": len(data) + 1, "nowhere": -(1 << 63)}
    struct.pack_into("<q", data, 14 + 40, places.get(where, third))
    path.write_bytes(data)
    out, damage = read_all(path)
    assert np.array_equal(out, steady()[: 2048 if where == "behind two packets" else 3000])
    assert not damage
