"""Packets of a recording, decompressed one after another, in bounded memory whatever a damaged one claims to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

PACKET_LIMIT_BYTES = 1 << 26
"""No packet is larger, nor holds more; what is decompressed stops about there. 4 million events fit."""

_LZ4_RATIO = 4
"""Events are seldom packed more tightly. To get room for the most that could come out takes longer than all else."""
_LZ4_PART_BYTES = 1 << 16
_ZSTD_PART_BYTES = 1 << 12  # A few bytes may hold gigabytes.

Decompress = Callable[[bytes], bytes]
"""Takes a packet's bytes one part after another, and gives what is in them. Raises ValueError if they are damaged."""

Begin = Callable[[], Decompress]
"""Called at the beginning of each packet; the `Decompress` of the one before is then over.

What was wrong with one packet never shows in the next.
"""


def _plain() -> Begin:
    return lambda: bytes


def _lz4() -> Begin:
    import lz4.frame

    frame = lz4.frame.LZ4FrameDecompressor()

    def decompress(part: bytes) -> bytes:
        if frame.eof:
            return b""
        room = min(max(_LZ4_RATIO * len(part), _LZ4_PART_BYTES), PACKET_LIMIT_BYTES)
        try:
            data: bytes = frame.decompress(part, max_length=room)
            if frame.eof or frame.needs_input:  # Nearly always.
                return data
            pieces = [data]
            size = len(data)
            while not (frame.eof or frame.needs_input) and pieces[-1] and size < PACKET_LIMIT_BYTES:
                pieces.append(frame.decompress(b"", max_length=room))
                size += len(pieces[-1])
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return b"".join(pieces)

    def begin() -> Decompress:
        nonlocal frame
        if frame.eof:
            frame.reset()  # Making another one takes as long as decompressing a packet.
        else:
            # liblz4 up to 1.9.4 resets all but how much of a frame is missing, and holds that against the next one.
            frame = lz4.frame.LZ4FrameDecompressor()
        return decompress

    return begin


def _zstd() -> Begin:
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=PACKET_LIMIT_BYTES)

    def begin() -> Decompress:
        stream = decompressor.decompressobj()

        def decompress(part: bytes) -> bytes:
            pieces: list[bytes] = []
            try:
                for at in range(0, len(part), _ZSTD_PART_BYTES):
                    if stream.eof or sum(map(len, pieces)) > PACKET_LIMIT_BYTES:
                        break
                    pieces.append(stream.decompress(part[at : at + _ZSTD_PART_BYTES]))
            except zstandard.ZstdError as error:
                raise ValueError(str(error)) from error
            return b"".join(pieces)

        return decompress

    return begin


LZ4 = 1

METHODS: Mapping[int, Callable[[], Begin]] = {0: _plain, LZ4: _lz4, 2: _lz4, 3: _zstd, 4: _zstd}
"""How AEDAT4's packets may be compressed, by its numbers. Each library is imported once its method is used."""
