"""A file appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from event_strategies import SENSOR, make_events

from streamsnn.errors import StreamsnnError
from streamsnn.formats.writing import checked, partial_file
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
