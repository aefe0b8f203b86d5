"""The window's side of the engine: commands go out, and what the engine tells comes in as Qt signals."""

from __future__ import annotations

import contextlib
import os

from PySide6.QtCore import QObject, Signal

from streamsnn.player.messages import Command, Failed, Note, Notice, Opened, Preparing, Recording, Status, Totals
from streamsnn.player.screen import Screen
from streamsnn.player.worker import SharedScreen, Worker

_NICENESS = 5


class Link(QObject):
    """One engine process. `poll` it regularly; one that died is said so, and the next command starts another."""

    opened = Signal(object, object)
    """Opened, and its Screen."""
    status = Signal(object)
    preparing = Signal(object)
    noted = Signal(str)
    recording = Signal(object)
    failed = Signal(object)
    summed = Signal(object)
    """Totals."""

    def __init__(self) -> None:
        super().__init__()
        self._worker: Worker | None = Worker()
        # The picture comes second where there are fewer cores than work: this process is the window's.
        with contextlib.suppress(AttributeError, OSError):
            os.nice(max(0, _NICENESS - os.nice(0)))
        self._shared: SharedScreen | None = None

    @property
    def pid(self) -> int | None:
        """The engine's process number; None: it died, and the next command starts another."""
        return None if self._worker is None else self._worker.pid

    def send(self, command: Command) -> None:
        """Tell the engine; what comes of it comes with `poll`."""
        if self._worker is None:
            self._worker = Worker()
        self._worker.send(command)

    def poll(self, wait_s: float = 0.0) -> None:
        """Emit everything that the engine told since the last call, for which one may wait."""
        if self._worker is None:
            return
        for notice in self._worker.notices(wait_s):
            self._emit(notice)
        # Whoever heard of it may have restarted it.
        if self._worker is not None and self._worker.exit_code is not None:
            self._bury(f"The engine ended unexpectedly (exit code {self._worker.exit_code}).")

    def restart(self) -> None:
        """End the engine, whatever it does, and start another."""
        if self._worker is not None:
            self._worker.close()
        self._worker = Worker()
        self.status.emit(Status("closed"))

    def close(self) -> None:
        """End the engine."""
        if self._worker is not None:
            self._worker.close()
        self._let_go()

    def _bury(self, why: str) -> None:
        """Another one is started when it is needed: where none can live, none is started over and over."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None
        self.failed.emit(Failed(why, "Open the stream again, or another one."))
        self.status.emit(Status("failed"))

    def _emit(self, notice: Notice) -> None:
        if isinstance(notice, Opened):
            self._open(notice)
        elif isinstance(notice, Status):
            self.status.emit(notice)
        elif isinstance(notice, Preparing):
            self.preparing.emit(notice)
        elif isinstance(notice, Note):
            self.noted.emit(notice.text)
        elif isinstance(notice, Recording):
            self.recording.emit(notice)
        elif isinstance(notice, Failed):
            self.failed.emit(notice)
        elif isinstance(notice, Totals):
            self.summed.emit(notice)

    def _open(self, opened: Opened) -> None:
        assert opened.memory is not None
        try:
            shared = SharedScreen(opened.memory, opened.layout)
        except FileNotFoundError:
            # Another stream was opened before this one was looked at.
            return
        before, self._shared = self._shared, shared
        screen: Screen = shared.screen
        self.opened.emit(opened, screen)
        if before is not None:
            before.close()

    def _let_go(self) -> None:
        if self._shared is not None:
            self._shared.close()
            self._shared = None
