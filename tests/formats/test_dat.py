"""Prophesee DAT, against files made by hand, two other readers, and a real recording."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import faery
import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import dat, open_recording
from streamsnn.types import EVENT, Events, Sensor

HEADER = b"% Data file containing CD events\n% Version 2\n% Width 60\n% Height 40\n"
KIND = b"\x0c\x08"


def encode(events: Events, version: int = 2) -> bytes:
    y_shift, p_shift = (14, 28) if version == 2 else (9, 17)
    words = np.empty((events.size, 2), "<u4")
    words[:, 0] = events["t"] & 0xFFFFFFFF
    columns = (events[name].astype(np.uint32) for name in "xyp")
    x, y, p = columns
    words[:, 1] = x | y << y_shift | p << p_shift
    return words.tobytes()


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def steady(n: int = 200, begin_us: int = 0, step_us: int = 100) -> Events:
    return make_events(begin_us + step_us * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


@given(sorted_events(max_gap_us=2_000_000_000, first_us=1 << 34), st.integers(1, 400))
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back_modulo_the_clock(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.dat"
    dat.write(path, events, SENSOR)
    out, damage = read_all(path, chunk_bytes)
    expected = events.copy()
    if events.size:
        expected["t"] -= events["t"][0] >> 32 << 32
    assert np.array_equal(out, expected)
    assert not damage
    assert open_recording(path).sensor[1:] == SENSOR[1:]
    assert [each.name for each in tmp_path.iterdir()] == ["a.dat"]


@pytest.mark.parametrize("first", [0, 1_000, (1 << 32) - 5_000, (1 << 32) - 1])
def test_the_clock_wraps(tmp_path: Path, first: int) -> None:
    events = steady(400, first, 300_000_000)
    out, damage = read_all(written(tmp_path / "a.dat", HEADER + KIND + encode(events)), 56)
    assert np.array_equal(out, events)
    assert not damage


@pytest.mark.parametrize("header", [HEADER, HEADER + b"% end\n", b"% Version 2\n% Width 60\n% Height 40\n"])
@pytest.mark.parametrize("kind", [b"\x0c\x08", b"\x00\x08"])
def test_headers(tmp_path: Path, header: bytes, kind: bytes) -> None:
    recording = open_recording(written(tmp_path / "a.dat", header + kind + encode(steady())))
    assert recording.sensor[1:3] == (60, 40)
    assert np.array_equal(np.concatenate(list(recording.chunks())), steady())


def test_no_header_at_all(tmp_path: Path) -> None:
    path = written(tmp_path / "a.dat", KIND + encode(steady()))
    assert np.array_equal(read_all(path)[0], steady())
    recording = open_recording(path)
    assert recording.sensor[1:3] == (304, 240)
    assert "no size" in recording.notes[0]


@pytest.mark.parametrize("header", [b"% Version 1\n", b"% Date 2014-01-01\n"])
def test_version_1_stated_or_not(tmp_path: Path, header: bytes) -> None:
    events = steady()
    events["x"] += 240
    out, _ = read_all(written(tmp_path / "a.dat", header + b"\x00\x08" + encode(events, version=1)))
    assert np.array_equal(out, events)


def test_version_2_not_stated(tmp_path: Path) -> None:
    events = steady()
    out, _ = read_all(written(tmp_path / "a.dat", b"% Date 2020-01-01\n" + KIND + encode(events)))
    assert np.array_equal(out, events)


@pytest.mark.parametrize("cut", range(1, 8))
def test_cut_off(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "a.dat", HEADER + KIND + encode(steady())[:-cut])
    out, damage = read_all(path, 64)
    assert np.array_equal(out, steady()[:-1])
    assert damage.truncated_bytes == 8 - cut
    with pytest.raises(StreamsnnError, match="cut off"):
        list(open_recording(path, strict=True).chunks())


@pytest.mark.parametrize("data", [HEADER, HEADER + KIND, HEADER + KIND[:1], HEADER[:-3]])
def test_header_only_is_a_recording_without_events(tmp_path: Path, data: bytes) -> None:
    recording = open_recording(written(tmp_path / "a.dat", data))
    assert list(recording.chunks()) == []
    assert recording.t_begin_us == 0


def test_damage_is_counted_and_the_rest_plays(tmp_path: Path) -> None:
    events = steady(1000)
    broken = events.copy()
    broken["x"][100] = 5000
    broken["t"][300] = 4_000_000_000
    broken["t"][500:502] = events["t"][[501, 500]]
    path = written(tmp_path / "a.dat", HEADER + KIND + encode(broken) + b"12345")
    out, damage = read_all(path)
    expected = events.copy()
    expected[["x", "y", "p"]][500:502] = events[["x", "y", "p"]][[501, 500]]
    assert np.array_equal(out["t"], np.delete(events["t"], [100, 300]))
    assert (damage.outside_events, damage.misplaced_events, damage.stepped_back_events) == (1, 1, 1)
    assert damage.truncated_bytes == 5
    assert len(damage.describe()) == 4


def test_what_it_cannot_be_used_for(tmp_path: Path) -> None:
    trigger = written(tmp_path / "trigger.dat", HEADER + b"\x0e\x08" + bytes(80))
    with pytest.raises(StreamsnnError, match="external triggers"):
        open_recording(trigger)
    later = written(tmp_path / "later.dat", b"% Version 7\n" + KIND + bytes(80))
    with pytest.raises(StreamsnnError, match="version 7"):
        open_recording(later)
    with pytest.raises(StreamsnnError, match="16384"):
        dat.write(tmp_path / "b.dat", steady(), Sensor("huge", 20_000, 10))
    with pytest.raises(StreamsnnError, match="silence"):
        dat.write(tmp_path / "b.dat", make_events([0, 1 << 31]), SENSOR)
    assert not (tmp_path / "b.dat").exists()


@given(st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(HEADER + KIND + encode(steady(60)))
    for _ in range(data.draw(st.integers(0, 20))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path / "a.dat", bytes(raw[: data.draw(st.integers(1, len(raw)))]))
    try:
        whole, damage = read_all(path)
    except StreamsnnError:
        return
    pieces, same = read_all(path, data.draw(st.integers(1, 100)))
    assert np.array_equal(pieces, whole)
    assert same == damage


@given(st.binary(max_size=2000))
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_records(tmp_path: Path, data: bytes) -> None:
    out, _ = read_all(written(tmp_path / "a.dat", b"% Version 2\n% Width 16384\n% Height 16384\n" + KIND + data))
    assert np.all(np.diff(out["t"]) <= 3_600_000_000)


def read_with_faery(path: Path) -> Events:
    out = np.concatenate(list(faery.events_stream_from_file(path)))
    return make_events(out["t"], out["x"], out["y"], out["p"])


def read_with_expelliarmus(path: Path) -> Events:
    from expelliarmus import Wizard

    out = np.concatenate(list(Wizard("dat", fpath=path).read_chunk()))
    return make_events(out["t"], out["x"], out["y"], out["p"])


OTHERS = [read_with_faery] + ([read_with_expelliarmus] if importlib.util.find_spec("expelliarmus") else [])


@pytest.mark.parametrize("read", OTHERS)
def test_others_read_what_we_write(tmp_path: Path, read: Callable[[Path], Events]) -> None:
    path = tmp_path / "a.dat"
    dat.write(path, steady(begin_us=5_000_000), SENSOR)
    assert np.array_equal(read(path), steady(begin_us=5_000_000))


@pytest.mark.parametrize("read", OTHERS)
def test_a_real_recording_equals_what_others_read(shared_data: Path, read: Callable[[Path], Events]) -> None:
    path = shared_data / "events" / "formats" / "gen4.dat"
    assert np.array_equal(read_all(path)[0], read(path))


def test_a_real_recording_has_the_published_digests(shared_data: Path) -> None:
    events, damage = read_all(shared_data / "events" / "formats" / "gen4.dat")
    # SHA3-224 of the columns, from the tests of faery (github.com/aestream/faery, tests/assets.py).
    assert {name: hashlib.sha3_224(events[name].tobytes()).hexdigest()[:16] for name in EVENT.names or ()} == {
        "t": "78517458e03478cb",
        "x": "436762030fbc50f1",
        "y": "e7793490007f5b8a",
        "p": "7829ba15f633174f",
    }
    assert not damage


def test_a_recording_of_a_crop_states_no_size(shared_data: Path) -> None:
    recording = open_recording(shared_data / "events" / "formats" / "sample_ncars.dat")
    events = np.concatenate(list(recording.chunks()))
    assert events.size == 2009
    assert recording.sensor[1:3] == (304, 240)
    assert not recording.damage
