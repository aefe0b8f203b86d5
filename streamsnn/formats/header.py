"""The ASCII header that Prophesee's formats share: lines of `% key value`, and sometimes a last `% end`."""

from __future__ import annotations

import re
from typing import NamedTuple

from streamsnn.types import Sensor

_LINE = re.compile(rb"% [A-Za-z_]+ [ -~]*\r?\n")
"""What begins so behind `% end` is a second header, and no words of data."""


class Header(NamedTuple):
    """`fields`: lower-case keys to values; `size`: where the events begin; `complete`: no line was cut off."""

    fields: dict[str, str]
    size: int
    complete: bool


def read_header(head: bytes) -> Header:
    """Read the header at the beginning of a file; without one, `size` is 0. Never fails."""
    fields: dict[str, str] = {}
    size = 0
    while head[size : size + 2] in (b"% ", b"%\n", b"%\r", b"%"):
        newline = head.find(b"\n", size)
        if newline < 0:
            return Header(fields, len(head), complete=False)
        key, _, value = head[size + 1 : newline].decode("latin-1").strip().partition(" ")
        size = newline + 1
        if key.lower() == "end" and not value and not _LINE.match(head, size):
            break
        fields[key.lower()] = value.strip()
    return Header(fields, size, complete=True)


def stated_size(fields: dict[str, str]) -> tuple[int, int] | None:
    """The sensor's width and height, in any of the ways in which headers have stated them, or None."""
    ways = (
        (fields.get("geometry", ""), r"(?P<width>\d+)x(?P<height>\d+)"),
        (fields.get("format", ""), r"(?=.*width=(?P<width>\d+))(?=.*height=(?P<height>\d+))"),
        (f"{fields.get('width', '')}x{fields.get('height', '')}", r"(?P<width>\d+)x(?P<height>\d+)$"),
    )
    for text, pattern in ways:
        if (found := re.match(pattern, text)) and len(text) < 200:
            width, height = int(found["width"]), int(found["height"])
            if 0 < width <= 1 << 15 and 0 < height <= 1 << 15:
                return width, height
    return None


def stated_sensor(fields: dict[str, str], name: str) -> Sensor | None:
    """What the header says of the sensor, or None where it states no (sane) size."""
    size = stated_size(fields)
    return Sensor(name, *size) if size else None
