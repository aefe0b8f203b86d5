"""Prophesee DAT, versions 1 and 2: an ASCII header, two bytes of type and size, then 8 bytes an event.

A record is the time in us (32 bits, wraps after 71.6 min) and the address: x, y and p in bits 0-13, 14-27 and 28-31 in
version 2, in bits 0-8, 9-16 and 17 in version 1 (docs.prophesee.ai, "DAT File Format"). Our own compiled reader because
expelliarmus 1.1.12 never returns from a header that is cut off and takes every step back in time for a wrap, and
faery 0.7.1 gives up at the first event outside the sensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.header import Header, read_header, stated_sensor
from streamsnn.formats.probing import Place, place_before
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.formats.tidy import SEEN, Surveyed
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

_RECORD_BYTES = 8
_EVENT_TYPES = (0x00, 0x0C)  # Event2d, EventCd
_TRIGGER_TYPE = 0x0E
_WRAP_US = 1 << 32

STATE = np.dtype([("begun", "?"), ("stored", "<i8"), ("t", "<i8")])
"""What the compiled loop remembers: the previous record's time as stored, and without wraps."""

_BITS = {"1": (9, 17, 0x1FF, 0xFF), "2": (14, 28, 0x3FFF, 0x3FFF)}  # version: y's and p's shift, x's and y's mask


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    header = read_header(head)
    kind = head[header.size : header.size + 2]
    fits = len(kind) == 2 and kind[0] in (*_EVENT_TYPES, _TRIGGER_TYPE) and kind[1] == _RECORD_BYTES
    if header.size == 0:
        return Match.POSSIBLE if fits and extension in FORMAT.extensions else Match.NO
    if "evt" in header.fields or "format" in header.fields:
        return Match.NO
    if fits or {"version", "data"} & header.fields.keys():
        return Match.SURE
    return Match.POSSIBLE if extension in FORMAT.extensions else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    header = read_header(head)
    begin = header.size + 2
    kind = head[header.size : begin]
    sensor = sensor or stated_sensor(header.fields, "Prophesee")
    if not header.complete or len(kind) < 2:

        def decode_nothing(damage: Damage, chunk_bytes: int) -> Blocks:
            damage.truncated_bytes += len(kind)
            yield from ()

        return Content(decode_nothing, sensor, notes=("the file ends with its header",))
    if kind[0] not in _EVENT_TYPES or kind[1] != _RECORD_BYTES:
        what = "external triggers" if kind[0] == _TRIGGER_TYPE else f"records of type {kind[0]} and {kind[1]} bytes"
        raise StreamsnnError(
            f"{path} is a DAT file of {what}, not of a sensor's events",
            hint="Open the file that was recorded beside it: its name often ends in _td.dat or _cd.dat.",
        )
    version = _version(header, head[begin:])
    if version not in _BITS:
        raise StreamsnnError(
            f"{path} is DAT version {version}; versions 1 and 2 are known", hint="Convert it to version 2."
        )

    def decode_at(place: Place, damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.kernels import decode_dat

        state = np.array([(place.at > begin, place.stored, place.t_us)], STATE)
        seen = np.zeros(1, SEEN)
        for block in read_blocks(path, place.at, _RECORD_BYTES, damage, chunk_bytes):
            words = np.frombuffer(block, "<u4")
            events = np.empty(words.size // 2, EVENT)
            decode_dat(words, *_BITS[version], state, events, seen)
            yield Surveyed(events, seen)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        return decode_at(Place(begin, 0, 0), damage, chunk_bytes)

    def decode_from(damage: Damage, chunk_bytes: int, from_us: int) -> Blocks:
        place = place_before(path, begin, _RECORD_BYTES, _time_in, _WRAP_US, from_us)
        return decode_at(place or Place(begin, 0, 0), damage, chunk_bytes)

    return Content(decode, sensor, decode_from=decode_from)


def _time_in(data: bytes) -> int | None:
    return int.from_bytes(data[:4], "little") if len(data) >= _RECORD_BYTES else None


def _version(header: Header, data: bytes) -> str:
    """As stated; else by the address bits that only version 2 uses."""
    if stated := header.fields.get("version"):
        return stated
    addresses = np.frombuffer(data, "<u4", len(data) // _RECORD_BYTES * 2)[1::2]
    return "2" if np.any(addresses >> 18) else "1"


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """DAT version 2. Times are stored modulo 2^32 us, and so are those that are read back."""
    header = f"% Data file containing CD events\n% Version 2\n% Width {sensor.width}\n% Height {sensor.height}\n"
    file.write(header.encode("ascii") + bytes((0x0C, _RECORD_BYTES)))
    for events in blocks:
        words = np.empty((len(events), 2), "<u4")
        words[:, 0] = events["t"] % _WRAP_US
        words[:, 1] = events["x"] | events["y"].astype(np.uint32) << 14 | events["p"].astype(np.uint32) << 28
        file.write(words.tobytes())


write = Writer(_encode, size_limit=1 << 14, silence_limit_us=_WRAP_US // 2)
FORMAT = Format("DAT", (".dat",), "Prophesee DAT, versions 1 and 2", _recognise, _open, write)
