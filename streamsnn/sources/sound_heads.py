"""What the bytes of a sound file say before anything is decoded: of which kind it is, and whether its end is missing.

The decoders fill in what is missing with silence about it: a WAV or Ogg file that is cut off plays as a shorter one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

SoundKind = Literal["WAV", "FLAC", "OGG", "MP3"]

HEAD_BYTES = 1 << 16
"""Bytes by which a sound is recognised."""

_OGG_CODECS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
_OGG_PAGE_BYTES = 27 + 255 * 256
_NEVER_CLOSED = 0x7FFF_0000
"""Sizes from here on are written by programs that cannot know the size: into a pipe, or while they still record."""
_PLAIN_TAGS = (1, 3, 6, 7, 0xFFFE)
"""WAV encodings in which a block of `align` bytes is one sample of each ear: PCM, float, A-law, u-law, extensible."""


class Missing(NamedTuple):
    """What a file's end lacks: `samples` an ear, or None where the file does not tell how many."""

    samples: int | None


def sound_kind(head: bytes) -> SoundKind | None:
    """Which kind of sound begins with these bytes; None for any other file, whatever it is called."""
    tag_bytes = _tag_bytes(head)
    tagged = tag_bytes > 0
    head = head[tag_bytes:]
    if tagged and not head:  # A long tag: there is a picture in it, and behind it is what such tags are made for.
        return "MP3"
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:4] == b"OggS":
        return "OGG" if any(codec in head[:300] for codec in _OGG_CODECS) else None
    length = _mp3_frame_bytes(head)
    # Two bytes of sync prove little: a second frame must follow where the first one says.
    if length and (_mp3_frame_bytes(head[length:]) or (tagged and len(head) <= length)):
        return "MP3"
    return None


def tells_its_length(head: bytes, kind: SoundKind) -> bool:
    """Whether the file says how long it is: an MP3 does so only in a first frame of Xing's; else decoders guess."""
    head = head[_tag_bytes(head) :]
    first = head[: _mp3_frame_bytes(head)]
    return kind != "MP3" or b"Xing" in first or b"Info" in first


def missing_end(path: Path, kind: SoundKind) -> Missing | None:
    """What the file announces and does not hold; None where nothing is missing, or where only decoding can tell.

    Raises OSError if the file cannot be read.
    """
    look = {"WAV": _missing_from_wav, "OGG": _missing_from_ogg}.get(kind)
    if look is None:
        return None
    with path.open("rb") as file:
        return look(file)


def mp3_samples(path: Path) -> int:
    """How many samples the frames of an MP3 hold that follow its beginning without a gap. Raises OSError."""
    samples = 0
    with path.open("rb") as file:
        file.seek(_tag_bytes(file.read(10)))
        while length := _mp3_frame_bytes(head := file.read(4)):
            samples += 1152 if head[1] & 0x18 == 0x18 else 576
            file.seek(length - len(head), os.SEEK_CUR)
    return samples


def _tag_bytes(head: bytes) -> int:
    """How long the ID3v2 tag at the beginning is; 0 without one."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(head[6:10])))


def _missing_from_wav(file: BinaryIO) -> Missing | None:
    order: Literal["little", "big"] = "big" if file.read(12)[:4] == b"RIFX" else "little"
    size = os.fstat(file.fileno()).st_size
    align, tag, long_bytes = 1, 0, 0
    for _ in range(1000):
        chunk = file.read(8)
        if len(chunk) < 8:
            return None  # No sound at all: the decoder says so.
        length = int.from_bytes(chunk[4:], order)
        begin = file.tell()
        if chunk[:4] == b"data":
            promised = long_bytes if length == 0xFFFF_FFFF and long_bytes else length
            lost = promised - (size - begin)
            if lost <= 0 or (promised >= _NEVER_CLOSED and not long_bytes):
                return None
            return Missing(-(-lost // max(align, 1)) if tag in _PLAIN_TAGS else None)
        if chunk[:4] == b"fmt ":
            form = file.read(16)
            tag, align = int.from_bytes(form[:2], order), int.from_bytes(form[12:14], order)
        elif chunk[:4] == b"ds64":
            long_bytes = int.from_bytes(file.read(16)[8:16], order)
        file.seek(begin + length + length % 2)
    return None


def _missing_from_ogg(file: BinaryIO) -> Missing | None:
    """The last page must be whole, and must say that it is the last (RFC 3533)."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * _OGG_PAGE_BYTES))
    tail = file.read()
    at = tail.rfind(b"OggS\0")
    page = tail[at:] if at >= 0 else b""
    if len(page) < 27 or not page[5] & 4:
        return Missing(None)
    lengths = page[27 : 27 + page[26]]
    return None if len(page) >= 27 + page[26] + sum(lengths) else Missing(None)


def _mp3_frame_bytes(head: bytes) -> int:
    """How long the frame of MPEG audio layer III is that begins here; 0 if none does (ISO/IEC 11172-3, 13818-3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, rates = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or rates == 3:
        return 0
    first = version == 3
    kbit = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320) if first else (8, 16, 24, 32, 40, 48, 56)
    kbit = kbit if first else (*kbit, 64, 80, 96, 112, 128, 144, 160)
    rate_hz = (44_100, 48_000, 32_000)[rates] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if first else 72) * kbit[rate - 1] * 1000 // rate_hz + (head[2] >> 1 & 1)
