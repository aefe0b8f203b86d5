"""Recordings of the Neuromorphic Auditory Sensor (NAS), a cochlea in hardware: `.aedat` without a header.

A record is an address of 2 or 4 bytes and a time of 4 bytes, both big endian. The address is 2 x channel + polarity,
and the other ear's begin at 2 x channels; the time counts ticks of 0.2 or 1 us (Jimenez-Fernandez et al., "A Binaural
Neuromorphic Auditory Sensor for FPGA", IEEE TNNLS 28:804, 2017; Dominguez-Morales et al., pyNAVIS).

The file says nothing of all this. By custom its name does ("130Hz_mono_64ch_ONOFF_addr2b_ts02.aedat"); `open_nas` takes
what its user knows better.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats.opening import read_head
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, Recording, read_blocks
from streamsnn.types import EVENT, Sensor

_TIME_BYTES = 4
_MOST_ADDRESSES = 256
_WRAP_TICKS = 1 << 32
_EXAMPLE = (
    "Name it like sound_mono_64ch_addr2b_ts02.aedat, or state it with formats.nas.open_nas(path, NasLayout(...))."
)


class NasLayout(NamedTuple):
    """What a NAS file does not say itself; None is read from its name, `address_bytes` from what is in it.

    `tick_us` is a multiple of 0.1 us.
    """

    channels: int | None = None
    ears: int | None = None
    tick_us: float | None = None
    address_bytes: int | None = None


def open_nas(path: str | os.PathLike[str], layout: NasLayout | None = None, *, strict: bool = False) -> Recording:
    """Open a NAS file whose name does not say, or says wrongly, what is in it. `strict` as in `open_recording`.

    Raises StreamsnnError for what is no file, empty or unreadable, and if neither `layout` nor its name says all.
    """
    path = Path(path)
    return Recording(path, FORMAT.name, _content(path, read_head(path), layout or NasLayout()), strict=strict)


def layout_in_name(name: str) -> NasLayout:
    """What a file's name says: "mono" or "stereo", "64ch", "addr2b", and "ts02" for 0.2 us or "ts1" for 1 us."""

    def said(pattern: str) -> str | None:
        found = re.search(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])", name)
        return found[1] if found else None

    channels, ears, bytes_, tick = (
        said(each) for each in (r"(\d{1,4})ch", "(mono|stereo)", r"addr([24])b", r"ts(\d+)")
    )
    return NasLayout(
        int(channels) if channels else None,
        {"mono": 1, "stereo": 2}.get(ears or ""),
        None if tick is None else float(f"0.{tick[1:]}" if tick[0] == "0" else tick),
        int(bytes_) if bytes_ else None,
    )


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    """There is no signature, but in few other files do small addresses stand beside times that rise."""
    named = extension in FORMAT.extensions
    if head[:1] == b"#":
        return Match.NO
    for address_bytes in (2, 4):
        records = _records(head, address_bytes)
        if len(records) < 16:
            if named and _fits(records):
                return Match.POSSIBLE
        elif _fits(records):
            return Match.LIKELY
    return Match.NO


def _fits(records: NDArray[np.void]) -> bool:
    """Whether nearly all addresses are small, and times go on and nearly never back."""
    if not len(records):
        return False
    small = np.mean(records["address"] < _MOST_ADDRESSES)
    steps = _steps(records["ticks"])
    return bool(small > 0.98 and (len(steps) == 0 or (np.mean(steps >= 0) > 0.98 and np.any(steps > 0))))


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    return _content(path, head, NasLayout() if sensor is None else NasLayout(sensor.width, sensor.height), sensor)


def _content(path: Path, head: bytes, stated: NasLayout, sensor: Sensor | None = None) -> Content:
    in_name = layout_in_name(path.name)
    channels, ears, tick_us, address_bytes = (
        in_name[place] if value is None else value for place, value in enumerate(stated)
    )
    fitting = [size for size in (2, 4) if _fits(_records(head, size))]
    if address_bytes is None:
        if len(fitting) != 1:
            raise StreamsnnError(f"{path} does not say whether its addresses have 2 or 4 bytes", hint=_EXAMPLE)
        address_bytes = fitting[0]
    elif fitting and address_bytes not in fitting:
        raise StreamsnnError(
            f"{path} has addresses of {fitting[0]} bytes, and is said to have them of {address_bytes:g}", hint=_EXAMPLE
        )
    for value, what in ((channels, "how many channels"), (ears, "how many ears"), (tick_us, "how long a tick is")):
        if value is None:
            raise StreamsnnError(f"{path} is a NAS recording that does not say {what}", hint=_EXAMPLE)
    width, height, size, tenths = int(channels or 0), int(ears or 0), int(address_bytes), round((tick_us or 0) * 10)
    if not (0 < width < 1 << 15 and 0 < height < 1 << 15 and size in (2, 4) and 0 < tenths < 1 << 20):
        raise StreamsnnError(f"There is no NAS of {width} channels, {height} ears and {tick_us} us", hint=_EXAMPLE)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        last: int | None = None
        for block in read_blocks(path, 0, size + _TIME_BYTES, damage, chunk_bytes):
            records = _records(block, size)
            ticks = np.empty(len(records), np.int64)
            ticks[0] = int(records["ticks"][0])
            if last is not None:
                ticks[0] = last + _step(int(ticks[0]) - last)
            ticks[1:] = _steps(records["ticks"])
            ticks = np.cumsum(ticks)
            last = int(ticks[-1])
            ears_, addresses = np.divmod(records["address"].astype(np.int64), 2 * width)
            events = np.empty(len(records), EVENT)
            events["t"] = ticks * tenths // 10
            events["x"] = addresses // 2
            events["y"] = np.minimum(ears_, (1 << 16) - 1)  # No such ear: it is counted as outside.
            events["p"] = addresses % 2 == 1
            yield events

    heard = Sensor("NAS", width, height, "audio") if sensor is None else sensor._replace(kind="audio")
    return Content(decode, heard)


def _records(data: bytes, address_bytes: int) -> NDArray[np.void]:
    kind = np.dtype([("address", f">u{address_bytes}"), ("ticks", ">u4")])
    return np.frombuffer(data, kind, len(data) // kind.itemsize)


def _step(ticks: int) -> int:
    """The shortest way from one time to the next around a clock of 32 bits."""
    return (ticks + _WRAP_TICKS // 2) % _WRAP_TICKS - _WRAP_TICKS // 2


def _steps(ticks: NDArray[np.uint32]) -> NDArray[np.int64]:
    """`_step` from each time to the next."""
    wide = ticks.astype(np.int64)
    steps: NDArray[np.int64] = wide[1:] - wide[:-1]
    return (steps + _WRAP_TICKS // 2) % _WRAP_TICKS - _WRAP_TICKS // 2


FORMAT = Format("NAS", (".aedat",), "NAS, a cochlea in hardware (AEDAT without a header)", _recognise, _open)
