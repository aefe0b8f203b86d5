"""Telling why nothing happens yet: the first run on a machine compiles a lot."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamsnn.cli.compilation import CompilationCount

_PATIENCE_S = 2.0
"""After so long a user wants to be told what the machine is doing."""

EXCUSE = "getting ready (what is compiled the first time is kept for the next) ..."


class Waiting:
    """Says on stderr, unless cancelled within two seconds, that things are being made ready.

    On a terminal it goes on to count, on the same line, what is compiled, and takes the line away in the end.
    """

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._count: CompilationCount | None = None
        self._is_over = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(_PATIENCE_S, self._tell)
        self._timer.daemon = True
        self._timer.start()

    def join(self) -> None:
        """Wait until the two seconds are over."""
        self._timer.join()

    def cancel(self) -> None:
        """Say nothing more."""
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._count is not None:
                self._count.end()
                self._count = None

    def _tell(self) -> None:
        with self._lock:
            if self._is_over:
                return
            if sys.stderr.isatty():
                # Only now: it takes a while to load, and who wants to interrupt that shall be heard.
                from streamsnn.cli.compilation import CompilationCount

                self._count = CompilationCount(EXCUSE, self._began_s)
            else:
                print(EXCUSE, file=sys.stderr, flush=True)
