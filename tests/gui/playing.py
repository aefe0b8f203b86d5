"""Drives a window frame by frame, waiting for its engine and never for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from streamsnn.engine import stream
from streamsnn.gui.window import MainWindow
from streamsnn.modelfolder import load_model
from streamsnn.sources.files import RecordingSource

_PATIENCE_S = 60.0
_LOOK_S = 0.01


class Driver:
    """A window whose frames are drawn when a test wants them."""

    def __init__(self, window: MainWindow) -> None:
        self.window = window

    def until(self, done: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
        """Draw frames until `done`; each waits a moment for the engine to say something."""
        end_s = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end_s, (self.window.banner.text, self.window.playback.status, self.steps[-5:])
            self.window.link.poll(_LOOK_S)
            self.window.frame()
            QApplication.processEvents()

    def until_mode(self, mode: str) -> None:
        """Wait until the engine says that it does so."""
        self.until(lambda: self.window.playback.status.mode == mode)

    def open(self, source: str, model: str, **options: Any) -> None:
        """Open it, and wait until it is open."""
        playback = self.window.playback
        before = playback.now
        playback.open_source(source, model, **options)
        self.until(lambda: playback.now is not before and playback.status.mode not in ("closed", "failed"))

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier, times: int = 1) -> None:
        """Press a key."""
        for _ in range(times):
            QTest.keyClick(self.window, key, modifier)

    def seek(self, offset_us: int) -> None:
        """Go somewhere, and wait until one is there."""
        screen = self.window.playback.screen
        assert screen is not None
        now = self.window.playback.now
        assert now is not None
        until = screen.steps_written
        self.window.playback.seek(offset_us)
        last = (now.begin_us + offset_us) // screen.layout.step_us - 1
        self.until(lambda: screen.steps_written > until and self.newest_step == last)

    @property
    def steps(self) -> list[int]:
        """The indices of all steps that were shown."""
        screen = self.window.playback.screen
        return [] if screen is None else screen.steps_since(0).records["index"].tolist()

    @property
    def newest_step(self) -> int:
        return self.steps[-1]

    @property
    def offset_us(self) -> int:
        return self.window.playback.offset_us

    @property
    def label(self) -> str | None:
        """What the newest step decided."""
        screen = self.window.playback.screen
        assert screen is not None
        place = int(screen.steps_since(0).records["label"][-1])
        return None if place < 0 else screen.layout.labels[place]

    def plain_steps_until(self, offset_us: int) -> int:
        """The last step that the plain loop takes before `offset_us` after the beginning."""
        wanted = self.window.playback.wanted
        now = self.window.playback.now
        assert wanted is not None
        assert now is not None
        model = load_model(wanted.model)
        last = -1
        for result in stream(RecordingSource(wanted.source), model):
            if (result.step.index + 1) * model.card.step_us > now.begin_us + offset_us:
                break
            last = result.step.index
        return last
