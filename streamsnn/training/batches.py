"""Events -> dense input: what a stream's steps would hold, as one array for the sequence form."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.formats.opening import split_member
from streamsnn.formats.shd import SENSOR, SpikeFile, is_spike_file
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.training.augment import Augmentation, augment_in_time
from streamsnn.training.dataset import Dataset
from streamsnn.types import EVENT, Events, InputSpec, Sensor


@dataclass(frozen=True)
class View:
    """How sensors are laid onto the model's input; see `fit_sensor`."""

    crop: tuple[int, int, int, int] | None = None
    downsample: int | None = None
    letterbox: bool = False

    def fit(self, sensor: Sensor, spec: InputSpec) -> SensorFit:
        return fit_sensor(sensor, spec, crop=self.crop, downsample=self.downsample, letterbox=self.letterbox)


class Said(NamedTuple):
    """Class `target` is there from `begin_us` to `end_us` of a recording's own time."""

    target: int
    begin_us: float
    end_us: float


@dataclass(frozen=True)
class Take:
    """A recording in memory: its events, from when to when it lasts, where its pixels fall, and what is when in it."""

    events: Events
    t_begin_us: int
    t_end_us: int
    fit: SensorFit
    said: tuple[Said, ...] = ()


class SpanInSteps(NamedTuple):
    """Class `target` is there from `begin` to `end`, counted in steps of a batch."""

    target: int
    begin: float
    end: float


@dataclass(frozen=True)
class Batch:
    """Inputs (T, B, channels, height, width) float32; the classes (B,), -1 where there is none or more than one; how
    many steps each recording lasts (B,); and what is when in each.

    From its last step on a recording is padded with silence.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    spans: tuple[tuple[SpanInSteps, ...], ...]


def read_takes(dataset: Dataset, spec: InputSpec, view: View) -> tuple[Take, ...]:
    """All recordings of a dataset, in memory: 13 bytes an event.

    Raises StreamsnnError for one that cannot be read, does not fit the input, or holds no event.
    """
    takes = []
    whole = _Whole(None)
    with contextlib.ExitStack() as closing:
        files: dict[Path, SpikeFile] = {}
        for sample in dataset.samples:
            file, member = split_member(sample.path)
            if member is not None and is_spike_file(file):
                # Opened once: there are thousands of samples in it.
                if file not in files:
                    files[file] = closing.enter_context(SpikeFile(file))
                sensor, t_begin_us, events = SENSOR, 0, files[file].sample(member)
            else:
                if sample.path != whole.path:  # Of a recording with many samples they come one after another.
                    whole = _Whole(sample.path)
                sensor, t_begin_us, events = whole.part(sample.span)
            fit = view.fit(sensor, spec)
            if not events.size:
                raise StreamsnnError(f"{sample.file} holds no events.", hint="Take it out of the dataset.")
            takes.append(take_of(events, t_begin_us, fit))
    return tuple(takes)


class _Whole:
    """All events of the recording at `path`."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            recording = open_recording(path)
            self._sensor = recording.sensor
            self._begin_us = recording.t_begin_us
            self._events = np.concatenate([np.empty(0, EVENT), *recording.chunks()])

    def part(self, span: tuple[int, int] | None) -> tuple[Sensor, int, Events]:
        """The sensor, when it begins, and what happens in the span, in memory of its own; without one, all of it."""
        if span is None:
            return self._sensor, self._begin_us, self._events
        begin, end = np.searchsorted(self._events["t"], span)
        return self._sensor, span[0], self._events[begin:end].copy()


def take_of(events: Events, t_begin_us: int, fit: SensorFit) -> Take:
    """A recording that lasts until its last event."""
    return Take(events, t_begin_us, int(events["t"][-1]) + 1 if events.size else t_begin_us + 1, fit)


def lasting(take: Take, duration_us: int) -> Take:
    """The recording's first `duration_us`, with silence after its end where it is shorter."""
    end_us = take.t_begin_us + duration_us
    return dataclasses.replace(take, events=take.events[take.events["t"] < end_us], t_end_us=end_us)


def steps_of(take: Take, step_us: int) -> int:
    """How many steps a stream of this recording has: from the one in which it begins to that in which it ends."""
    return (take.t_end_us - 1) // step_us - take.t_begin_us // step_us + 1


def bin_events(events: Events, t_begin_us: int, fit: SensorFit, step_us: int, steps: int) -> NDArray[np.float32]:
    """What the first `steps` steps of a stream hold: (steps, channels, height, width), counts or 0 and 1.

    The grid is the stream's: row 0 is the step [k * step_us, (k + 1) * step_us) that holds `t_begin_us`.
    """
    spec = fit.spec
    row, column = fit.rows()[events["y"]].astype(np.int64), fit.columns()[events["x"]].astype(np.int64)
    index = events["t"] // step_us - t_begin_us // step_us
    seen = (row >= 0) & (column >= 0) & (index >= 0) & (index < steps)
    channel = events["p"].astype(np.int64) if spec.polarity == "split" else 0
    address = ((index * spec.channels + channel) * spec.height + row) * spec.width + column
    counts = np.bincount(address[seen], minlength=steps * spec.size).astype(np.float32)
    if spec.value == "binary":
        np.minimum(counts, 1, out=counts)
    return counts.reshape(steps, spec.channels, spec.height, spec.width)


def augmented(take: Take, augmentation: Augmentation, rng: np.random.Generator) -> Take:
    """The recording changed by `augmentation` with draws from `rng`."""
    sensor, begin_us = take.fit.sensor, take.t_begin_us
    events, change = augment_in_time(take.events, sensor, begin_us, augmentation, rng)
    if not take.said:
        return take_of(events, begin_us, take.fit)

    def moved(t_us: float) -> float:
        return begin_us + (t_us - begin_us) * change.factor + change.shift_us

    said = tuple(Said(each.target, moved(each.begin_us), moved(each.end_us)) for each in take.said)
    end_us = max(int(moved(take.t_end_us)), begin_us + 1)
    return Take(events[events["t"] < end_us], begin_us, end_us, take.fit, said)


def make_batch(takes: Sequence[Take], targets: NDArray[np.int64], step_us: int, steps: int) -> Batch:
    """The recordings side by side; of each at most `steps` steps."""
    spec = takes[0].fit.spec
    inputs = np.empty((steps, len(takes), spec.channels, spec.height, spec.width), np.float32)
    lengths = np.empty(len(takes), np.int64)
    spans = []
    for place, take in enumerate(takes):
        inputs[:, place] = bin_events(take.events, take.t_begin_us, take.fit, step_us, steps)
        lengths[place] = min(steps, steps_of(take, step_us))
        origin_us = take.t_begin_us // step_us * step_us
        spans.append(
            tuple(
                SpanInSteps(said.target, (said.begin_us - origin_us) / step_us, (said.end_us - origin_us) / step_us)
                for said in take.said
            )
        )
    return Batch(inputs, targets, lengths, tuple(spans))
