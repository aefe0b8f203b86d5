"""The application around the window."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from PySide6.QtCore import QSettings, QTimer
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
