"""The menus, clicked through: what is written where one says, what was open before, and how it all looks."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from playing import Driver
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QDoubleSpinBox, QFileDialog, QMenu
from toys import SENSOR, changing_events, save_ears, save_sides

from streamsnn.engine import stream
from streamsnn.formats import write_recording
from streamsnn.gui import dialogs
from streamsnn.gui.exports import Export
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.gui.window import MainWindow
from streamsnn.modelfolder import load_model
from streamsnn.sources.files import RecordingSource


@pytest.fixture
def driver(application: QApplication, tmp_path: Path) -> Iterator[Driver]:
    """A window in which a second of events is paused."""
    write_recording(tmp_path / "changing.dat", changing_events(1.0), SENSOR)
    save_sides(tmp_path / "sides")
    window = MainWindow(application, QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat), timed=False)
    window.show()
    driver = Driver(window)
    driver.open(str(tmp_path / "changing.dat"), str(tmp_path / "sides"), filters=(), paused=True)
    yield driver
    window.close()


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Put a name into it: that is the file that people choose when they are asked where to write."""
    names: list[str] = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / names[0]) if names else "", ""))
    return names


def click(driver: Driver, menu: str, entry: str) -> None:
    """Open a menu and click on the entry that begins so."""
    bar = driver.window.menuBar()
    shown = next(action.menu() for action in bar.actions() if action.text() == menu)
    assert isinstance(shown, QMenu)
    shown.popup(driver.window.mapToGlobal(driver.window.rect().topLeft()))
    action = next(action for action in shown.actions() if action.text().startswith(entry))
    QTest.mouseClick(shown, Qt.MouseButton.LeftButton, pos=shown.actionGeometry(action).center())
    # Without a display nobody else does it.
    driver.window.activateWindow()


def decided(driver: Driver) -> list[str | None]:
    """What the plain loop shows after each step of what is open."""
    wanted = driver.window.playback.wanted
    assert wanted is not None
    labels = [result.decision.label for result in stream(RecordingSource(wanted.source), load_model(wanted.model))]
    assert len(set(labels)) > 1
    return labels


def test_a_screenshot(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    chosen.append("seen.png")
    click(driver, "File", "Save a screenshot")
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.size == (driver.window.width(), driver.window.height())


def test_every_decision_as_csv(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    chosen.append("every.csv")
    click(driver, "File", "Export the decisions")
    driver.until(lambda: "every.csv" in driver.window.banner.text and (tmp_path / "every.csv").exists())
    with (tmp_path / "every.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] or None for row in rows] == decided(driver)


def test_changes_as_json_lines(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    chosen.append("changes.jsonl")
    click(driver, "File", "Export the decisions")
    driver.until(lambda: (tmp_path / "changes.jsonl").exists())
    lines = [json.loads(line) for line in (tmp_path / "changes.jsonl").read_text(encoding="utf-8").splitlines()]
    every = decided(driver)
    assert [line["label"] for line in lines] == [
        new for old, new in zip([None, *every], every, strict=False) if new != old
    ]


def test_a_film_at_the_speed_that_is_typed(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    chosen.append("film.gif")

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        speed, buttons = dialog.findChild(QDoubleSpinBox, "videoSpeed"), dialog.findChild(QDialogButtonBox)
        assert isinstance(speed, QDoubleSpinBox)
        assert isinstance(buttons, QDialogButtonBox)
        speed.selectAll()
        QTest.keyClicks(speed, "2")
        QTest.mouseClick(buttons.button(QDialogButtonBox.StandardButton.Ok), Qt.MouseButton.LeftButton)

    QTimer.singleShot(0, answer)
    click(driver, "File", "Export a video")
    driver.until(lambda: (tmp_path / "film.gif").exists(), patience_s=120)
    with Image.open(tmp_path / "film.gif") as film:
        shown_ms = 0
        for number in range(getattr(film, "n_frames", 1)):
            film.seek(number)
            shown_ms += film.info["duration"]
    # A second of stream at twice its speed.
    assert shown_ms == pytest.approx(500, abs=100)


def test_a_film_shows_the_membranes_that_are_watched(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    window = driver.window
    window.playback.probe("spikes", 1)
    begun: list[Export] = []
    monkeypatch.setattr(window, "start_export", begun.append)
    monkeypatch.setattr(dialogs, "ask_for_video", lambda _: (str(tmp_path / "film.mp4"), 1.0))
    window.export_video()
    assert "--probe=spikes:1" in begun[0].command


def test_whoever_chooses_no_place_gets_nothing(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    click(driver, "File", "Export the decisions")
    click(driver, "File", "Save a screenshot")
    driver.key(Qt.Key.Key_Period)
    driver.until(lambda: driver.steps == [0])
    assert sorted(tmp_path.iterdir()) == before


def test_what_was_open_before_is_opened_again(driver: Driver, tmp_path: Path) -> None:
    before = driver.window.playback.now
    write_recording(tmp_path / "other.dat", changing_events(0.4), SENSOR)
    driver.open(str(tmp_path / "other.dat"), str(tmp_path / "sides"), paused=True)
    recent = driver.window.menus.recent
    recent.aboutToShow.emit()
    recent.popup(driver.window.mapToGlobal(driver.window.rect().topLeft()))
    action = next(action for action in recent.actions() if action.text().endswith("changing.dat"))
    QTest.mouseClick(recent, Qt.MouseButton.LeftButton, pos=recent.actionGeometry(action).center())
    playback = driver.window.playback
    driver.until(lambda: playback.now is not None and playback.now.source.endswith("changing.dat"))
    assert playback.now is not before


def test_what_moves_is_boxed_by_key_and_by_click(driver: Driver) -> None:
    playback = driver.window.playback
    driver.key(Qt.Key.Key_B)
    driver.until(lambda: playback.now is not None and playback.status.mode in ("playing", "paused"))
    assert playback.wanted is not None
    assert playback.wanted.track == "regions"
    click(driver, "View", "Box what moves")
    assert playback.wanted.track is None


def test_the_camera_s_motion_is_taken_out_by_key_and_by_click_while_it_goes_on(driver: Driver) -> None:
    window, playback = driver.window, driver.window.playback
    action = window.menus.actions["toggle_ego_motion"]

    def takes_it_out() -> bool:
        """Whether the next step does."""
        assert playback.screen is not None
        before = playback.screen.steps_written
        driver.key(Qt.Key.Key_Period)
        screen = playback.screen
        driver.until(lambda: screen.steps_written > before)
        return bool(np.isfinite(screen.steps_since(0).records["background_vx"][-1]))

    assert not action.isChecked()
    assert not takes_it_out()
    # What is not boxed is boxed first, as by B.
    first = playback.now
    driver.key(Qt.Key.Key_E)
    driver.until(lambda: playback.now is not first and playback.status.mode == "playing")
    driver.key(Qt.Key.Key_Space)
    driver.until_mode("paused")
    assert action.isChecked()
    assert takes_it_out()
    now, place = playback.now, driver.newest_step
    click(driver, "View", "Take the camera's own motion out")
    assert not action.isChecked()
    assert not takes_it_out()
    driver.key(Qt.Key.Key_E)
    assert action.isChecked()
    assert takes_it_out()
    assert playback.now is now
    assert driver.newest_step == place + 2
    # Who boxes nothing takes nothing out.
    driver.key(Qt.Key.Key_B)
    driver.until(lambda: playback.now is not now and playback.status.mode == "playing")
    assert not action.isChecked()


def test_boxes_are_labelled_by_whoever_keeps_step(driver: Driver, tmp_path: Path) -> None:
    window, playback = driver.window, driver.window.playback
    sides, slow = str(tmp_path / "sides"), str(save_sides(tmp_path / "slow", step_us=10_000))
    recording = str(tmp_path / "changing.dat")

    def beside(model: str) -> str | None:
        before = playback.now
        playback.choose_model(model)
        driver.until(lambda: playback.now is not before or window.banner.is_error)
        assert not window.banner.is_error, window.banner.text
        assert playback.wanted is not None
        assert playback.wanted.track == "regions"
        return playback.wanted.classify

    driver.open(recording, sides, track="regions", classify=sides, paused=True)
    assert window.banner.text == ""
    assert beside(slow) is None
    assert "Boxes have no labels" in window.banner.text
    assert "5 ms" in window.banner.text
    assert "10 ms" in window.banner.text
    assert beside(sides) == sides
    assert window.banner.text == ""


def test_what_is_heard_is_not_boxed_and_plays_on(driver: Driver, tmp_path: Path) -> None:
    playback = driver.window.playback
    soundfile.write(tmp_path / "low.wav", np.full(16_000, 0.1), 16_000)
    driver.open(str(tmp_path / "low.wav"), str(save_ears(tmp_path / "ears")), paused=True)
    driver.key(Qt.Key.Key_B)
    assert "not boxed" in driver.window.banner.text
    assert playback.status.mode == "paused"
    assert playback.wanted is not None
    assert playback.wanted.track is None


def test_how_a_sensor_is_seen_is_said_once_it_is_open(driver: Driver, tmp_path: Path) -> None:
    driver.open(str(tmp_path / "changing.dat"), "nmnist-brf", paused=True)
    driver.until(lambda: "with a margin" in driver.window.banner.text)


def test_light_and_dark_full_screen_and_small(driver: Driver) -> None:
    window = driver.window
    assert window.theme is DARK
    driver.key(Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert window.theme is LIGHT
    click(driver, "View", "Light or dark")
    assert window.theme is DARK
    driver.key(Qt.Key.Key_F11)
    assert window.isFullScreen()
    driver.key(Qt.Key.Key_F11)
    assert not window.isFullScreen()
    window.resize(1280, 720)
    QApplication.processEvents()
    assert (window.width(), window.height()) == (1280, 720)
    assert not window.panels.events.visibleRegion().isEmpty()
