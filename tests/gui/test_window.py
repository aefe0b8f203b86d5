"""The window as people use it: by keys, by clicks, by dropping files; and what it says when something is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playing import Driver
from PySide6.QtCore import QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QDockWidget, QLineEdit, QToolButton
from toys import SENSOR, changing_events, save_sides

from streamsnn.formats import write_recording
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.gui.time_bar import clock_text
from streamsnn.gui.window import MainWindow

Key = Qt.Key
STEP_US = 5_000


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A recording of three seconds, a model for it, and one of sounds that does not fit."""
    folder = tmp_path_factory.mktemp("window")
    write_recording(folder / "changing.dat", changing_events(3.0), SENSOR)
    save_sides(folder / "sides")
    return {"recording": str(folder / "changing.dat"), "model": str(folder / "sides"), "folder": str(folder)}


@pytest.fixture(scope="module")
def shared_driver(application: QApplication, places: dict[str, str]) -> Iterator[Driver]:
    settings = QSettings(str(Path(places["folder"]) / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(application, settings, timed=False)
    window.show()
    assert QTest.qWaitForWindowActive(window)
    yield Driver(window)
    window.close()


@pytest.fixture
def driver(shared_driver: Driver, places: dict[str, str]) -> Driver:
    """A window in which the recording has just been opened, and is paused."""
    window = shared_driver.window
    window.use_theme(DARK)
    window.reset_layout()
    shared_driver.open(places["recording"], places["model"], filters=(), speed=1.0, loop=False, paused=True)
    return shared_driver


def test_what_is_open_is_shown(driver: Driver) -> None:
    window = driver.window
    assert window.windowTitle() == "changing.dat – sides – streamsnn"
    assert window.transport.state_text == "paused"
    assert window.banner.text == ""
    driver.until(lambda: window.time_bar.duration_us is not None)
    assert window.time_bar.duration_us == pytest.approx(3_000_000, rel=0.01)
    driver.key(Key.Key_Space)
    driver.until_mode("playing")
    driver.until(lambda: driver.offset_us > 500_000)
    driver.key(Key.Key_Space)
    driver.until_mode("paused")
    window.frame()
    assert window.time_bar.position_us == driver.offset_us
    assert window.transport.time_text.startswith(clock_text(driver.offset_us))


def test_keys_step_seek_and_rewind(driver: Driver) -> None:
    driver.key(Key.Key_Period, times=3)
    driver.until(lambda: driver.steps == [0, 1, 2])
    driver.key(Key.Key_Comma)
    driver.until(lambda: driver.newest_step == 1)
    driver.key(Key.Key_Right)
    driver.until(lambda: driver.offset_us > 1_000_000)
    driver.key(Key.Key_Left)
    driver.until(lambda: driver.offset_us < 100_000)
    driver.key(Key.Key_Right, times=1)
    driver.until(lambda: driver.offset_us > 1_000_000)
    driver.key(Key.Key_R)
    driver.until(lambda: driver.window.playback.offset_us == 0)


def test_a_click_and_a_drag_on_the_time_bar_seek(driver: Driver) -> None:
    window, bar = driver.window, driver.window.time_bar
    driver.until(lambda: bar.duration_us is not None)
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(round(bar.x_of(2_000_000)), 20))
    driver.until(lambda: abs(driver.offset_us - 2_000_000) < 20_000)
    QTest.mousePress(bar, Qt.MouseButton.LeftButton, pos=QPoint(round(bar.x_of(500_000)), 20))
    QTest.mouseMove(bar, QPoint(round(bar.x_of(1_000_000)), 20))
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, pos=QPoint(round(bar.x_of(1_000_000)), 20))
    driver.until(lambda: abs(driver.offset_us - 1_000_000) < 20_000)
    wanted = driver.plain_steps_until(driver.offset_us)
    driver.until(lambda: driver.newest_step == wanted)
    assert window.transport.state_text == "paused"


def test_markers_and_loop(driver: Driver) -> None:
    window = driver.window
    driver.seek(1_000_000)
    driver.key(Key.Key_I)
    driver.seek(1_200_000)
    driver.key(Key.Key_O)
    assert (window.time_bar.in_us, window.time_bar.out_us) == pytest.approx((1_000_000, 1_200_000), abs=STEP_US)
    driver.key(Key.Key_L)
    driver.until(lambda: window.playback.status.loop)
    assert window.menus.actions["toggle_loop"].isChecked()
    window.playback.set_speed(None)
    driver.key(Key.Key_R)
    driver.until(lambda: abs(driver.offset_us - 1_000_000) < 2 * STEP_US)
    epoch = window.playback.screen.epoch  # type: ignore[union-attr]
    driver.key(Key.Key_Space)
    driver.until(lambda: window.playback.screen.epoch > epoch + 3)  # type: ignore[union-attr]
    driver.key(Key.Key_Space)
    driver.until_mode("paused")
    assert 990_000 < driver.offset_us <= 1_210_000
    driver.key(Key.Key_X)
    assert window.time_bar.in_us is None


def test_an_in_marker_after_the_out_marker_is_refused(driver: Driver) -> None:
    driver.seek(1_000_000)
    driver.key(Key.Key_O)
    driver.seek(2_000_000)
    driver.key(Key.Key_I)
    assert driver.window.banner.is_error
    assert "in marker" in driver.window.banner.text
    assert driver.window.time_bar.in_us is None


def test_speeds(driver: Driver) -> None:
    window = driver.window
    box = window.transport.findChild(QComboBox, "speed")
    assert isinstance(box, QComboBox)
    driver.key(Key.Key_BracketRight)
    driver.until(lambda: window.playback.status.speed == 2.0)
    assert box.currentText() == "2x"
    driver.key(Key.Key_BracketLeft, times=2)
    driver.until(lambda: window.playback.status.speed == 0.5 or box.currentText() == "1x")
    box.activated.emit(box.count() - 1)
    driver.until(lambda: window.playback.status.speed is None)
    driver.key(Key.Key_1)
    driver.until(lambda: window.playback.status.speed == 1.0)


def test_the_picture_is_changed_by_keys(driver: Driver) -> None:
    events = driver.window.panels.events
    before = events.accumulation_us
    driver.key(Key.Key_S)
    assert events.accumulation_us > before
    driver.key(Key.Key_F, times=2)
    assert events.accumulation_us < before
    driver.key(Key.Key_S)
    driver.key(Key.Key_T)
    assert events.rendering == "accumulation"
    driver.key(Key.Key_T)
    names = [events.palette_name]
    while len(names) < 6:
        driver.key(Key.Key_P)
        names.append(events.palette_name)
    assert len(set(names[:5])) == 5
    assert names[5] == names[0]
    driver.key(Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    assert driver.window.theme is LIGHT


def test_filters_are_ticked_while_it_plays(driver: Driver) -> None:
    window = driver.window
    driver.seek(1_500_000)
    label = driver.label
    window.panels.show("Filters")
    box = window.panels.filters.findChild(QCheckBox, "filter flip:x")
    assert isinstance(box, QCheckBox)
    box.click()
    driver.seek(1_400_000)
    driver.seek(1_500_000)
    assert {label, driver.label} == {"left", "right"}
    line = window.panels.filters.findChild(QLineEdit, "filterLine")
    assert isinstance(line, QLineEdit)
    QTest.keyClicks(line, "flop:x")
    QTest.keyClick(line, Key.Key_Return)
    driver.until(lambda: window.banner.is_error)
    assert "flop" in window.banner.text
    assert window.playback.status.mode == "paused"


def test_a_region_is_a_filter(driver: Driver) -> None:
    window = driver.window
    window.panels.events.regionChosen.emit(0, 0, 4, 6)
    window.panels.events.regionChosen.emit(4, 0, 4, 6)
    assert window.playback.filters["region:0,0,4,6"] is False
    assert window.playback.filters["region:4,0,4,6"] is True
    assert window.panels.events.region == (4, 0, 4, 6)
    driver.seek(1_500_000)
    watched = window.playback.screen.events_since(0)[0]  # type: ignore[union-attr]
    assert len(watched)
    assert watched["x"][-100:].min() >= 4


def test_the_threshold_is_chosen_in_the_bars(driver: Driver) -> None:
    window = driver.window
    driver.seek(1_500_000)
    assert driver.label is not None
    window.panels.decision.thresholdChosen.emit(0.999)
    driver.seek(1_500_000)
    assert driver.label is None
    assert window.playback.threshold == 0.999


def test_a_picked_neuron_is_watched(driver: Driver) -> None:
    window = driver.window
    window.panels.spikes.neuronPicked.emit("spikes", 1)
    assert window.playback.probes == [("spikes", 1)]
    driver.key(Key.Key_Period, times=2)
    driver.until(lambda: len(driver.steps) >= 2)
    membranes = window.playback.screen.steps_since(0).membranes  # type: ignore[union-attr]
    assert np.isfinite(membranes[-1, 0])
    window.panels.membranes.probeRemoved.emit(0)
    assert window.playback.probes == []
    window.panels.spikes.neuronPicked.emit("halves", 0)
    assert "no membrane" in window.banner.text


def test_forgetting_begins_anew(driver: Driver) -> None:
    screen = driver.window.playback.screen
    assert screen is not None
    driver.seek(1_000_000)
    epoch = screen.epoch
    driver.key(Key.Key_Z)
    driver.until(lambda: screen.epoch == epoch + 1)


def test_what_cannot_be_opened_is_said_and_the_window_lives(driver: Driver, places: dict[str, str]) -> None:
    window = driver.window
    window.playback.open_source(places["folder"] + "/none.dat", places["model"])
    assert window.banner.is_error
    assert "none.dat" in window.banner.text
    empty = Path(places["folder"]) / "empty.dat"
    empty.write_bytes(b"% Data file\n% end\n")
    window.playback.open_source(str(empty), places["model"])
    driver.until(lambda: window.banner.is_error and "304x240" in window.banner.text)
    assert window.transport.state_text == "failed"
    window.playback.open_source(places["recording"], "english-digits")
    assert "it was made for sound" in window.banner.text
    driver.open(places["recording"], places["model"], paused=True)
    assert not window.banner.is_error


def test_an_engine_that_dies_is_replaced(driver: Driver, places: dict[str, str]) -> None:
    window = driver.window
    pid = window.link.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    driver.until(lambda: window.banner.is_error)
    assert "ended unexpectedly" in window.banner.text
    assert window.transport.state_text == "failed"
    assert window.link.pid is None
    driver.open(places["recording"], places["model"], paused=True)
    assert window.link.pid != pid


def test_a_file_is_dropped_on_it(driver: Driver, places: dict[str, str]) -> None:
    window = driver.window
    copy = Path(places["folder"]) / "dropped.dat"
    copy.write_bytes(Path(places["recording"]).read_bytes())
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(copy))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    driver.until(lambda: window.windowTitle().startswith("dropped.dat"))
    assert window.playback.recent[0] == str(copy)
    window.menus.recent.aboutToShow.emit()
    assert str(copy) in [action.text() for action in window.menus.recent.actions()]


def test_the_models_say_whether_they_fit(driver: Driver) -> None:
    menu = driver.window.menus.models
    menu.aboutToShow.emit()
    texts = {action.text().split()[0]: action for action in menu.actions()}
    assert "with a margin" in texts["nmnist-brf"].text()
    assert texts["nmnist-brf"].isEnabled()
    assert not texts["english-digits"].isEnabled()
    assert "10 ms" in texts["nmnist-brf"].text()
    texts["nmnist-brf"].trigger()
    driver.until(lambda: "nmnist-brf" in driver.window.windowTitle(), patience_s=300)


def test_the_keys_are_shown_over_the_picture(driver: Driver) -> None:
    window = driver.window
    driver.key(Key.Key_H)
    assert window.keys.isVisible()
    assert window.keys.geometry() == window.rect()
    QTest.mouseClick(window.keys, Qt.MouseButton.LeftButton)
    assert not window.keys.isVisible()


def test_a_screenshot(driver: Driver, tmp_path: Path) -> None:
    driver.window.save_picture(str(tmp_path / "window.png"))
    assert (tmp_path / "window.png").read_bytes().startswith(b"\x89PNG")
    assert "Saved" in driver.window.banner.text
    driver.window.save_picture(str(tmp_path / "nowhere" / "window.png"))
    assert driver.window.banner.is_error


def test_a_live_stream_is_held_and_not_paused(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    playback = driver.window.playback
    assert playback.now is not None
    import dataclasses

    monkeypatch.setattr(playback, "now", dataclasses.replace(playback.now, live=True))
    playback.play_or_pause()
    assert playback.held
    assert driver.window.transport.state_text == "picture held"
    frames = driver.window.frames
    driver.window.frame()
    assert driver.window.frames == frames + 1
    playback.play_or_pause()
    assert not playback.held


def test_panels_are_closed_and_remembered(application: QApplication, tmp_path: Path) -> None:
    def remembered() -> QSettings:
        return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)

    first = MainWindow(application, remembered(), timed=False)
    first.show()
    dock = first.findChild(QDockWidget, "dock Health")
    assert isinstance(dock, QDockWidget)
    dock.close()
    first.use_theme(LIGHT)
    first.close()
    second = MainWindow(application, remembered(), timed=False)
    second.show()
    dock = second.findChild(QDockWidget, "dock Health")
    assert isinstance(dock, QDockWidget)
    assert not dock.isVisible()
    assert second.theme is LIGHT
    second.reset_layout()
    assert dock.isVisible()
    second.close()


def test_buttons_do_what_keys_do(driver: Driver) -> None:
    button: Any = driver.window.transport.findChild(QToolButton, "step_forward")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    driver.until(lambda: driver.steps == [0])
    play: Any = driver.window.transport.findChild(QToolButton, "play_or_pause")
    QTest.mouseClick(play, Qt.MouseButton.LeftButton)
    driver.until_mode("playing")
