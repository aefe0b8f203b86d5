"""Offsets in a FlatBuffer lead somewhere, nowhere, or out of it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsnn.formats.flatbuffer import field, unsigned, vector

# The root table's offset; a layout of its own size, the table's, and three fields, one left out; the table; a vector.
LAYOUT = struct.pack("<HHHHH2x", 10, 12, 4, 0, 8)
TABLE = struct.pack("<iiI", 12, -5, 4)
BUFFER = struct.pack("<I", 16) + LAYOUT + TABLE + struct.pack("<I3s", 3, b"abc")


@pytest.mark.parametrize("before", [b"", b"some"])
def test_fields(before: bytes) -> None:
    buffer, begin = before + BUFFER, len(before)
    assert [field(buffer, index, begin) for index in range(5)] == [begin + 20, None, begin + 24, None, None]
    assert vector(buffer, begin + 24) == (begin + 32, 3)
    assert unsigned(buffer, begin) == 16


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 1 << 31), (0, len(BUFFER) - 3), (4, 0xFFFF)],
)
def test_offsets_out_of_the_buffer(at: int, value: int) -> None:
    buffer = bytearray(BUFFER)
    struct.pack_into("<I" if value > 0xFFFF else "<H", buffer, at, value)
    with pytest.raises(struct.error):
        field(bytes(buffer), 20)
    with pytest.raises(struct.error):
        vector(bytes(buffer), len(buffer) - 3)


@pytest.mark.parametrize("back", [17, 1 << 20, -len(BUFFER)])
def test_a_layout_that_is_not_in_the_buffer_has_no_fields(back: int) -> None:
    buffer = bytearray(b"some" + BUFFER)
    struct.pack_into("<i", buffer, 4 + 16, back)
    assert field(bytes(buffer), 0, 4) is None


@given(st.binary(max_size=60), st.integers(0, 8), st.integers(0, 4))
def test_any_bytes_end_in_a_place_or_struct_error(buffer: bytes, begin: int, index: int) -> None:
    try:
        at = field(buffer, index, begin)
        if at is not None:
            assert at >= begin
            assert vector(buffer, at)[0] > at
    except struct.error:
        pass
