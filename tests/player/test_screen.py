"""What the engine leaves for a display is what happened, and a display that stalls only misses what is gone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamsnn.energy import Operations
from streamsnn.player import screen as screens
from streamsnn.player.screen import COLUMNS, EVENTS, PROBES, RECORDS, Layout, Screen, layout_of
from streamsnn.types import EVENT, Decision, InputSpec, ModelCard, Output, Result, Sensor, Stamps, Step, Track

LAYOUT = Layout(Sensor("toy", 8, 6), ("left", "right"), 5_000, (("hidden", 300), ("out", 4)))
NOTHING = np.full(PROBES, np.nan, np.float32)


def result(index: int, *, label: str | None = None, fired: int = 0, late_ns: int = 0, tracks: int = 0) -> Result:
    spikes = {"hidden": np.arange(fired, dtype=np.int32), "out": np.array([3], np.int32)}
    operations = Operations(np.array([10, 5]), np.array([1, 0]))
    return Result(
        Step(index, np.arange(index % 7, dtype=np.int32), 1_000),
        Output(np.array([0.1, 0.2], np.float32), spikes, operations),
        Decision(label, 0.75, np.array([index, -index], np.float32)),
        tuple(Track(number + 1, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0) for number in range(tracks)),
        Stamps(1_000, 2_000, 3_000 + late_ns),
        index // 10,
    )


def test_every_step_is_seen_once_and_in_order() -> None:
    screen = Screen(LAYOUT)
    seen = 0
    indices: list[int] = []
    for index in range(100):
        screen.write(result(index, label="right", fired=2), NOTHING, -20.0)
        if index % 7 == 0:
            watched = screen.steps_since(seen)
            seen = watched.until
            indices += watched.records["index"].tolist()
            assert watched.missed == 0
    watched = screen.steps_since(seen)
    assert indices + watched.records["index"].tolist() == list(range(100))
    last = watched.records[-1]
    assert (last["events"], last["label"], last["dropped"], last["operations"]) == (99 % 7, 1, 9, 16)
    assert last["confidence"] == 0.75
    assert last["level_db"] == -20.0
    assert last["energy_pj"] == pytest.approx(15 * 0.9 + 4.6)
    assert watched.scores[-1].tolist() == [99, -99]
    assert watched.spikes[-1].tolist() == [2, 1]
    assert screen.newest_us == 100 * 5_000


def test_who_looks_too_late_misses_the_oldest_steps_only() -> None:
    screen = Screen(LAYOUT)
    for index in range(RECORDS + 50):
        screen.write(result(index), NOTHING, math.nan)
    watched = screen.steps_since(10)
    assert watched.until == RECORDS + 50
    assert watched.missed + len(watched.records) == RECORDS + 40
    assert watched.records["index"][-1] == RECORDS + 49
    assert np.all(np.diff(watched.records["index"]) == 1)


def test_events_come_back_as_they_were_written_also_around_the_end_of_the_ring() -> None:
    screen = Screen(LAYOUT)
    rng = np.random.default_rng(3)
    written = np.zeros(3 * EVENTS // 2, EVENT)
    written["t"] = np.arange(len(written))
    written["x"] = rng.integers(0, 8, len(written))
    seen = 0
    for part in np.array_split(written, 40):
        screen.write_events(part)
        found, seen = screen.events_since(seen)
        assert np.array_equal(found, part)
    newest, _ = screen.events_since(0, most=1000)
    assert np.array_equal(newest, written[-1000:])
    everything, _ = screen.events_since(0)
    assert np.array_equal(everything, written[-EVENTS:])


def test_more_events_than_the_ring_holds_leave_the_newest() -> None:
    screen = Screen(LAYOUT)
    written = np.zeros(EVENTS + 10, EVENT)
    written["t"] = np.arange(len(written))
    screen.write_events(written)
    found, _ = screen.events_since(0)
    assert np.array_equal(found, written[-EVENTS:])


def test_a_raster_shows_who_fired_when() -> None:
    screen = Screen(LAYOUT)
    steps_a_column = LAYOUT.column_us // LAYOUT.step_us
    assert steps_a_column == 2
    for index in range(2 * COLUMNS + 20):
        screen.write(result(index, fired=300 if index == 2 * COLUMNS else 0), NOTHING, math.nan)
    hidden, out = screen.raster(0), screen.raster(1)
    assert hidden.shape == (screens.ROWS, COLUMNS)
    column = COLUMNS - 10
    assert hidden[:, column].sum() == 300
    assert hidden.sum() == 300
    # Every step one spike of the last of four neurons, two steps a column.
    assert np.array_equal(out, np.array([[0], [0], [0], [2]]) * np.ones((1, COLUMNS)))


def test_what_was_silent_for_long_is_wiped_from_a_raster() -> None:
    screen = Screen(LAYOUT)
    screen.write(result(0, fired=300), NOTHING, math.nan)
    screen.write(result(10 * COLUMNS), NOTHING, math.nan)
    assert screen.raster(0).sum() == 0


def test_late_steps_are_counted_and_boxes_come_and_go() -> None:
    screen = Screen(LAYOUT)
    screen.write(result(0, tracks=2), NOTHING, math.nan)
    assert screen.tracks()["id"].tolist() == [1, 2]
    screen.write(result(1, late_ns=5_000_000), NOTHING, math.nan)
    assert len(screen.tracks()) == 0
    assert screen.late_steps == 1


def test_two_sides_see_the_same_memory_and_clearing_is_noticed() -> None:
    memory = bytearray(LAYOUT.size_bytes)
    engine, display = Screen(LAYOUT, memory), Screen(LAYOUT, memory)
    engine.write(result(0, fired=5), np.array([1, 2, np.nan, np.nan], np.float32), math.nan)
    watched = display.steps_since(0)
    assert watched.membranes[0, :2].tolist() == [1, 2]
    epoch = display.epoch
    engine.clear(7_000)
    assert display.epoch == epoch + 1
    assert display.newest_us == 7_000
    assert display.raster(0).sum() == 0


def test_of_sound_the_input_comes_first() -> None:
    spec = InputSpec(70, 1, polarity="merge", kind="audio")
    card = ModelCard("hears", ("a", "b"), 10_000, spec, 1_000_000)
    layout = layout_of(card, Sensor("cochlea", 70, 1, "audio"), {"hidden": 5})
    assert layout.layers == (("ear", 70), ("hidden", 5))
    screen = Screen(layout)
    heard = result(0)._replace(
        step=Step(0, np.array([69, 69], np.int32), 0),
        output=Output(np.zeros(2, np.float32), {"hidden": np.array([], np.int32)}),
    )
    screen.write(heard, NOTHING, -30.0)
    assert screen.raster(0)[69, -1] == 2
    assert np.isnan(screen.steps_since(0).records["operations"][0])
