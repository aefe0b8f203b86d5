"""cAER's AEDAT 3.1, the format of DVS128 Gesture's files: a header of # lines, then packets behind 28 bytes each.

A packet header, little endian: type, source (16 bits each), bytes an event, where in it the time stands, how often the
time has overflowed, capacity, events, valid events (32 bits each). Type 1 is of a sensor's events: valid, ON, y and x
in bits 0, 1, 2-16 and 17-31, then the time in us (31 bits). Other types, and events that are not valid, are passed over
(docs.inivation.com, "AEDAT 3.1"). No library that was tried reads it.

DVS128 Gesture tells its gestures in a table beside each recording, which `evaluate --spans` takes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.jaer import camera_in, header_size
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.types import EVENT, Events, Sensor

_SIGNATURE = b"#!AER-DAT3"
_END = b"#!END-HEADER"
_PACKET = struct.Struct("<HHIIIIII")
_POLARITY = 1
_MOST_TYPES = 64
_MOST_EVENT_BYTES = 1 << 26
_RECORD_BYTES = 8
_SEARCH_BYTES = 1 << 16


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if head.startswith(_SIGNATURE) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    begin = header_size(head, _END)
    header = head[:begin]
    for line in header.splitlines():
        if line.lower().startswith(b"#format:") and b"RAW" not in line.upper():
            raise StreamsnnError(
                f"{path} is AEDAT 3 in a compressed form ({line.decode('latin-1')[1:].strip()})",
                hint="Save it again as RAW.",
            )

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        size = path.stat().st_size
        with path.open("rb") as file:
            at = file.seek(begin)
            while at < size:
                fields = _header(file.read(_PACKET.size), size - at)
                if fields is None:
                    found = _next_packet(file, at + 1, size)
                    damage.unreadable_bytes += found - at
                    at = file.seek(found)
                    continue
                if isinstance(fields, int):
                    damage.truncated_bytes += fields
                    return
                kind, overflows, event_bytes, count = fields
                at += _PACKET.size
                end = min(at + event_bytes * count, size)
                if kind == _POLARITY:
                    yield from _events(file, end - at, overflows, damage, chunk_bytes)
                if end < at + event_bytes * count:
                    damage.truncated_bytes += (end - at) % event_bytes if kind == _POLARITY else end - at
                    damage.truncated_bytes += 0 if (end - at) % event_bytes else 1
                at = file.seek(end)
                damage.read_bytes = at - begin

    return Content(decode, sensor or camera_in(header, r"Source"))


def _header(data: bytes, left: int) -> tuple[int, int, int, int] | int | None:
    """Type, overflows, bytes an event and events of a packet; how many bytes are left where the file ends within it;
    None where this is no packet's header."""
    if len(data) < _PACKET.size:
        return left
    kind, _source, event_bytes, time_at, overflows, capacity, count, valid = _PACKET.unpack(data)
    sane = kind < _MOST_TYPES and 0 < event_bytes <= _MOST_EVENT_BYTES and time_at < event_bytes
    sane = sane and valid <= count <= max(capacity, count) and overflows < 1 << 31
    if not sane or (kind == _POLARITY and event_bytes != _RECORD_BYTES):
        return None
    return kind, overflows, event_bytes, count


def _next_packet(file: BinaryIO, at: int, size: int) -> int:
    """Where the next packet of a sensor's events seems to begin; the end of the file where none does."""
    while at < size:
        file.seek(at)
        data = file.read(_SEARCH_BYTES + _PACKET.size)
        place = -1
        while (place := data.find(b"\x08\0\0\0\x04\0\0\0", place + 1)) >= 0:
            begin = place - 4
            if begin >= 0 and data[begin : begin + 2] == b"\x01\0":
                fields = _header(data[begin : begin + _PACKET.size], size)
                if isinstance(fields, tuple) and at + begin + fields[2] * fields[3] <= size:
                    return at + begin
        at += _SEARCH_BYTES
    return size


def _events(file: BinaryIO, size: int, overflows: int, damage: Damage, chunk_bytes: int) -> Blocks:
    left = size // _RECORD_BYTES * _RECORD_BYTES
    while left:
        data = file.read(min(max(chunk_bytes // _RECORD_BYTES, 1) * _RECORD_BYTES, left))
        if not data:
            return
        left -= len(data)
        words = np.frombuffer(data, "<u4", len(data) // _RECORD_BYTES * 2).reshape(-1, 2)
        words = words[words[:, 0] & 1 == 1]
        events: Events = np.empty(len(words), EVENT)
        events["t"] = (words[:, 1] & 0x7FFFFFFF).astype(np.int64) | overflows << 31
        events["x"] = words[:, 0] >> 17
        events["y"] = (words[:, 0] >> 2) & 0x7FFF
        events["p"] = words[:, 0] & 2 != 0
        yield events


FORMAT = Format("AEDAT3", (".aedat", ".aedat3"), "cAER's AEDAT 3.1 (DVS128 Gesture, DAVIS)", _recognise, _open)
