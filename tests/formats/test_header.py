"""The ASCII header of Prophesee's formats."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.formats.header import read_header, stated_size


def test_lines_until_the_first_that_is_none() -> None:
    data = b"% Date 2020-09-14 14:18:29\n% Version 2\n%\n% Width 640\n\x0c\x08% not this\n"
    header = read_header(data)
    assert header.fields == {"date": "2020-09-14 14:18:29", "version": "2", "": "", "width": "640"}
    assert data[header.size :].startswith(b"\x0c\x08")
    assert header.complete


def test_end_ends_it_even_before_bytes_that_look_like_a_line() -> None:
    data = b"% evt 3.0\n% end\n% 2\n"
    assert data[read_header(data).size :] == b"% 2\n"


@pytest.mark.parametrize("data", [b"% Versi", b"% a 1\n% Wid", b"%"])
def test_a_line_that_is_cut_off(data: bytes) -> None:
    header = read_header(data)
    assert not header.complete
    assert header.size == len(data)


@given(st.binary(max_size=200))
@settings(deadline=None, max_examples=200)
def test_any_bytes(data: bytes) -> None:
    for text in (data, b"% " + data):
        header = read_header(text)
        assert 0 <= header.size <= len(text)
        stated_size(header.fields)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"geometry": "1280x720"}, (1280, 720)),
        ({"format": "EVT3;height=720;width=1280"}, (1280, 720)),
        ({"width": "304", "height": "240"}, (304, 240)),
        ({"width": "304"}, None),
        ({"geometry": "0x720"}, None),
        ({"geometry": "99999999x720"}, None),
        ({"width": "many", "height": "240"}, None),
        ({}, None),
    ],
)
def test_stated_size(fields: dict[str, str], size: tuple[int, int] | None) -> None:
    assert stated_size(fields) == size


def test_a_second_header_behind_the_end_of_the_first() -> None:
    head = b"% evt 3.0\n% geometry 60x40\n% end\n"
    assert read_header(head + head + b"\x25\x20ab").size == 2 * len(head)
    assert read_header(head + b"% \x00\x01\n").size == len(head)
