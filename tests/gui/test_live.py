"""The window at a real microphone: what is said is seen, what is unplugged is told, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from playing import Driver
from pulse import Server
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from streamsnn.gui.window import MainWindow
from streamsnn.spotting import read_spans

ROOT = Path(__file__).resolve().parents[2]
PLAYED_US = 4_000_000


@pytest.fixture
def driver(application: QApplication, server: Server, tmp_path: Path) -> Iterator[Driver]:
    """A window whose engine was started where the microphone is."""
    window = MainWindow(application, QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat), timed=False)
    window.show()
    yield Driver(window)
    window.close()


def labels(driver: Driver) -> set[str]:
    """All words that were shown."""
    screen = driver.window.playback.screen
    assert screen is not None
    return {screen.layout.labels[place] for place in screen.steps_since(0).records["label"] if place >= 0}


def test_words_are_seen_while_they_are_said(driver: Driver, server: Server, tmp_path: Path) -> None:
    spans = read_spans(ROOT / "recordings" / "spoken-digits.csv")
    said = {span.label for span in spans if span.end_us <= PLAYED_US}
    assert len(said) >= 2
    samples, rate_hz = soundfile.read(ROOT / "recordings" / "spoken-digits.flac", dtype="float32")
    soundfile.write(tmp_path / "words.wav", samples[: rate_hz * PLAYED_US // 1_000_000], rate_hz)
    driver.open("mic", str(ROOT / "models" / "english-digits"))
    assert driver.window.playback.live
    driver.until(lambda: driver.offset_us > 0)
    heard_before = labels(driver)
    begun_us = driver.offset_us
    with server.playing(tmp_path / "words.wav"):
        driver.until(lambda: driver.offset_us > begun_us + PLAYED_US + 2_000_000)
    assert not heard_before
    assert len(labels(driver) & said) >= len(said) - 1, f"said {said}, seen {labels(driver)}"


def test_what_is_unplugged_is_told_and_comes_back(driver: Driver, server: Server) -> None:
    driver.open("mic", str(ROOT / "models" / "english-digits"))
    driver.until(lambda: driver.offset_us > 0)
    server.unplug()
    driver.until(lambda: "gone" in driver.window.banner.text)
    server.plug_in()
    before_us = driver.offset_us
    driver.until(lambda: driver.offset_us > before_us + 500_000)
