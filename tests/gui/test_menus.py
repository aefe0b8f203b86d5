"""The menus, clicked through: a screenshot, the decisions and a film are written where one says."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playing import Driver
from PySide6.QtCore import QSettings, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QDialogButtonBox, QDoubleSpinBox, QFileDialog, QMenu
from toys import SENSOR, changing_events, save_sides

from streamsnn.engine import stream
from streamsnn.formats import write_recording
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


def test_whoever_chooses_no_place_gets_nothing(driver: Driver, chosen: list[str], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    click(driver, "File", "Export the decisions")
    click(driver, "File", "Save a screenshot")
    driver.key(Qt.Key.Key_Period)
    driver.until(lambda: driver.steps == [0])
    assert sorted(tmp_path.iterdir()) == before
