"""iniVation AEDAT4: a header that describes streams in XML, then packets of them, compressed with LZ4 or Zstandard.

Layout: docs.inivation.com, "AEDAT 4.0". Header and packets are FlatBuffers with a size before them; a packet stands
behind 8 bytes of stream and size. Our own code because on a damaged header faery 0.7.1 aborts the whole process, takes
4 GB for a damaged size, loses a packet for one event outside the sensor, and says nothing when a disk is full.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.aedat4_packets import STORED, packet_before, stored_events
from streamsnn.formats.decompression import LZ4, METHODS
from streamsnn.formats.flatbuffer import field, vector
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.formats.tidy import SEEN, Surveyed
from streamsnn.formats.writing import Writer, regrouped
from streamsnn.types import EVENT, Events, Sensor

_SIGNATURE = b"#!AER-DAT4"
_VERSION_BYTES = 14
_WRITE_EVENTS = 1024  # A packet that is cut off or damaged costs so many events at most.
_DAMAGED = (struct.error, ValueError, ElementTree.ParseError)
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
    if header.compression not in METHODS:
        raise StreamsnnError(
            f"{path} is compressed in a way that is not known (number {header.compression})",
            hint="Save it again with LZ4.",
        )
    stream, stated = streams[0]
    notes = (f"{len(streams)} streams of events, of which the first is read",) if len(streams) > 1 else ()

    def decode_at(begin: int, damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.kernels import unpack_aedat4

        room = max(chunk_bytes // EVENT.itemsize, 1)
        memory: Events = np.empty(0, EVENT)
        seen = np.zeros(1, SEEN)
        count = 0
        begin_packet = METHODS[header.compression]()
        for stored in stored_events(path, begin, header.index_begin, stream, begin_packet, damage):
            if count and count + len(stored) > room:
                yield Surveyed(memory[:count], seen)
                count = 0
            if not count:
                memory = np.empty(max(room, len(stored)), EVENT)
            unpack_aedat4(stored, memory, count, seen)
            count += len(stored)
        if count:
            yield Surveyed(memory[:count], seen)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        return decode_at(header.size, damage, chunk_bytes)

    def decode_from(damage: Damage, chunk_bytes: int, from_us: int) -> Blocks:
        begin_packet = METHODS[header.compression]()
        place = packet_before(path, header.size, header.index_begin, stream, begin_packet, from_us)
        return decode_at(header.size if place is None else place, damage, chunk_bytes)

    return Content(decode, sensor or stated, notes=notes, decode_from=decode_from)


def _header(head: bytes) -> _Header:
    if len(head) < _VERSION_BYTES + 4:
        raise ValueError("it ends within its signature")
    (size,) = struct.unpack_from("<I", head, _VERSION_BYTES)
    buffer = head[_VERSION_BYTES + 4 : _VERSION_BYTES + 4 + size]
    if len(buffer) < size:
        raise ValueError(f"it should be {size} bytes long and is {len(buffer)}")
    if buffer[4:8] != b"IOHE":
        raise ValueError("it is not marked as a header")
    compression, index_begin, xml = (field(buffer, index) for index in range(3))
    if xml is None:
        raise ValueError("it describes no streams")
    begin, length = vector(buffer, xml)
    return _Header(
        struct.unpack_from("<i", buffer, compression)[0] if compression else 0,
        struct.unpack_from("<q", buffer, index_begin)[0] if index_begin else -1,
        buffer[begin : begin + length].decode("utf-8"),
        _VERSION_BYTES + 4 + size,
    )


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


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """AEDAT4 with LZ4 and without an index, which readers make themselves."""
    import lz4.frame

    source = "".join(c for c in sensor.name if c.isalnum() or c in " _-.")
    xml = _DESCRIPTION.format(width=sensor.width, height=sensor.height, source=source).encode("utf-8")
    header = struct.pack("<I4s6xHHHHHiiIq4xI", 24, b"IOHE", 10, 24, 4, 12, 8, 10, LZ4, 16, -1, len(xml)) + xml + b"\0"
    file.write(_SIGNATURE + b".0\r\n" + struct.pack("<I", len(header)) + header)
    for some in regrouped(blocks, _WRITE_EVENTS):
        raw = np.zeros(len(some), STORED)
        for name in EVENT.names or ():
            raw[name] = some[name]
        body = struct.pack("<I4s2xHHHiII", 16, b"EVTS", 6, 8, 4, 6, 4, len(some)) + raw.tobytes()
        # Without a checksum a wrong bit may become wrong times, copied from event to event.
        packet = lz4.frame.compress(struct.pack("<I", len(body)) + body, content_checksum=True)
        file.write(struct.pack("<ii", 0, len(packet)) + packet)


write = Writer(_encode, size_limit=1 << 15)
FORMAT = Format("AEDAT4", (".aedat4", ".aedat"), "iniVation AEDAT4 (DVXplorer, DAVIS)", _recognise, _open, write)
