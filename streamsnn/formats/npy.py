"""numpy's files of events, `.npy` and `.npz`: structured arrays, tables of one row an event, or one array a column.

Formats: numpy.org, "numpy.lib.format"; a `.npz` is a zip archive of `.npy` files. Arrays of objects are refused, since
they would run code. What is written is a `.npz` with one structured array, `events`, of t (int64 us), x, y and p.
"""

from __future__ import annotations

import contextlib
import re
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats import columns
from streamsnn.formats.columns import Columns
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.formats.writing import Writer
from streamsnn.types import EVENT, Events, Sensor

_MAGIC, _ZIP = b"\x93NUMPY", b"PK\x03\x04"
_COPY_BYTES = 1 << 20
_SAMPLE = 1 << 14
_SIZE = "streamsnn sensor "
_BROKEN = (
    *(ValueError, TypeError, KeyError, EOFError, OverflowError, MemoryError, SyntaxError, NotImplementedError),
    *(struct.error, tokenize.TokenError, RecursionError),
)
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, *_BROKEN)
Open = Callable[[], contextlib.AbstractContextManager[IO[bytes]]]


class _Array(NamedTuple):
    """An array in a file: `length` items of `dtype`, which may be rows, from byte `begin` on of what `open` opens."""

    open: Open
    begin: int
    length: int
    dtype: np.dtype[Any]


class _Layout(NamedTuple):
    """Arrays that are read side by side, and how t, x, y and p come out of one block of each."""

    arrays: tuple[_Array, ...]
    pick: Callable[[list[NDArray[Any]]], tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any] | None]]
    unit: str | None


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    if head.startswith(_MAGIC):
        return Match.SURE
    return Match.SURE if head.startswith(_ZIP) and b".npy" in head[30:300] else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    return open_table(path, head, sensor, None)


def open_table(path: Path, head: bytes, sensor: Sensor | None, stated: Columns | None) -> Content:
    """As a format's `open`, with the columns of a plain table where the user states them."""
    try:
        if head.startswith(_MAGIC):
            layout, comment = _one(path, lambda: path.open("rb"), stated), ""
        else:
            layout, comment = _archive(path, stated)
        t, *_ = _sample(layout)
    except StreamsnnError:
        raise
    except _BROKEN_ZIP as error:
        raise StreamsnnError(
            f"{path} is a damaged file of numpy's: {str(error).splitlines()[0] if str(error) else 'cut off'}",
            hint="Copy it again from where it came.",
        ) from error
    unit = layout.unit or columns.unit_by_value(t)
    size = re.fullmatch(rf"{_SIZE}(\d{{1,5}})x(\d{{1,5}})", comment)
    if sensor is None and size:
        sensor = Sensor("numpy", int(size[1]), int(size[2]))

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        for blocks in _side_by_side(layout.arrays, damage, chunk_bytes):
            if layout.arrays[0].dtype == EVENT and unit == "us":  # Nothing to convert but what is no bool.
                events = blocks[0].copy()
                events.view(np.uint8).reshape(-1, EVENT.itemsize)[:, -1] &= 1
                yield events
            else:
                yield columns.events_from(*layout.pick(blocks), unit)

    return Content(
        decode, sensor, notes=(f"times are taken for {unit}",) if layout.unit is None and unit != "us" else ()
    )


def _one(path: Path, opener: Open, stated: Columns | None) -> _Layout:
    """One array that holds everything."""
    array, shape, fortran = _header(path, opener)
    names = array.dtype.names
    if names is not None:
        found = columns.named(names)
        if found is None or len(shape) != 1 or any(array.dtype[name].kind not in "iufb" for name in names):
            raise columns.undecided(path)
        keys = [None if place is None else names[place] for place in found[:4]]

        def fields(blocks: list[NDArray[Any]]) -> Any:
            return tuple(None if key is None else blocks[0][key] for key in keys)

        return _Layout((array,), fields, found.unit)
    if len(shape) != 2 or not 3 <= shape[1] <= 8 or array.dtype.kind not in "iuf":
        raise StreamsnnError(
            f"{path} holds an array of shape {shape} and type {array.dtype}, not events",
            hint="It should be structured (t, x, y, p), or have one row an event.",
        )
    rows, width = shape
    if fortran:
        step = rows * array.dtype.itemsize
        arrays = tuple(array._replace(begin=array.begin + place * step, length=rows) for place in range(width))
    else:
        arrays = (array._replace(length=rows, dtype=np.dtype((array.dtype, (width,)))),)

    def table(blocks: list[NDArray[Any]]) -> NDArray[Any]:
        return np.stack(blocks, axis=1) if fortran else blocks[0]

    first = table(_beginnings(arrays))
    found = stated or columns.by_value(first.astype(np.float64))
    if found is None or max(place for place in found[:4] if place is not None) >= width:
        raise columns.undecided(path)

    def picked(blocks: list[NDArray[Any]]) -> Any:
        rows = table(blocks)
        return tuple(None if place is None else rows[:, place] for place in found[:4])

    return _Layout(arrays, picked, found.unit)


def _archive(path: Path, stated: Columns | None) -> tuple[_Layout, str]:
    """The arrays of an archive: one of all columns, called "events" or the first that fits, or one a column."""
    with zipfile.ZipFile(path) as archive:
        names = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        comment = archive.comment.decode("ascii", "replace")
    openers = {name: _member_opener(path, f"{name}.npy") for name in names}
    found = columns.named(names)
    if found is not None:
        arrays = []
        for place in found[:4]:
            if place is not None:
                array, shape, _ = _header(path, openers[names[place]])
                if len(shape) != 1 or array.dtype.kind not in "iufb":
                    raise columns.undecided(path)
                arrays.append(array)
        if len({array.length for array in arrays}) > 1:
            raise StreamsnnError(f"{path} is damaged: its columns differ in length", hint="Save it again.")
        has_p = found.p is not None
        return _Layout(tuple(arrays), lambda b: (b[0], b[1], b[2], b[3] if has_p else None), found.unit), comment
    for name in sorted(names, key=lambda name: name != "events"):
        with contextlib.suppress(StreamsnnError):
            return _one(path, openers[name], stated), comment
    raise columns.undecided(path)


@contextlib.contextmanager
def _opened_member(path: Path, name: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(path) as archive, archive.open(name) as member:
        yield member


def _member_opener(path: Path, name: str) -> Open:
    return lambda: _opened_member(path, name)


def _header(path: Path, opener: Open) -> tuple[_Array, tuple[int, ...], bool]:
    with opener() as file:
        version = npy_format.read_magic(file)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(file)
        begin = file.tell()
    if dtype.hasobject:
        raise StreamsnnError(
            f"{path} holds Python objects, which are not loaded: they could run code", hint="Save numbers."
        )
    if dtype.itemsize == 0 or any(size < 0 for size in shape):
        raise ValueError("an array of nothing")
    return _Array(opener, begin, int(shape[0]) if shape else 0, dtype), tuple(map(int, shape)), bool(fortran)


def _items(stack: contextlib.ExitStack, array: _Array, count: int) -> NDArray[Any]:
    """The first items of an array."""
    file = stack.enter_context(array.open())
    file.seek(array.begin)
    data = file.read(min(count, array.length) * array.dtype.itemsize)
    return np.frombuffer(data[: len(data) // array.dtype.itemsize * array.dtype.itemsize], array.dtype.base).reshape(
        -1, *array.dtype.shape
    )


def _sample(layout: _Layout) -> tuple[NDArray[Any], ...]:
    return layout.pick(_beginnings(layout.arrays))  # type: ignore[return-value]


def _beginnings(arrays: tuple[_Array, ...]) -> list[NDArray[Any]]:
    """The first items of all arrays, equally many: one may be cut off."""
    with contextlib.ExitStack() as stack:
        blocks = [_items(stack, each, _SAMPLE) for each in arrays]
    count = min(map(len, blocks))
    return [block[:count] for block in blocks]


def _side_by_side(arrays: tuple[_Array, ...], damage: Damage, chunk_bytes: int) -> Iterator[list[NDArray[Any]]]:
    """Blocks of all arrays, equally long, until one of them ends; what is missing is counted."""
    each = sum(array.dtype.itemsize for array in arrays)
    size = max(chunk_bytes // each, 1)
    left = arrays[0].length
    with contextlib.ExitStack() as stack:
        try:
            files = [stack.enter_context(array.open()) for array in arrays]
            pairs = list(zip(files, arrays, strict=True))
            for file, array in pairs:
                file.seek(array.begin)
            while left:
                count = min(size, left)
                data = [_whole(file, count * array.dtype.itemsize) for file, array in pairs]
                there = min(len(piece) // array.dtype.itemsize for piece, array in zip(data, arrays, strict=True))
                damage.read_bytes += there * each
                if there:
                    yield [
                        np.frombuffer(piece, array.dtype.base, there * int(np.prod(array.dtype.shape))).reshape(
                            there, *array.dtype.shape
                        )
                        for piece, array in zip(data, arrays, strict=True)
                    ]
                if there < count:
                    rest = sum(_rest(file, (left - count) * array.dtype.itemsize) for file, array in pairs)
                    damage.truncated_bytes += max(sum(map(len, data)) + rest - there * each, 1)
                    return
                left -= count
        except _BROKEN_ZIP:
            damage.unreadable_bytes += left * each


def _rest(file: IO[bytes], size: int) -> int:
    """How many of `size` bytes there are."""
    there = 0
    while there < size and (some := file.read(min(size - there, _COPY_BYTES))):
        there += len(some)
    return there


def _whole(file: IO[bytes], size: int) -> bytes:
    """`size` bytes, or those that are left: an archive's members give fewer at once."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def _encode(file: BinaryIO, sensor: Sensor, blocks: Iterator[Events]) -> None:
    """An archive of one array, `events`; its comment is the sensor's size. The number of events comes first in it: they
    wait for it in a nameless file on the same disk."""
    with tempfile.TemporaryFile(dir=Path(file.name).parent) as waiting:
        count = 0
        for events in blocks:
            waiting.write(np.ascontiguousarray(events).tobytes())
            count += len(events)
        waiting.seek(0)
        with zipfile.ZipFile(file, "w") as archive:
            # Without the time of day: the same events give the same bytes.
            with archive.open(zipfile.ZipInfo("events.npy", (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
                shape = {"descr": npy_format.dtype_to_descr(EVENT), "fortran_order": False, "shape": (count,)}
                npy_format.write_array_header_1_0(member, shape)
                while some := waiting.read(_COPY_BYTES):
                    member.write(some)
            archive.comment = f"{_SIZE}{sensor.width}x{sensor.height}".encode("ascii")


write = Writer(_encode, size_limit=1 << 16)
FORMAT = Format(
    "npz",
    (".npz", ".npy"),
    "numpy: structured arrays, tables or columns of events",
    _recognise,
    _open,
    write,
    open_table=open_table,
)
