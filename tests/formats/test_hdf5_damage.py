"""Damaged HDF5 of cameras: whatever the bytes, it ends in sound events or in words, and what is lost is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from test_hdf5 import dsec, metavision, steady

from streamsnn.errors import StreamsnnError
from streamsnn.formats import Damage, hdf5_guard, open_recording
from streamsnn.types import Events

N = 300
Write = Callable[[Path], Path]
LAYOUTS: dict[str, Write] = {
    "Metavision": lambda path: metavision(path, steady(N)),
    "Metavision, packed": lambda path: metavision(path, steady(N), chunks=(100,), compression="gzip", fletcher32=True),
    "DSEC": lambda path: dsec(path, steady(N)),
}


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the library does not come back from is refused soon."""
    monkeypatch.setattr(hdf5_guard, "_PATIENCE_S", 3.0)


def read(path: Path) -> tuple[Events, Damage] | str:
    """What is in a file, which is sound, or why it is refused. Everything else that happens fails."""
    try:
        recording = open_recording(path)
        chunks = list(recording.chunks())
    except StreamsnnError as error:
        return f"{error.message}: {error.hint}"
    events = np.concatenate(chunks) if chunks else steady(0)
    assert np.all(np.diff(events["t"]) >= 0)
    assert np.all(events["x"] < recording.sensor.width)
    assert np.all(events["y"] < recording.sensor.height)
    return events, recording.damage


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    out = np.frombuffer(data, np.uint8).copy()
    for place in rng.integers(0, len(out), rng.integers(1, 6)):
        out[place] ^= 1 << rng.integers(0, 8)
    return out.tobytes()


def overwritten(data: bytes, rng: np.random.Generator) -> bytes:
    out = np.frombuffer(data, np.uint8).copy()
    begin = rng.integers(0, len(out))
    out[begin : begin + rng.integers(1, 500)] = rng.integers(0, 256)
    return out.tobytes()


def scribbled(data: bytes, rng: np.random.Generator) -> bytes:
    """Wrong bytes where the file says what is in it."""
    out = np.frombuffer(data, np.uint8).copy()
    out[rng.integers(8, 3_000, 2)] = rng.integers(0, 256, 2)
    return out.tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("harm", [flipped, overwritten, scribbled])
def test_wrong_bytes_end_in_sound_events_or_in_words(
    tmp_path: Path, layout: str, harm: Callable[[bytes, np.random.Generator], bytes]
) -> None:
    path = LAYOUTS[layout](tmp_path / "good.h5")
    good, rng = path.read_bytes(), np.random.default_rng(7)
    for case in range(4):
        bad = tmp_path / f"bad{case}.h5"
        bad.write_bytes(harm(good, rng))
        found = read(bad)
        if isinstance(found, str):
            assert not found.endswith(": "), "what to do is missing"
        else:
            events, damage = found
            lost = damage.unreadable_bytes // 16 + damage.outside_events + damage.misplaced_events
            assert len(events) + lost + damage.undated_events >= N or damage.unreadable_bytes


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, layout: str, share: float) -> None:
    path = LAYOUTS[layout](tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    told = read(path)
    assert isinstance(told, str)
    assert "damaged" in told


def test_a_chunk_whose_checksum_is_wrong_is_left_out_and_counted(tmp_path: Path) -> None:
    path = metavision(tmp_path / "a.h5", steady(3_000), chunks=(1_000,), fletcher32=True)
    with h5py.File(path) as file:
        places = [file["CD/events"].id.get_chunk_info(number).byte_offset for number in range(3)]
    data = bytearray(path.read_bytes())
    data[places[2] + 500] ^= 1
    path.write_bytes(data)
    recording = open_recording(path)
    events = np.concatenate(list(recording.chunks(16 * 1_000)))
    assert np.array_equal(events, steady(3_000)[:2_000])
    assert recording.damage.unreadable_bytes == 16 * 1_000


def columns(path: Path, **changed: Any) -> Path:
    """Ten events, a column an array, some of them other than they should be; None: not there."""
    good: dict[str, Any] = {
        "t": 1_000 + 100 * np.arange(10),
        "x": np.arange(10) % 60,
        "y": np.arange(10) % 40,
        "p": np.arange(10) % 2,
    }
    with h5py.File(path, "w") as file:
        for name, values in (good | changed).items():
            if values is not None:
                file[f"events/{name}"] = values
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"t": None},
        {"x": np.zeros((10, 2))},
        {"y": np.array([b"one"] * 10)},
        {"t": np.zeros(10, np.complex64)},
        {"x": 7},
        {"t": np.empty(0), "x": np.empty(0), "y": np.empty(0), "p": np.empty(0)},
    ],
    ids=["no times", "two dimensions", "words", "complex times", "one number", "nothing"],
)
def test_columns_that_are_none_are_refused_or_empty(tmp_path: Path, changed: dict[str, Any]) -> None:
    found = read(columns(tmp_path / "a.h5", **changed))
    assert isinstance(found, str) or not len(found[0])


@pytest.mark.parametrize(
    ("changed", "kept", "lost"),
    [
        ({"x": np.array([-1, *range(1, 10)])}, 9, "outside_events"),
        ({"t": np.array([np.nan, *range(1_000, 1_900, 100)])}, 9, "misplaced_events"),
        ({"y": np.array([*range(9), np.inf])}, 9, "outside_events"),
    ],
    ids=["left of the sensor", "at no time", "endlessly far down"],
)
def test_values_that_cannot_be_are_left_out_and_counted(
    tmp_path: Path, changed: dict[str, Any], kept: int, lost: str
) -> None:
    found = read(columns(tmp_path / "a.h5", **changed))
    assert not isinstance(found, str), found
    events, damage = found
    assert len(events) == kept
    assert damage == Damage(**{lost: 1})


def test_columns_of_several_lengths_are_told(tmp_path: Path) -> None:
    found = read(columns(tmp_path / "a.h5", y=np.arange(7)))
    assert not isinstance(found, str), found
    assert len(found[0]) == 7
    assert found[1] == Damage(undated_events=3)
