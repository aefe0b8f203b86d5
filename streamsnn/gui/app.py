"""The application around the window."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QLoggingCategory, QSettings, QTimer
from PySide6.QtWidgets import QApplication

from streamsnn.errors import StreamsnnError
from streamsnn.gui.theme import THEMES
from streamsnn.gui.window import MainWindow

_NEEDS_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY")


def has_display() -> bool:
    """Whether there is something to open a window on."""
    if os.environ.get("QT_QPA_PLATFORM"):
        return True
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in _NEEDS_DISPLAY)


def application() -> QApplication:
    """The one Qt application of this process. Raises StreamsnnError where there is no display."""
    if not has_display():
        raise StreamsnnError(
            "There is no display to open a window on.",
            hint="streamsnn run plays in the terminal; over ssh, ssh -X brings the window along.",
        )
    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    if os.environ.get("QT_QPA_PLATFORM") == "offscreen":
        # It says of every window that it has no manager, which everybody knows who asked for it.
        QLoggingCategory.setFilterRules("qt.qpa.*=false")
    made = QApplication(["streamsnn"])
    made.setApplicationName("streamsnn")
    made.setOrganizationName("streamsnn")
    return made


def show_window(source: str | None, model: str | None, *, theme: str | None = None, **options: Any) -> int:
    """Open the window, play `source` in it, and return the exit code once it is closed.

    `options` are fields of `player.messages.Open`.
    """
    app = application()
    window = MainWindow(app, QSettings())
    if theme is not None:
        window.use_theme(THEMES[theme])
    # Ctrl-C in the terminal closes the window, at its next frame.
    signal.signal(signal.SIGINT, lambda *_: window.close())
    window.show()
    if source is not None:
        QTimer.singleShot(0, lambda: window.playback.open_source(source, model, **options))
    return app.exec()


def show_tour(stations: Sequence[tuple[str, str]]) -> int:
    """Open the window and play each (source, model), one after the other and round and round, until it is closed.

    Whoever opens something else has left the tour.
    """
    app = application()
    window = MainWindow(app, QSettings())
    signal.signal(signal.SIGINT, lambda *_: window.close())
    window.show()
    tour = Tour(window, stations)
    QTimer.singleShot(0, tour.go_on)
    return app.exec()


class Tour:
    """Plays the `stations` in turn in a window."""

    def __init__(self, window: MainWindow, stations: Sequence[tuple[str, str]]) -> None:
        self._playback, self._stations = window.playback, stations
        self._next = 0
        self._playback.status_changed.connect(self._look)

    def go_on(self) -> None:
        """Play the next one."""
        source, model = self._stations[self._next % len(self._stations)]
        self._next += 1
        self._playback.open_source(source, model)

    def _look(self) -> None:
        playback = self._playback
        if playback.status.mode == "ended" and playback.wanted is not None:
            shown = self._stations[(self._next - 1) % len(self._stations)][0]
            if playback.wanted.source == shown:
                self.go_on()
