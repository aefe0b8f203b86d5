"""Draws the pictures of the window that the README shows, from real recordings: python apps/make_pictures.py

They are drawn without a display, one of them from ../shared/data. Look at them before they are committed.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from streamsnn.gui.theme import THEMES
from streamsnn.gui.unattended import run_until, unattended_window

ROOT = Path(__file__).resolve().parents[1]
TRAFFIC = "../shared/data/events/davis346-traffic/davis346_traffic.aedat4"
PICTURES = (
    ("window-digits.png", "recordings/sequence.dat", "nmnist-sliding-psn", "dark", 6.3, "spikes3", None),
    ("window-words.png", "recordings/spoken-digits.flac", "english-digits", "light", 9.0, "spikes2", None),
    ("window-traffic.png", TRAFFIC, None, "dark", 1.2, None, "regions"),
)
"""File, source, model, theme, seconds until the picture is taken, the layer whose neurons are watched, tracker."""
_PATIENCE_S = 300.0


def take(
    path: Path, source: str, model: str | None, theme: str, after_s: float, layer: str | None, tracker: str | None
) -> None:
    """Play `source` for `after_s` and write the window to `path`."""
    with unattended_window() as (window, app):
        window.use_theme(THEMES[theme])
        give_up_s = time.monotonic() + _PATIENCE_S

        def played(seconds: float) -> bool:
            if time.monotonic() > give_up_s or window.banner.is_error:
                raise SystemExit(f"{source} does not play: {window.banner.text}")
            return window.playback.offset_us > seconds * 1e6

        window.playback.open_source(str(ROOT / source), model, track=tracker)
        run_until(app, lambda: played(0))
        if layer is not None:
            window.playback.probe(layer, 5)
            window.panels.show("Spikes")
        run_until(app, lambda: played(after_s))
        window.save_picture(str(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs", help="where to (docs/)")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, *picture in PICTURES:
        take(folder / name, *picture)
        print(folder / name)


if __name__ == "__main__":
    main()
