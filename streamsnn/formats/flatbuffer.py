"""Where things lie in a FlatBuffer (flatbuffers.dev, "FlatBuffer Internals"), as far as AEDAT4 needs it.

Where an offset leads out of the buffer, struct.error is raised; nothing is ever read before its beginning.
"""

from __future__ import annotations

import struct

_UINT, _INT, _USHORT = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<H")


def unsigned(buffer: bytes, at: int) -> int:
    """The unsigned number of 4 bytes at `at`: a size, or an offset."""
    value: int = _UINT.unpack_from(buffer, at)[0]
    return value


def field(buffer: bytes, index: int, begin: int = 0) -> int | None:
    """Where a field of the root table of a FlatBuffer at `begin` lies, or None where it was left out."""
    table = begin + unsigned(buffer, begin)
    (back,) = _INT.unpack_from(buffer, table)
    layout = table - back
    slot = 4 + 2 * index
    if not begin <= layout < len(buffer) or slot + 2 > _USHORT.unpack_from(buffer, layout)[0]:
        return None
    (offset,) = _USHORT.unpack_from(buffer, layout + slot)
    return table + offset if offset else None


def vector(buffer: bytes, at: int) -> tuple[int, int]:
    """Where the elements of the vector (or string) lie that the field at `at` points to, and how many they should be.

    They need not be there: only the number itself is.
    """
    at += unsigned(buffer, at)
    return at + 4, unsigned(buffer, at)
