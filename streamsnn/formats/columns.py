"""Which column of a table is an event's time, x, y and polarity, and in which unit its time is: stated, named, or seen.

A column's name decides, with a unit in it ("ts_ns", "time [s]"). Without names the values do: time rises and is the
largest, polarity is never more than two of -1, 0 and 1, and x stands before y. Without a unit whole numbers are us,
or ns where they are dates in ns, and fractions are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events

UNITS = {"s": 6, "ms": 3, "us": 0, "ns": -3}
"""Units of time, and the power of ten that makes us of them."""

OUTSIDE = (1 << 16) - 1
"""What a column or row becomes that is none."""

_NAMES = {
    "t": ("t", "ts", "time", "times", "timestamp", "timestamps", "timeus", "stamp", "sec", "tus", "tns"),
    "x": ("x", "xs", "col", "column", "xpos", "posx", "xcoord", "xaddr", "u"),
    "y": ("y", "ys", "row", "ypos", "posy", "ycoord", "yaddr", "v"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on", "sign", "pols"),
}
_EXAMPLE = "State them, for example --columns t,x,y,p or --columns x,y,p,t:ns (t in s, ms, us or ns; - is passed over)."


class Columns(NamedTuple):
    """Where in a row the time, x, y and polarity stand; `p` is None where there is none: all events are ON.

    `unit` is one of `UNITS`, or None where the values decide.
    """

    t: int
    x: int
    y: int
    p: int | None
    unit: str | None = None

    def said(self) -> str:
        """ "t (us), x, y, p", for people."""
        places = sorted((place, name) for name, place in zip("txyp", self[:4], strict=True) if place is not None)
        return ", ".join(f"t ({self.unit})" if name == "t" else name for _, name in places)


def stated(text: str) -> Columns:
    """Columns as a user states them: "t,x,y,p", "x,y,t:ns,p", "-,t:s,x,y". Raises StreamsnnError for anything else."""
    names, unit = [], None
    for part in text.split(","):
        name, colon, given = part.strip().partition(":")
        if colon:
            if name != "t" or given not in UNITS:
                raise StreamsnnError(f'"{part}" is no column', hint=_EXAMPLE)
            unit = given
        names.append(name)
    if any(name not in ("t", "x", "y", "p", "-") for name in names) or any(names.count(name) != 1 for name in "txy"):
        raise StreamsnnError(f'"{text}" does not say which columns are t, x and y', hint=_EXAMPLE)
    if names.count("p") > 1:
        raise StreamsnnError(f'"{text}" has two polarities', hint=_EXAMPLE)
    t, x, y = (names.index(name) for name in "txy")
    return Columns(t, x, y, names.index("p") if "p" in names else None, unit)


def named(names: Sequence[str]) -> Columns | None:
    """Columns by their names, or None where these are not those of events."""
    found: dict[str, int] = {}
    unit = None
    for place, name in enumerate(names):
        said = re.search(r"(?<![a-z])(ns|us|µs|ms|s|sec|seconds|microseconds|nanoseconds)\W*$", name.strip().lower())
        plain = re.sub(r"[^a-z]", "", name.lower())
        bare = re.sub(r"[^a-z]", "", name.lower()[: said.start()]) if said else plain
        for role, words in _NAMES.items():
            if role not in found and (plain in words or (role == "t" and bare in words)):
                found[role] = place
                if role == "t":
                    tail = {"tus": "us", "timeus": "us", "tns": "ns", "sec": "s"}
                    unit = _unit_of(said[1]) if said and plain != "ts" else tail.get(plain)
                break
    if not {"t", "x", "y"} <= found.keys():
        return None
    return Columns(found["t"], found["x"], found["y"], found.get("p"), unit)


def _unit_of(word: str) -> str:
    return {"µs": "us", "sec": "s", "seconds": "s", "microseconds": "us", "nanoseconds": "ns"}.get(word, word)


def by_value(rows: NDArray[np.float64]) -> Columns | None:
    """Columns by what is in the first rows of a table; None where that does not tell."""
    rows = rows[np.isfinite(rows).all(axis=1)] if rows.ndim == 2 else rows
    if rows.ndim != 2 or not 3 <= rows.shape[1] <= 8 or not len(rows):
        return None
    places = list(range(rows.shape[1]))
    rising = (np.diff(rows, axis=0) >= 0).mean(axis=0) if len(rows) > 1 else np.ones(len(places))
    spans = rows.max(axis=0) - rows.min(axis=0)
    times = [place for place in places if rising[place] > 0.9 and (spans[place] > 0 or len(rows) < 2)]
    if not times:
        return None
    # Of columns that rise, the one that stands for most: an x that rises in a few rows is smaller, or has fewer steps.
    fractions = [place for place in times if _has_fractions(rows[:, place])]
    t = max(fractions or times, key=lambda place: (np.median(rows[:, place]), -place))
    signs = [place for place in places if place != t and np.isin(rows[:, place], (-1.0, 0.0, 1.0)).mean() > 0.99]
    p = signs[-1] if len(places) > 3 and signs else None
    rest = [place for place in places if place not in (t, p)]
    if len(rest) < 2 or (len(places) > 3 and p is None):
        return None
    return Columns(t, rest[0], rest[1], p)


def unit_by_value(t: NDArray[Any]) -> str:
    """The unit that times of such values are in."""
    if not t.size:
        return "us"
    if t.dtype.kind == "f" and _has_fractions(t):
        return "s"
    return "ns" if float(np.median(np.abs(t.astype(np.float64)))) >= 1e17 else "us"


def _has_fractions(values: NDArray[Any]) -> bool:
    """Whether more than a few damaged ones are no whole numbers; those that are no numbers at all say nothing."""
    numbers = values[np.isfinite(values)]
    return bool(numbers.size and np.mean(numbers != np.rint(numbers)) > 0.05)


def in_us(t: NDArray[Any], unit: str) -> NDArray[np.int64]:
    """Times as int64 us; what is none (NaN, or beyond all clocks) becomes one that no clock shows."""
    power = UNITS[unit]
    if t.dtype.kind in "iub":
        if t.dtype == np.uint64:
            t = np.minimum(t, np.uint64(np.iinfo(np.int64).max))
        whole: NDArray[np.int64] = t.astype(np.int64)
        if power < 0:
            floored: NDArray[np.int64] = whole // 10**-power
            return floored
        limit = np.iinfo(np.int64).max // 10**power
        out: NDArray[np.int64] = np.clip(whole, -limit, limit) * 10**power
        return out
    scaled = np.rint(t.astype(np.float64) * 10.0**power)
    scaled[~(np.abs(scaled) < 9e18)] = 9e18
    rounded: NDArray[np.int64] = scaled.astype(np.int64)
    return rounded


def address(values: NDArray[Any]) -> NDArray[np.uint16]:
    """Columns or rows; what no sensor can have becomes `OUTSIDE`."""
    values = np.rint(values) if values.dtype.kind == "f" else values
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values < OUTSIDE)
    return np.where(good, values, OUTSIDE).astype(np.uint16)


def events_from(t: NDArray[Any], x: NDArray[Any], y: NDArray[Any], p: NDArray[Any] | None, unit: str) -> Events:
    """Events of columns as they are stored, times in `unit`."""
    events = np.empty(len(t), EVENT)
    events["t"] = in_us(t, unit)
    events["x"], events["y"] = address(x), address(y)
    events["p"] = True if p is None else p > 0
    return events


def undecided(path: object) -> StreamsnnError:
    """What to say where nothing tells the columns."""
    return StreamsnnError(f"{path} does not say which of its columns are t, x, y and p", hint=_EXAMPLE)
