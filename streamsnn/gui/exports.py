"""Files that are made from a stream in the background, by `streamsnn run` and `streamsnn view` in another process."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from streamsnn.errors import StreamsnnError
from streamsnn.gui.places import DECISION_ENDINGS, FILM_ENDINGS, partial_of, read_progress, refuse_place
from streamsnn.player.messages import Open
from streamsnn.player.overview import is_file

Marked = tuple[int | None, int | None]
"""Offsets of the in and of the out marker in us; None is the beginning or the end."""

_GRACE_MS = 5_000
_SHOWN_LINES = 3
_STREAM_TIME = re.compile(r"\s*(\d+\.\d+) s\s")
_running: set[Export] = set()
"""Whoever starts an export need not hold it, and may let go of it while it speaks."""


class Export(QObject):
    """One file that is being made; made by `decisions` or `video`, begun by `start`.

    What can be refused at once is refused by `start`, through `ended`, before anything runs. The file has its name only
    once it is whole; of one that is stopped or fails nothing is left.
    """

    progressed = Signal(str, object)
    """What is being done, and how far it is from 0 to 1; None where that is not known."""
    ended = Signal(str, str)
    """A message, and a hint what to do about it; without a hint all is well."""

    def __init__(self, source: str, path: Path, endings: tuple[str, ...], command: list[str], *, renames: bool) -> None:
        super().__init__()
        self._source, self._path, self._endings, self._command = source, path, endings, command
        self._renames = renames
        self._process = QProcess(self)
        self._process.setProgram(sys.executable)
        self._process.setArguments(["-m", "streamsnn", *command])
        self._process.readyReadStandardOutput.connect(self._hear_output)
        self._process.readyReadStandardError.connect(self._hear_errors)
        self._process.finished.connect(self._finish)
        self._process.errorOccurred.connect(self._fail)
        self._said: list[str] = []
        self._rest = b""
        self._stopped = self._over = False

    @classmethod
    def decisions(cls, wanted: Open, path: str, marked: Marked = (None, None)) -> Export:
        """Every step as CSV, or the changes as JSON Lines, by the ending of `path`."""
        target = Path(path)
        kind = target.suffix.lower().removeprefix(".")
        # `run` writes to the name it is given, line by line.
        command = ["run", "--speed=max", f"--{kind}={partial_of(target)}", *_options(wanted, marked)]
        return cls(wanted.source, target, DECISION_ENDINGS, command, renames=True)

    @classmethod
    def video(
        cls, wanted: Open, path: str, speed: float, theme_name: str, marked: Marked = (None, None), *extra: str
    ) -> Export:
        """A film, `speed` times as fast as true time; `extra` options such as "--fps=25"."""
        command = ["view", f"--video={path}", f"--speed={speed:.6f}", f"--theme={theme_name}", *extra]
        return cls(wanted.source, Path(path), FILM_ENDINGS, [*command, *_options(wanted, marked)], renames=False)

    @property
    def command(self) -> tuple[str, ...]:
        """What is run, as one would type it behind `streamsnn`."""
        return tuple(self._command)

    def start(self) -> None:
        """Begin. Emits `ended` now or later, once."""
        try:
            refuse_place(self._path, self._source, self._endings)
            _refuse_endless(self._source, self._command)
        except StreamsnnError as error:
            self._end(error.message, error.hint or "Choose another name.")
            return
        _running.add(self)
        self.progressed.emit(f"Starting to write {self._path.name}", None)
        self._process.start()

    def stop(self) -> None:
        """Give it up, at once; nothing is left of the file."""
        if self._over:
            return
        self._stopped = True
        self._process.kill()
        self._process.waitForFinished(_GRACE_MS)

    def _hear_output(self) -> None:
        lines = bytes(self._process.readAllStandardOutput().data()).decode(errors="replace").splitlines()
        found = next((match for line in reversed(lines) if (match := _STREAM_TIME.match(line))), None)
        if found:
            self.progressed.emit(f"Writing {self._path.name}: {found[1]} s of the stream", None)

    def _hear_errors(self) -> None:
        *lines, self._rest = (self._rest + bytes(self._process.readAllStandardError().data())).split(b"\n")
        for line in (each.decode(errors="replace").rstrip() for each in lines):
            progress = read_progress(line)
            if progress is not None:
                self.progressed.emit(*progress)
            elif line:
                self._said.append(line)

    def _finish(self, code: int, status: QProcess.ExitStatus) -> None:
        if self._over:
            return
        self._hear_errors()
        if self._stopped:
            self._discard()
            self._end(f"{self._path.name} was not written: it was stopped.", "Export it again whenever you like.")
        elif status is not QProcess.ExitStatus.NormalExit or code != 0:
            self._discard()
            self._end(*self._reason(code))
        else:
            self._name()

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart:
            self._end(f"{sys.executable} cannot be started: {self._process.errorString()}.", self._by_hand())

    def _name(self) -> None:
        """Give the file its name, and say so."""
        try:
            if self._renames:
                os.replace(partial_of(self._path), self._path)
        except OSError as error:
            self._discard()
            self._end(f"{self._path} cannot be written: {error.strerror}.", "Choose another place.")
        else:
            self._end(f"Wrote {self._path}.", "")

    def _reason(self, code: int) -> tuple[str, str]:
        """What the process said of its failure: a message and a hint."""
        found = {}
        for line in self._said:
            word, _, text = line.partition(":")
            if word in ("error", "hint"):
                found[word] = text.strip()
        ended = f"The process that wrote {self._path.name} ended unexpectedly (exit code {code})."
        message = found.get("error") or " ".join([ended, *self._said[-_SHOWN_LINES:]])
        # For people the file has the name that they chose.
        message = message.replace(partial_of(self._path).name, self._path.name)
        return message, found.get("hint") or self._by_hand()

    def _by_hand(self) -> str:
        return f"In a terminal one sees more: streamsnn {shlex.join([*self._command, '--debug'])}"

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            partial_of(self._path).unlink(missing_ok=True)

    def _end(self, message: str, hint: str) -> None:
        self._over = True
        self.ended.emit(message, hint)
        # Not while its process is still in the middle of telling that it is over.
        QTimer.singleShot(0, lambda: _running.discard(self))


def _options(wanted: Open, marked: Marked) -> list[str]:
    """The options, and behind them the source, that `streamsnn run` and `streamsnn view` have in common."""
    begin_us, end_us = marked
    options = [f"--model={wanted.model}", *(f"--filter={spelling}" for spelling, on in wanted.filters if on)]
    for name, value in (
        ("sensor", wanted.sensor and "x".join(map(str, wanted.sensor))),
        ("crop", wanted.crop and ",".join(map(str, wanted.crop))),
        ("downsample", wanted.downsample),
        ("threshold", None if wanted.threshold is None else f"{wanted.threshold:.6f}"),
        ("track", wanted.track),
        ("classify", wanted.classify if wanted.track else None),
        ("start", None if begin_us is None else f"{begin_us}us"),
        ("stop", None if end_us is None else f"{end_us}us"),
    ):
        if value is not None:
            options.append(f"--{name}={value}")
    if wanted.track and wanted.ego_motion:
        options.append("--ego-motion")
    if wanted.letterbox:
        options.append("--letterbox")
    # A file may be called --help.
    return [*options, "--", wanted.source]


def _refuse_endless(source: str, command: list[str]) -> None:
    ends = any(option.startswith("--stop=") for option in command)
    if source.startswith("synthetic:") and not is_file(source) and not ends:
        raise StreamsnnError(f"{source} has no end, and a file needs one.", hint="Set the out marker first.")
