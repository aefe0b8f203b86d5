"""`streamsnn evaluate`: figures that can be checked by hand, and datasets that are not what they should be."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import SENSOR, save_ears, save_sides, side_events, sides_spec, write_dataset, write_side

from streamsnn.cli import main, waiting
from streamsnn.cli.evaluation import Answer, Evaluation, wilson
from streamsnn.formats import write_recording
from streamsnn.latency import Histogram
from streamsnn.sources.sound_files import SoundFile
from streamsnn.training.dataset import Sample
from streamsnn.types import EVENT, Sensor, Sound

KEYS = {
    "accuracy",
    "n",
    "classes",
    "confusion",
    "anytime",
    "spikes_per_sample",
    "synaptic_operations_per_sample",
    "predictions",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the model, and a dataset of two recordings of the left and one of the right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(waiting, "_PATIENCE_S", 600)
    save_sides(tmp_path / "models" / "sides")
    write_dataset(tmp_path / "data", ["left", "right", "left"])
    return tmp_path


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["evaluate", *arguments, "--model", "sides", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["evaluate", *arguments, "--model", "sides"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert len(told.err.splitlines()) <= 3
    return told.err


def test_one_object_with_all_figures(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "data", "--model", "sides", "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    found = json.loads(told.out)
    assert found.keys() >= KEYS
    assert found["accuracy"] == 1
    assert found["n"] == 3
    assert found["classes"] == ["left", "right"]
    assert found["confusion"] == [[2, 0], [0, 1]]
    assert found["predictions"] == [
        {"file": f"{number}.dat", "label": label, "predicted": label}
        for number, label in enumerate(["left", "right", "left"])
    ]
    assert found["anytime"]["t_ms"] == [5.0 * step for step in range(1, 21)]
    assert found["anytime"]["accuracy"] == [1.0] * 20
    assert found["unreadable"] == found["damaged"] == []


def test_spikes_and_operations_are_those_of_the_network(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Every event meets 2 weights, and each of the 20 steps fires one neuron, which meets 2 weights.
    found = evaluate(capsys, "data")
    assert found["spikes_per_sample"] == 20
    assert found["synaptic_operations_per_sample"] == 400 * 2 + 20 * 2


def test_rows_of_the_confusion_matrix_are_the_truth(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_side(here / "data" / "2.dat", "right")
    found = evaluate(capsys, "data")
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["confusion"] == [[1, 1], [0, 1]]
    assert found["predictions"][2] == {"file": "2.dat", "label": "left", "predicted": "right"}


def test_every_recording_begins_with_a_fresh_state(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # After a long recording of the left, one of a single step of the right must not be swayed.
    write_side(here / "data" / "0.dat", "left", count=4000, duration_us=1_000_000)
    write_side(here / "data" / "1.dat", "right", count=40, duration_us=5_000)
    found = evaluate(capsys, "data")
    assert found["accuracy"] == 1


def test_the_anytime_curve_is_the_accuracy_of_what_was_held_so_far(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # 50 ms of the right, then 100 ms of the left: the mean changes its mind at 100 ms, a tie that the first class wins.
    first = side_events("right", count=2000, duration_us=50_000)
    second = side_events("left", count=4000, duration_us=100_000)
    second["t"] += 50_000
    write_recording(here / "data" / "0.dat", np.concatenate([first, second]), SENSOR)
    anytime = evaluate(capsys, "data")["anytime"]
    assert anytime["t_ms"][-1] == 150
    curve = dict(zip(anytime["t_ms"], anytime["accuracy"], strict=True))
    assert curve[5.0] == curve[95.0] == pytest.approx(2 / 3)
    assert curve[105.0] == curve[150.0] == 1


def test_a_folder_a_class(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for label in ("left", "right"):
        (here / "classes" / label).mkdir(parents=True)
        write_side(here / "classes" / label / "a.dat", label)
    found = evaluate(capsys, "classes")
    assert found["accuracy"] == 1
    assert [each["file"] for each in found["predictions"]] == ["left/a.dat", "right/a.dat"]


def test_a_table_of_labels_from_elsewhere(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here / "all", ["left", "right", "left"])
    (here / "held-out.csv").write_text("file,label\n1.dat,right\n")
    found = evaluate(capsys, "all", "--labels", "held-out.csv")
    assert [each["file"] for each in found["predictions"]] == ["1.dat"]
    assert found["accuracy"] == 1


def test_limit_takes_its_share_of_all_classes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here / "sorted", ["left"] * 6 + ["right"] * 6)
    found = evaluate(capsys, "sorted", "--limit", "4")
    assert [each["file"] for each in found["predictions"]] == ["0.dat", "3.dat", "6.dat", "9.dat"]
    assert evaluate(capsys, "sorted", "--limit", "99")["n"] == 12


def test_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "data", "--model", "sides"]) == 0
    told = capsys.readouterr().out
    assert "accuracy  100.0 % (3 of 3; 95 % interval 43.9 to 100.0 %)" in told
    assert "840 synaptic operations a recording" in told
    assert "a step (median)" in told
    lines = told.splitlines()
    assert "left   2  100.0 %     2      ." in lines
    assert lines[-3].split()[:2] == ["100", "ms"]
    assert lines[-1] == ("--confusion confusion.png draws the confusion matrix; --anytime anytime.png draws this curve")
    assert sorted(path.name for path in here.iterdir()) == ["data", "models"]


def test_pictures_are_drawn_when_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(capsys, "data", "--confusion", "confusion.png", "--anytime", "anytime.svg")
    assert (here / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (here / "anytime.svg").read_bytes()
    assert not list(here.glob("*.partial"))


def test_a_picture_that_was_drawn_is_not_offered(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "data", "--model", "sides", "--confusion", "confusion.png"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "--anytime anytime.png draws this curve"


def test_pictures_that_cannot_be_written_are_refused_before_the_work(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no name of a picture" in refused(capsys, "data", "--confusion", "confusion.txt")
    assert "no folder nowhere" in refused(capsys, "data", "--anytime", "nowhere/curve.png")


def test_a_disk_that_fills_up_leaves_no_half_picture(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left" in refused(capsys, "data", "--confusion", "confusion.png")
    assert sorted(path.name for path in here.iterdir()) == ["data", "models"]


def test_recordings_that_cannot_be_read_are_listed_and_left_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data" / "0.dat").write_bytes(b"")
    write_recording(here / "data" / "1.dat", np.empty(0, EVENT), SENSOR)
    found = evaluate(capsys, "data")
    assert found["n"] == 1
    assert [each["file"] for each in found["unreadable"]] == ["0.dat", "1.dat"]
    assert "is empty" in found["unreadable"][0]["reason"]
    assert "no events" in found["unreadable"][1]["reason"]
    assert main(["evaluate", "data", "--model", "sides"]) == 0
    assert "unreadable  2 recordings, left out" in capsys.readouterr().out


def test_figures_of_a_part_are_never_given_without_a_warning(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data" / "1.dat").write_bytes(b"")
    for options_ in ([], ["--json"]):
        assert main(["evaluate", "data", "--model", "sides", *options_]) == 0
        (told,) = capsys.readouterr().err.splitlines()
        assert told.startswith("warning: 1 of 3 recordings cannot be read and are in none of the figures")
        assert "1.dat" in told


def test_damaged_recordings_count_and_are_listed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "data" / "0.dat"
    path.write_bytes(path.read_bytes()[:-3])
    found = evaluate(capsys, "data")
    assert found["n"] == 3
    assert [each["file"] for each in found["damaged"]] == ["0.dat"]
    strict = evaluate(capsys, "data", "--strict")
    assert strict["n"] == 2
    assert [each["file"] for each in strict["unreadable"]] == ["0.dat"]


def test_a_dataset_of_nothing_but_damage(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        (here / "data" / f"{number}.dat").write_bytes(b"")
    assert "Not one of the 3 recordings" in refused(capsys, "data")


def test_a_sensor_that_does_not_fit_is_told_with_its_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "data" / "1.dat", side_events("left"), Sensor("tall", 8, 7))
    told = refused(capsys, "data")
    assert "1.dat" in told
    assert "8x7" in told


def test_a_label_that_the_model_does_not_know(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "data" / "labels.csv").write_text("file,label\n0.dat,left\n1.dat,rigth\n")
    told = refused(capsys, "data")
    assert "dataset: left, rigth; model: left, right" in told


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,class\n0.dat,left\n", "no column 'label'"),
        ("", "no column 'file'"),
        ("file,label\n0.dat,left\n9.dat,right\n", "no file data/9.dat"),
        ("file,label\n", "names no recordings"),
    ],
)
def test_labels_that_make_no_sense(here: Path, capsys: pytest.CaptureFixture[str], table: str, message: str) -> None:
    (here / "data" / "labels.csv").write_text(table)
    assert message in refused(capsys, "data")


def test_a_dataset_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no dataset" in refused(capsys, "dota")
    (here / "bare").mkdir()
    assert "holds no recordings" in refused(capsys, "bare")


def test_real_recordings(shared_data: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(here / "models" / "digits", [*"01"])
    (here / "digits").mkdir()
    rows = ["file,label"]
    for line in (shared_data / "events" / "nmnist" / "labels.csv").read_text().splitlines()[1:]:
        name, label = line.split(",")[:2]
        if label in "01" and len(rows) < 5:
            rows.append(f"{name},{label}")
            (here / "digits" / name).symlink_to(shared_data / "events" / "nmnist" / name)
    (here / "digits" / "labels.csv").write_text("\n".join(rows))
    crop = ["--crop", "1,5,32,24", "--downsample", "4"]
    assert main(["evaluate", "digits", "--model", "digits", "--json", *crop]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 4
    assert 300 < found["anytime"]["t_ms"][-1] < 330


def answer(label: str, classes: list[int]) -> Answer:
    return Answer(Sample(Path("x"), "x", label), np.array(classes), 3, None)


def evaluation(*answers: Answer) -> Evaluation:
    return Evaluation("data", sides_spec().card, answers, (), (), Histogram())


@given(
    st.lists(
        st.tuples(st.sampled_from(["left", "right"]), st.lists(st.integers(0, 1), min_size=1, max_size=1300)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40, deadline=None)
def test_the_curve_ends_where_the_accuracy_is(cases: list[tuple[str, list[int]]]) -> None:
    found = evaluation(*(answer(label, classes) for label, classes in cases))
    t_ms, accuracy = found.anytime()
    longest = max(len(classes) for _, classes in cases)
    assert t_ms[-1] == longest * 5
    assert accuracy[-1] == found.accuracy == np.trace(found.confusion) / len(cases)
    assert np.all(np.diff(t_ms) > 0)
    assert t_ms.size <= 501
    assert t_ms.size == longest or longest > 500
    place = t_ms.size // 2
    step = round(t_ms[place] / 5) - 1
    right = [classes[min(step, len(classes) - 1)] == (label == "right") for label, classes in cases]
    assert accuracy[place] == sum(right) / len(cases)


def test_a_model_that_counts_no_operations(here: Path) -> None:
    found = evaluation(answer("left", [0, 0]), answer("right", [0]))
    assert found.operations_per_sample is None
    assert found.spikes_per_sample == 3
    assert found.accuracy == 0.5


@given(st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(max_examples=60, deadline=None)
def test_the_ends_of_the_interval_solve_wilsons_equation(case: tuple[int, int]) -> None:
    right, n = case
    low, high = wilson(right, n)
    assert 0 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1
    for end in (low, high):
        assert math.isclose((end - right / n) ** 2, 1.959964**2 * end * (1 - end) / n, abs_tol=1e-9)


def test_what_is_reported_of_one_recording_is_held_against_its_spans(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side(here / "one.dat", "left")
    (here / "spans.csv").write_text("begin_us,end_us,label\n0,50000,left\n60000000,61000000,right\n")
    found = evaluate(capsys, "one.dat", "--spans", "spans.csv")
    assert (found["spans"], found["hits"], found["wrong"], found["false_alarms"]) == (2, 1, [], [])
    assert [span["label"] for span in found["missed"]] == ["right"]
    assert main(["evaluate", "one.dat", "--spans", "spans.csv", "--model", "sides"]) == 0
    assert "1 of 2" in capsys.readouterr().out
    (here / "spans.csv").write_text("begin_us,end_us,label\n0,50000,right\n")
    assert [report["label"] for report in evaluate(capsys, "one.dat", "--spans", "spans.csv")["wrong"]] == ["left"]
    (here / "spans.csv").write_text("begin_us,end_us,label\n0,50000,up\n")
    assert "labels that sides does not know" in refused(capsys, "one.dat", "--spans", "spans.csv")
    assert "--limit is for folders" in refused(capsys, "data", "--spans", "spans.csv", "--limit", "1")


def test_a_sound_is_read_once_for_its_answer_and_its_word(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_ears(here / "models" / "ears")
    time_s = np.arange(16_000) / 16_000
    for label, hz in (("low", 200), ("high", 4000)):
        (here / "words" / label).mkdir(parents=True)
        word = 0.3 * np.sin(2 * np.pi * hz * time_s) * ((time_s > 0.4) & (time_s < 0.7))
        soundfile.write(here / "words" / label / "1.wav", np.stack([word, word], 1), 16_000)
    passes = []
    one_pass = SoundFile.__iter__

    def counted(sound: SoundFile) -> Iterator[Sound]:
        passes.append(sound)
        return one_pass(sound)

    monkeypatch.setattr(SoundFile, "__iter__", counted)
    assert main(["evaluate", "words", "--model", "ears", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == 1
    assert len(passes) == 2
    # From the word's beginning, not from that of the sound.
    assert len(found["delays_ms"]) == 2
    assert max(found["delays_ms"]) < 100


class Sides:
    """As tonic's classes are: what moves on the left is 0, on the right 1; of the test part there is more."""

    sensor_size = (8, 6, 2)
    classes = ("0 - left", "left")

    def __init__(self, save_to: str, train: bool = True) -> None:
        self.targets = ["left"] if train else ["left", "right", "right"]

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, str]:
        return side_events(self.targets[index], seed=index), self.targets[index]


def test_one_of_tonics_sets(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module: Any = ModuleType("tonic.datasets")
    module.__all__, module.Sides = ["Sides"], Sides
    monkeypatch.setitem(sys.modules, "tonic", ModuleType("tonic"))
    monkeypatch.setitem(sys.modules, "tonic.datasets", module)
    for words, n in (
        (["--dataset", "tonic:Sides"], 3),
        (["tonic:Sides/train"], 1),
        (["tonic:Sides@x", "--limit=2"], 2),
    ):
        found = evaluate(capsys, *words)
        assert found["n"] == n
        assert found["accuracy"] == 1.0
    assert evaluate(capsys, "tonic:Sides", "--split", "train")["predictions"][0]["file"] == "tonic:Sides/train#0"
    assert "two parts" in refused(capsys, "tonic:Sides/train", "--split", "test")
    assert "--split is for tonic's" in refused(capsys, "data", "--split", "test")
    assert "One dataset is wanted" in refused(capsys, "data", "--dataset", "data")
