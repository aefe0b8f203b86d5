from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spike_files import KEYS, write_spike_file

from streamsnn.errors import StreamsnnError
from streamsnn.training.dataset import open_dataset, open_divided, said_by, split


def _make(folder: Path, table: str, *files: str) -> Path:
    for name in files:
        (folder / name).write_bytes(b"x")
    (folder / "labels.csv").write_text(table)
    return folder


def test_a_table_of_labels_is_a_dataset(tmp_path: Path) -> None:
    folder = _make(tmp_path, "file,label\nb.bin,10\na.bin, 9\n", "a.bin", "b.bin", "unlisted.bin")
    dataset = open_dataset(folder)
    assert [(sample.file, sample.label, sample.path) for sample in dataset.samples] == [
        ("b.bin", "10", tmp_path / "b.bin"),
        ("a.bin", "9", tmp_path / "a.bin"),
    ]
    assert dataset.classes == ("9", "10"), "numbers are ordered by value"
    assert dataset.targets().tolist() == [1, 0]


def test_a_table_may_have_more_columns_and_a_byte_order_mark(tmp_path: Path) -> None:
    folder = _make(tmp_path, "\ufefflabel,who,file\nwave,ann,a.bin\n", "a.bin")
    assert [(sample.file, sample.label) for sample in open_dataset(folder).samples] == [("a.bin", "wave")]


def test_a_folder_a_class_is_a_dataset(tmp_path: Path) -> None:
    for name in ("wave/2.dat", "wave/1.dat", "clap/1.dat", ".cache/1.dat", "wave/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    dataset = open_dataset(tmp_path)
    assert [sample.file for sample in dataset.samples] == ["clap/1.dat", "wave/1.dat", "wave/2.dat"]
    assert dataset.classes == ("clap", "wave")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,label\nmissing.bin,1\n", "line 2: there is no file"),
        ("file,label\na.bin,1\na.bin,2\n", "twice, in lines 2 and 3"),
        ("file,label\na.bin,\n", "line 2: file or label is empty"),
        ("file,label\na.bin\n", "line 2: file or label is empty"),
        ("name,label\na.bin,1\n", "no column 'file'"),
        ("", "no column 'file'"),
        ("file,label\n", "names no recordings"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(StreamsnnError, match=message):
        open_dataset(_make(tmp_path, table, "a.bin"))


def test_a_table_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"file,label\n\xff\xfe\xfa,1\n")
    with pytest.raises(StreamsnnError, match="not a text"):
        open_dataset(tmp_path)


def test_two_tables_say_what_is_learned_and_what_is_held_out(tmp_path: Path) -> None:
    folder = _make(tmp_path, "file,label\n", "a.bin", "b.bin", "c.bin")
    (tmp_path / "learn.csv").write_text("file,label\nc.bin,2\na.bin,1\n")
    (tmp_path / "hold.csv").write_text("file,label\nb.bin,2\n")
    dataset, held = open_divided(folder, str(tmp_path / "learn.csv"), str(tmp_path / "hold.csv"))
    assert [sample.file for sample in dataset.samples] == ["c.bin", "a.bin", "b.bin"]
    assert held.tolist() == [2]
    assert dataset.classes == ("1", "2")
    with pytest.raises(StreamsnnError, match=r"a\.bin is to be learned and to be held out"):
        open_divided(folder, str(tmp_path / "learn.csv"), str(tmp_path / "learn.csv"))


def test_another_folder_comes_after_a_dataset(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        _make(tmp_path / name, "file,label\na.bin,two\n", "a.bin")
    (tmp_path / "second" / "labels.csv").write_text("file,label\na.bin,one\n")
    both = open_dataset(tmp_path / "first").with_more(tmp_path / "second")
    assert [sample.label for sample in both.samples] == ["two", "one"]
    assert len({sample.file for sample in both.samples}) == 2
    assert both.classes == ("one", "two")


def test_classes_come_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    dataset = open_dataset(_make(tmp_path, "file,label\na.bin,one\nb.bin,zero\n", "a.bin", "b.bin"))
    assert dataset.in_order(["zero", "one"]).targets().tolist() == [1, 0]
    for wrong in (["zero"], ["zero", "one", "two"], ["zero", "zero"]):
        with pytest.raises(StreamsnnError, match="The labels are to be"):
            dataset.in_order(wrong)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="There is no dataset"):
        open_dataset(tmp_path / "nowhere")
    with pytest.raises(StreamsnnError, match="no table of labels"):
        open_dataset(tmp_path, tmp_path / "nowhere.csv")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StreamsnnError, match="is a file"):
        open_dataset(tmp_path / "file")
    with pytest.raises(StreamsnnError, match="holds no recordings"):
        open_dataset(tmp_path)


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(4, 30), min_size=1, max_size=6),
    holdout=st.floats(0.2, 0.8),
    seed=st.integers(0, 2**31),
)
def test_a_split_takes_its_share_of_every_class(sizes: list[int], holdout: float, seed: int) -> None:
    targets = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    names = [str(index) for index in range(len(sizes))]
    training, validation = split(targets, names, holdout, seed)
    assert sorted([*training, *validation]) == list(range(targets.size))
    held = np.bincount(targets[validation], minlength=len(sizes))
    assert held.tolist() == [round(holdout * size) for size in sizes]
    again = split(targets, names, holdout, seed)
    assert np.array_equal(training, again[0])
    assert np.array_equal(validation, again[1])


def test_another_seed_splits_otherwise() -> None:
    targets = np.zeros(50, np.int64)
    assert not np.array_equal(split(targets, ["a"], 0.5, 0)[1], split(targets, ["a"], 0.5, 1)[1])


def test_without_a_holdout_everything_is_trained_on() -> None:
    training, validation = split(np.array([0, 1, 0]), ["a", "b"], 0.0, 0)
    assert training.tolist() == [0, 1, 2]
    assert validation.size == 0


@pytest.mark.parametrize(("size", "holdout", "word"), [(1, 0.2, "validate"), (1, 0.9, "train")])
def test_a_class_that_is_too_small_to_split_is_named(size: int, holdout: float, word: str) -> None:
    with pytest.raises(StreamsnnError, match=f"Class 'b'.*{word}"):
        split(np.array([0] * 20 + [1] * size), ["a", "b"], holdout, 0)


def test_a_file_in_the_layout_of_shd_is_a_dataset(tmp_path: Path) -> None:
    path = write_spike_file(tmp_path / "train.h5", [5, 0, 2, 0], [1, 1, 4, 4])
    dataset = open_dataset(path)
    assert dataset.folder == tmp_path
    assert [(sample.file, sample.label, sample.speaker) for sample in dataset.samples] == [
        ("train.h5#0", "five de", "1"),
        ("train.h5#1", "zero de", "1"),
        ("train.h5#2", "two de", "4"),
        ("train.h5#3", "zero de", "4"),
    ]
    assert dataset.samples[2].path == tmp_path / "train.h5#2"
    assert dataset.classes == (KEYS[0], KEYS[2], KEYS[5]), "in the file's order"
    assert said_by(dataset, ["4"]).tolist() == [2, 3]
    (tmp_path / "some.csv").write_text("file,label\ntrain.h5#3,zero de\n")
    assert [sample.file for sample in open_dataset(path, tmp_path / "some.csv").samples] == ["train.h5#3"]
    (tmp_path / "some.csv").write_text("file,label\ntest.h5#3,zero de\n")
    with pytest.raises(StreamsnnError, match="there is no file"):
        open_dataset(path, tmp_path / "some.csv")


def test_a_file_without_names_and_speakers(tmp_path: Path) -> None:
    dataset = open_dataset(write_spike_file(tmp_path / "ssc.h5", [11, 2]))
    assert dataset.classes == ("2", "11")
    assert {sample.speaker for sample in dataset.samples} == {None}
    with pytest.raises(StreamsnnError, match=r"Nobody in .* is called '3'") as caught:
        said_by(dataset, ["3"])
    assert 'column "speaker"' in caught.value.hint


def test_labels_without_a_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="#1 has label 12, which has no name"):
        open_dataset(write_spike_file(tmp_path / "a.h5", [0, 12], [0, 0]))


def test_a_second_file_is_held_out(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    learned = write_spike_file(tmp_path / "one" / "train.h5", [3, 0, 1], [0, 0, 0])
    other = write_spike_file(tmp_path / "two" / "test.h5", [1, 3], [9, 9])
    dataset, held = open_divided(learned, None, str(other))
    assert dataset.classes == (KEYS[0], KEYS[1], KEYS[3])
    assert [dataset.samples[place].file for place in held] == ["../two/test.h5#0", "../two/test.h5#1"]
    assert all((dataset.folder / sample.file).parent.is_dir() for sample in dataset.samples)


def test_a_table_tells_who_speaks(tmp_path: Path) -> None:
    dataset = open_dataset(_make(tmp_path, "file,label,speaker\na.bin,1,ann\nb.bin,1,bob\n", "a.bin", "b.bin"))
    assert said_by(dataset, ["bob"]).tolist() == [1]
    with pytest.raises(StreamsnnError, match="'carl'") as caught:
        said_by(dataset, ["bob", "carl"])
    assert caught.value.hint == "There is ann, bob."
    with pytest.raises(StreamsnnError, match="All speakers are held out"):
        said_by(dataset, ["ann", "bob"])
