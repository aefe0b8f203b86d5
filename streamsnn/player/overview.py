"""How busy a whole recording is, read ahead by a process of its own, so that one sees where to go."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.formats.opening import split_member
from streamsnn.sources.sound_files import SoundFile, is_sound
from streamsnn.types import Sensor

_CELLS = 1024
_FIRST_CELL_US = 1_000
_SOUND_BLOCK_US = 20_000
_BELOW_NORMAL = 10


@dataclass(frozen=True)
class Overview:
    """`counts` (n,) events, or loudness, in stretches of `cell_us` from the beginning; `duration_us` known so far."""

    counts: NDArray[np.float64]
    cell_us: int
    duration_us: int
    done: bool


class Cells:
    """Adds up what happens over a time that nobody knows the length of, in at most 1024 stretches of equal length."""

    def __init__(self) -> None:
        self._counts = np.zeros(_CELLS)
        self._cell_us = _FIRST_CELL_US
        self._duration_us = 0

    def add(self, offsets_us: NDArray[np.int64], amounts: NDArray[np.float64] | None = None) -> None:
        """Add an `amount` (1 if left out) at each offset (n,), in order."""
        if not len(offsets_us):
            return
        self._duration_us = max(self._duration_us, int(offsets_us[-1]) + 1)
        while self._duration_us > _CELLS * self._cell_us:
            self._counts = np.concatenate([self._counts.reshape(-1, 2).sum(1), np.zeros(_CELLS // 2)])
            self._cell_us *= 2
        self._counts += np.bincount(np.maximum(offsets_us, 0) // self._cell_us, amounts, _CELLS)[:_CELLS]

    def overview(self, done: bool) -> Overview:
        """What there is by now."""
        cells = -(-self._duration_us // self._cell_us)
        return Overview(self._counts[:cells].copy(), self._cell_us, self._duration_us, done)


def read_overview(path: str, sensor: Sensor | None, tell: Callable[[Overview], None]) -> None:
    """Read the recording or sound at `path` to its end and `tell` what was found, every now and then.

    Raises StreamsnnError if it cannot be read.
    """
    cells = Cells()
    if is_sound(path):
        sound = SoundFile(path, block_us=_SOUND_BLOCK_US, mix=True)
        for number, block in enumerate(sound):
            at_us = block.begin * 1_000_000 // sound.rate_hz
            loudness = float(np.sqrt(np.mean(np.square(block.samples)))) if len(block.samples) else 0.0
            cells.add(np.array([at_us]), np.array([loudness]))
            if number % 500 == 499:
                tell(cells.overview(False))
    else:
        recording = open_recording(path, sensor=sensor)
        for chunk in recording.chunks():
            cells.add(chunk["t"] - recording.t_begin_us)
            tell(cells.overview(False))
    tell(cells.overview(True))


class OverviewReader:
    """Reads one file in the background; `newest` says what is known so far. Stopped by `close`."""

    def __init__(self, path: str, sensor: Sensor | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe(duplex=False)
        self._process = context.Process(target=_read, args=(path, sensor, other), name="overview", daemon=True)
        self._process.start()
        other.close()

    def newest(self) -> Overview | None:
        """What came since the last call, if anything did."""
        found = None
        with contextlib.suppress(EOFError, OSError):
            while self._connection.poll(0):
                found = self._connection.recv()
        return found

    def close(self) -> None:
        """Read no further."""
        self._process.terminate()
        self._process.join()
        self._connection.close()


def is_file(source: str) -> bool:
    """Whether `source` names a file, of which there is something to read ahead."""
    try:
        return split_member(source)[0].is_file()
    except StreamsnnError:
        return False


def _read(path: str, sensor: Sensor | None, connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What plays comes first.
    with contextlib.suppress(AttributeError, OSError):
        os.nice(_BELOW_NORMAL)
    # The window tells what is wrong with a file when it plays it; a reader that has gone needs nothing any more.
    with contextlib.suppress(StreamsnnError, BrokenPipeError, OSError):
        read_overview(path, sensor, connection.send)
