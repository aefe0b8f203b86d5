"""A file appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_strategies import SENSOR, make_events, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import FORMATS, writer_for
from streamsnn.formats.writing import checked, partial_file, regrouped
from streamsnn.types import Events, Sensor


def check(events: Events, sensor: Sensor = SENSOR) -> Events:
    return checked(Path("a.dat"), events, sensor, size_limit=64, silence_limit_us=1000)


def test_good_events_pass() -> None:
    events = make_events([5, 5, 1004])
    assert check(events) is events
    assert check(events[:0]).size == 0


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (make_events([5, 4]), "order of time"),
        (make_events([5, 1005]), "silence of 0.0 minutes"),
        (make_events([5], 60), "outside"),
        (make_events([5], 0, 40), "outside"),
        (np.zeros(3), "float64"),
        (make_events([1, 2]).reshape(1, 2), "events of"),
    ],
)
def test_others_are_refused(events: Events, why: str) -> None:
    with pytest.raises(StreamsnnError, match=why):
        check(events)


def test_a_sensor_that_is_too_big() -> None:
    with pytest.raises(StreamsnnError, match="64 rows"):
        check(make_events([5]), Sensor("a", 65, 3))


def test_a_file_appears_in_one_go(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(b"old")
    with partial_file(path) as partial:
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def half_written(path: Path, error: BaseException) -> None:
    with partial_file(path) as partial:
        partial.write_bytes(b"half")
        raise error


def test_nothing_half_written_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        half_written(tmp_path / "a.dat", KeyboardInterrupt())
    with pytest.raises(StreamsnnError, match="No space left"):
        half_written(tmp_path / "a.dat", OSError(28, os.strerror(28)))
    with pytest.raises(StreamsnnError, match="No such file"):
        half_written(tmp_path / "none" / "a.dat", RuntimeError("never reached"))
    assert list(tmp_path.iterdir()) == []


@given(sorted_events(), st.lists(st.integers(0, 40), max_size=5), st.integers(1, 12))
def test_regrouped(events: Events, cuts: list[int], size: int) -> None:
    out = list(regrouped(np.split(events, sorted(cuts)), size))
    assert np.array_equal(np.concatenate([events[:0], *out]), events)
    assert all(len(block) == size for block in out[:-1])


WRITTEN = [form for form in FORMATS if form.write]


@pytest.mark.parametrize("form", WRITTEN, ids=lambda form: form.name)
@given(sorted_events(max_gap_us=1_000_000, first_us=1 << 30), st.lists(st.integers(0, 40), max_size=5))
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_how_events_are_cut_changes_no_byte(tmp_path: Path, form: Any, events: Events, cuts: list[int]) -> None:
    form.write(tmp_path / "whole", events, SENSOR)
    form.write.stream(tmp_path / "pieces", np.split(events, sorted(cuts)), SENSOR)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "pieces").read_bytes()


@pytest.mark.parametrize("form", WRITTEN, ids=lambda form: form.name)
def test_a_step_back_between_blocks_is_refused(tmp_path: Path, form: Any) -> None:
    with pytest.raises(StreamsnnError, match="order of time"):
        form.write.stream(tmp_path / "a", [make_events([5]), make_events([4])], SENSOR)
    assert list(tmp_path.iterdir()) == []


def test_who_writes_what() -> None:
    assert writer_for("a.evt3", "evt3").name == "EVT3"
    assert writer_for("A.RAW").name == "EVT3"
    with pytest.raises(StreamsnnError, match='"mp4"') as caught:
        writer_for("a.raw", "mp4")
    assert "DAT, EVT3" in caught.value.hint
