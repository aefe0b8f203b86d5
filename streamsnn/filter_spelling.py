"""How filters are written: one line of text, and the filter that it asks for."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from streamsnn.errors import StreamsnnError
from streamsnn.filters import (
    BackgroundActivity,
    Flip,
    HotPixels,
    Polarity,
    Refractory,
    Region,
    ResettableFilter,
)
from streamsnn.types import Sensor


def parse_filter(text: str, sensor: Sensor) -> ResettableFilter:
    """The filter that `text` asks for: a name, and after a colon its settings, by position or by name.

    `background:tau=5ms`, `refractory:1ms`, `hot:k=10,window=1s,rate=100`, `region:10,10,50,50`, `flip:x`,
    `polarity:on`. Durations carry their unit (us, ms, s). What cannot be read is refused with `StreamsnnError`, with
    the closest name where there is one.
    """
    name, _, rest = (part.strip() for part in text.partition(":"))
    spelling = _SPELLINGS[_known(name, _SPELLINGS, f'There is no filter "{name}".')]
    settings: dict[str, object] = {}
    for position, part in enumerate(rest.split(",") if rest else ()):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            if position >= len(spelling.settings):
                raise StreamsnnError(f'"{text}" gives too many settings.', hint=f"Write {spelling.example}.")
            key, value = list(spelling.settings)[position], key
        _known(key, spelling.settings, f'The filter "{name}" has no setting "{key}".')
        keyword, read = spelling.settings[key]
        if keyword in settings:
            raise StreamsnnError(f'"{text}" sets {key} twice.', hint=f"Write {spelling.example}.")
        try:
            settings[keyword] = read(value)
        except ValueError as error:
            raise StreamsnnError(f'"{value}" in "{text}" is not {error}.', hint=f"Write {spelling.example}.") from None
    missing = [key for key, (keyword, _) in spelling.settings.items() if spelling.complete and keyword not in settings]
    if missing:
        raise StreamsnnError(f'"{text}" does not say {", ".join(missing)}.', hint=f"Write {spelling.example}.")
    return spelling.build(sensor, **settings)


@dataclass(frozen=True)
class _Spelling:
    """How a filter is written: what builds it, and name -> (keyword, reader) of its settings, in their order."""

    build: Callable[..., ResettableFilter]
    settings: Mapping[str, tuple[str, Callable[[str], object]]]
    example: str
    complete: bool = False  # whether all settings must be given


def _duration_us(text: str) -> int:
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+) *(us|ms|s)", text)
    if not match:
        raise ValueError("a duration with its unit, such as 500us, 5ms or 1s")
    return round(float(match[1]) * {"us": 1, "ms": 1_000, "s": 1_000_000}[match[2]])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


def _pixels(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number of pixels") from None


_SPELLINGS: Mapping[str, _Spelling] = {
    "background": _Spelling(BackgroundActivity, {"tau": ("tau_us", _duration_us)}, "background:tau=5ms"),
    "refractory": _Spelling(Refractory, {"period": ("period_us", _duration_us)}, "refractory:1ms"),
    "hot": _Spelling(
        HotPixels,
        {"k": ("factor", _number), "window": ("window_us", _duration_us), "rate": ("rate_hz", _number)},
        "hot:k=10,window=1s,rate=100",
    ),
    "region": _Spelling(
        Region,
        {name: (name, _pixels) for name in ("x", "y", "width", "height")},
        "region:10,10,50,50 (x, y, width, height)",
        complete=True,
    ),
    "flip": _Spelling(Flip, {"axes": ("axes", str)}, "flip:x, flip:y or flip:xy", complete=True),
    "polarity": _Spelling(Polarity, {"keep": ("keep", str)}, "polarity:on or polarity:off", complete=True),
}


def _known(name: str, names: Mapping[str, object], message: str) -> str:
    """`name`, if it is one of `names`; otherwise refused with the closest of them."""
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        guess = f'Did you mean "{close[0]}"? ' if close else ""
        raise StreamsnnError(message, hint=f"{guess}There is: {', '.join(names)}.")
    return name
