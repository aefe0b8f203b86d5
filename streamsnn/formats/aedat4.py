"""iniVation AEDAT4: a header that describes streams in XML, then packets of them, compressed with LZ4 or Zstandard.

Layout: docs.inivation.com, "AEDAT 4.0". Header and packets are FlatBuffers with a size before them; a packet stands
behind 8 bytes of stream and size. Our own code because on a damaged header faery 0.7.1 aborts the whole process, takes
4 GB for a damaged size, loses a packet for one event outside the sensor, and says nothing when a disk is full.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.formats.tidy import joined
from streamsnn.formats.writing import checked, partial_file
from streamsnn.types import EVENT, Events, Sensor

_SIGNATURE = b"#!AER-DAT4"
_VERSION_BYTES = 14
_PACKET_LIMIT_BYTES = 1 << 28
_RAW = np.dtype({"names": ["event"], "formats": [EVENT], "itemsize": 16})
_RAW_BYTES = np.dtype({"names": ["event"], "formats": [f"V{EVENT.itemsize}"], "itemsize": 16})
_LZ4 = 1
_LZ4_BLOCK_BYTES = 1 << 22
_WRITE_EVENTS = 1024  # A packet that is cut off or damaged costs so many events at most.
_FRAME_BYTES = 8
_DESCRIPTION = """<dv version="2.0">
<node name="outInfo" path="/mainloop/Recorder/outInfo/"><node name="0" path="/mainloop/Recorder/outInfo/0/">
<attr key="compression" type="string">LZ4</attr>
<attr key="originalModuleName" type="string">streamsnn</attr>
<attr key="originalOutputName" type="string">events</attr>
<attr key="typeDescription" type="string">Array of events (polarity ON/OFF).</attr>
<attr key="typeIdentifier" type="string">EVTS</attr>
<node name="info" path="/mainloop/Recorder/outInfo/0/info/">
<attr key="sizeX" type="int">{width}</attr>
<attr key="sizeY" type="int">{height}</attr>
<attr key="source" type="string">{source}</attr>
</node></node></node></dv>
"""


_Decompress = Callable[[bytes], bytes]
"""Takes a packet's bytes one part after another, and gives what is in them. Raises ValueError if they are damaged."""


class _Header(NamedTuple):
    compression: int
    index_begin: int
    """Where the packets end and an index of them begins; negative if there is none."""
    xml: str
    size: int


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if head.startswith(_SIGNATURE) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    try:
        header = _header(head)
        streams = _event_streams(header.xml)
    except _DAMAGED as error:
        raise StreamsnnError(
            f"{path} is an AEDAT4 recording whose header is damaged or cut off: {error}",
            hint="Nothing in it can be read without its header: copy it again from where it came.",
        ) from error
    if not streams:
        raise StreamsnnError(
            f"{path} is an AEDAT4 recording without a stream of events", hint="Was only video recorded?"
        )
    if header.compression not in _DECOMPRESSORS:
        raise StreamsnnError(
            f"{path} is compressed in a way that is not known (number {header.compression})",
            hint="Save it again with LZ4.",
        )
    stream, stated = streams[0]
    notes = (f"{len(streams)} streams of events, of which the first is read",) if len(streams) > 1 else ()

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        decompressor = _DECOMPRESSORS[header.compression]
        blocks: list[Events] = []
        for payload, whole in _payloads(path, header, stream, damage):
            try:
                if whole:
                    blocks.append(_events(decompressor()(payload)))
                else:
                    events, used = _beginning(payload, decompressor())
                    blocks.append(events)
                    # Its end is missing in any case, be it only the mark of an end.
                    damage.truncated_bytes += max(len(payload) - used, 1)
            except _DAMAGED:
                if whole:
                    damage.unreadable_bytes += len(payload)
                else:
                    damage.truncated_bytes += _FRAME_BYTES + len(payload)
                continue
            if sum(block.nbytes for block in blocks) >= chunk_bytes:
                yield joined(blocks)
                blocks = []
        if blocks:
            yield joined(blocks)

    return Content(decode, sensor or stated, notes=notes)


def _header(head: bytes) -> _Header:
    if len(head) < _VERSION_BYTES + 4:
        raise ValueError("it ends within its signature")
    (size,) = struct.unpack_from("<I", head, _VERSION_BYTES)
    buffer = head[_VERSION_BYTES + 4 : _VERSION_BYTES + 4 + size]
    if len(buffer) < size:
        raise ValueError(f"it should be {size} bytes long and is {len(buffer)}")
    if buffer[4:8] != b"IOHE":
        raise ValueError("it is not marked as a header")
    compression, index_begin, xml = (_field(buffer, index) for index in range(3))
    if xml is None:
        raise ValueError("it describes no streams")
    xml += _unsigned(buffer, xml)
    length = _unsigned(buffer, xml)
    return _Header(
        struct.unpack_from("<i", buffer, compression)[0] if compression else 0,
        struct.unpack_from("<q", buffer, index_begin)[0] if index_begin else -1,
        buffer[xml + 4 : xml + 4 + length].decode("utf-8"),
        _VERSION_BYTES + 4 + size,
    )


def _unsigned(buffer: bytes, at: int) -> int:
    value: int = struct.unpack_from("<I", buffer, at)[0]
    return value


def _field(buffer: bytes, index: int) -> int | None:
    """Where a field of a FlatBuffer's root table lies, or None where it was left out."""
    table = _unsigned(buffer, 0)
    (back,) = struct.unpack_from("<i", buffer, table)
    layout = table - back
    slot = 4 + 2 * index
    if not 0 <= layout < len(buffer) or slot + 2 > struct.unpack_from("<H", buffer, layout)[0]:
        return None
    (offset,) = struct.unpack_from("<H", buffer, layout + slot)
    return table + offset if offset else None


def _event_streams(xml: str) -> list[tuple[int, Sensor | None]]:
    """Number and sensor of each stream of events; the sensor is None where no size is stated."""
    if "<!" in xml:
        raise ValueError("its description defines entities")
    streams = []
    for node in ElementTree.fromstring(xml).iterfind("node[@name='outInfo']/node"):
        number = node.get("name", "")
        if not number.isdecimal() or node.findtext("attr[@key='typeIdentifier']") != "EVTS":
            continue
        info = {attr.get("key"): attr.text or "" for attr in node.iterfind("node[@name='info']/attr")}
        width, height = (int(info.get(key, "0")) for key in ("sizeX", "sizeY"))
        sane = 0 < width <= 1 << 15 and 0 < height <= 1 << 15
        streams.append((int(number), Sensor(info.get("source", "AEDAT4"), width, height) if sane else None))
    return streams


def _payloads(path: Path, header: _Header, stream: int, damage: Damage) -> Iterator[tuple[bytes, bool]]:
    """The packets of one stream, and whether they are whole, as all but the last are.

    What lies behind a damaged packet header cannot be found again.
    """
    with path.open("rb") as file:
        file_size = os.fstat(file.fileno()).st_size
        end = header.index_begin if header.size <= header.index_begin <= file_size else file_size
        at = header.size
        while at < end:
            file.seek(at)
            frame = file.read(_FRAME_BYTES)
            begin = at + _FRAME_BYTES
            number, size = struct.unpack("<ii", frame) if len(frame) == _FRAME_BYTES else (0, 0)
            whole = begin + size <= end
            if len(frame) < _FRAME_BYTES or (not whole and number != stream):
                damage.truncated_bytes += end - at
                return
            if size <= 0 or number < 0:
                damage.unreadable_bytes += end - at
                return
            at = begin + size
            if number == stream:
                payload = file.read(size if whole else min(end - begin, _PACKET_LIMIT_BYTES))
                if not whole:
                    damage.truncated_bytes += end - begin - len(payload)
                yield payload, whole


def _events(buffer: bytes, *, whole: bool = True) -> Events:
    """The events of one decompressed packet; of one that is not whole, those that are there."""
    begin, count = _place(buffer)
    there = (len(buffer) - begin) // _RAW.itemsize
    if there < count:
        if whole:
            raise ValueError("fewer events than announced")
        count = max(there, 0)
    if count == 0:
        return np.empty(0, EVENT)
    events = np.frombuffer(buffer, _RAW_BYTES, count, begin)["event"].copy().view(EVENT)
    events["p"] = events["p"].view(np.uint8) != 0  # A damaged byte must not become a bool that is neither.
    return events


def _place(buffer: bytes) -> tuple[int, int]:
    """Where in a decompressed packet its events begin, and how many they should be."""
    table = buffer[4:]  # Behind its size.
    if table[4:8] != b"EVTS":
        raise ValueError("not a packet of events")
    vector = _field(table, 0)
    if vector is None:
        return len(buffer), 0
    vector += _unsigned(table, vector)
    return 4 + vector + 4, _unsigned(table, vector)


def _beginning(payload: bytes, decompress: _Decompress) -> tuple[Events, int]:
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
    extent = _place(data)[0] + _RAW.itemsize * len(events)
    return events, next((used for size, used in ends if size >= extent), len(payload)) if len(events) else 0


def _as_it_is() -> _Decompress:
    return bytes


def _lz4() -> _Decompress:
    import lz4.frame

    frame = lz4.frame.LZ4FrameDecompressor()

    def decompress(part: bytes) -> bytes:
        if frame.eof:
            return b""
        try:
            limit = min(255 * len(part) + _LZ4_BLOCK_BYTES, _PACKET_LIMIT_BYTES)
            data: bytes = frame.decompress(part, max_length=limit)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return data

    return decompress


def _zstd() -> _Decompress:
    import zstandard

    stream = zstandard.ZstdDecompressor(max_window_size=_PACKET_LIMIT_BYTES).decompressobj()

    def decompress(part: bytes) -> bytes:
        pieces: list[bytes] = []
        try:
            for at in range(0, len(part), 1 << 12):  # A few bytes may hold gigabytes.
                if stream.eof or sum(map(len, pieces)) > _PACKET_LIMIT_BYTES:
                    break
                pieces.append(stream.decompress(part[at : at + (1 << 12)]))
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        return b"".join(pieces)

    return decompress


_DECOMPRESSORS: dict[int, Callable[[], _Decompress]] = {0: _as_it_is, _LZ4: _lz4, 2: _lz4, 3: _zstd, 4: _zstd}
_DAMAGED = (struct.error, ValueError, ElementTree.ParseError)


def write(path: Path, events: Events, sensor: Sensor) -> None:
    """Write AEDAT4 with LZ4 and without an index, which readers make themselves.

    Raises StreamsnnError if the events do not suit the sensor or the format, or if the file cannot be written.
    """
    import lz4.frame

    events = checked(path, events, sensor, size_limit=1 << 15, silence_limit_us=1 << 62)
    source = "".join(c for c in sensor.name if c.isalnum() or c in " _-.")
    xml = _DESCRIPTION.format(width=sensor.width, height=sensor.height, source=source).encode("utf-8")
    header = struct.pack("<I4s6xHHHHHiiIq4xI", 24, b"IOHE", 10, 24, 4, 12, 8, 10, _LZ4, 16, -1, len(xml)) + xml + b"\0"
    with partial_file(path) as partial, partial.open("wb") as file:
        file.write(_SIGNATURE + b".0\r\n" + struct.pack("<I", len(header)) + header)
        for begin in range(0, len(events), _WRITE_EVENTS):
            some = events[begin : begin + _WRITE_EVENTS]
            raw = np.zeros(len(some), _RAW)
            raw["event"] = some
            body = struct.pack("<I4s2xHHHiII", 16, b"EVTS", 6, 8, 4, 6, 4, len(some)) + raw.tobytes()
            # Without a checksum a wrong bit may become wrong times, copied from event to event.
            packet = lz4.frame.compress(struct.pack("<I", len(body)) + body, content_checksum=True)
            file.write(struct.pack("<ii", 0, len(packet)) + packet)


FORMAT = Format("AEDAT4", (".aedat4", ".aedat"), "iniVation AEDAT4 (DVXplorer, DAVIS)", _recognise, _open, write)
