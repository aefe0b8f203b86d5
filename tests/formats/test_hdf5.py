"""HDF5 of cameras: Metavision's and DSEC's layouts, and what may not be opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from event_strategies import make_events, read_all

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.types import Events


def steady(n: int = 3000) -> Events:
    return make_events(7_000 + 100 * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def metavision(path: Path, events: Events, **options: Any) -> Path:
    rows = np.empty(len(events), [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    for name in "xypt":
        rows[name] = events[name]
    with h5py.File(path, "w") as file:
        file.attrs["geometry"] = "60x40"
        file.create_dataset("CD/events", data=rows, **options)
        file.create_dataset("CD/indexes", data=np.zeros(3))
    return path


def dsec(path: Path, events: Events, offset_us: int = 5_000) -> Path:
    with h5py.File(path, "w") as file:
        for name in "xypt":
            file.create_dataset(f"events/{name}", data=events[name] - (offset_us if name == "t" else 0), chunks=(100,))
        file["t_offset"] = offset_us
        file["ms_to_idx"] = np.arange(5)
    return path


@pytest.mark.parametrize("chunk_bytes", [1, 1000, 1 << 18])
def test_both_layouts(tmp_path: Path, chunk_bytes: int) -> None:
    for path in (
        metavision(tmp_path / "a.hdf5", steady(300), chunks=(100,), compression="gzip"),
        dsec(tmp_path / "b.h5", steady(300)),
    ):
        recording = open_recording(path)
        assert recording.format_name == "HDF5"
        assert np.array_equal(read_all(path, chunk_bytes)[0], steady(300))
    assert open_recording(tmp_path / "a.hdf5").sensor == ("Prophesee", 60, 40, "vision")


def test_times_in_seconds(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for key, values in (("ts", steady()["t"] / 1e6), ("xs", steady()["x"]), ("ys", steady()["y"])):
            file[f"events/{key}"] = values
        file["events/ps"] = steady()["p"]
    assert np.array_equal(read_all(tmp_path / "a.h5")[0], steady())


def test_what_is_elsewhere_is_not_opened(tmp_path: Path) -> None:
    inner = dsec(tmp_path / "inner.h5", steady())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["events"] = h5py.ExternalLink(inner.name, "events")
    with pytest.raises(StreamsnnError):
        open_recording(tmp_path / "a.h5")


def test_a_cut_off_file_is_damaged(tmp_path: Path) -> None:
    path = metavision(tmp_path / "a.hdf5", steady())
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(StreamsnnError, match="damaged"):
        open_recording(path)


def test_chunks_that_are_too_large(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", shape=(1 << 24,), dtype="<i8", chunks=(1 << 24,))
    with pytest.raises(StreamsnnError, match="64 MB"):
        open_recording(tmp_path / "a.h5")


def test_arrays_that_should_be_endless_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file.create_dataset(f"events/{name}", shape=(10**12,), dtype="i8", chunks=(1 << 20,))
    with pytest.raises(StreamsnnError, match="1,000,000,000,000 numbers, and has not"):
        open_recording(tmp_path / "a.h5")
