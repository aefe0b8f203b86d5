"""A window that nobody sits before: opened, driven and closed by a program."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QEventLoop, QSettings
from PySide6.QtWidgets import QApplication

from streamsnn.gui.app import application
from streamsnn.gui.window import MainWindow

_LOOK_MS = 10


@contextlib.contextmanager
def unattended_window() -> Iterator[tuple[MainWindow, QApplication]]:
    """A window that is drawn, with settings that nobody else has, and its application; closed at the end."""
    app = application()
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(app, QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat))
        window.show()
        try:
            yield window, app
        finally:
            window.close()
            window.deleteLater()
            app.processEvents()


def run_until(app: QApplication, done: Callable[[], bool]) -> None:
    """Let Qt work until `done`, which is asked at every event and a hundred times a second."""
    while not done():
        app.processEvents(
            QEventLoop.ProcessEventsFlag.AllEvents | QEventLoop.ProcessEventsFlag.WaitForMoreEvents, _LOOK_MS
        )
