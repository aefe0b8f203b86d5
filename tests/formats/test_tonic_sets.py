"""tonic's data sets: with tonic itself where it is installed, on files laid out as its downloads are, and with a
stand-in for what must work, or be said, without it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from event_strategies import make_events
from spike_files import KEYS, write_spike_file

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.formats.tonic_sets import TonicName, is_tonic, open_tonic, tonic_name
from streamsnn.training.dataset import open_dataset, open_divided
from streamsnn.types import Sensor


@pytest.fixture(autouse=True)
def _forget() -> None:
    open_tonic.cache_clear()


@pytest.fixture
def real() -> Any:
    return pytest.importorskip("tonic.datasets", reason="tonic is not installed: pip install '.[datasets]'")


class Toy:
    """As tonic's classes are: it downloads what it misses."""

    sensor_size = (34, 20, 2)
    classes = ("0 - zero", "1 - one")

    def __init__(self, save_to: str, train: bool = True) -> None:
        if not Path(save_to, type(self).__name__).is_dir():
            self.download()
        self.targets = [1, 0, 1] if train else [0]

    def download(self) -> None:
        raise AssertionError("nothing may be downloaded")

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        events = np.zeros(50, [("x", "<i8"), ("y", "<i8"), ("t", "<i8"), ("p", "<i8")])
        events["t"] = 1000 * np.arange(50) + index
        events["x"] = 20 * self.targets[index]
        events["p"] = np.arange(50) % 2
        return events, self.targets[index]


class Pictures(Toy):
    def __getitem__(self, index: int) -> tuple[Any, int]:
        return np.zeros((3, 3)), 0


class Whole(Toy):
    def __init__(self, save_to: str) -> None:
        super().__init__(save_to)


class Broken(Toy):
    def __getitem__(self, index: int) -> tuple[Any, int]:
        raise KeyError("spikes")


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module: Any = ModuleType("tonic.datasets")
    module.__all__ = ["Toy", "Pictures", "Whole", "Broken"]
    for kind in (Toy, Pictures, Whole, Broken):
        setattr(module, kind.__name__, kind)
        (tmp_path / "data" / kind.__name__).mkdir(parents=True)
    monkeypatch.setitem(sys.modules, "tonic", ModuleType("tonic"))
    monkeypatch.setitem(sys.modules, "tonic.datasets", module)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("tonic:NMNIST", TonicName("NMNIST", None, "data", None)),
        ("tonic:NMNIST/test", TonicName("NMNIST", "test", "data", None)),
        ("tonic:SHD/train@/a/b c#17", TonicName("SHD", "train", "/a/b c", 17)),
        ("tonic:SSC@../x", TonicName("SSC", None, "../x", None)),
    ],
)
def test_names(text: str, name: TonicName) -> None:
    assert is_tonic(text)
    assert tonic_name(text) == name
    assert tonic_name(str(name)) == name._replace(number=None)


@pytest.mark.parametrize("text", ["tonic:", "tonic:../x", "tonic:a/b/c", "tonic:SHD#x"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(StreamsnnError, match="no name of one of tonic's"):
        tonic_name(text)


def test_without_tonic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tonic.datasets", None)
    with pytest.raises(StreamsnnError, match="tonic, which is not installed") as told:
        open_dataset("tonic:NMNIST")
    assert "streamsnn[datasets]" in (told.value.hint or "")


def test_a_set_is_a_dataset_and_each_of_its_recordings_a_recording(stand_in: Path) -> None:
    dataset = open_dataset("tonic:Toy")
    assert [sample.label for sample in dataset.samples] == ["1", "0", "1"]
    assert dataset.classes == ("0", "1")
    assert [sample.file for sample in dataset.samples] == [f"tonic:Toy#{number}" for number in range(3)]
    recording = open_recording(dataset.samples[2].path)
    assert recording.sensor == Sensor("Toy", 34, 20)
    assert recording.notes == ("recording 2 of 3, label 1",)
    events = np.concatenate(list(recording.chunks()))
    assert np.array_equal(events, make_events(1000 * np.arange(50) + 2, 20, 0, np.arange(50) % 2 == 1))
    assert np.array_equal(np.concatenate(list(recording.chunks(30))), events)


def test_a_table_picks_some_and_the_other_part_is_held_out(stand_in: Path) -> None:
    Path("some.csv").write_text("file,label\ntonic:Toy/train#2,1\n")
    assert [sample.file for sample in open_dataset("tonic:Toy", "some.csv").samples] == ["tonic:Toy/train#2"]
    dataset, held = open_divided("tonic:Toy/train", None, "tonic:Toy/test")
    assert held.tolist() == [3]
    assert dataset.samples[3].file == "tonic:Toy/test#0"
    assert len(dataset.with_more("tonic:Whole").samples) == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tonic:Nothing", "tonic has no data set 'Nothing'"),
        ("tonic:Toy/valid", "has the parts train and test"),
        ("tonic:Whole/test", "has one part only"),
        ("tonic:Toy@elsewhere", "elsewhere/Toy has no whole Toy"),
        ("tonic:Toy#3", "has 3 recordings: there is no #3"),
        ("tonic:Toy", "is a data set, not one recording"),
        ("tonic:Pictures#0", "is not made of events"),
        ("tonic:Broken#0", "tonic cannot read tonic:Broken: KeyError: 'spikes'"),
    ],
)
def test_what_cannot_be_had_is_said(stand_in: Path, text: str, message: str) -> None:
    with pytest.raises(StreamsnnError, match=message):
        open_recording(text)


def test_nmnist_as_tonic_lays_it_out(tmp_path: Path, real: Any, shared_data: Path) -> None:
    sample = shared_data / "events" / "formats" / "sample_nmnist.bin"
    folder = tmp_path / "NMNIST"
    folder.mkdir()
    (folder / "test.zip").touch()
    (tmp_path / "one.bin").write_bytes(sample.read_bytes())
    for number in range(10_000):
        place = folder / "Test" / str(number % 10)
        place.mkdir(parents=True, exist_ok=True)
        os.link(tmp_path / "one.bin", place / f"{number:05}.bin")
    dataset = open_dataset(f"tonic:NMNIST/test@{tmp_path}")
    assert len(dataset.samples) == 10_000
    assert dataset.classes == tuple("0123456789")
    assert dataset.targets()[[0, 1000, 9999]].tolist() == [0, 1, 9]
    theirs, ours = open_recording(dataset.samples[1234].path), open_recording(sample)
    assert theirs.sensor[1:] == ours.sensor[1:]
    assert np.array_equal(np.concatenate(list(theirs.chunks())), np.concatenate(list(ours.chunks())))


def test_gestures_as_tonic_lays_them_out(tmp_path: Path, real: Any) -> None:
    folder = tmp_path / "DVSGesture"
    stored = np.stack([np.arange(60) % 128, np.arange(60), np.arange(60) % 2, 3 * np.arange(60)], axis=1)
    for user in range(1, 11):
        place = folder / "ibmGestureTrain" / f"user{user:02}_fluorescent"
        place.mkdir(parents=True)
        for label in range(11):
            np.save(place / f"{label}.npy", stored)
    (folder / "ibmGestureTrain.tar.gz").touch()
    dataset = open_dataset(f"tonic:DVSGesture@{tmp_path}")
    assert len(dataset.samples) == 110
    assert len(dataset.classes) == 11
    assert "Arm roll" in dataset.classes
    recording = open_recording(dataset.samples[5].path)
    assert recording.sensor == Sensor("DVSGesture", 128, 128)
    events = np.concatenate(list(recording.chunks()))
    assert np.array_equal(events, make_events(3000 * stored[:, 3] // 3, stored[:, 0], stored[:, 1], stored[:, 2] > 0))


def test_spoken_digits_are_read_from_tonics_file(tmp_path: Path, real: Any) -> None:
    (tmp_path / "SHD").mkdir()
    (tmp_path / "SHD" / "shd_test.h5.zip").touch()
    file = write_spike_file(tmp_path / "SHD" / "shd_test.h5", [3, 7, 3], [0, 1, 2])
    dataset = open_dataset(f"tonic:SHD/test@{tmp_path}")
    assert [(sample.path, sample.label) for sample in dataset.samples] == [
        (file.with_name(f"shd_test.h5#{number}"), KEYS[label]) for number, label in enumerate([3, 7, 3])
    ]
    theirs = np.concatenate(list(open_recording(f"tonic:SHD/test@{tmp_path}#1").chunks()))
    ours = np.concatenate(list(open_recording(f"{file}#1").chunks()))
    assert np.array_equal(theirs[["x", "p"]], ours[["x", "p"]])
    assert np.all(np.abs(theirs["t"] - ours["t"]) <= 1)


@pytest.mark.parametrize("name", ["NMNIST", "SHD", "SSC", "DVSGesture", "POKERDVS", "NCALTECH101", "CIFAR10DVS"])
def test_nothing_is_downloaded(tmp_path: Path, real: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("no network")

    monkeypatch.setattr("socket.socket.connect", connect)
    with pytest.raises(StreamsnnError, match=f"has no whole {name}"):
        open_dataset(f"tonic:{name}@{tmp_path}")
