"""Packets are decompressed one after another, and each for itself."""

from __future__ import annotations

import lz4.frame
import numpy as np
import pytest
import zstandard

from streamsnn.formats import decompression
from streamsnn.formats.decompression import METHODS, Begin

DATA = np.random.default_rng(0).integers(0, 9, 5000).astype(np.uint8).tobytes()


def compressed(method: int, data: bytes = DATA, *, sized: bool = False) -> bytes:
    """A packet; in one that is not `sized`, only its end says how long it is."""
    if method == 0:
        return data
    if method < 3:
        return bytes(lz4.frame.compress(data, store_size=sized, content_checksum=True))
    return zstandard.ZstdCompressor(write_content_size=sized, write_checksum=True).compress(data)


def taken(begin: Begin, packet: bytes, part_bytes: int) -> bytes | None:
    """What comes out of a packet part by part, or None where it is found to be damaged."""
    decompress = begin()
    try:
        return b"".join(decompress(packet[at : at + part_bytes]) for at in range(0, len(packet), part_bytes))
    except ValueError:
        return None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sized", [False, True])
def test_what_was_compressed_comes_back(method: int, sized: bool) -> None:
    packet = compressed(method, sized=sized)
    begin = METHODS[method]()
    for part_bytes in (7, 1000, 1 << 20):
        assert taken(begin, packet, part_bytes) == DATA
        if method:  # What lies behind a packet's end is not read.
            assert taken(begin, packet + bytes(100), part_bytes) == DATA


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sized", [False, True])
def test_a_damaged_packet_does_not_spoil_the_next(method: int, sized: bool) -> None:
    first, second = compressed(method, sized=sized), compressed(method, DATA[::-1])
    begin = METHODS[method]()
    found = 0
    for at in [*range(20), *range(20, len(first), 97)]:
        for damaged in (first[:at], first[:at] + bytes([first[at] ^ 0xFF]) + first[at + 1 :]):
            found += taken(begin, damaged, 1 << 20) is None
            assert taken(begin, second, 1 << 20) == DATA[::-1]
    assert method == 0 or found > 20


@pytest.mark.parametrize("method", [1, 3])
def test_a_few_bytes_that_hold_very_much_take_little_memory(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decompression, "PACKET_LIMIT_BYTES", 1 << 22)
    monkeypatch.setattr(decompression, "_LZ4_PART_BYTES", 1 << 16)
    monkeypatch.setattr(decompression, "_ZSTD_PART_BYTES", 64)
    packet = compressed(method, bytes(1 << 26))
    assert len(packet) < 1 << 19
    out = taken(METHODS[method](), packet, 1 << 20)
    assert out is not None
    assert 1 << 22 <= len(out) < 1 << 24
