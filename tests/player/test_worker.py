"""The engine in a process of its own: it is told, it shows, it ends, and nobody waits for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from streamsnn.player.messages import Failed, Notice, Open, Opened, Quit, Status
from streamsnn.player.worker import SharedScreen, Worker

_PATIENCE_S = 120.0


def wait_for(worker: Worker, wanted: Callable[[Notice], bool]) -> list[Notice]:
    """Everything told until `wanted` was, which is the last."""
    found: list[Notice] = []
    while True:
        before = len(found)
        for notice in worker.notices(_PATIENCE_S):
            found.append(notice)
            if wanted(notice):
                return found
        assert len(found) > before, found


def is_ended(notice: Notice) -> bool:
    return isinstance(notice, Status) and notice.mode in ("ended", "failed")


def test_it_plays_into_memory_that_both_share(sides: str, recording: str, tmp_path: Path) -> None:
    worker = Worker()
    try:
        assert worker.send(Open(str(tmp_path / "no.dat"), sides))
        told = wait_for(worker, is_ended)
        assert any(isinstance(notice, Failed) and "no.dat" in notice.message for notice in told)
        worker.send(Open(recording, sides, speed=None))
        told = wait_for(worker, is_ended)
        (opened,) = (notice for notice in told if isinstance(notice, Opened))
        assert opened.memory is not None
        shared = SharedScreen(opened.memory, opened.layout)
        assert shared.screen.steps_since(0).records["index"][-1] == 600
        shared.close()
    finally:
        worker.close()
    assert worker.exit_code == 0
    with pytest.raises(FileNotFoundError):
        SharedScreen(opened.memory, opened.layout)


def test_an_engine_that_dies_is_noticed() -> None:
    worker = Worker()
    wait_for(worker, lambda notice: True) if worker.send(Open("no.dat", "no model")) else None
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert list(worker.notices(_PATIENCE_S)) is not None
    worker.close()
    assert worker.exit_code == -signal.SIGKILL
    assert not worker.send(Quit())
