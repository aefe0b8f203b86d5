"""What a running engine leaves for whoever displays it: rings of fixed size, written by one side and read by the other.

The engine writes and never waits; a display that stalls misses what was overwritten meanwhile, and the stream does not
notice. The arrays lie in any buffer that both sides see, such as shared memory. Each ring counts what was ever written
into it, and the count is raised after the entries are in place.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import int32, int64, types, uint8
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import EVENT, Events, ModelCard, Result, Sensor

RECORD = np.dtype(
    [
        ("index", "<i8"),
        ("arrived_ns", "<i8"),
        ("started_ns", "<i8"),
        ("finished_ns", "<i8"),
        ("dropped", "<i8"),
        ("operations", "<f8"),
        ("energy_pj", "<f8"),
        ("events", "<i4"),
        ("label", "<i4"),
        ("confidence", "<f4"),
        ("level_db", "<f4"),
        ("background_vx", "<f4"),
        ("background_vy", "<f4"),
    ]
)
"""One step: its index and stamps, events lost so far, synaptic operations and energy (NaN if not counted), events in,
the decision's label (its place, -1 for none) and confidence, the loudness of sound (NaN for events), and how the
background moves, in pixels a second (NaN where nobody asks)."""

TRACK = np.dtype([("id", "<i8"), ("x", "<f4"), ("y", "<f4"), ("width", "<f4"), ("height", "<f4"), ("label", "<U24")])
"""One box in sensor pixels; `id` 0 is no box."""

RECORDS = 1 << 14
EVENTS = 1 << 19
PROBES = 4
"""Neurons whose membranes can be watched at a time."""
TRACKS = 64
"""Boxes that are shown of a step."""
COLUMNS = 512
ROWS = 128
"""A raster's most rows: several neurons share one in larger layers."""
_COLUMN_US = 10_000

_RECORDS_WRITTEN, _EVENTS_WRITTEN, _EPOCH, _LATE, _NEWEST_US, _TRACKS_SHOWN = range(6)
_HEAD = 8
EAR = "ear"
"""The name of the layer that what an ear gives is shown as."""
_BLOCK = np.dtype(("V", EVENT.itemsize))


@dataclass(frozen=True)
class Layout:
    """What a screen has room for: the sensor, the labels and the step of the model, and (name, neurons) of each layer
    that spikes. Of sound the first layer is the ear: what goes in."""

    sensor: Sensor
    labels: tuple[str, ...]
    step_us: int
    layers: tuple[tuple[str, int], ...]

    @property
    def column_us(self) -> int:
        """How much stream one column of a raster holds: whole steps."""
        return self.step_us * max(1, _COLUMN_US // self.step_us)

    def rows(self, layer: int) -> int:
        """The rows of a layer's raster."""
        return min(self.layers[layer][1], ROWS)

    def arrays(self) -> Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Every array by name: its type and shape."""
        rows = sum(self.rows(layer) for layer in range(len(self.layers)))
        return {
            "head": (np.dtype("<i8"), (_HEAD,)),
            "records": (RECORD, (RECORDS,)),
            "scores": (np.dtype("<f4"), (RECORDS, len(self.labels))),
            "spikes": (np.dtype("<i4"), (RECORDS, len(self.layers))),
            "membranes": (np.dtype("<f4"), (RECORDS, PROBES)),
            "tracks": (TRACK, (TRACKS,)),
            "events": (EVENT, (EVENTS,)),
            "raster": (np.dtype("u1"), (rows, COLUMNS)),
            "painted": (np.dtype("<i8"), (len(self.layers),)),
        }

    @property
    def size_bytes(self) -> int:
        """Bytes that a screen takes."""
        return sum(_padded(dtype.itemsize * math.prod(shape)) for dtype, shape in self.arrays().values())


def layout_of(card: ModelCard, sensor: Sensor, layers: Mapping[str, int]) -> Layout:
    """The layout for a model that spikes in `layers`, name -> neurons, and a stream from `sensor`."""
    heard = ((EAR, card.input.size),) if card.input.kind == "audio" else ()
    return Layout(sensor, card.labels, card.step_us, heard + tuple(layers.items()))


@dataclass(frozen=True)
class Watched:
    """New steps, oldest first: `records` (n,), `scores` (n, classes), `spikes` (n, layers), `membranes` (n, probes);
    how many steps were `missed` since the last look, and the count of steps `until` which all were seen."""

    records: NDArray[np.void]
    scores: NDArray[np.float32]
    spikes: NDArray[np.int32]
    membranes: NDArray[np.float32]
    missed: int
    until: int


class Screen:
    """The arrays of `layout` in `buffer`, or in memory of their own if it is left out."""

    def __init__(self, layout: Layout, buffer: Any = None) -> None:
        self.layout = layout
        held = memoryview(bytearray(layout.size_bytes)) if buffer is None else buffer
        at = 0
        found: dict[str, NDArray[Any]] = {}
        for name, (dtype, shape) in layout.arrays().items():
            found[name] = np.ndarray(shape, dtype, held, at)
            at += _padded(found[name].nbytes)
        self._head = found["head"]
        self._records, self._scores, self._spikes = found["records"], found["scores"], found["spikes"]
        self._membranes, self._tracks, self._events = found["membranes"], found["tracks"], found["events"]
        # The same bytes as plain blocks: fields one by one take thirty times as long to copy.
        self._blocks = self._events.view(_BLOCK)
        self._raster, self._painted = found["raster"], found["painted"]
        ends = np.cumsum([0, *(layout.rows(layer) for layer in range(len(layout.layers)))])
        self._rasters = [self._raster[begin:end] for begin, end in itertools.pairwise(ends)]
        self._places = {label: place for place, label in enumerate(layout.labels)}
        self._hears = bool(layout.layers) and layout.layers[0][0] == EAR

    # What the engine's side does.

    def clear(self, now_us: int) -> None:
        """Begin anew at sensor time `now_us`: what was shown before has nothing to do with what comes."""
        self._raster.fill(0)
        self._painted.fill(0)
        self._tracks["id"] = 0
        self._head[_NEWEST_US] = now_us
        self._head[_EPOCH] += 1

    def write_events(self, events: Events) -> None:
        """Show `events`, ordered by time; of more than the ring holds, the newest."""
        events = events[-EVENTS:]
        written = int(self._head[_EVENTS_WRITTEN])
        at = written % EVENTS
        first = min(len(events), EVENTS - at)
        blocks = np.ascontiguousarray(events).view(_BLOCK)
        self._blocks[at : at + first] = blocks[:first]
        self._blocks[: len(events) - first] = blocks[first:]
        self._head[_EVENTS_WRITTEN] = written + len(events)

    def write(
        self,
        result: Result,
        membranes: NDArray[np.float32],
        level_db: float,
        background_px_s: tuple[float, float] | None = None,
    ) -> None:
        """Show one step, with the membranes of the neurons that are probed (PROBES,), NaN for none, and how the
        background moves, where that is known."""
        step, output, decision, tracks, stamps, dropped = result
        written = int(self._head[_RECORDS_WRITTEN])
        at = written % RECORDS
        operations = output.operations
        label = decision.label
        self._records[at] = (
            step.index,
            *stamps,
            dropped,
            math.nan if operations is None else int(operations.accumulates.sum() + operations.multiplies.sum()),
            math.nan if operations is None else operations.energy_pj,
            len(step.addresses),
            -1 if label is None else self._places.get(label, -1),
            decision.confidence,
            level_db,
            *(background_px_s or (math.nan, math.nan)),
        )
        self._scores[at] = decision.scores
        self._membranes[at] = membranes
        column = step.index * self.layout.step_us // self.layout.column_us
        spikes = self._spikes[at]
        for place, (name, neurons) in enumerate(self.layout.layers):
            fired = step.addresses if self._hears and place == 0 else output.spikes[name]
            spikes[place] = len(fired)
            _paint(self._rasters[place], fired, neurons, column, self._painted[place : place + 1])
        if tracks or self._head[_TRACKS_SHOWN]:
            self._show_tracks(result)
        # While a place is approached it is shown already that one is there.
        self._head[_NEWEST_US] = max(self._head[_NEWEST_US], (step.index + 1) * self.layout.step_us)
        self._head[_LATE] += stamps.finished_ns - stamps.arrived_ns > self.layout.step_us * 1000
        self._head[_RECORDS_WRITTEN] = written + 1

    def _show_tracks(self, result: Result) -> None:
        shown = result.tracks[:TRACKS]
        for place, track in enumerate(shown):
            self._tracks[place] = (track.id, track.x, track.y, track.width, track.height, track.label or "")
        self._tracks["id"][len(shown) :] = 0
        self._head[_TRACKS_SHOWN] = len(shown)

    # What the display's side does.

    @property
    def epoch(self) -> int:
        """How often the screen was cleared."""
        return int(self._head[_EPOCH])

    @property
    def late_steps(self) -> int:
        """Steps whose decision came later than one step's length after their events."""
        return int(self._head[_LATE])

    @property
    def newest_us(self) -> int:
        """The sensor time at the end of the newest step."""
        return int(self._head[_NEWEST_US])

    @property
    def steps_written(self) -> int:
        """Steps ever shown."""
        return int(self._head[_RECORDS_WRITTEN])

    @property
    def events_written(self) -> int:
        """Events ever shown."""
        return int(self._head[_EVENTS_WRITTEN])

    def steps_since(self, seen: int) -> Watched:
        """The steps after the first `seen` ones, as far as they are still there."""
        until = self.steps_written
        begin = max(seen, until - RECORDS)
        rows = np.arange(begin, until) % RECORDS
        taken = [array[rows] for array in (self._records, self._scores, self._spikes, self._membranes)]
        # While they were copied the oldest may have been overwritten, and the next one may be half written.
        torn = max(0, self.steps_written + 1 - RECORDS - begin)
        records, scores, spikes, membranes = (array[torn:] for array in taken)
        return Watched(records, scores, spikes, membranes, begin + min(torn, len(rows)) - seen, until)

    def events_since(self, seen: int, most: int = EVENTS) -> tuple[Events, int]:
        """The events after the first `seen` ones, copies of the newest `most` still there, and the new count."""
        until = self.events_written
        begin = max(seen, until - min(most, EVENTS))
        at, count = begin % EVENTS, until - begin
        first = min(count, EVENTS - at)
        taken = np.concatenate([self._blocks[at : at + first], self._blocks[: count - first]]).view(EVENT)
        torn = max(0, self.events_written - EVENTS - begin)
        return taken[torn:], until

    def tracks(self) -> NDArray[np.void]:
        """The boxes of the newest step, a copy (n,) of type TRACK."""
        shown: NDArray[np.void] = self._tracks[self._tracks["id"] != 0]
        return shown

    def raster(self, layer: int) -> NDArray[np.uint8]:
        """Spikes of a layer, (rows, COLUMNS) counts that end at 255, the newest column last."""
        newest = self.newest_us - self.layout.step_us
        return np.roll(self._rasters[layer], -(newest // self.layout.column_us + 1) % COLUMNS, axis=1)


def _padded(size: int) -> int:
    return -(-size // 64) * 64


@compiled(
    types.void(uint8[:, ::1], types.Array(int32, 1, "A", readonly=True), int64, int64, types.Array(int64, 1, "C"))
)
def _paint(
    raster: NDArray[np.uint8], fired: NDArray[np.int32], neurons: int, column: int, painted: NDArray[np.int64]
) -> None:
    """Count those that `fired` in `column`, and wipe what lies between it and the column `painted` last."""
    rows, columns = raster.shape
    for passed in range(max(painted[0] + 1, column - columns + 1), column + 1):
        for row in range(rows):
            raster[row, passed % columns] = 0
    painted[0] = column
    place = column % columns
    for i in range(fired.size):
        row = int64(fired[i]) * rows // neurons
        if raster[row, place] < 255:
            raster[row, place] += 1
