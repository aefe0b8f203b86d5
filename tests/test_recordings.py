"""What lies in recordings/ is what apps/make_recordings.py makes, can be read, and shows what its tables say."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from streamsnn.formats import open_recording
from streamsnn.types import Events, Sensor

ROOT = Path(__file__).resolve().parents[1]
RECORDINGS = ROOT / "recordings"
FILE_LIMIT_BYTES = 2_000_000
FOLDER_LIMIT_BYTES = 6_000_000


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    """The application as a module."""
    spec = importlib.util.spec_from_file_location("make_recordings", ROOT / "apps" / "make_recordings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def events_in(path: Path) -> tuple[Events, Sensor]:
    recording = open_recording(path, strict=True)
    return np.concatenate(list(recording.chunks())), recording.sensor


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("index", "extension"), [(3, ".dat"), (44, ".aedat4"), (10, ".raw")])
def test_a_recording_is_made_anew_as_it_is(maker: ModuleType, tmp_path: Path, index: int, extension: str) -> None:
    specimen = maker.specimens()[index]
    assert specimen.file.endswith(extension)
    there = RECORDINGS / "digits" / specimen.file
    again = tmp_path / specimen.file
    maker.write_events(again, specimen.scene(), specimen.seed, maker.SACCADES_US)
    if extension == ".aedat4":  # Another release of LZ4 may pack the same events differently.
        assert np.array_equal(events_in(again)[0], events_in(there)[0])
    else:
        assert again.read_bytes() == there.read_bytes()


def test_the_digits_are_all_there_and_nothing_else(maker: ModuleType) -> None:
    rows = table(RECORDINGS / "digits" / "labels.csv")
    assert [(row["file"], row["label"]) for row in rows] == [(s.file, s.label) for s in maker.specimens()]
    assert {row["label"] for row in rows} == set("0123456789")
    files = {path.name for path in (RECORDINGS / "digits").iterdir()} - {"labels.csv"}
    assert files == {row["file"] for row in rows}
    assert {Path(name).suffix for name in files} == {".dat", ".raw", ".aedat4"}


def test_every_digit_reads_back_as_a_whole_n_mnist_like_stream() -> None:
    for path in sorted((RECORDINGS / "digits").iterdir()):
        if path.suffix == ".csv":
            continue
        events, sensor = events_in(path)
        assert (sensor.width, sensor.height) == (34, 34)
        assert 1_000 < len(events) < 8_000
        assert np.all(np.diff(events["t"]) >= 0)
        assert events["t"][0] >= 0
        assert events["t"][-1] < 310_000
        assert 0.45 < events["p"].mean() < 0.55


def test_the_sequence_shows_its_digits_when_its_table_says_so(maker: ModuleType) -> None:
    events, _ = events_in(RECORDINGS / "sequence.dat")
    rows = table(RECORDINGS / "sequence.csv")
    assert [row["label"] for row in rows] == list("0123456789" * 2)
    _, shown = maker.sequence()
    assert [(int(row["begin_us"]), int(row["end_us"]), row["label"]) for row in rows] == shown
    silent_from_us = 0
    for begin_us, end_us, _ in shown:
        blank, digit = (
            ((events["t"] >= begin) & (events["t"] < end)).sum()
            for begin, end in ((silent_from_us, begin_us), (begin_us, end_us))
        )
        assert blank < 300
        assert digit > 1_500
        silent_from_us = end_us + 50_000  # the picture's going away makes events too


def test_the_general_scenes_read_back() -> None:
    for name, size in (("bar.raw", (64, 64)), ("disc.aedat4", (128, 128))):
        events, sensor = events_in(RECORDINGS / name)
        assert (sensor.width, sensor.height) == size
        assert len(events) > 10_000


def test_recordings_stay_small() -> None:
    sizes = {path: path.stat().st_size for path in RECORDINGS.rglob("*") if path.is_file()}
    assert max(sizes.values()) < FILE_LIMIT_BYTES
    assert sum(sizes.values()) < FOLDER_LIMIT_BYTES
