"""A folder of labelled recordings: its samples, its classes, and an honest split of it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError

LABELS_FILE = "labels.csv"
_COLUMNS = ("file", "label")
_LAYOUT = f"A dataset is a folder with {LABELS_FILE} (columns file,label), or with one folder of recordings a class."


@dataclass(frozen=True)
class Sample:
    """One recording, its path relative to the dataset's folder (as labels.csv spells it), and its class's name."""

    path: Path
    file: str
    label: str


@dataclass(frozen=True)
class Dataset:
    """Labelled recordings. `classes` are in natural order: numbers by value, then words by alphabet."""

    folder: Path
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]

    def with_more(self, folder: str | os.PathLike[str]) -> Dataset:
        """The same and, after its own samples, those of another folder, whose path is put before their names."""
        more = open_dataset(folder)
        added = tuple(Sample(each.path, f"{more.folder}/{each.file}", each.label) for each in more.samples)
        classes = sorted({*self.classes, *more.classes}, key=_natural)
        return Dataset(self.folder, self.samples + added, tuple(classes))

    def in_order(self, labels: Sequence[str]) -> Dataset:
        """The same with its classes in the order of `labels`. Raises StreamsnnError where these are others."""
        if sorted(labels) != sorted(self.classes):
            raise StreamsnnError(
                f"The labels are to be {', '.join(labels)}, and the recordings' are {', '.join(self.classes)}.",
                hint="Name each class once, or leave out [model] labels.",
            )
        return Dataset(self.folder, self.samples, tuple(labels))

    def targets(self) -> NDArray[np.int64]:
        """The class index of every sample (samples,)."""
        place = {name: index for index, name in enumerate(self.classes)}
        return np.array([place[sample.label] for sample in self.samples], np.int64)


def open_dataset(folder: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None) -> Dataset:
    """List the samples of a dataset without reading them.

    `labels` is a table to use in place of the folder's own labels.csv; files in it are relative to `folder`.

    Raises StreamsnnError for a folder that is missing, empty, laid out otherwise, or that misses a file it names.
    """
    path = Path(folder)
    if not path.exists():
        raise StreamsnnError(f"There is no dataset {path}.", hint="Check the path; relative ones start where you are.")
    if not path.is_dir():
        raise StreamsnnError(f"{path} is a file, not a dataset.", hint=_LAYOUT)
    table = path / LABELS_FILE if labels is None else Path(labels)
    if labels is not None and not table.is_file():
        raise StreamsnnError(f"There is no table of labels {table}.", hint="Name a CSV with the columns file,label.")
    try:
        samples = tuple(_from_table(table, path) if table.exists() else _from_folders(path))
    except OSError as error:
        raise StreamsnnError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
    if not samples:
        what = f"{table} names no recordings" if table.exists() else f"{path} holds no recordings"
        raise StreamsnnError(f"{what}.", hint=_LAYOUT)
    return Dataset(path, samples, tuple(sorted({sample.label for sample in samples}, key=_natural)))


def open_divided(
    folder: str | os.PathLike[str], labels: str | None, held_out: str
) -> tuple[Dataset, NDArray[np.int64]]:
    """The samples of both tables as one dataset, and which of them are held out: those of `held_out`.

    Raises StreamsnnError as `open_dataset` does, and where a recording is in both.
    """
    learned, held = open_dataset(folder, labels), open_dataset(folder, held_out)
    both = sorted({sample.file for sample in learned.samples} & {sample.file for sample in held.samples})
    if both:
        raise StreamsnnError(
            f"{both[0]} is to be learned and to be held out.", hint="Every recording may be in one of the two tables."
        )
    classes = sorted({*learned.classes, *held.classes}, key=_natural)
    dataset = Dataset(learned.folder, learned.samples + held.samples, tuple(classes))
    return dataset, np.arange(len(learned.samples), len(dataset.samples))


def _natural(name: str) -> tuple[bool, int, str]:
    number = name.isdecimal()
    return not number, int(name) if number else 0, name


def _from_table(table: Path, folder: Path) -> Iterator[Sample]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise StreamsnnError(f"{table} is not a text in UTF-8.", hint=_LAYOUT) from error
    rows = csv.DictReader(text.splitlines(), skipinitialspace=True)
    missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise StreamsnnError(
            f"{table} has no column {missing[0]!r}; its first line is {','.join(rows.fieldnames or ())!r}.",
            hint="Its first line must be: file,label",
        )
    seen: dict[str, int] = {}
    for row in rows:
        line = rows.line_num
        file, label = (str(row[column] or "").strip() for column in _COLUMNS)
        if not file or not label:
            raise StreamsnnError(f"{table}, line {line}: file or label is empty.", hint="Fill it in, or drop the line.")
        if file in seen:
            raise StreamsnnError(
                f"{table} names {file} twice, in lines {seen[file]} and {line}.", hint="Drop one of the two lines."
            )
        if not (folder / file).is_file():
            raise StreamsnnError(
                f"{table}, line {line}: there is no file {folder / file}.", hint="Copy the whole dataset."
            )
        seen[file] = line
        yield Sample(folder / file, file, label)


def _from_folders(folder: Path) -> Iterator[Sample]:
    """Every file of every class folder, but for hidden ones."""
    for place in sorted(folder.iterdir()):
        if place.is_dir() and not place.name.startswith("."):
            for path in sorted(place.iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    yield Sample(path, f"{place.name}/{path.name}", place.name)


def write_table(path: Path, samples: Sequence[Sample]) -> None:
    """Write a labels.csv of `samples`, their files as their dataset spells them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        rows.writerows((sample.file, sample.label) for sample in samples)


def split(
    targets: NDArray[np.int64], classes: Sequence[str], holdout: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices to train on and indices held out, both ascending, with the share `holdout` of *every* class held out.

    The same targets, share and seed give the same split. Raises StreamsnnError where a class is too small for it.
    """
    rng = np.random.default_rng(seed)
    held: list[NDArray[np.int64]] = []
    for index, name in enumerate(classes):
        mine = np.flatnonzero(targets == index)
        count = round(holdout * mine.size)
        if holdout > 0 and not 0 < count < mine.size:
            raise StreamsnnError(
                f"Class {name!r} has {mine.size} recordings: holding {holdout:.0%} of them out leaves nothing"
                f" to {'validate' if count == 0 else 'train'} with.",
                hint="Add recordings of it, or change [data] holdout.",
            )
        held.append(rng.permutation(mine)[:count])
    validation = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(targets.size), validation), validation
