"""HDF5 files in the layout of the Spiking Heidelberg Digits and Spiking Speech Commands: many samples in one file.

`spikes/times` holds the seconds of each sample's spikes and `spikes/units` their channels, `labels` the classes,
`extra/keys` their names and `extra/speaker` who spoke (Cramer, Stradmann, Schemmel, Zenke: "The Heidelberg Spiking
Data Sets for the Systematic Evaluation of Spiking Neural Networks", IEEE TNNLS 33:2744, 2022). SHD stores seconds in
16 bits: around 1 s its times are multiples of 0.5 to 1 ms, and rounding to 1 us takes nothing away.

Nothing in such a file is run, and no other file is opened from it; but HDF5's own library does not survive every wrong
byte (about 1 of 1,000 files with random ones end the program): open files of those whom you trust. pyfive (1.3.0),
which is written in Python, reads no arrays of arrays, be they contiguous, chunked or compressed.

A sample is named by its number behind the file: "shd_test.h5#17".
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats import hdf5
from streamsnn.formats.hdf5_guard import refuse_harmful
from streamsnn.formats.opening import read_head, split_member
from streamsnn.formats.recording import Blocks, Content, Damage, Format, Match
from streamsnn.types import EVENT, Events, Sensor

CHANNELS = 700
SENSOR = Sensor("SHD", CHANNELS, 1, "audio")

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_LAYOUT = (
    "Spikes lie in spikes/times and spikes/units, one array a sample, as in shd_train.h5;"
    " a camera's events in CD/events, or in events/t, x, y and p."
)
_MOST_SECONDS = 1e9
_OUTSIDE = (1 << 16) - 1


def is_spike_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as HDF5 does; False, too, for what is no file. Never fails."""
    try:
        return read_head(Path(path), "set of spikes", len(_SIGNATURE)) == _SIGNATURE
    except StreamsnnError:
        return False


class SpikeFile:
    """The samples of a file in SHD's layout, each read when it is asked for; to be closed, or used in a `with`.

    Raises StreamsnnError if the file cannot be opened or has another layout, and whenever what is asked for is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        read_head(self.path, "set of spikes", len(_SIGNATURE))
        refuse_harmful(self.path)
        with self._reading():
            import h5py

            self._file: Any = h5py.File(self.path, "r")
        try:
            self._times = self._dataset("spikes/times")
            self._units = self._dataset("spikes/units")
            with self._reading():
                self._samples, units = int(self._times.shape[0]), int(self._units.shape[0])
                size = self.path.stat().st_size
            if self._samples > size:
                raise self._damaged(f"{size} bytes cannot hold {self._samples} samples")
            if self._samples != units:
                raise self._damaged(f"it has {self._samples} arrays of times and {units} of units")
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._samples

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """The class of each sample."""
        return self._numbers("labels")

    @property
    def knows_speakers(self) -> bool:
        """Whether there are `speakers`: in SHD there are, in SSC not."""
        with self._reading():
            return "extra/speaker" in self._file

    @cached_property
    def speakers(self) -> NDArray[np.int64]:
        """Who spoke each sample: what a split that is honest keeps apart."""
        return self._numbers("extra/speaker")

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, by label; none in a file that does not tell them, as those of SSC."""
        with self._reading():
            if "extra/keys" not in self._file:
                return ()
            keys = self._member("extra/keys")[()]
            return tuple(key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in keys)

    def sample(self, index: int) -> Events:
        """The spikes of one sample in order of time, in us from its beginning: x is the unit, y 0, and p True."""
        events, wrong = self._events(index)
        if wrong or np.any(events["x"] >= CHANNELS):
            raise self._damaged(f"sample {index} has times or units that cannot be")
        return events

    def __iter__(self) -> Iterator[tuple[Events, int]]:
        """Every sample and its label."""
        for index, label in enumerate(self.labels.tolist()):
            yield self.sample(index), label

    def close(self) -> None:
        with self._reading():
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _events(self, index: int) -> tuple[Events, int]:
        """The spikes of a sample, those with an impossible unit outside of all sensors, and how many had no time."""
        if not 0 <= index < len(self):
            raise StreamsnnError(
                f"{self.path} has no sample {index}", hint=f"It has {len(self)}, from 0 to {len(self) - 1}."
            )
        with self._reading():
            seconds = np.asarray(self._times[index], np.float64)
            units = np.asarray(self._units[index], np.int64)
        if seconds.shape != units.shape or seconds.ndim != 1:
            raise self._damaged(f"sample {index} has {seconds.size} times and {units.size} units")
        good = (seconds >= 0) & (seconds < _MOST_SECONDS)
        seconds, units = seconds[good], units[good]
        events = np.zeros(len(seconds), EVENT)
        events["t"] = np.rint(seconds * 1e6)
        events["x"] = np.where((units >= 0) & (units < _OUTSIDE), units, _OUTSIDE)
        events["p"] = True
        return events[np.argsort(events["t"], kind="stable")], int(np.count_nonzero(~good))

    def _numbers(self, name: str) -> NDArray[np.int64]:
        with self._reading():
            found = self._member(name)
            if found.shape != (len(self),):
                raise self._damaged(f"it has {len(self)} samples, and {found.size} of {name}")
            return np.asarray(found[()], np.int64)

    def _dataset(self, name: str) -> Any:
        """An array of arrays."""
        import h5py

        with self._reading():
            found = self._member(name)
            kind = h5py.check_vlen_dtype(found.dtype) if isinstance(found, h5py.Dataset) else None
            if kind is None or np.dtype(kind).kind not in "fiu" or found.ndim != 1:
                raise StreamsnnError(
                    f"{self.path} is HDF5, and no set of spikes: {name} is something else", hint=_LAYOUT
                )
        return found

    def _member(self, name: str) -> Any:
        """What is called `name`, in this very file."""
        import h5py

        found: Any = self._file
        for part in name.split("/"):
            link = found.get(part, getlink=True) if isinstance(found, h5py.Group) else None
            if link is None:
                raise StreamsnnError(f"{self.path} is HDF5, and no set of spikes: it has no {name}", hint=_LAYOUT)
            if isinstance(link, h5py.ExternalLink):
                raise StreamsnnError(f"{self.path} keeps its {name} in another file", hint="Open that one.")
            found = found[part]
        return found

    def _damaged(self, why: str) -> StreamsnnError:
        return StreamsnnError(f"{self.path} is damaged: {why}", hint="Copy it again.")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """HDF5 fails in many ways; each means that the file is not what it should be."""
        try:
            yield
        except ImportError as error:
            raise StreamsnnError(f"HDF5 cannot be read: {error}", hint="Install it: pip install h5py") from error
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise self._damaged(text) from error


def _recognise(head: bytes, extension: str, sensor: Sensor | None) -> Match:
    return Match.SURE if head.startswith(_SIGNATURE) else Match.NO


def _open(path: Path, head: bytes, sensor: Sensor | None) -> Content:
    file, member = split_member(path)
    with SpikeFile(file) as spikes:
        samples = len(spikes)
        if member is None and samples != 1:
            raise StreamsnnError(
                f"{file} holds {samples} samples, not one", hint=f"Name one of them: {file}#0" if samples else ""
            )
        index = member or 0
        spikes._events(index)  # Whether it is there at all.
        notes = [f"sample {index} of {samples}"]
        with contextlib.suppress(StreamsnnError):
            label = int(spikes.labels[index])
            name = f", {spikes.classes[label]}" if 0 <= label < len(spikes.classes) else ""
            notes.append(f"label {label}{name}")

    def decode(damage: Damage, chunk_bytes: int) -> Blocks:
        with SpikeFile(file) as spikes:
            events, wrong = spikes._events(index)
        damage.undated_events += wrong
        size = max(chunk_bytes // EVENT.itemsize, 1)
        for begin in range(0, len(events), size):
            yield events[begin : begin + size]

    return Content(decode, sensor or SENSOR, t_begin_us=0, notes=tuple(notes))


def _instead(path: Path) -> Format | None:
    return hdf5.FORMAT if hdf5.holds_events(split_member(path)[0]) else None


FORMAT = Format(
    "SHD",
    (".h5", ".hdf5"),
    "Spiking Heidelberg Digits and Speech Commands (HDF5)",
    _recognise,
    _open,
    members=True,
    instead=_instead,
)
