"""N-MNIST's five bytes an event."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.types import Events, Sensor


def encode(events: Events) -> bytes:
    words = events["x"].astype(np.int64) << 32 | events["y"].astype(np.int64) << 24
    words |= events["p"].astype(np.int64) << 23 | events["t"]
    return b"".join(int(word).to_bytes(5, "big") for word in words)


def sample(n: int = 300) -> Events:
    rng = np.random.default_rng(1)
    t_us = np.sort(rng.integers(0, 300_000, n))
    return make_events(t_us, rng.integers(0, 34, n), rng.integers(0, 34, n), rng.integers(0, 2, n))


@pytest.mark.parametrize("chunk_bytes", [1, 7, 64, 1 << 18])
def test_events_come_back(tmp_path: Path, chunk_bytes: int) -> None:
    events = sample()
    path = tmp_path / "a.bin"
    path.write_bytes(encode(events))
    out, damage = read_all(path, chunk_bytes)
    assert np.array_equal(out, events)
    assert not damage


def test_time_begins_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(encode(sample()))
    recording = open_recording(path)
    assert recording.t_begin_us == 0
    assert recording.sensor == Sensor("ATIS", 34, 34)


def test_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(encode(sample())[:-2])
    out, damage = read_all(path)
    assert np.array_equal(out, sample()[:-1])
    assert damage.truncated_bytes == 3
    assert "cut off" in damage.describe()[0]


def test_row_240_advances_the_time(tmp_path: Path) -> None:
    events = sample()
    marked = events.copy()
    marked["y"][100] = marked["y"][200] = 240
    path = tmp_path / "a.bin"
    path.write_bytes(encode(marked))
    expected = events.copy()
    expected["t"][100:] += 1 << 13
    expected["t"][200:] += 1 << 13
    for chunk_bytes in (5, 512, 1 << 18):
        out, damage = read_all(path, chunk_bytes)
        assert np.array_equal(out, np.delete(expected, [100, 200]))
        assert not damage


def test_another_sensor(tmp_path: Path) -> None:
    events = sample()
    events["x"] += 150
    path = tmp_path / "caltech.bin"
    path.write_bytes(encode(events))
    with pytest.raises(StreamsnnError, match="34x34") as caught:
        open_recording(path)
    assert "240, 180" in caught.value.hint
    out, damage = read_all(path, sensor=Sensor("ATIS", 240, 180))
    assert np.array_equal(out, events)
    assert not damage


def test_found_by_content_under_a_wrong_name(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(encode(sample()))
    assert open_recording(path).format_name == "N-MNIST"


@pytest.mark.parametrize("n", [1, 3])
def test_very_short(tmp_path: Path, n: int) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(encode(sample(n)))
    assert np.array_equal(read_all(path)[0], sample(n))


@pytest.mark.parametrize(
    "data", [b"hello world, this is no recording " * 50, bytes(1000), np.random.default_rng(0).bytes(3000)]
)
def test_other_files_are_not_taken_for_it(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    with pytest.raises(StreamsnnError, match="no recording of a known format"):
        open_recording(path)


@given(st.data())
@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(encode(sample(40)))
    for _ in range(data.draw(st.integers(0, 30))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.bin"
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    try:
        whole, damage = read_all(path)
    except StreamsnnError:
        return
    pieces, same = read_all(path, data.draw(st.integers(1, 50)))
    assert np.array_equal(pieces, whole)
    assert same == damage


def test_real_samples(shared_data: Path) -> None:
    folder = shared_data / "events" / "nmnist"
    with (folder / "labels.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file)]
    assert len(names) == 900
    for name in names[::60]:
        raw = np.fromfile(folder / name, np.uint8).reshape(-1, 5).astype(np.int64)
        out, damage = read_all(folder / name)
        assert np.array_equal(out["x"], raw[:, 0])
        assert np.array_equal(out["y"], raw[:, 1])
        assert np.array_equal(out["p"], raw[:, 2] // 128)
        assert np.array_equal(out["t"], raw[:, 2] % 128 * 65536 + raw[:, 3] * 256 + raw[:, 4])
        assert not damage
        assert out["t"][-1] < 400_000
