"""Event Stream: round trips, resets, threshold crossings, and what is no stream of a sensor's events."""

from __future__ import annotations

from pathlib import Path

import faery
import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from format_files import es as encode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import es, open_recording, write_recording
from streamsnn.types import Events


def steady(n: int = 200) -> Events:
    return make_events(100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


@given(sorted_events(max_gap_us=5_000_000, first_us=1 << 24), st.integers(1, 400))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.es"
    es.write(path, events, SENSOR)
    assert path.read_bytes() == encode(events)
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage
    assert open_recording(path).sensor == ("DVS", 60, 40, "vision")


def test_a_reset_costs_nothing(tmp_path: Path) -> None:
    data = encode(steady())
    cut = 20 + 5 * 100
    (tmp_path / "a.es").write_bytes(data[:cut] + b"\xfe" * 5 + data[cut:])
    out, damage = read_all(tmp_path / "a.es", 7)
    assert np.array_equal(out, steady())
    assert not damage


@pytest.mark.parametrize("cut", [1, 2, 3, 4])
def test_cut_off(tmp_path: Path, cut: int) -> None:
    (tmp_path / "a.es").write_bytes(encode(steady())[:-cut])
    out, damage = read_all(tmp_path / "a.es", 11)
    assert np.array_equal(out, steady()[:-1])
    assert damage.truncated_bytes == 5 - cut


@pytest.mark.parametrize("size", [12, 15, 16, 19])
def test_a_header_that_is_cut_off(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.es").write_bytes(encode(steady())[:size])
    assert read_all(tmp_path / "a.es")[1].truncated_bytes == size


@pytest.mark.parametrize(("place", "value", "why"), [(12, 1, "version 1.0"), (15, 0, "generic"), (15, 4, "colour")])
def test_other_streams_are_named(tmp_path: Path, place: int, value: int, why: str) -> None:
    data = bytearray(encode(steady()))
    data[place] = value
    (tmp_path / "a.es").write_bytes(data)
    with pytest.raises(StreamsnnError, match=why):
        open_recording(tmp_path / "a.es")


def test_times_that_it_cannot_tell(tmp_path: Path) -> None:
    for events in (make_events([-5]), make_events([1 << 40]), make_events([0, 3_600_000_000])):
        with pytest.raises(StreamsnnError, match="not written"):
            es.write(tmp_path / "a.es", events, SENSOR)
    assert list(tmp_path.iterdir()) == []


def test_faery_reads_what_we_write_upside_down(tmp_path: Path) -> None:
    es.write(tmp_path / "a.es", steady(3000), SENSOR)
    theirs = np.concatenate(list(faery.events_stream_from_file(tmp_path / "a.es")))
    assert np.array_equal(make_events(theirs["t"], theirs["x"], 39 - theirs["y"], theirs["p"]), steady(3000))


def test_weeks_of_silence_are_not_written(tmp_path: Path) -> None:
    events = make_events(np.arange(1000) * 1_800_000_000)
    with pytest.raises(StreamsnnError, match="longer than 36 hours"):
        write_recording(tmp_path / "a.es", events, SENSOR)
    assert list(tmp_path.iterdir()) == []
