"""A folder of labelled recordings: its samples, its classes, and an honest split of it."""

from __future__ import annotations

import csv
import dataclasses
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats.opening import split_member
from streamsnn.formats.shd import SpikeFile, is_spike_file
from streamsnn.formats.tonic_sets import is_tonic, open_tonic, tonic_name
from streamsnn.training.gestures import is_gestures, shown_in

LABELS_FILE = "labels.csv"
_COLUMNS = ("file", "label")
_SPAN = re.compile(r"(.+)@(\d{1,18})-(\d{1,18})")
_LAYOUT = (
    f"A dataset is a folder with {LABELS_FILE} (columns file,label), or with one folder of recordings a class,"
    " or laid out as DVS128 Gesture is, or a file in the layout of SHD."
)


@dataclass(frozen=True)
class Sample:
    """One recording, its path relative to the dataset's folder (as labels.csv spells it), and its class's name.

    `speaker` is who said it, where the dataset tells: in a column of that name, or in a file in SHD's layout. `span` is
    from when to when, in us of the recording's own clock, what counts is in it, and None where all of it counts;
    `file` is then spelt FILE@BEGIN-END.
    """

    path: Path
    file: str
    label: str
    speaker: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Dataset:
    """Labelled recordings. `classes` are in natural order, numbers by value, then words by alphabet; those of a file in
    SHD's layout are in the order of its labels."""

    folder: Path
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]

    def with_more(self, folder: str | os.PathLike[str]) -> Dataset:
        """The same and, after its own samples, those of another folder, whose path is put before their names."""
        more = open_dataset(folder)
        added = tuple(
            each if is_tonic(each.file) else dataclasses.replace(each, file=f"{more.folder}/{each.file}")
            for each in more.samples
        )
        return Dataset(self.folder, self.samples + added, _all_classes(self, more))

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
    """List the samples of a dataset without reading them: of a folder, of a file in SHD's layout, or of one of tonic's
    sets ("tonic:NMNIST/test@FOLDER", see `tonic_sets`).

    `labels` is a table to use in place of the folder's own labels.csv; files in it are relative to `folder`, or to the
    folder that the file is in. Of a folder in the layout of DVS128 Gesture, which has no labels.csv, each gesture is a
    sample, and `labels` may be a list of recordings (.txt), such as trials_to_train.txt.

    Raises StreamsnnError for a folder that is missing, empty, laid out otherwise, or that misses a file it names.
    """
    path = Path(folder)
    if is_tonic(folder) and not path.exists():
        return _of_tonic(folder, labels)
    if not path.exists():
        raise StreamsnnError(f"There is no dataset {path}.", hint="Check the path; relative ones start where you are.")
    if not path.is_dir():
        if not is_spike_file(path):
            raise StreamsnnError(f"{path} is a file, not a dataset.", hint=_LAYOUT)
        if labels is None:
            return _of_spike_file(path)
        path = path.parent
    table = path / LABELS_FILE if labels is None else Path(labels)
    if labels is not None:
        _refuse_missing(table)
    try:
        if table.suffix == ".txt" or not table.exists():
            listed = None if labels is None else table
            samples = tuple(_of_gestures(path, listed) if listed or is_gestures(path) else _from_folders(path))
        else:
            samples = tuple(_from_table(table, path))
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

    `held_out` may be a file in SHD's layout or one of tonic's sets, too. Raises StreamsnnError as `open_dataset` does,
    and where a recording is in both.
    """
    learned = open_dataset(folder, labels)
    if is_tonic(held_out):
        held = open_dataset(held_out)
    elif is_spike_file(held_out):
        held = open_dataset(held_out)
        way = os.path.relpath(held.folder, learned.folder)
        samples = tuple(dataclasses.replace(each, file=os.path.normpath(f"{way}/{each.file}")) for each in held.samples)
        held = dataclasses.replace(held, samples=samples)
    else:
        held = open_dataset(folder, held_out)
    both = sorted({sample.file for sample in learned.samples} & {sample.file for sample in held.samples})
    if both:
        raise StreamsnnError(
            f"{both[0]} is to be learned and to be held out.", hint="Every recording may be in one of the two tables."
        )
    dataset = Dataset(learned.folder, learned.samples + held.samples, _all_classes(learned, held))
    return dataset, np.arange(len(learned.samples), len(dataset.samples))


def said_by(dataset: Dataset, speakers: Sequence[str]) -> NDArray[np.int64]:
    """Indices of the samples that `speakers` said. Raises StreamsnnError for one who said nothing, or all."""
    known = {sample.speaker for sample in dataset.samples}
    for speaker in speakers:
        if speaker not in known:
            names = sorted((name for name in known if name is not None), key=_natural)
            raise StreamsnnError(
                f"Nobody in {dataset.folder} is called {speaker!r}.",
                hint=f"There is {', '.join(names)}." if names else 'Its table needs a column "speaker".',
            )
    found = np.flatnonzero([sample.speaker in speakers for sample in dataset.samples])
    if found.size == len(dataset.samples):
        raise StreamsnnError("All speakers are held out: nothing is left to learn from.", hint="Hold out fewer.")
    return found


def _all_classes(first: Dataset, second: Dataset) -> tuple[str, ...]:
    """The classes of both; what one of them holds in whole keeps its order."""
    for one, other in ((first, second), (second, first)):
        if set(other.classes) <= set(one.classes):
            return one.classes
    return tuple(sorted({*first.classes, *second.classes}, key=_natural))


def _refuse_missing(table: Path) -> None:
    if not table.is_file():
        raise StreamsnnError(f"There is no table of labels {table}.", hint="Name a CSV with the columns file,label.")


def _of_spike_file(path: Path) -> Dataset:
    """The samples of a file in SHD's layout, each named FILE#NUMBER."""
    with SpikeFile(path) as file:
        labels, names = file.labels.tolist(), file.classes
        speakers = [str(speaker) for speaker in file.speakers.tolist()] if file.knows_speakers else [None] * len(labels)
    for number, label in enumerate(labels):
        if label < 0 or (names and label >= len(names)):
            raise StreamsnnError(f"{path}#{number} has label {label}, which has no name.", hint="Copy the file again.")
    names = names or tuple(str(label) for label in range(max(labels, default=-1) + 1))
    samples = tuple(
        Sample(path.with_name(f"{path.name}#{number}"), f"{path.name}#{number}", names[label], speaker)
        for number, (label, speaker) in enumerate(zip(labels, speakers, strict=True))
    )
    if not samples:
        raise StreamsnnError(f"{path} holds no recordings.", hint=_LAYOUT)
    there = {sample.label for sample in samples}
    return Dataset(path.parent, samples, tuple(name for name in names if name in there))


def _of_tonic(name: str | os.PathLike[str], labels: str | os.PathLike[str] | None) -> Dataset:
    """The recordings of one of tonic's sets, each named tonic:SET#NUMBER, or those of them that a table names."""
    found = open_tonic(tonic_name(name)._replace(number=None))
    if labels is not None:
        _refuse_missing(Path(labels))
        samples = tuple(_from_table(Path(labels), Path()))
    elif found.spike_file is not None:
        return _of_spike_file(found.spike_file)
    else:
        samples = tuple(
            Sample(Path(f"{found.name}#{number}"), f"{found.name}#{number}", label)
            for number, label in enumerate(found.labels)
        )
    return Dataset(Path(str(found.name)), samples, tuple(sorted({sample.label for sample in samples}, key=_natural)))


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
        recording, span = _cut(folder, file)
        if not is_tonic(file) and not split_member(recording)[0].is_file():
            raise StreamsnnError(
                f"{table}, line {line}: there is no file {folder / file}.", hint="Copy the whole dataset."
            )
        seen[file] = line
        yield Sample(recording, file, label, str(row.get("speaker") or "").strip() or None, span)


def _cut(folder: Path, file: str) -> tuple[Path, tuple[int, int] | None]:
    """The recording that FILE@BEGIN-END names, and its span."""
    found = _SPAN.fullmatch(file)
    if found is None or (folder / file).exists():
        return folder / file, None
    return folder / found[1], (int(found[2]), int(found[3]))


def _of_gestures(folder: Path, trials: Path | None) -> Iterator[Sample]:
    for name, (begin_us, end_us, label) in shown_in(folder, trials):
        yield Sample(folder / name, f"{name}@{begin_us}-{end_us}", label, None, (begin_us, end_us))


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
