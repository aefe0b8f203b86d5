"""numpy's files: structured, plain, Fortran's order, a column an array; what would run code is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import npy, open_recording
from streamsnn.types import EVENT, Events


def steady(n: int = 300) -> Events:
    rng = np.random.default_rng(2)
    events = make_events(7_000 + np.cumsum(rng.integers(0, 200, n)), rng.integers(0, 60, n), rng.integers(0, 40, n))
    events["p"] = rng.integers(0, 2, n)
    return events


@given(sorted_events(), st.integers(1, 400))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.npz"
    npy.write(path, events, SENSOR)
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage
    assert open_recording(path).sensor[1:3] == (60, 40)
    with np.load(path) as archive:
        assert archive.files == ["events"]
        assert np.array_equal(archive["events"], events)
    assert [each.name for each in tmp_path.iterdir()] == ["a.npz"]


def test_tables_of_all_kinds(tmp_path: Path) -> None:
    events = steady()
    t, x, y, p = (events[name].astype(np.int64) for name in "txyp")
    tonic = np.empty(300, [("x", "<i8"), ("y", "<i8"), ("t", "<i8"), ("p", "<i8")])
    for name in "xytp":
        tonic[name] = events[name]
    arrays = {
        "tonic": tonic,
        "events": events,
        "rows": np.stack([t, x, y, p], 1),
        "floats": np.stack([x, y, t / 1e6, p * 2 - 1], 1),
        "fortran": np.asfortranarray(np.stack([x, y, p, t], 1)),
        "small": np.stack([t, x, y, p], 1).astype("<u4"),
    }
    for name, array in arrays.items():
        np.save(tmp_path / f"{name}.npy", array)
        np.savez_compressed(tmp_path / f"{name}.npz", other=np.zeros(3), data=array)
        for path in (tmp_path / f"{name}.npy", tmp_path / f"{name}.npz"):
            for chunk_bytes in (1, 100, 1 << 18):
                assert np.array_equal(read_all(path, chunk_bytes)[0], events), path
    np.savez(tmp_path / "columns.npz", timestamps=t * 1000 + 10**18, x_pos=x, y_pos=y, polarity=p)
    out, _ = read_all(tmp_path / "columns.npz")
    assert np.array_equal(out["t"], t + 10**15)
    np.save(tmp_path / "odd.npy", np.stack([p, y, x, t], 1))
    recording = open_recording(tmp_path / "odd.npy", columns="p,y,x,t")
    assert np.array_equal(np.concatenate(list(recording.chunks())), events)


def test_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([print, 1], object), allow_pickle=True)
    with pytest.raises(StreamsnnError, match="run code"):
        open_recording(tmp_path / "a.npy")


def test_what_holds_no_events(tmp_path: Path) -> None:
    for array in (np.zeros(5), np.zeros((5, 2)), np.zeros((5, 4, 4)), np.zeros(3, [("a", "<i8")])):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(StreamsnnError):
            open_recording(tmp_path / "a.npy")


def test_a_polarity_that_is_no_bool(tmp_path: Path) -> None:
    raw = np.zeros((50, EVENT.itemsize), np.uint8)
    raw[:, -1] = 7
    np.save(tmp_path / "a.npy", raw.view(EVENT)[:, 0])
    assert np.all(read_all(tmp_path / "a.npy")[0]["p"].view(np.uint8) == 1)


def test_cut_off(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", steady())
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-20])
    out, damage = read_all(tmp_path / "a.npy", 100)
    assert np.array_equal(out, steady()[:298])
    assert damage.truncated_bytes == 6
