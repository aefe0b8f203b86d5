"""Only readers that are right are timed, the others are named, and the figures are well formed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamsnn.bench import format_peers, formats, long_reading
from streamsnn.bench.format_checks import (
    Columns,
    View,
    expected_steps,
    first_difference_of_events,
    first_difference_of_steps,
)
from streamsnn.bench.format_peers import ALL, PIPELINES, READERS, Pipeline, Reader, numpy_steps
from streamsnn.bench.format_scene import Scene, synthetic_events
from streamsnn.bench.formats import Settings, measure_with, tables
from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events

SCENE = Scene(events=4_000, duration_us=60_000, width=80, height=60)
SETTINGS = Settings(SCENE, rounds=2)
OURS = READERS[0]
OUR_STEPS = PIPELINES[0]


@pytest.fixture(scope="module")
def events() -> Events:
    return synthetic_events(SCENE)


@pytest.fixture(scope="module")
def view() -> View:
    return View.middle_of(SCENE.sensor, 10_000, SCENE.t_begin_us)


def quiet(_: str) -> None:
    """Tells nobody."""


def columns_of(events: Any) -> Columns:
    return events["t"], events["x"], events["y"], events["p"]


def packets_of(events: Events, size: int = 300) -> list[Columns]:
    return [columns_of(events[at : at + size]) for at in range(0, len(events), size)]


def rows_of(result: dict[str, Any], stage: str, name: str) -> list[dict[str, Any]]:
    groups = [group for group in result["stages"] if group["stage"] == stage]
    return [row for group in groups for row in group["contenders"] if row["name"] == name]


@pytest.mark.parametrize("scene", [SCENE, Scene(events=50_000, duration_us=500_000), Scene(events=1, duration_us=10)])
def test_a_scene_is_a_recording(scene: Scene) -> None:
    events = synthetic_events(scene)
    assert events.dtype == EVENT
    assert len(events) == scene.events
    assert events["t"][0] == scene.t_begin_us
    assert scene.t_begin_us % 100_000 == 0
    assert np.all(np.diff(events["t"]) >= 0)
    assert events["t"][-1] < scene.t_begin_us + scene.duration_us
    assert events["x"].max() < scene.width
    assert events["y"].max() < scene.height
    assert np.array_equal(events, synthetic_events(scene))


def test_long_scenes_go_past_the_wrap_of_evt3() -> None:
    for settings in (formats.QUICK, formats.FULL):
        scene = settings.scene
        assert scene.t_begin_us < 1 << 24 < scene.t_begin_us + scene.duration_us


def test_equal_events_have_no_difference(events: Events) -> None:
    assert first_difference_of_events(events, packets_of(events)) is None
    assert first_difference_of_events(events, [columns_of(events[:0]), *packets_of(events)]) is None


@pytest.mark.parametrize("column", "txyp")
def test_one_wrong_value_is_found(events: Events, column: str) -> None:
    wrong = events.copy()
    wrong[column][1234] = not wrong[column][1234] if column == "p" else wrong[column][1234] + 1
    difference = first_difference_of_events(events, packets_of(wrong))
    assert difference is not None
    assert difference.startswith("event 1,234 is ")


def test_too_few_and_too_many_events_are_found(events: Events) -> None:
    assert first_difference_of_events(events, packets_of(events[:-1])) == "it gives 3,999 of 4,000 events"
    assert first_difference_of_events(events, []) == "it gives 0 of 4,000 events"
    more = np.concatenate([events, events[-1:]])
    assert (
        first_difference_of_events(events, packets_of(more)) == "it gives more than the 4,000 events that were written"
    )


def test_a_reader_without_an_end_is_left(events: Events) -> None:
    def endless() -> Iterator[Columns]:
        yield from packets_of(events)
        while True:
            yield columns_of(events[:0])

    assert first_difference_of_events(events, endless()) == ("after event 4,000 it goes on with empty packets for ever")


@pytest.mark.parametrize("size", [1, 7, 300, 4_000])
def test_the_pipeline_with_numpy_gives_the_expected_steps(events: Events, view: View, size: int) -> None:
    expected = expected_steps(events, view)
    assert sum(map(len, expected)) > 100
    assert first_difference_of_steps(expected, view, numpy_steps(packets_of(events, size), view)) is None


def test_silent_steps_are_steps(events: Events, view: View) -> None:
    sparse = events[[0, -1]].copy()
    sparse["t"][1] += 1_000_000
    expected = expected_steps(sparse, view)
    assert len(expected) > 100
    assert first_difference_of_steps(expected, view, numpy_steps(packets_of(sparse), view)) is None


def test_frames_of_counts_are_compared_like_addresses(events: Events, view: View) -> None:
    expected = expected_steps(events, view)
    frames = [np.bincount(step, minlength=view.spec.size).reshape(view.height, view.width) for step in expected]
    assert first_difference_of_steps(expected, view, iter(enumerate(frames, view.first_step))) is None
    frames[2][3, 4] += 1
    difference = first_difference_of_steps(expected, view, iter(enumerate(frames, view.first_step)))
    assert difference is not None
    assert difference.startswith(f"step {view.first_step + 2} has ")


def test_missing_and_surplus_steps_are_found(events: Events, view: View) -> None:
    expected = expected_steps(events, view)
    steps = list(enumerate(expected, view.first_step))
    few = first_difference_of_steps(expected, view, iter(steps[:-1]))
    assert few == f"it gives {len(steps) - 1} of {len(steps)} steps"
    hole = first_difference_of_steps(expected, view, iter(steps[:1] + steps[2:]))
    assert hole == f"step {view.first_step + 1} is missing, step {view.first_step + 2} comes instead"
    assert first_difference_of_steps(expected[:-1], view, iter(steps)) == f"it gives more than {len(steps) - 1} steps"


def test_figures_are_well_formed() -> None:
    told: list[str] = []
    # One peer that is there wherever the tests run, so that there is a ratio.
    readers = [reader for reader in READERS if reader.name in ("streamsnn", "faery")]
    pipelines = [pipeline for pipeline in PIPELINES if pipeline.name in ("streamsnn", "faery")]
    result = json.loads(json.dumps(measure_with(SETTINGS, told.append, readers, pipelines), allow_nan=False))
    assert any("DAT" in line for line in told)
    assert {group["format"] for group in result["stages"]} == set(ALL)
    for group in result["stages"]:
        assert group["file_bytes"] > 0
        for row in group["contenders"]:
            if (group["format"], row["name"]) == ("ES", "faery"):  # It turns the rows round.
                assert row["verdict"] == "wrong"
                continue
            assert (row["verdict"], row["reason"]) == ("right", "")
            for figure in ("million_events_per_cpu_s", "million_events_per_wall_s", "our_speed_over_its"):
                assert 0 < row[figure]["lowest"] <= row[figure]["median"] <= row[figure]["highest"]
            if row["name"] == "streamsnn":
                assert row["our_speed_over_its"] == {"median": 1.0, "lowest": 1.0, "highest": 1.0}
    assert result["kept_events"] > 0
    made = tables(result)
    assert [len(rows) for _, _, rows in made] == [9, 13, 5, 3]
    for _, headings, rows in made:
        assert all(len(row) == len(headings) and all(isinstance(cell, str) for cell in row) for row in rows)


def damaged(events: Events) -> Events:
    wrong = events.copy()
    wrong["t"] += wrong["t"] > SCENE.t_begin_us + 30_000
    return wrong


def raises(_: Path) -> Iterator[Any]:
    class PanicException(BaseException):
        pass

    raise PanicException("index out of bounds")


def test_a_wrong_reader_is_named_and_never_timed(events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    timed: list[Callable[[], None]] = []
    take_time = formats._timed

    def noted(run: Callable[[], None]) -> tuple[int, int]:
        timed.append(run)
        return take_time(run)

    monkeypatch.setattr(formats, "_timed", noted)
    monkeypatch.setitem(format_peers.MODULES, "liar", "json")
    monkeypatch.setitem(format_peers.MODULES, "panicker", "json")

    def lies(path: Path) -> Iterator[Any]:
        calls.append(path.suffix)
        return iter([damaged(events)])

    def lying_steps(path: Path, view: View) -> Iterator[Any]:
        calls.append(path.suffix)
        return numpy_steps(packets_of(events[:-500]), view)

    readers = (
        OURS,
        Reader("liar", "liar", ("DAT",), "read", lies, columns_of),
        Reader("panicker", "panicker", ("DAT",), "read", raises, columns_of),
    )
    pipelines = (OUR_STEPS, Pipeline("liar", "liar", ("DAT",), "bin", lying_steps))
    result = measure_with(SETTINGS, quiet, readers, pipelines)
    first = int(np.argmax(damaged(events)["t"] != events["t"]))
    (decoded,) = rows_of(result, "decode", "liar")
    assert decoded["verdict"] == "wrong"
    assert decoded["reason"].startswith(f"event {first:,} is (t, x, y, p) = (")
    (binned,) = rows_of(result, "decode, filter, bin", "liar")
    assert binned["verdict"] == "wrong"
    (failed,) = rows_of(result, "decode", "panicker")
    assert (failed["verdict"], failed["reason"]) == ("failed", "PanicException: index out of bounds")
    for row in (decoded, binned, failed):
        assert row.keys() == {"name", "what", "verdict", "reason"}
    assert calls == [".dat", ".dat"]  # Checked once each, and that was all.
    assert len(timed) == SETTINGS.rounds * 3 * len(ALL)
    title, _, rows = tables(result)[-1]
    assert title == "Not timed"
    assert [row[1] for row in rows] == ["liar", "panicker", "liar"]


def test_missing_peers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(format_peers.MODULES, "faery", "a_module_that_is_not_there")
    readers = [reader for reader in READERS if reader.name in ("streamsnn", "faery")]
    result = measure_with(SETTINGS, quiet, readers, [OUR_STEPS])
    assert "faery" in result["missing_peers"]
    assert result["peer_versions"]["faery"] is None
    assert {row["verdict"] for row in rows_of(result, "decode", "faery")} == {"missing"}
    assert tables(result)[-1][2] == [
        [name, "faery", "events_stream_from_file", "missing", "not installed: make peers"] for name in ALL
    ]


def test_a_failure_of_our_own_is_not_hidden() -> None:
    broken = Reader("streamsnn", None, ("DAT",), "chunks()", raises, columns_of)
    with pytest.raises(BaseException, match="index out of bounds"):
        measure_with(SETTINGS, quiet, [broken], [])


def test_everybody_is_first_in_some_round() -> None:
    orders = [list(formats._rotated(3, number)) for number in range(3)]
    assert [order[0] for order in orders] == [0, 1, 2]
    assert all(sorted(order) == [0, 1, 2] for order in orders)


def test_the_whole_command_takes_what_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "QUICK", SETTINGS)
    result = formats.measure(True, quiet)
    assert {row["verdict"] for row in rows_of(result, "decode", "streamsnn")} == {"right"}
    assert {row["verdict"] for row in rows_of(result, "decode, filter, bin", "streamsnn")} == {"right"}
    for group in result["stages"]:
        for row in group["contenders"]:
            installed = row["name"] == "streamsnn" or result["peer_versions"][row["name"]] is not None
            assert (row["verdict"] == "missing") == (not installed)


def test_a_long_recording_is_read_in_a_process_of_its_own() -> None:
    scene = Scene(events=20_000, duration_us=50_000)
    result = long_reading.measure_size(3 << 20, scene, lambda _: None)
    assert [row["format"] for row in result["recordings"]] == list(ALL)
    for row in result["recordings"]:
        assert row["file_bytes"] >= 3 << 20
        assert row["events"] % 20_000 == 0
        assert 0 < row["before_bytes"] <= row["peak_bytes"] < 400e6
    ((_, headings, rows),) = long_reading.tables(result)
    assert {len(row) for row in rows} == {len(headings)}
    with pytest.raises(StreamsnnError, match="GB left"):
        long_reading.measure_size(1 << 60, scene, lambda _: None)
