"""N-MNIST and N-Caltech101 `.bin`: five bytes an event, no header, times relative to the sample's beginning.

Byte 0 is x, byte 1 is y, the highest bit of byte 2 the polarity, and the other 23 bits the time in us, big endian
(Orchard, Jayawant, Cohen, Thakor: "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using Saccades",
Frontiers in Neuroscience 9:437, 2015). By the convention of the data set's own reader an event in row 240 is none: it
advances all times after it by 2^13 us.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.types import EVENT, Sensor

_RECORD_BYTES = 5
_OVERFLOW_ROW = 240
_OVERFLOW_US = 1 << 13
_SENSOR = Sensor("ATIS", 34, 34)


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    """There is no signature, but in few other files do these 23 bits rise with every five bytes."""
    records = _records(head)[:512]
    width, height = (sensor or _SENSOR)[1:3]
    inside = float(np.mean((records[:, 0] < width) & (records[:, 1] < height))) if len(records) else 1.0
    named = extension in FORMAT.extensions
    if len(records) < 16:
        return Match.POSSIBLE if named and inside == 1.0 else Match.NO
    rising = float(np.mean(np.sign(np.diff(_times(records)))))
    return Match.LIKELY if rising > 0.5 and (named or inside > 0.75) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    x, y = _records(head)[:, :2].T
    if sensor is None and x.size and np.mean((x < _SENSOR.width) & (y < _SENSOR.height)) < 0.5:
        raise StreamsnnError(
            f"{path} is not from N-MNIST's 34x34 sensor: x goes to {x.max()}, y to {y.max()}",
            hint="State its sensor, for example sensor=Sensor('ATIS', 240, 180) for N-Caltech101.",
        )

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        shift_us = 0
        for block in read_blocks(path, 0, _RECORD_BYTES, damage, chunk_bytes):
            records = _records(block)
            overflows = records[:, 1] == _OVERFLOW_ROW
            shifts_us = shift_us + _OVERFLOW_US * np.cumsum(overflows)
            shift_us = int(shifts_us[-1])
            events = np.empty(len(records), EVENT)
            events["t"] = _times(records) + shifts_us
            events["x"] = records[:, 0]
            events["y"] = records[:, 1]
            events["p"] = records[:, 2] >= 0x80
            yield events[~overflows]

    return Content(decode, sensor or _SENSOR, t_begin_us=0)


def _records(data: bytes) -> NDArray[np.uint8]:
    count = len(data) // _RECORD_BYTES
    return np.frombuffer(data, np.uint8, count * _RECORD_BYTES).reshape(count, _RECORD_BYTES)


def _times(records: NDArray[np.uint8]) -> NDArray[np.int64]:
    b2, b1, b0 = records[:, 2:].astype(np.int64).T
    t_us: NDArray[np.int64] = ((b2 & 0x7F) << 16) | (b1 << 8) | b0
    return t_us


FORMAT = Format("N-MNIST", (".bin",), "N-MNIST and N-Caltech101 samples (ATIS, 5 bytes an event)", _recognise, _open)
