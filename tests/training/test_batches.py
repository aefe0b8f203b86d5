from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.binning import Binner
from streamsnn.errors import StreamsnnError
from streamsnn.sensor_fit import fit_sensor
from streamsnn.training.augment import Augmentation
from streamsnn.training.batches import View, augmented, bin_events, lasting, make_batch, read_takes, steps_of, take_of
from streamsnn.training.dataset import open_dataset
from streamsnn.types import EVENT, Events, InputSpec, Packet, Sensor

SENSOR = Sensor("test", 20, 14)


@st.composite
def _recordings(draw: st.DrawFn) -> tuple[Events, int]:
    """Events inside SENSOR, in order, and when the recording begins: at or before its first event."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    t_begin_us = draw(st.integers(-5000, 5000))
    events = np.empty(draw(st.integers(0, 80)), EVENT)
    events["t"] = t_begin_us + np.sort(rng.integers(0, draw(st.integers(1, 9000)), events.size))
    events["x"] = rng.integers(0, SENSOR.width, events.size)
    events["y"] = rng.integers(0, SENSOR.height, events.size)
    events["p"] = rng.random(events.size) < 0.5
    return events, t_begin_us


@settings(deadline=None, max_examples=120)
@given(
    recording=_recordings(),
    step_us=st.integers(1, 2000),
    polarity=st.sampled_from(["split", "merge"]),
    value=st.sampled_from(["count", "binary"]),
    view=st.sampled_from(
        [
            (View(), 20, 14),
            (View(crop=(2, 1, 8, 6)), 8, 6),
            (View(downsample=3), 7, 5),
            (View(crop=(1, 1, 15, 12), downsample=2, letterbox=True), 11, 9),
        ]
    ),
)
def test_a_batch_holds_what_a_stream_steps_through(
    recording: tuple[Events, int],
    step_us: int,
    polarity: Literal["split", "merge"],
    value: Literal["count", "binary"],
    view: tuple[View, int, int],
) -> None:
    events, t_begin_us = recording
    spec = InputSpec(view[1], view[2], polarity, value)
    fit = view[0].fit(SENSOR, spec)
    end_us = int(events["t"][-1]) + 1 if events.size else t_begin_us + 1
    binner = Binner(step_us, fit)
    steps = [*binner.push(Packet(events, t_begin_us, end_us, 0)), *binner.flush()]
    assert len(steps) == steps_of(take_of(events, t_begin_us, fit), step_us)
    dense = np.zeros((len(steps), spec.size), np.float32)
    for row, step in zip(dense, steps, strict=True):
        np.add.at(row, step.addresses, 1)
    binned = bin_events(events, t_begin_us, fit, step_us, len(steps))
    assert binned.shape == (len(steps), spec.channels, spec.height, spec.width)
    assert np.array_equal(binned.reshape(dense.shape), dense)


def test_steps_are_cut_and_padded_with_silence() -> None:
    events = np.zeros(3, EVENT)
    events["t"] = [5, 15, 25]
    fit = fit_sensor(SENSOR, InputSpec(20, 14))
    assert bin_events(events, 0, fit, 10, 2).sum(axis=(1, 2, 3)).tolist() == [1, 1]
    assert bin_events(events, 0, fit, 10, 5).sum(axis=(1, 2, 3)).tolist() == [1, 1, 1, 0, 0]


def test_recordings_lie_side_by_side_with_their_lengths() -> None:
    fit = fit_sensor(SENSOR, InputSpec(20, 14))
    events = np.zeros(2, EVENT)
    events["t"] = [1000, 1025]
    shorter = events[:1].copy()
    takes = [take_of(events, 1000, fit), take_of(shorter, 1000, fit), take_of(events, 0, fit)]
    batch = make_batch(takes, np.array([4, 5, 6]), 10, 50)
    assert batch.inputs.shape == (50, 3, 2, 14, 20)
    assert batch.inputs.dtype == np.float32
    assert batch.targets.tolist() == [4, 5, 6]
    assert batch.lengths.tolist() == [3, 1, 50], "a recording that is longer than the batch is cut"
    assert batch.inputs[:, 0].sum(axis=(1, 2, 3)).nonzero()[0].tolist() == [0, 2]


def test_a_take_lasts_as_long_as_it_is_told_to() -> None:
    events = np.zeros(3, EVENT)
    events["t"] = [1005, 1015, 1025]
    take = take_of(events, 1000, fit_sensor(SENSOR, InputSpec(20, 14)))
    shorter, longer = lasting(take, 20), lasting(take, 100)
    assert (shorter.events["t"].tolist(), shorter.t_end_us) == ([1005, 1015], 1020)
    assert (longer.events["t"].tolist(), longer.t_end_us) == ([1005, 1015, 1025], 1100)
    assert steps_of(longer, 10) == 10


def test_augmentation_changes_only_what_it_draws() -> None:
    fit = fit_sensor(SENSOR, InputSpec(20, 14))
    events = np.zeros(100, EVENT)
    events["t"] = np.arange(100)
    take = take_of(events, 0, fit)
    plain = make_batch([take], np.array([0]), 10, 10)
    changed, again = (
        make_batch([augmented(take, Augmentation(drop=1.0), np.random.default_rng(0))], np.array([0]), 10, 10)
        for _ in range(2)
    )
    assert plain.inputs.sum() == 100
    assert changed.inputs.sum() < 100
    assert np.array_equal(changed.inputs, again.inputs)
    assert events.size == 100


def test_recordings_are_read_with_their_beginning(sides: Path) -> None:
    dataset = open_dataset(sides)
    takes = read_takes(dataset, InputSpec(34, 34), View())
    assert len(takes) == 24
    assert {take.t_begin_us for take in takes} == {0}
    assert all(take.events.size == 200 for take in takes)


def test_a_sensor_that_does_not_fit_is_refused(sides: Path) -> None:
    with pytest.raises(StreamsnnError, match="34x34"):
        read_takes(open_dataset(sides), InputSpec(8, 8), View())


def test_a_recording_without_events_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\nsilent.dat,1\n")
    (tmp_path / "silent.dat").write_bytes(b"% Width 34\n% Height 34\n% Version 2\n% end\n\x0c\x08")
    with pytest.raises(StreamsnnError, match=r"silent\.dat holds no events"):
        read_takes(open_dataset(tmp_path), InputSpec(34, 34), View())
