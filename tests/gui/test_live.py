"""The window at a real microphone: what is said is seen, what is unplugged is told, and comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
from playing import Driver
from pulse import Server
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication, QFileDialog

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


def test_words_are_seen_while_they_are_said_and_kept(
    driver: Driver, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "kept.flac"), ""))
    spans = read_spans(ROOT / "recordings" / "spoken-digits.csv")
    said = {span.label for span in spans if span.end_us <= PLAYED_US}
    assert len(said) >= 2
    samples, rate_hz = soundfile.read(ROOT / "recordings" / "spoken-digits.flac", dtype="float32")
    soundfile.write(tmp_path / "words.wav", samples[: rate_hz * PLAYED_US // 1_000_000], rate_hz)
    driver.open("mic", str(ROOT / "models" / "english-digits"))
    assert driver.window.playback.live
    driver.until(lambda: driver.offset_us > 0)
    heard_before = labels(driver)
    driver.key(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: driver.window.playback.recording)
    begun_us = driver.offset_us
    with server.playing(tmp_path / "words.wav"):
        driver.until(lambda: driver.offset_us > begun_us + PLAYED_US + 2_000_000)
    driver.key(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: not driver.window.playback.recording)
    assert "Recorded" in driver.window.banner.text
    assert not heard_before
    assert len(labels(driver) & said) >= len(said) - 1, f"said {said}, seen {labels(driver)}"
    driver.open(str(tmp_path / "kept.flac"), str(ROOT / "models" / "english-digits"), speed=None)
    driver.until_mode("ended")
    assert len(labels(driver) & said) >= len(said) - 1, f"said {said}, seen again {labels(driver)}"


def test_what_cannot_be_recorded_is_said(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driver.open(str(ROOT / "recordings" / "spoken-digits.flac"), str(ROOT / "models" / "english-digits"), paused=True)
    driver.key(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert "Only what a microphone hears" in driver.window.banner.text
    (tmp_path / "old.flac").write_bytes(b"precious")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "old.flac"), ""))
    driver.open("mic", str(ROOT / "models" / "english-digits"))
    driver.key(Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: "is there already" in driver.window.banner.text)
    assert not driver.window.playback.recording
    assert (tmp_path / "old.flac").read_bytes() == b"precious"


def test_what_is_unplugged_is_told_and_comes_back(driver: Driver, server: Server) -> None:
    driver.open("mic", str(ROOT / "models" / "english-digits"))
    driver.until(lambda: driver.offset_us > 0)
    server.unplug()
    driver.until(lambda: "gone" in driver.window.banner.text)
    server.plug_in()
    before_us = driver.offset_us
    driver.until(lambda: driver.offset_us > before_us + 500_000)
