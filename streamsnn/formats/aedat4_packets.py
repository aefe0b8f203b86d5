"""The packets of AEDAT4: 8 bytes of stream and size, then a FlatBuffer of events behind its size, compressed."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.formats.decompression import PACKET_LIMIT_BYTES, Begin, Decompress
from streamsnn.formats.flatbuffer import field, vector
from streamsnn.formats.recording import Damage

STORED = np.dtype(
    {"names": ["t", "x", "y", "p"], "formats": ["<i8", "<u2", "<u2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16}
)
"""An event in a packet. A polarity is a byte: a damaged one must not become a bool that is neither."""

Stored = NDArray[np.void]

_FRAME_BYTES = 8
_READ_BYTES = 1 << 18
_IDENTIFIER = b"EVTS"
_LOOKS = 4096
_LEAP_US = 600_000_000
_EARLIER_US = 1_000_000
"""So much before the wanted time decoding begins: what is out of order around it gets its place."""
_DAMAGED = (struct.error, ValueError)


def stored_events(
    path: Path, begin: int, end: int, stream: int, begin_packet: Begin, damage: Damage
) -> Iterator[Stored]:
    """The events of one stream, packet by packet and never none, read-only; what is damaged is counted and passed over.

    Packets lie in the file from `begin` to `end`; to where the file ends, if `end` is not in it or before `begin`.
    """
    for payload, whole in _payloads(path, begin, end, stream, damage):
        try:
            if whole:
                events = _events(begin_packet()(payload))
            else:
                events, used = _beginning(payload, begin_packet())
                # Its end is missing in any case, be it only the mark of an end.
                damage.truncated_bytes += max(len(payload) - used, 1)
        except _DAMAGED:
            if whole:
                damage.unreadable_bytes += len(payload)
            else:
                damage.truncated_bytes += _FRAME_BYTES + len(payload)
            continue
        if len(events):
            yield events


def packet_before(path: Path, begin: int, end: int, stream: int, begin_packet: Begin, from_us: int) -> int | None:
    """Where a packet begins behind which all that is at `from_us` or later lies; None where nothing tells.

    Only headers of packets are read, and of 4,096 packets at most the events, by whose times the place is found. Where
    these go back or leap by minutes, or a packet is damaged, nothing is said, and all must be decoded.
    """
    places = [at for at, size, number in _headers(path, begin, end) if number == stream and size <= PACKET_LIMIT_BYTES]
    looks = places[:: max(len(places) // _LOOKS, 1)]
    found: int | None = None
    last_us: int | None = None
    with path.open("rb") as file:
        for at in looks:
            file.seek(at)
            size = struct.unpack("<ii", file.read(_FRAME_BYTES))[1]
            try:
                events = _events(begin_packet()(file.read(size)))
            except _DAMAGED:
                return None
            if not len(events):
                continue
            first_us = int(events["t"][0])
            if last_us is not None and not 0 <= first_us - last_us <= _LEAP_US:
                return None
            if first_us > from_us - _EARLIER_US:
                break
            found, last_us = at, first_us
    return found


def _headers(path: Path, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Where each whole packet begins, its size and its stream, up to the first one that is damaged."""
    with path.open("rb") as file:
        file_size = os.fstat(file.fileno()).st_size
        end = end if begin <= end <= file_size else file_size
        while begin + _FRAME_BYTES <= end:
            file.seek(begin)
            number, size = struct.unpack("<ii", file.read(_FRAME_BYTES))
            if size <= 0 or number < 0 or begin + _FRAME_BYTES + size > end:
                return
            yield begin, size, number
            begin += _FRAME_BYTES + size


def _payloads(path: Path, begin: int, end: int, stream: int, damage: Damage) -> Iterator[tuple[bytes, bool]]:
    """The packets of one stream, and whether they are whole, as all but the last are.

    What lies behind a damaged packet header cannot be found again.
    """
    with path.open("rb", buffering=_READ_BYTES) as file:
        file_size = os.fstat(file.fileno()).st_size
        if not begin <= end <= file_size:
            end = file_size
        at = file.seek(begin)
        while at < end:
            frame = file.read(_FRAME_BYTES)
            begin = at + _FRAME_BYTES
            there = begin <= end and len(frame) == _FRAME_BYTES
            number, size = struct.unpack("<ii", frame) if there else (0, 0)
            whole = begin + size <= end
            if not there or (not whole and number != stream):
                damage.truncated_bytes += end - at
                return
            if size <= 0 or number < 0:
                damage.unreadable_bytes += end - at
                return
            at = begin + size
            if number == stream and whole and size > PACKET_LIMIT_BYTES:
                damage.unreadable_bytes += size
                file.seek(at)
            elif number == stream:
                payload = file.read(size if whole else min(end - begin, PACKET_LIMIT_BYTES))
                if not whole:
                    damage.truncated_bytes += end - begin - len(payload)
                yield payload, whole
            else:
                file.seek(at)


def _events(buffer: bytes, *, whole: bool = True) -> Stored:
    """The events of one decompressed packet; of one that is not whole, those that are there."""
    begin, count = _place(buffer)
    there = (len(buffer) - begin) // STORED.itemsize
    if there < count:
        if whole:
            raise ValueError("fewer events than announced")
        count = max(there, 0)
    if count == 0:
        return np.empty(0, STORED)
    return np.frombuffer(buffer, STORED, count, begin)


def _place(buffer: bytes) -> tuple[int, int]:
    """Where in a decompressed packet its events begin, and how many they should be."""
    if buffer[8:12] != _IDENTIFIER:
        raise ValueError("not a packet of events")
    events = field(buffer, 0, begin=4)  # Behind its size.
    return (len(buffer), 0) if events is None else vector(buffer, events)


def _beginning(payload: bytes, decompress: Decompress) -> tuple[Stored, int]:
    """The whole events of a packet that is not, and how many of its bytes that took."""
    pieces: list[bytes] = []
    ends: list[tuple[int, int]] = []  # So many bytes came out of so many.
    out_bytes = 0
    step = max(16, len(payload) >> 16)
    for at in range(0, len(payload), step):
        try:
            piece = decompress(payload[at : at + step])
        except ValueError:
            break
        if piece:
            pieces.append(piece)
            out_bytes += len(piece)
            ends.append((out_bytes, min(at + step, len(payload))))
    data = b"".join(pieces)
    events = _events(data, whole=False)
    extent = _place(data)[0] + STORED.itemsize * len(events)
    return events, next((used for size, used in ends if size >= extent), len(payload)) if len(events) else 0
