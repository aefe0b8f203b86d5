"""The data sets that tonic knows, read with tonic (GPL-3, an extra of its own), from where it has put them on the disk.

"tonic:NAME" is such a set, of tonic's own name: "tonic:NMNIST", "tonic:DVSGesture", "tonic:SHD". "tonic:NMNIST/test" is
its other part, "tonic:NMNIST/test@FOLDER" the one below FOLDER, which is tonic's `save_to` and "data" if left out, and
"tonic:NMNIST/test#17" is a single recording. Nothing is ever downloaded: what is missing is said.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.formats.columns import events_from
from streamsnn.formats.recording import Blocks, Content, Damage, Recording
from streamsnn.formats.shd import SpikeFile
from streamsnn.types import EVENT, Events, Sensor

_PREFIX = "tonic:"
_SPELLING = re.compile(r"tonic:(?P<name>\w+)(?:/(?P<part>\w+))?(?:@(?P<folder>.+?))?(?:#(?P<number>\d{1,18}))?")
_FOLDER = "data"
_HINT = 'Write it as "tonic:NMNIST", "tonic:NMNIST/test" or "tonic:NMNIST/test@FOLDER".'


class TonicName(NamedTuple):
    """What "tonic:NAME/PART@FOLDER#NUMBER" says; None is what it leaves out."""

    name: str
    part: str | None
    folder: str
    number: int | None

    def __str__(self) -> str:
        where = "" if self.folder == _FOLDER else f"@{self.folder}"
        return f"{_PREFIX}{self.name}{'' if self.part is None else f'/{self.part}'}{where}"


def is_tonic(text: str | os.PathLike[str]) -> bool:
    """Whether `text` names one of tonic's sets, or a recording in it."""
    return os.fspath(text).startswith(_PREFIX)


def tonic_name(text: str | os.PathLike[str]) -> TonicName:
    """What `text` says. Raises StreamsnnError where it is spelt otherwise."""
    found = _SPELLING.fullmatch(os.fspath(text))
    if found is None:
        raise StreamsnnError(f"{text} is no name of one of tonic's data sets.", hint=_HINT)
    number = found["number"]
    return TonicName(found["name"], found["part"], found["folder"] or _FOLDER, None if number is None else int(number))


@dataclass(frozen=True)
class TonicSet:
    """One part of a set: as many recordings as there are labels, which are in the order of tonic's own."""

    name: TonicName
    sensor: Sensor | None
    labels: Sequence[str]
    spike_file: Path | None
    """The file that holds all of it, where it is in the layout of SHD, which needs no tonic to be read."""
    _recordings: Any

    def events(self, number: int) -> Events:
        """One recording, times in us as tonic gives them. Raises StreamsnnError for what is none, or not events."""
        if not 0 <= number < len(self.labels):
            raise StreamsnnError(f"{self.name} has {len(self.labels)} recordings: there is no #{number}")
        with _reading(self.name):
            found = self._recordings[number][0]
        names = getattr(getattr(found, "dtype", None), "names", None) or ()
        if not {"t", "x"} <= set(names):
            raise StreamsnnError(f"{self.name}#{number} is not made of events", hint="Choose another of tonic's sets.")
        y = found["y"] if "y" in names else np.zeros(len(found), np.int64)
        return events_from(found["t"], found["x"], y, found["p"] if "p" in names else None, "us")


@functools.lru_cache(maxsize=4)
def open_tonic(name: TonicName) -> TonicSet:
    """What tonic has put below the name's folder. Its number does not matter.

    Raises StreamsnnError where tonic is not installed, knows no such set or part, or misses its files.
    """
    try:
        sets = importlib.import_module("tonic.datasets")
    except ImportError as error:
        raise StreamsnnError(
            f"{name} is read with tonic, which is not installed ({error}).", hint="pip install 'streamsnn[datasets]'"
        ) from error
    kind = getattr(sets, name.name, None)
    if name.name not in sets.__all__ or not inspect.isclass(kind):
        raise StreamsnnError(f"tonic has no data set {name.name!r}.", hint=f"It has {', '.join(sorted(sets.__all__))}.")
    part = _part(name, kind)

    def refuse(self: Any) -> None:
        raise StreamsnnError(
            f"{Path(name.folder) / name.name} has no whole {name.name}, or not as tonic lays it out.",
            hint="Nothing is downloaded from here. "
            f"Do it with tonic: python -c 'import tonic; tonic.datasets.{name.name}(\"{name.folder}\")'",
        )

    # tonic downloads what it misses as soon as a set is made; the folder has the class's name.
    still = type(name.name, (kind,), {"download": refuse, "_copy_and_extract_local_data": refuse})
    with _reading(name):
        recordings = still(name.folder, **part)
        spike_file = _spike_file(recordings)
        labels = tuple(_labels(recordings) if spike_file is None else _spoken(spike_file))
        if not labels:
            refuse(recordings)
    return TonicSet(name, _sensor(name.name, recordings, spike_file), labels, spike_file, recordings)


def open_tonic_recording(text: str | os.PathLike[str], *, sensor: Sensor | None, strict: bool) -> Recording:
    """The recording that "tonic:NAME#NUMBER" names, as `open_recording` gives those in files."""
    name = tonic_name(text)
    found = open_tonic(name._replace(number=None))
    if name.number is None:
        raise StreamsnnError(f"{text} is a data set, not one recording", hint=f"Name one of it: {text}#0")
    number = name.number
    events = found.events(number)

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        size = max(chunk_bytes // EVENT.itemsize, 1)
        for begin in range(0, len(events), size):
            yield events[begin : begin + size].copy()

    note = f"recording {number} of {len(found.labels)}, label {found.labels[number]}"
    return Recording(Path(text), "tonic", Content(decode, sensor or found.sensor, notes=(note,)), strict=strict)


def _part(name: TonicName, kind: Any) -> dict[str, Any]:
    """The part as tonic's class wants it said: train=True, or split="train", or not at all."""
    known = inspect.signature(kind).parameters
    part = name.part or "train"
    if "split" in known:
        return {"split": {"validation": "valid"}.get(part, part)}
    if "train" in known and part in ("train", "test"):
        return {"train": part == "train"}
    if "train" in known or name.part is not None:
        parts = "the parts train and test" if "train" in known else "one part only"
        raise StreamsnnError(f"tonic's {name.name} has {parts}.", hint=_HINT)
    return {}


@contextlib.contextmanager
def _reading(name: TonicName) -> Iterator[None]:
    """tonic's classes fail in many ways, and each means that the files are not what they should be."""
    try:
        yield
    except StreamsnnError:
        raise
    except Exception as error:
        raise StreamsnnError(
            f"tonic cannot read {name}: {type(error).__name__}: {error}",
            hint=f"Is {Path(name.folder) / name.name} laid out as tonic's download is?",
        ) from error


def _spike_file(recordings: Any) -> Path | None:
    file = getattr(recordings, "data_filename", None)
    return Path(recordings.location_on_system, file) if isinstance(file, str) and file.endswith(".h5") else None


def _spoken(file: Path) -> Iterator[str]:
    """As `_labels`: tonic would open the file once for each of its thousands of samples."""
    with SpikeFile(file) as spikes:
        for label in spikes.labels.tolist():
            yield spikes.classes[label] if 0 <= label < len(spikes.classes) else str(label)


def _labels(recordings: Any) -> Iterator[str]:
    """The classes' names where tonic has them; where these begin with a number, as in "0 - zero", just that."""
    classes = [str(name) for name in getattr(recordings, "classes", ())]
    targets = getattr(recordings, "targets", None)
    if targets is None or len(targets) != len(recordings):
        targets = (recordings[number][1] for number in range(len(recordings)))
    for target in targets:
        if isinstance(target, str):
            yield target
        else:
            index = int(target)
            name = classes[index] if 0 <= index < len(classes) else str(index)
            yield name.split(" - ")[0] if re.match(rf"{index} - ", name) else name


def _sensor(name: str, recordings: Any, spike_file: Path | None) -> Sensor | None:
    size = getattr(recordings, "sensor_size", None)
    if size is None:
        return None
    width, height = int(size[0]), int(size[1])
    return Sensor(name, width, height, "audio" if spike_file or height == 1 else "vision")
