"""Counting on a terminal what numba compiles, while it compiles it."""

from __future__ import annotations

import sys
import time
from typing import Any

from numba.core import event as _event

event: Any = _event


class CompilationCount(event.Listener):  # type: ignore[misc]
    """One line on stderr, first `text`, then how many functions have been compiled since `began_s`.

    Functions that numba finds on disk are not among them.
    """

    def __init__(self, text: str, began_s: float) -> None:
        self._began_s = began_s
        self._compiled = 0
        _write(text)
        event.register("numba:compile", self)

    def on_start(self, event: Any) -> None:
        """Nothing to count yet."""

    def on_end(self, event: Any) -> None:
        """One more."""
        self._compiled += 1
        elapsed_s = time.monotonic() - self._began_s
        _write(f"compiling for this machine, once: {self._compiled} functions, {elapsed_s:.0f} s ...")

    def end(self) -> None:
        """Show nothing more, and leave the line empty."""
        event.unregister("numba:compile", self)
        _write("")


def _write(text: str) -> None:
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
