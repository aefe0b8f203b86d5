"""Draws the pictures of the window that the README shows, from real recordings: python apps/make_pictures.py

They are drawn without a display. Look at them before they are committed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from streamsnn.gui.app import application
from streamsnn.gui.theme import THEMES
from streamsnn.gui.window import MainWindow

ROOT = Path(__file__).resolve().parents[1]
PICTURES = (
    ("window-digits.png", "recordings/sequence.dat", "nmnist-sliding-psn", "dark", 6.3, "spikes3"),
    ("window-words.png", "recordings/spoken-digits.flac", "english-digits", "light", 9.0, "spikes2"),
)
"""File, source, model, theme, seconds until the picture is taken, and the layer of the neurons that are watched."""
_PATIENCE_S = 300.0


def take(app: QApplication, path: Path, source: str, model: str, theme: str, after_s: float, layer: str) -> None:
    """Play `source` for `after_s` and write the window to `path`."""
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(app, QSettings(str(Path(folder) / "settings.ini"), QSettings.Format.IniFormat))
        window.use_theme(THEMES[theme])
        window.show()
        window.playback.open_source(str(ROOT / source), model)
        give_up_s = time.monotonic() + _PATIENCE_S
        probed = False
        while window.playback.offset_us < after_s * 1e6:
            app.processEvents()
            if not probed and window.playback.offset_us:
                window.playback.probe(layer, 5)
                window.panels.show("Spikes")
                probed = True
            if time.monotonic() > give_up_s or window.banner.is_error:
                raise SystemExit(f"{source} does not play: {window.banner.text}")
        window.save_picture(str(path))
        window.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs", help="where to (docs/)")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    app = application()
    for name, source, model, theme, after_s, layer in PICTURES:
        take(app, folder / name, source, model, theme, after_s, layer)
        print(folder / name)


if __name__ == "__main__":
    main()
