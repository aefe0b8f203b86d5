"""One file in each format, written here bit by bit from its specification and not by the program."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.types import Events, Sensor

SENSOR = Sensor("test", 60, 40)
Encode = Callable[[Events], bytes]


def columns(events: Events) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    t, x, y, p = (events[name].astype(np.int64) for name in "txyp")
    return t, x, y, p


def dat(events: Events, version: int = 2, kind: int = 0x0C) -> bytes:
    t, x, y, p = columns(events)
    y_shift, p_shift = (14, 28) if version == 2 else (9, 17)
    words = np.stack([t % (1 << 32), x | y << y_shift | p << p_shift], axis=1).astype("<u4")
    head = f"% Data file containing CD events.\n% Version {version}\n% Width 60\n% Height 40\n"
    return head.encode() + bytes((kind, 8)) + words.tobytes()


def evt2_words(events: Events) -> bytes:
    words = []
    high = -1
    for t, x, y, p in zip(*columns(events), strict=True):
        if t // 64 != high:
            high = t // 64
            words.append(8 << 28 | high % (1 << 28))
        words.append(p << 28 | t % 64 << 22 | x << 11 | y)
    return np.array(words, "<u4").tobytes()


def evt2(events: Events) -> bytes:
    return b"% evt 2.0\n% format EVT2;height=40;width=60\n" + evt2_words(events)


def evt21_words(events: Events, high_first: bool) -> bytes:
    """Events of one time, row and polarity whose columns rise within 32 share a word."""
    words: list[tuple[int, int]] = []
    high, key, base = -1, None, 0
    for t, x, y, p in zip(*columns(events), strict=True):
        if t // 64 != high:
            high, key = t // 64, None
            words.append((8 << 28 | high % (1 << 28), 0))
        if key == (t, y, p) and 0 < x - base < 32 and words[-1][1] < 1 << x - base:
            words[-1] = (words[-1][0], words[-1][1] | 1 << x - base)
        else:
            key, base = (t, y, p), x
            words.append((p << 28 | t % 64 << 22 | x << 11 | y, 1))
    pairs = np.array(words, "<u4").reshape(-1, 2)
    return (pairs if high_first else pairs[:, ::-1]).astype("<u4").tobytes()


def evt21(events: Events) -> bytes:
    return b"% evt 2.1\n% format EVT21;endianness=little;height=40;width=60\n" + evt21_words(events, False)


def evt21_legacy(events: Events) -> bytes:
    return b"% evt 2.1\n% format EVT21;height=40;width=60\n% end\n" + evt21_words(events, True)


def evt3_words(events: Events) -> list[int]:
    """Row, every TIME_HIGH on the way, TIME_LOW and column of each event."""
    words: list[int] = []
    high = None
    for t, x, y, p in zip(*columns(events), strict=True):
        words += [0x8000 | now & 0xFFF for now in range(t >> 12 if high is None else high + 1, (t >> 12) + 1)]
        high = t >> 12
        words += [y, 0x6000 | t & 0xFFF, 0x2000 | p << 11 | x]
    return words


def evt3(events: Events) -> bytes:
    return b"% evt 3.0\n% geometry 60x40\n% end\n" + np.array(evt3_words(events), "<u2").tobytes()


def aedat4(events: Events) -> bytes:
    """Packets of 50 events without compression, whose tables have nothing but what they must."""
    xml = (
        b'<dv><node name="outInfo"><node name="0"><attr key="typeIdentifier">EVTS</attr><node name="info">'
        b'<attr key="sizeX">60</attr><attr key="sizeY">40</attr></node></node></node></dv>'
    )
    table = struct.pack("<HHHHH2xiiqI", 10, 24, 4, 8, 16, 12, 0, -1, 4)
    out = b"#!AER-DAT4.0\r\n"
    head = struct.pack("<I4s", 20, b"IOHE") + table + struct.pack("<I", len(xml)) + xml
    out += struct.pack("<I", len(head)) + head
    for some in np.split(events, range(50, len(events), 50)):
        raw = b"".join(struct.pack("<qHHB3x", *(int(each[name]) for name in "txyp")) for each in some)
        body = struct.pack("<I4s2xHHHiII", 16, b"EVTS", 6, 8, 4, 6, 4, len(some)) + raw
        out += struct.pack("<iiI", 0, len(body) + 4, len(body)) + body
    return out


def aedat2(addresses: Sequence[int] | NDArray[Any], t_us: NDArray[Any], chip: str) -> bytes:
    head = f"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n# AEChip: {chip}\r\n# 1 us\r\n".encode()
    records = np.stack([np.asarray(addresses, np.int64), t_us % (1 << 32)], axis=1)
    return head + records.astype(">u4").tobytes()


def dvs128(events: Events) -> bytes:
    t, x, y, p = columns(events)
    return aedat2((127 - x) << 1 | y << 8 | (1 - p), t, "ch.unizh.ini.jaer.chip.retina.DVS128")


def davis_addresses(events: Events, width: int) -> NDArray[Any]:
    _, x, y, p = columns(events)
    return y << 22 | (width - 1 - x) << 12 | p << 11


def davis240(events: Events) -> bytes:
    return aedat2(davis_addresses(events, 240), events["t"], "eu.seebetter.ini.chips.davis.DAVIS240C")


def davis346(events: Events) -> bytes:
    return aedat2(davis_addresses(events, 346), events["t"], "eu.seebetter.ini.chips.davis.Davis346blue")


def aedat3_packet(events: Events, kind: int = 1, valid: NDArray[Any] | None = None) -> bytes:
    t, x, y, p = columns(events)
    good = np.ones(len(t), np.int64) if valid is None else valid.astype(np.int64)
    overflows = int(t[0]) >> 31
    words = np.stack([x << 17 | y << 2 | p << 1 | good, t & 0x7FFFFFFF], axis=1).astype("<u4")
    return struct.pack("<HHIIIIII", kind, 1, 8, 4, overflows, len(t), len(t), int(good.sum())) + words.tobytes()


def aedat3(events: Events) -> bytes:
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016\r\n#!END-HEADER\r\n"
    # A packet has one count of overflows.
    cuts = sorted({*range(100, len(events), 100), *(np.flatnonzero(np.diff(events["t"] >> 31)) + 1).tolist()})
    return head + b"".join(aedat3_packet(some) for some in np.split(events, cuts) if some.size)


def es(events: Events) -> bytes:
    out = bytearray(b"Event Stream\x02\x00\x00\x01" + struct.pack("<HH", 60, 40))
    last = 0
    for t, x, y, p in zip(*columns(events), strict=True):
        ahead, rest = divmod(t - last, 127)
        out += b"\xff" * ahead + struct.pack("<BHH", rest << 1 | p, x, y)
        last = t
    return bytes(out)


def es_atis(events: Events) -> bytes:
    out = bytearray(b"Event Stream\x02\x00\x00\x02" + struct.pack("<HH", 60, 40))
    last = 0
    for t, x, y, p in zip(*columns(events), strict=True):
        ahead, rest = divmod(t - last, 63)
        threes, one = divmod(ahead, 3)
        out += b"\xff" * threes + (bytes((0xFC | one,)) if one else b"")
        out += struct.pack("<BHH", rest << 2 | p << 1, x, y)
        out += struct.pack("<BHH", 1 | p << 1, x, y) + b"\xfc"  # A threshold crossing at once, and a reset.
        last = t
    return bytes(out)


def csv(events: Events) -> bytes:
    return b"t,x,y,p\n" + "".join(f"{t},{x},{y},{p}\n" for t, x, y, p in zip(*columns(events), strict=True)).encode()


def txt(events: Events) -> bytes:
    rows = zip(*columns(events), strict=True)
    return b"60 40\n" + "".join(f"{t // 10**6}.{t % 10**6:06d} {x} {y} {p}\n" for t, x, y, p in rows).encode()


def npy(events: Events) -> bytes:
    file = io.BytesIO()
    np.save(file, np.stack(columns(events), axis=1)[:, [1, 2, 0, 3]])
    return file.getvalue()


def npz(events: Events) -> bytes:
    file = io.BytesIO()
    t, x, y, p = columns(events)
    np.savez_compressed(file, t=t, x=x.astype(np.uint16), y=y.astype(np.uint16), p=p.astype(np.int8) * 2 - 1)
    return file.getvalue()


SAMPLES: dict[str, tuple[str, str, Encode]] = {
    "dat1": ("DAT", ".dat", lambda events: dat(events, 1)),
    "dat1, type 0": ("DAT", ".dat", lambda events: dat(events, 1, 0)),
    "dat2": ("DAT", ".dat", dat),
    "dat2, type 0": ("DAT", ".dat", lambda events: dat(events, 2, 0)),
    "evt2": ("EVT2", ".raw", evt2),
    "evt21": ("EVT2.1", ".raw", evt21),
    "evt21, legacy": ("EVT2.1", ".raw", evt21_legacy),
    "evt3": ("EVT3", ".raw", evt3),
    "aedat4": ("AEDAT4", ".aedat4", aedat4),
    "aedat2, DVS128": ("AEDAT2", ".aedat", dvs128),
    "aedat2, DAVIS240": ("AEDAT2", ".aedat", davis240),
    "aedat2, DAVIS346": ("AEDAT2", ".aedat", davis346),
    "aedat3": ("AEDAT3", ".aedat", aedat3),
    "es": ("ES", ".es", es),
    "es, ATIS": ("ES", ".es", es_atis),
    "csv": ("CSV", ".csv", csv),
    "txt": ("CSV", ".txt", txt),
    "npy": ("npz", ".npy", npy),
    "npz": ("npz", ".npz", npz),
}
"""name: the format's name, its extension, and how a file in it is made of events on SENSOR."""
