"""Event Stream `.es`, version 2, of DVS or ATIS events: a byte of elapsed time and polarity, then x and y.

Format: github.com/neuromorphic-paris/event_stream. Times begin at 0; of ATIS events the changes are read, exposures are
passed over. x and y are as stored: rows count from the bottom, by the format's custom (`--filter flip:y` turns them).
Our own compiled reader because faery 0.7.1 flips y, and gives up at an event outside the sensor.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.formats.tidy import SEEN, Surveyed
from streamsnn.formats.writing import Writer, regrouped
from streamsnn.types import EVENT, Events, Sensor

_SIGNATURE = b"Event Stream"
_HEADER_BYTES = 20
_EVENT_BYTES = 5
_DVS, _ATIS = 1, 2
_OTHERS = {0: "generic events", 3: "events for a display", 4: "colour events"}
_SILENCE_LIMIT_US = 3_600_000_000  # 28 MB of nothing but overflows.
_MOST_US = 36 * _SILENCE_LIMIT_US
"""A few events over weeks would take gigabytes."""
_WRITE_EVENTS = 1 << 14

STATE = np.dtype([("t", "<i8"), ("left", "<i8")])
"""The clock, and how many bytes at the end of a block are no whole event."""


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if head.startswith(_SIGNATURE) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    version, kind = head[12:15], head[15:16]
    if len(version) == 3 and version[0] != 2:
        raise StreamsnnError(
            f"{path} is Event Stream version {version[0]}.{version[1]}; version 2 is known", hint="Convert it."
        )
    if kind and kind[0] not in (_DVS, _ATIS):
        raise StreamsnnError(
            f"{path} is an Event Stream of {_OTHERS.get(kind[0], f'type {kind[0]}')}, not of a sensor's events",
            hint="Types 1 (DVS) and 2 (ATIS) are known.",
        )
    if len(head) < _HEADER_BYTES:

        def decode_nothing(damage: Damage, chunk_bytes: int) -> Blocks:
            damage.truncated_bytes += len(head)
            yield from ()

        return Content(decode_nothing, sensor, notes=("the file ends within its header",))
    width, height = struct.unpack_from("<HH", head, 16)
    sane = 0 < width <= 1 << 15 and 0 < height <= 1 << 15
    atis = kind[0] == _ATIS

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.es_kernels import decode_es

        state = np.zeros(1, STATE)
        seen = np.zeros(1, SEEN)
        left = b""
        for block in read_blocks(path, _HEADER_BYTES, 1, damage, chunk_bytes):
            data = left + block
            events = np.empty(len(data) // _EVENT_BYTES + 1, EVENT)
            count = decode_es(np.frombuffer(data, np.uint8), atis, state, events, seen)
            left = data[len(data) - int(state["left"][0]) :]
            yield Surveyed(events[:count], seen)
        damage.truncated_bytes += len(left)

    return Content(decode, sensor or (Sensor("ATIS" if atis else "DVS", width, height) if sane else None))


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """DVS events. Times are offsets from 0, which a first event at 3 h makes 85 MB long; negative ones are refused."""
    from streamsnn.formats.es_kernels import encode_es

    file.write(_SIGNATURE + bytes((2, 0, 0, _DVS)) + struct.pack("<HH", sensor.width, sensor.height))
    last = 0
    out = np.empty(1 << 20, np.uint8)
    for events in regrouped(blocks, _WRITE_EVENTS):
        if events["t"][0] < 0 or events["t"][0] - last >= 24 * _SILENCE_LIMIT_US:
            raise StreamsnnError(
                f"{file.name.removesuffix('.partial')} was not written: its first event is at {events['t'][0]} us",
                hint="Event Stream counts from 0. Choose another format.",
            )
        if events["t"][-1] >= _MOST_US:
            raise StreamsnnError(
                f"{file.name.removesuffix('.partial')} was not written: it would last longer than"
                f" {_MOST_US // _SILENCE_LIMIT_US} hours",
                hint="Event Stream takes 28 MB for every hour of silence. Choose another format.",
            )
        # What comes before the first event of a block may take any room: it is written without an event.
        ahead = (int(events["t"][0]) - last) // 127
        while ahead:
            some = min(ahead, 1 << 20)
            file.write(b"\xff" * some)
            ahead -= some
            last += 127 * some
        while (size := encode_es(events, last, out)) < 0:
            out = np.empty(2 * len(out), np.uint8)
        file.write(out[:size].tobytes())
        last = int(events["t"][-1])


write = Writer(_encode, size_limit=(1 << 16) - 1, silence_limit_us=_SILENCE_LIMIT_US)
FORMAT = Format("ES", (".es",), "Event Stream of DVS or ATIS events", _recognise, _open, write)
