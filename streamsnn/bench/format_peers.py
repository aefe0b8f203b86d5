"""Who reads recordings: this program and its peers, each in the settings in which it was found to be fastest.

`READERS` decode only. `PIPELINES` also keep a region and one polarity, and cut what is left into a model's steps.
Peers do that with numpy, by boolean masks, and those that have filters of their own with these as well: two rows, of
which the faster one counts. eventcv's own way gives a frame of counts a step, all others the addresses alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.format_checks import Columns, Steps, View

_EXPELLIARMUS_EVENTS = 1 << 18
_EVENTCV_EVENTS = 1 << 16
_DV_BATCHES = 32  # Batches that are filtered at once: they are small, and each call costs.

ALL = ("DAT", "EVT2", "EVT3", "AEDAT4", "ES")
_NOT_ES = ALL[:-1]


@dataclass(frozen=True)
class Reader:
    """One way to decode: `packets(path)` is what is timed, `columns(packet)` tells t, x, y and p in one of them.

    `distribution` is what it is installed as (one of `MODULES`), or None: this program. `what` says how it is used.
    """

    name: str
    distribution: str | None
    formats: tuple[str, ...]
    what: str
    packets: Callable[[Path], Iterator[Any]]
    columns: Callable[[Any], Columns]


@dataclass(frozen=True)
class Pipeline:
    """One way from a file to a model's steps."""

    name: str
    distribution: str | None
    formats: tuple[str, ...]
    what: str
    steps: Callable[[Path, View], Steps]


MODULES = {
    "faery": "faery",
    "expelliarmus": "expelliarmus",
    "eventcv": "eventcv",
    "dv-processing": "dv_processing",
    "event_stream": "event_stream",
}
"""Peers by the name of their distribution: what they are imported as."""


def _ours(path: Path) -> Iterator[Any]:
    from streamsnn.formats import open_recording

    return open_recording(path).chunks()


def _faery(path: Path) -> Iterator[Any]:
    return iter(importlib.import_module("faery").events_stream_from_file(path))


def _expelliarmus(path: Path) -> Iterator[Any]:
    encoding = "dat" if path.suffix == ".dat" else "evt2" if path.name.endswith(".evt2.raw") else "evt3"
    wizard = importlib.import_module("expelliarmus").Wizard(
        encoding=encoding, fpath=path, chunk_size=_EXPELLIARMUS_EVENTS
    )
    return iter(wizard.read_chunk())


def _event_stream(path: Path) -> Iterator[Any]:
    with importlib.import_module("event_stream").Decoder(str(path)) as decoder:
        yield from decoder


def _eventcv(path: Path) -> Iterator[Any]:
    reader = importlib.import_module("eventcv").open(str(path), max_events=_EVENTCV_EVENTS)
    return (window.numpy() for window in reader.windows())


def _dv_stores(path: Path) -> Iterator[Any]:
    recording = importlib.import_module("dv_processing").io.MonoCameraRecording(str(path))
    while (batch := recording.getNextEventBatch()) is not None:
        yield batch


def _dv(path: Path) -> Iterator[Any]:
    return (batch.numpy() for batch in _dv_stores(path))


def _by_name(events: Any) -> Columns:
    return events["t"], events["x"], events["y"], events["p"]


def _expelliarmus_columns(events: Any) -> Columns:
    return events["t"], events["x"].view(np.uint16), events["y"].view(np.uint16), events["p"].view(np.bool_)


def _eventcv_columns(events: Any) -> Columns:
    return events[:, 2], events[:, 0], events[:, 1], events[:, 3] != 0


def _dv_columns(events: Any) -> Columns:
    x, y = events["x"].view(np.uint16), events["y"].view(np.uint16)
    return events["timestamp"], x, y, events["polarity"].view(np.bool_)


READERS = (
    Reader("streamsnn", None, ALL, "chunks()", _ours, _by_name),
    Reader("faery", "faery", ALL, "events_stream_from_file", _faery, _by_name),
    Reader(
        "expelliarmus",
        "expelliarmus",
        ("DAT", "EVT2", "EVT3"),
        "read_chunk, 256 k events",
        _expelliarmus,
        _expelliarmus_columns,
    ),
    Reader("eventcv", "eventcv", _NOT_ES, "open, 64 k events, numpy()", _eventcv, _eventcv_columns),
    Reader("event_stream", "event_stream", ("ES",), "Decoder", _event_stream, _by_name),
    Reader("dv-processing", "dv-processing", ("AEDAT4",), "getNextEventBatch, numpy()", _dv, _dv_columns),
)


def _our_steps(path: Path, view: View, spelling: str | None = None) -> Steps:
    from streamsnn.binning import Binner
    from streamsnn.filter_spelling import parse_filter
    from streamsnn.filters import Polarity, Region
    from streamsnn.sensor_fit import fit_sensor
    from streamsnn.sources.files import RecordingSource
    from streamsnn.types import Filter

    source = RecordingSource(path, packet_us=view.step_us)
    rectangle = (view.x, view.y, view.width, view.height)
    filters: list[Filter] = [
        Region(source.sensor, x=view.x, y=view.y, width=view.width, height=view.height),
        Polarity(source.sensor, keep="on"),
    ]
    if spelling is not None:
        filters.insert(0, parse_filter(spelling, source.sensor))
    binner = Binner(view.step_us, fit_sensor(source.sensor, view.spec, crop=rectangle))
    for packet in source:
        for apply in filters:
            packet = apply(packet)
        for step in binner.push(packet):
            yield step.index, step.addresses
    for step in binner.flush():
        yield step.index, step.addresses


def background_steps(path: Path, view: View) -> Steps:
    """This program's pipeline behind its background activity filter, which no peer computes in the same way."""
    return _our_steps(path, view, "background:tau=5ms")


def numpy_steps(packets: Iterable[Columns], view: View) -> Steps:
    """The pipeline as one writes it with numpy: masks, addresses, and a cut at every step's edge."""
    index = view.first_step
    waiting: list[NDArray[Any]] = []
    for t, x, y, p in packets:
        if not len(t):
            continue
        column, row = x - view.x, y - view.y  # Unsigned: what is below 0 comes out too large.
        kept = (column < view.width) & (row < view.height) & p
        addresses = row[kept].astype(np.int32) * np.int32(view.width) + column[kept].astype(np.int32)
        last = int(t[-1]) // view.step_us
        begin = 0
        if last > index:
            edges_us = np.arange(index + 1, last + 1) * view.step_us
            for end in np.searchsorted(t[kept].view(np.int64), edges_us).tolist():
                yield index, _joined([*waiting, addresses[begin:end]])
                waiting.clear()
                index += 1
                begin = end
        waiting.append(addresses[begin:])
    yield index, _joined(waiting)


def _joined(pieces: list[NDArray[Any]]) -> NDArray[Any]:
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.empty(0, np.int32), *pieces])


def _with_numpy(reader: Reader) -> Pipeline:
    def steps(path: Path, view: View) -> Steps:
        return numpy_steps(map(reader.columns, reader.packets(path)), view)

    what = f"{reader.what}, numpy masks"
    return Pipeline(reader.name, reader.distribution, reader.formats, what, steps)


def _faery_steps(path: Path, view: View) -> Steps:
    stream = importlib.import_module("faery").events_stream_from_file(path)
    stream = stream.crop(view.x, view.x + view.width, view.y, view.y + view.height).remove_off_events()
    for index, events in enumerate(stream.regularize(1e6 / view.step_us), view.first_step):
        yield index, events["y"].astype(np.int32) * np.int32(view.width) + events["x"]


def _eventcv_steps(path: Path, view: View) -> Steps:
    reader = importlib.import_module("eventcv").open(str(path), dt_us=view.step_us)
    reader = reader.crop(view.x, view.y, view.width, view.height).filter_polarity(True).with_repr("count")
    for index, frame in enumerate(reader.windows(), view.first_step):
        yield index, frame.numpy()[0]


def _dv_steps(path: Path, view: View) -> Steps:
    dv = importlib.import_module("dv_processing")

    def packets() -> Iterator[Columns]:
        chain = dv.EventFilterChain()
        chain.addFilter(dv.EventRegionFilter((view.x, view.y, view.width, view.height)))
        chain.addFilter(dv.EventPolarityFilter(True))
        last_us = 0
        for batches, store in enumerate(_dv_stores(path), 1):
            chain.accept(store)
            last_us = store.getHighestTime()
            if batches % _DV_BATCHES == 0:
                yield _dv_columns(chain.generateEvents().numpy())
        yield _dv_columns(chain.generateEvents().numpy())
        # An event that no view holds: the recording goes on until here.
        outside = np.full(1, 0xFFFF, np.uint16)
        yield np.full(1, last_us, np.int64), outside, outside, np.zeros(1, np.bool_)

    return numpy_steps(packets(), view)


PIPELINES = (
    Pipeline("streamsnn", None, ALL, "RecordingSource, Region, Polarity, Binner", _our_steps),
    *(_with_numpy(reader) for reader in READERS if reader.distribution),
    Pipeline("faery", "faery", ALL, "crop, remove_off_events, regularize", _faery_steps),
    Pipeline("eventcv", "eventcv", _NOT_ES, "crop, filter_polarity, count frames", _eventcv_steps),
    Pipeline("dv-processing", "dv-processing", ("AEDAT4",), "EventFilterChain, numpy steps", _dv_steps),
)
