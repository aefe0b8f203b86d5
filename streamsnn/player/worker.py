"""The engine in a process of its own.

In a thread of the window's process every step would wait for the interpreter lock while the window paints, for
milliseconds at a time; a process of its own waits for nothing. The screen lies in memory that both share, messages go
through a pipe, and if the window dies, so does the engine.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import select
import signal
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory

from streamsnn.clock import HostClock
from streamsnn.player.messages import Command, Notice, Preparing, Quit, Totals
from streamsnn.player.player import Player
from streamsnn.player.screen import Layout, Screen

_GRACE_S = 2.0
_RETRY_S = 0.05
_MOST_UNSENT = 1000


class Worker:
    """An engine process: `send` commands, `notices` what it told. `close` ends it, gently or not."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other,), name="streamsnn engine", daemon=True)
        self._process.start()
        other.close()

    @property
    def pid(self) -> int | None:
        """The process's number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._process.exitcode

    def send(self, command: Command) -> bool:
        """Whether the engine was there to be told."""
        try:
            self._connection.send(command)
        except (BrokenPipeError, OSError):
            return False
        return True

    def notices(self, wait_s: float = 0.0) -> Iterator[Notice]:
        """Everything told since the last call; for the first of it one may wait."""
        try:
            while self._connection.poll(wait_s):
                wait_s = 0.0
                yield self._connection.recv()
        except (EOFError, OSError):
            return

    def close(self) -> None:
        """Let it end, and end it if it does not."""
        self.send(Quit())
        self._process.join(_GRACE_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_GRACE_S)
        self._connection.close()


class SharedScreen:
    """A screen in shared memory that another process made, by its name. `close` lets go of it, after its arrays."""

    def __init__(self, name: str, layout: Layout) -> None:
        self._memory = SharedMemory(name)
        self.screen = Screen(layout, self._memory.buf)

    def close(self) -> None:
        """The screen must not be used any more."""
        del self.screen
        # Somebody may still hold an array; the memory then goes with the process.
        with contextlib.suppress(BufferError):
            self._memory.close()


class _Line:
    """The engine's end of the pipe. A window that stalls and reads nothing does not keep it waiting."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unsent: deque[Notice] = deque(maxlen=_MOST_UNSENT)

    def take(self, wait: bool) -> Command | None:
        """The next command; `Quit` when there is nobody any more."""
        try:
            self._send()
            while wait and self._unsent and not self._connection.poll(_RETRY_S):
                self._send()
            if wait or self._connection.poll(0):
                command: Command = self._connection.recv()
                return command
        except (EOFError, OSError):
            return Quit()
        return None

    def tell(self, notice: Notice) -> None:
        """Send it, now or when there is room."""
        if self._unsent and isinstance(notice, Totals | Preparing):
            # Another one will come, and will be newer.
            return
        self._unsent.append(notice)
        with contextlib.suppress(OSError):
            self._send()

    def _send(self) -> None:
        while self._unsent and select.select((), (self._connection,), (), 0)[1]:
            self._connection.send(self._unsent[0])
            self._unsent.popleft()


class _Memories:
    """Makes screens in shared memory; only the newest is kept."""

    def __init__(self) -> None:
        self._memory: SharedMemory | None = None
        self._screen: Screen | None = None

    def make(self, layout: Layout) -> tuple[Screen, str | None]:
        self.release()
        self._memory = SharedMemory(create=True, size=layout.size_bytes)
        self._screen = Screen(layout, self._memory.buf)
        # What exists by now stays: the collector need not look at it again in the middle of a stream.
        gc.freeze()
        return self._screen, self._memory.name

    def release(self) -> None:
        memory, self._memory, self._screen = self._memory, None, None
        if memory is not None:
            memory.unlink()
            with contextlib.suppress(BufferError):
                memory.close()


def _work(connection: Connection) -> None:
    # Ctrl-C in a terminal reaches both processes; the window decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    memories = _Memories()
    line = _Line(connection)
    try:
        Player(line, line.tell, HostClock(), memories.make).run()
    finally:
        memories.release()
        connection.close()
