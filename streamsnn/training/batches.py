"""Events -> dense input: what a stream's steps would hold, as one array for the sequence form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.training.augment import Augmentation, augment
from streamsnn.training.dataset import Dataset
from streamsnn.types import Events, InputSpec, Sensor


@dataclass(frozen=True)
class View:
    """How sensors are laid onto the model's input; see `fit_sensor`."""

    crop: tuple[int, int, int, int] | None = None
    downsample: int | None = None
    letterbox: bool = False

    def fit(self, sensor: Sensor, spec: InputSpec) -> SensorFit:
        return fit_sensor(sensor, spec, crop=self.crop, downsample=self.downsample, letterbox=self.letterbox)


@dataclass(frozen=True)
class Take:
    """A recording in memory: its events, when it begins, and where its pixels fall."""

    events: Events
    t_begin_us: int
    fit: SensorFit


@dataclass(frozen=True)
class Batch:
    """Inputs (T, B, channels, height, width) float32; the classes (B,); and how many steps each recording lasts (B,).

    From its last step on a recording is padded with silence.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.int64]
    lengths: NDArray[np.int64]


def read_takes(dataset: Dataset, spec: InputSpec, view: View) -> tuple[Take, ...]:
    """All recordings of a dataset, in memory: 13 bytes an event.

    Raises StreamsnnError for one that cannot be read, does not fit the input, or holds no event.
    """
    takes = []
    for sample in dataset.samples:
        recording = open_recording(sample.path)
        fit = view.fit(recording.sensor, spec)
        chunks = tuple(recording.chunks())
        if not chunks:
            raise StreamsnnError(f"{sample.path} holds no events.", hint="Take it out of the dataset.")
        takes.append(Take(np.concatenate(chunks), recording.t_begin_us, fit))
    return tuple(takes)


def steps_of(events: Events, t_begin_us: int, step_us: int) -> int:
    """How many steps a stream of this recording has: from the one in which it begins to that of its last event."""
    end_us = int(events["t"][-1]) if events.size else t_begin_us
    return end_us // step_us - t_begin_us // step_us + 1


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


def make_batch(
    takes: Sequence[Take],
    targets: NDArray[np.int64],
    step_us: int,
    steps: int,
    augmentation: Augmentation | None = None,
    rng: np.random.Generator | None = None,
) -> Batch:
    """The recordings side by side, each changed by `augmentation` with draws from `rng` where both are given."""
    spec = takes[0].fit.spec
    inputs = np.empty((steps, len(takes), spec.channels, spec.height, spec.width), np.float32)
    lengths = np.empty(len(takes), np.int64)
    for place, take in enumerate(takes):
        events = take.events
        if augmentation is not None and rng is not None:
            events = augment(events, take.fit.sensor, take.t_begin_us, augmentation, rng)
        inputs[:, place] = bin_events(events, take.t_begin_us, take.fit, step_us, steps)
        lengths[place] = min(steps, steps_of(events, take.t_begin_us, step_us))
    return Batch(inputs, targets, lengths)
