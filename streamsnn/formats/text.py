"""Events as text, `.csv` and `.txt`: one row an event, of columns behind commas, semicolons, tabs or spaces.

Which column is what, and in which unit the time is, the first line says where it names them ("timestamp [us],x,y,p"),
the values tell otherwise (see `columns`), or the user states. A first line of two whole numbers is the sensor's size,
as in the files of E2VID. Our own compiled reader because faery 0.7.1 wants to be told the columns, and gives up at the
first line that is no row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.formats import columns
from streamsnn.formats.columns import Columns
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match, read_blocks
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

_SAMPLE_LINES = 1000
_SAMPLE_BYTES = 1 << 16
_MOST_LINE_BYTES = 4096
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORDS = {"true": 1.0, "false": 0.0}


class _Table(NamedTuple):
    """What the beginning of a text tells: the columns' names, the rows after them, the sensor's size, where rows
    begin, and which share of the lines are rows."""

    names: list[str] | None
    rows: NDArray[np.float64]
    size: tuple[int, int] | None
    begin: int
    share: float


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    table = _table(head)
    if table is not None and table.names and not len(table.rows):
        return Match.POSSIBLE if extension in FORMAT.extensions and columns.named(table.names) else Match.NO
    if table is None or not len(table.rows) or table.share < (0.5 if extension in FORMAT.extensions else 0.9):
        return Match.NO
    if table.names is not None:
        return Match.LIKELY if columns.named(table.names) is not None else Match.NO
    if table.rows.shape[1] < 4 and extension not in FORMAT.extensions:
        return Match.NO
    return Match.LIKELY if table.rows.shape[1] >= 3 else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    return open_table(path, head, sensor, None)


def open_table(path: Path, head: bytes, sensor: Sensor | None, stated: Columns | None) -> Content:
    """As a format's `open`, with the columns where the user states them."""
    table = _table(head)
    if table is None:
        raise columns.undecided(path)
    found = stated or (columns.named(table.names) if table.names else None) or columns.by_value(table.rows)
    if found is None or max(place for place in found[:4] if place is not None) >= table.rows.shape[1]:
        raise columns.undecided(path)
    found = found._replace(unit=found.unit or columns.unit_by_value(table.rows[:, found.t]))
    roles = np.full(max(place for place in found[:4] if place is not None) + 1, -1, np.int8)
    for role, place in enumerate(found[:4]):
        if place is not None:
            roles[place] = role
    if sensor is None and table.size is not None:
        sensor = Sensor("text", *table.size)
    power = columns.UNITS[found.unit or "us"]

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        from streamsnn.formats.text_kernels import parse_rows

        lost = np.zeros(1, np.int64)
        left = b""
        endless = False
        for block in read_blocks(path, table.begin, 1, damage, chunk_bytes):
            data = left + block
            whole = data.rfind(b"\n") + 1
            left = data[whole:]
            endless = endless and not whole
            if len(left) > _MOST_LINE_BYTES:  # No row is so long: a text without lines must not be kept.
                damage.unreadable_bytes += len(left) - 1
                left = b"!"
                endless = True
            if whole:
                yield _parsed(parse_rows, data[:whole], roles, power, lost)
                damage.unreadable_bytes += int(lost[0])
                lost[0] = 0
        if endless:
            damage.unreadable_bytes += len(left)
        elif left:
            events = _parsed(parse_rows, left, roles, power, lost)
            damage.truncated_bytes += int(lost[0])
            yield events

    note = f"columns are taken for {found.said()}"
    return Content(decode, sensor, notes=() if table.names and found.unit == "us" else (note,))


def _parsed(parse: object, data: bytes, roles: NDArray[np.int8], power: int, lost: NDArray[np.int64]) -> Events:
    out = np.empty(data.count(b"\n") + 1, EVENT)
    count = parse(np.frombuffer(data, np.uint8), roles, power, out, lost)  # type: ignore[operator]
    return out[:count]


def _table(head: bytes) -> _Table | None:
    """What a text begins with; None for what is no text."""
    sample = head[:_SAMPLE_BYTES].replace(b"\0", b"\n")  # A disk that was full, or hurt, leaves zeros.
    strange = sum(sample.count(bytes((byte,))) for byte in range(32) if byte not in (9, 10, 13))
    if not sample.strip() or strange > len(sample) // 100:
        return None
    names: list[str] | None = None
    size: tuple[int, int] | None = None
    rows: list[list[float]] = []
    lines = begin = at = 0
    whole = len(head) < _SAMPLE_BYTES
    for raw in sample.split(b"\n")[: _SAMPLE_LINES + 1]:
        at += len(raw) + 1
        if at > len(sample) and not whole:
            break  # It is cut off.
        text = raw.decode("latin-1").strip().removeprefix("\xef\xbb\xbf")
        if not text:
            continue
        bare = text.lstrip("#% ").strip() if text[0] in "#%" else text
        cells = _cells(bare)
        numbers = _numbers(cells)
        if not rows and names is None and numbers is None and columns.named(cells) is not None:
            names, begin = cells, at
            continue
        if text[0] in "#%":
            continue
        if not rows and size is None and numbers is not None and len(numbers) == 2 and lines == 0:
            width, height = (int(number) for number in numbers)
            if 0 < width <= 1 << 15 and 0 < height <= 1 << 15:
                size, begin = (width, height), at
                continue
        lines += 1
        if numbers is not None and len(numbers) >= 3:
            rows.append(numbers)
    if not rows:
        return _Table(names, np.empty((0, len(names or ()))), size, min(begin, len(head)), 0.0)
    width = max({len(row) for row in rows}, key=lambda width: sum(len(row) == width for row in rows))
    same = [row for row in rows if len(row) == width]
    return _Table(names, np.array(same), size, min(begin, len(head)), len(same) / lines)


def _cells(line: str) -> list[str]:
    """A line's cells; where there are commas or semicolons, a name may hold spaces."""
    separated = re.split("[,;]" if re.search("[,;]", line) else "\t" if "\t" in line else r"\s+", line.rstrip(",; \t"))
    return [cell.strip(" \t\"'") for cell in separated]


def _numbers(cells: list[str]) -> list[float] | None:
    numbers = []
    for cell in cells:
        if cell.lower() in _WORDS:
            numbers.append(_WORDS[cell.lower()])
        elif len(cell) < 64 and _NUMBER.fullmatch(cell):
            numbers.append(float(cell))
        else:
            return None
    return numbers


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """A line of names, then t in us, x, y and p (1 or 0), behind commas. The sensor's size does not survive."""
    file.write(b"t,x,y,p\n")
    for events in blocks:
        table = np.stack([events[name].astype(np.int64) for name in "txyp"], axis=1)
        file.write("".join(["%d,%d,%d,%d\n" % row for row in map(tuple, table.tolist())]).encode("ascii"))  # noqa: UP031


write = Writer(_encode, size_limit=(1 << 16) - 1)
FORMAT = Format(
    "CSV", (".csv", ".txt"), "text: a row of t, x, y and p an event", _recognise, _open, write, open_table=open_table
)
