"""HDF5 files of a camera's events: Metavision's layout, DSEC's, and others that have a column an array.

Metavision: `CD/events`, an array of x, y, p and t (us), and `geometry` among the file's attributes (docs.prophesee.ai,
"HDF5 Event File Format"). DSEC: `events/t`, `x`, `y` and `p`, and `t_offset`, which belongs to every time
(dsec.ifi.uzh.ch, "Data Format"). Others put columns with such names (see `columns`) into `events` or into the root.

As with spikes (see `shd`): no other file is opened from one, and one opens files only of those whom one trusts.
"""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats import columns
from streamsnn.formats.hdf5_guard import refuse_harmful
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.types import Sensor

_MOST_PACKED = 1 << 16
"""No compression makes less of numbers than one in so many."""
_MOST_CHUNK_BYTES = 1 << 26  # HDF5 unpacks a chunk as a whole.
_SAMPLE = 1 << 14
_FILTERS = {32001: "Blosc", 32004: "LZ4", 32015: "Zstandard", 32026: "Blosc2", 36559: "ECF"}
_FAILURES = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError)
_PLACES = ("CD/events", "events", "")


class _Columns(NamedTuple):
    """Arrays in a file, by their paths, and the fields in them (all "" where they are not structured)."""

    paths: tuple[str, ...]
    fields: tuple[str, ...]
    unit: str | None
    offset_us: int


def holds_events(path: Path) -> bool:
    """Whether an HDF5 file is one of events, and not of spikes in SHD's layout. Never fails."""
    try:
        with _opened(path) as file:
            return _find(file) is not None
    except StreamsnnError:
        return False


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.NO  # Where a file begins does not tell it from one of spikes: see `shd.FORMAT.instead`.


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    with _opened(path) as file:
        found = _find(file)
        if found is None:
            raise columns.undecided(path)
        for name in set(found.paths):
            _check(path, file[name])
        unit = found.unit or columns.unit_by_value(_first_times(file, found))
        lengths = [int(file[name].shape[0]) for name in found.paths]
        count = min(lengths)
        sensor = sensor or _stated(file)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        size = max(chunk_bytes // 16, 1)
        damage.undated_events += max(lengths) - count
        with _opened(path) as file:
            for begin in range(0, count, size):
                try:
                    t, x, y, *p = _block(file, found, begin, min(begin + size, count))
                except _FAILURES:
                    damage.unreadable_bytes += 16 * min(size, count - begin)
                    continue
                events = columns.events_from(t, x, y, p[0] if p else None, unit)
                events["t"] += found.offset_us
                yield events

    return Content(decode, sensor, notes=(f"times are taken for {unit}",) if unit != "us" else ())


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file; HDF5 fails in many ways, and each means that it is not what it should be."""
    import h5py

    refuse_harmful(path)
    with contextlib.suppress(ImportError):
        importlib.import_module("hdf5plugin")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _FAILURES as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StreamsnnError(f"{path} is damaged: {text}", hint="Copy it again.") from error


def _member(file: Any, name: str) -> Any:
    """What is called `name`, in this very file; None where there is no such thing."""
    import h5py

    found = file
    for part in filter(None, name.split("/")):
        link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None or isinstance(link, h5py.ExternalLink):
            return None
        found = found.get(part)
    return found


def _find(file: Any) -> _Columns | None:
    import h5py

    if _member(file, "spikes") is not None:
        return None
    for place in _PLACES:
        found = _member(file, place)
        if isinstance(found, h5py.Dataset) and found.dtype.names and found.ndim == 1:
            named = columns.named(found.dtype.names)
            if named is not None and all(found.dtype[name].kind in "iufb" for name in found.dtype.names):
                fields = [found.dtype.names[at] for at in named[:4] if at is not None]
                return _Columns((place,) * len(fields), tuple(fields), named.unit, 0)
        elif isinstance(found, h5py.Group):
            keys = [key for key in found if isinstance(_member(found, key), h5py.Dataset)]
            named = columns.named(keys)
            if named is not None:
                paths = [f"{place}/{keys[at]}".lstrip("/") for at in named[:4] if at is not None]
                if all(file[path].ndim == 1 and file[path].dtype.kind in "iufb" for path in paths):
                    return _Columns(tuple(paths), ("",) * len(paths), named.unit, _offset(file))
    return None


def _offset(file: Any) -> int:
    found = _member(file, "t_offset")
    with contextlib.suppress(*_FAILURES):
        if found is not None and found.size == 1 and found.dtype.kind in "iu":
            return int(np.clip(found[()], -(1 << 60), 1 << 60).item())
    return 0


def _stated(file: Any) -> Sensor | None:
    attributes = {key.lower(): file.attrs[key] for key in ("geometry", "width", "height") if key in file.attrs}
    text = attributes.get("geometry", f"{attributes.get('width')}x{attributes.get('height')}")
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text.decode() if isinstance(text, bytes) else str(text))
    if size is None or not 0 < int(size[1]) <= 1 << 15 or not 0 < int(size[2]) <= 1 << 15:
        return None
    return Sensor("Prophesee", int(size[1]), int(size[2]))


def _check(path: Path, dataset: Any) -> None:
    """Refuse what cannot be read here, or not in bounded memory."""
    import h5py

    if dataset.is_virtual or dataset.external:
        raise StreamsnnError(f"{path} keeps its {dataset.name} in another file", hint="Open that one.")
    plist = dataset.id.get_create_plist()
    for place in range(plist.get_nfilters()):
        number = plist.get_filter(place)[0]
        if not h5py.h5z.filter_avail(number):
            name = _FILTERS.get(number, f"filter {number}")
            raise StreamsnnError(
                f"{path} is compressed with {name}, which is not installed",
                hint="Convert it to .raw with Metavision's tools."
                if name == "ECF"
                else "Install it: pip install hdf5plugin",
            )
    if dataset.chunks and np.prod(dataset.chunks) * dataset.dtype.itemsize > _MOST_CHUNK_BYTES:
        raise StreamsnnError(
            f"{path} is packed in chunks of more than 64 MB", hint="Repack it: h5repack -l CHUNK=65536"
        )
    if dataset.size * dataset.dtype.itemsize > _MOST_PACKED * dataset.id.get_storage_size() + _MOST_CHUNK_BYTES:
        raise StreamsnnError(
            f"{path} is damaged: its {dataset.name} should have {dataset.size:,} numbers, and has not",
            hint="Copy it again.",
        )


def _first_times(file: Any, found: _Columns) -> Any:
    """Times from the beginning on, as many as can be read of some thousands."""
    count = _SAMPLE
    while True:
        try:
            return _block(file, found, 0, count)[0]
        except _FAILURES:
            if count == 1:
                raise
            count //= 2


def _block(file: Any, found: _Columns, begin: int, end: int) -> list[Any]:
    if found.fields[0]:
        rows = file[found.paths[0]][begin:end]
        return [rows[name] for name in found.fields]
    return [file[path][begin:end] for path in found.paths]


FORMAT = Format("HDF5", (".h5", ".hdf5"), "HDF5 in the layouts of Metavision and DSEC", _recognise, _open)
