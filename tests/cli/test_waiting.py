"""A slow start is explained, and its compilation counted where somebody watches."""

from __future__ import annotations

import io
import sys

import pytest
from numba import njit
from numba.core import event

from streamsnn.cli import waiting
from streamsnn.cli.waiting import Waiting


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_slow_start_is_explained(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE_S", 0)
    slow = Waiting()
    slow.join()
    assert "getting ready" in capsys.readouterr().err
    slow.cancel()
    slow.cancel()
    assert capsys.readouterr().err == ""


def test_a_quick_start_is_not(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE_S", 600)
    quick = Waiting()
    quick.cancel()
    quick.join()
    assert capsys.readouterr().err == ""


def test_on_a_terminal_functions_are_counted_as_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(waiting, "_PATIENCE_S", 0)
    slow = Waiting()
    slow.join()
    njit(lambda x: x + 1)(1)
    njit(lambda x: x + 2)(1)
    told = terminal.getvalue()
    assert told.startswith("\r\x1b[Kgetting ready")
    assert told.split("\x1b[K")[-1].startswith("compiling for this machine, once: 2 functions")
    slow.cancel()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert not [one for one in event._registered["numba:compile"] if type(one).__name__ == "CompilationCount"]
    njit(lambda x: x + 3)(1)
    assert terminal.getvalue().endswith("\r\x1b[K")
