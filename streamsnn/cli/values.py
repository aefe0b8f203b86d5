"""What options are given as, text, turned into values; each refusal says how it should have been written."""

from __future__ import annotations

import re
from itertools import pairwise

from streamsnn.errors import StreamsnnError

_UNITS_US = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000, "us": 1}
_PART = r"(\d+\.?\d*|\.\d+)(us|ms|s|m|h)"


def duration_us(text: str) -> int:
    """Microseconds in "2s", "500ms", "1m30s", "250000us", "1h", or "2.5", which is seconds. Never negative."""
    if re.fullmatch(r"\d+\.?\d*|\.\d+", text):
        return round(float(text) * 1_000_000)
    parts = re.findall(_PART, text)
    units = [unit for _, unit in parts]
    falling = all(_UNITS_US[a] > _UNITS_US[b] for a, b in pairwise(units))
    if not re.fullmatch(f"({_PART})+", text) or not falling:
        raise StreamsnnError(f'"{text}" is no duration.', hint="Write it like 2s, 500ms, 1m30s, 250000us or 2.5 (s).")
    return round(sum(float(number) * _UNITS_US[unit] for number, unit in parts))


def speed(text: str) -> float | None:
    """How much faster than true time to play: "1", "0.25", "4x"; None for "max", as fast as the machine can."""
    if text == "max":
        return None
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)x?", text)
    if not found or float(found[1]) <= 0:
        raise StreamsnnError(f'"{text}" is no speed.', hint="Write 1 for true time, 0.25 for slow motion, 10, or max.")
    return float(found[1])


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels of "640x480"."""
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found or not 0 < int(found[1]) <= 1 << 15 or not 0 < int(found[2]) <= 1 << 15:
        raise StreamsnnError(f'"{text}" is no size of a sensor.', hint="Write width x height in pixels, like 640x480.")
    return int(found[1]), int(found[2])


def rectangle(text: str) -> tuple[int, int, int, int]:
    """x, y, width and height in pixels of "10,20,34,34"."""
    found = re.fullmatch(r"(\d{1,5}),(\d{1,5}),(\d{1,5}),(\d{1,5})", text.replace(" ", ""))
    if not found:
        raise StreamsnnError(f'"{text}" is no rectangle.', hint="Write x,y,width,height in pixels, like 10,20,34,34.")
    return int(found[1]), int(found[2]), int(found[3]), int(found[4])


def whole_number(text: str) -> int:
    """A whole number of 0 or more."""
    if not re.fullmatch(r"\d{1,18}", text):
        raise StreamsnnError(f'"{text}" is no whole number.', hint="Write 0 or more, without a point.")
    return int(text)


def count(text: str) -> int:
    """A whole number of 1 or more."""
    number = whole_number(text)
    if number < 1:
        raise StreamsnnError(f'"{text}" is too small.', hint="Write a whole number of 1 or more.")
    return number


def number(text: str) -> float:
    """A number of 0 or more, like "12" or "0.5"."""
    if not re.fullmatch(r"(\d{1,18}\.?\d*|\.\d+)", text):
        raise StreamsnnError(f'"{text}" is no number of 0 or more.', hint="Write it like 12 or 0.5.")
    return float(text)


def share(text: str) -> float:
    """A number from 0 to below 1: "0.5" or "50%"."""
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)(%?)", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value < 1:
        raise StreamsnnError(f'"{text}" is no share.', hint="Write a number from 0 to below 1, like 0.5 or 50%.")
    return value
