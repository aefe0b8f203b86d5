"""jAER's AEDAT 2.0: a header of # lines, then an address and a time, both big endian and of four bytes.

DVS128: x = 127 - bits 1-7, y = bits 8-14, ON where bit 0 is clear; bit 15 marks what is no event. DAVIS: x = width - 1
- bits 12-21, y = bits 22-30, ON where bit 11 is set; bit 31 marks frames and IMU samples, bit 10 signals: all of these
are passed over (docs.inivation.com, "AEDAT 2.0"; jAER's extractors, github.com/SensorsINI/jaer). Rows count from the
bottom, as in jAER (`--filter flip:y` turns them). Times are us and go round after 2^32. No library that was tried reads
both cameras; eventcv 1.0.8 takes every file for a DAVIS.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats.dat import STATE
from streamsnn.formats.jaer import camera_in, header_size
from streamsnn.formats.probing import Place, place_before
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.types import EVENT, Sensor

_SIGNATURE = b"#!AER-DAT2"
_END = b"#End Of ASCII Header"
_RECORD_BYTES = 8


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if head.startswith(_SIGNATURE) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    begin = header_size(head, _END)
    stated = camera_in(head[:begin], r"AEChip|HardwareInterface|camera|sensor")
    notes: tuple[str, ...] = ()
    if stated is None:
        addresses = np.frombuffer(head[begin:], ">u4", (len(head) - begin) // 8 * 2)[::2]
        davis = bool(np.mean(addresses > 0xFFFF) > 0.5) if addresses.size else False
        stated = _guess(addresses, sensor) if davis else Sensor("DVS128", 128, 128)
        notes = (f"the file names no camera: {stated.name} is taken for it",)
    elif stated.name not in ("DVS128", *_DAVISES):
        raise StreamsnnError(
            f"{path} is AEDAT 2 from a {stated.name}, whose addresses are not known", hint="DVS128 and DAVIS are."
        )
    davis = stated.name != "DVS128"
    last_column = stated.width - 1

    def decode_at(place: Place, damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.kernels import decode_aedat2

        state = np.array([(place.at > begin, place.stored, place.t_us)], STATE)
        for block in read_blocks(path, place.at, _RECORD_BYTES, damage, chunk_bytes):
            words = np.frombuffer(block, ">u4").astype(np.uint32)
            events = np.empty(words.size // 2, EVENT)
            yield events[: decode_aedat2(words, davis, last_column, state, events)]

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        return decode_at(Place(begin, 0, 0), damage, chunk_bytes)

    def decode_from(damage: Damage, chunk_bytes: int, from_us: int) -> Blocks:
        place = place_before(path, begin, _RECORD_BYTES, _time_in, 1 << 32, from_us)
        return decode_at(place or Place(begin, 0, 0), damage, chunk_bytes)

    return Content(decode, sensor or stated, notes=notes, decode_from=decode_from)


def _time_in(data: bytes) -> int | None:
    return int.from_bytes(data[4:8], "big") if len(data) >= _RECORD_BYTES else None


_DAVISES = ("DAVIS128", "DAVIS208", "DAVIS240", "DAVIS346", "DAVIS640", "DAVISHET640")


def _guess(addresses: NDArray[np.uint32], sensor: Sensor | None) -> Sensor:
    """A DAVIS by its addresses; or of the size that the user states."""
    if sensor is not None:
        return Sensor("DAVIS240" if sensor.width == 240 else "DAVIS346", sensor.width, sensor.height)
    events = addresses[addresses & 0x80000400 == 0]
    x, y = (events >> 12) & 0x3FF, (events >> 22) & 0x1FF
    small = events.size == 0 or bool(np.mean((x < 240) & (y < 180)) > 0.999)
    return Sensor("DAVIS240", 240, 180) if small else Sensor("DAVIS346", 346, 260)


FORMAT = Format("AEDAT2", (".aedat", ".aedat2"), "jAER's AEDAT 2.0 (DVS128, DAVIS)", _recognise, _open)
