"""Packets of a recording, decompressed one after another, in bounded memory whatever a damaged one claims to hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping

PACKET_LIMIT_BYTES = 1 << 28
"""No packet holds more; what is decompressed stops about there."""

_LZ4_BLOCK_BYTES = 1 << 22
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
        try:
            limit = min(255 * len(part) + _LZ4_BLOCK_BYTES, PACKET_LIMIT_BYTES)
            data: bytes = frame.decompress(part, max_length=limit)
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return data

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
