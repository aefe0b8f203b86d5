"""AEDAT4 files to read and to damage."""

from __future__ import annotations

import struct
from pathlib import Path

import faery
import numpy as np
from event_strategies import make_events

from streamsnn.types import Events


def steady(n: int = 3000, begin_us: int = 1_600_000_000_000_000) -> Events:
    return make_events(begin_us + 100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def write_with_faery(path: Path, events: Events, compression: tuple[str, int] | None) -> None:
    packets = iter(np.array_split(events.astype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")]), 10))
    faery.file_encoder.events_to_file(packets, path, (60, 40), file_type="aedat", compression=compression)


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
