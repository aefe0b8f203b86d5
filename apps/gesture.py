"""A window that is all picture and decision, for a stand or a lecture: python apps/gesture.py SOURCE [MODEL]"""

from __future__ import annotations

import sys

from PySide6.QtCore import QSettings, QTimer

from streamsnn.errors import StreamsnnError
from streamsnn.gui.app import application
from streamsnn.gui.window import MainWindow

_KEPT = ("Decision", "History")


def main(source: str, model: str | None = None) -> int:
    """Play `source` round and round in a window that fills the screen; the exit code once it is closed."""
    app = application()
    # Settings of its own: how this one looks is nobody else's business.
    window = MainWindow(app, QSettings("streamsnn", "gesture"))
    for title, dock in window.panels.docks.items():
        dock.setVisible(title in _KEPT)
    window.showFullScreen()
    QTimer.singleShot(0, lambda: window.playback.open_source(source, model, loop=True))
    return app.exec()


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except TypeError:
        sys.exit(__doc__)
