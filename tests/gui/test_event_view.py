"""The picture of events: the right colours at the right places, fading with the stream's time, and the mouse."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QWidget
from stage import Stage, events, has, picture, press, rgb

from streamsnn.gui.event_view import LONGEST_US, SHORTEST_US, EventView
from streamsnn.gui.palettes import PALETTES
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.types import Sensor, Track


def at(view: EventView, x: int, y: int) -> tuple[int, int, int]:
    """The colour in the middle of a pixel of the sensor."""
    point = view.point_of(x + 0.5, y + 0.5)
    red, green, blue = picture(view)[int(point.y()), int(point.x())].tolist()
    return red, green, blue


def staged(sensor: Sensor | None = None, size: tuple[int, int] = (640, 480)) -> tuple[Stage, EventView]:
    stage, view = Stage(sensor=sensor), EventView()
    stage.show(view, size=size)
    return stage, view


@pytest.mark.parametrize("name", list(PALETTES))
def test_on_and_off_have_the_colours_of_the_palette(name: str) -> None:
    stage, view = staged()
    view.use_palette(name)
    stage.screen.write_events(events((9_999, 3, 4, True), (9_999, 30, 20, False)))
    stage.write()
    stage.refresh()
    assert at(view, 3, 4) == pytest.approx(PALETTES[name].on, abs=2)
    assert at(view, 30, 20) == pytest.approx(PALETTES[name].off, abs=2)
    assert at(view, 10, 10) == PALETTES[name].nothing


def test_the_palette_follows_the_theme_until_one_is_chosen() -> None:
    _, view = staged()
    assert at(view, 10, 10) == PALETTES["dark"].nothing
    view.use_theme(LIGHT)
    assert at(view, 10, 10) == PALETTES["light"].nothing
    view.use_palette("gray")
    assert at(view, 10, 10) == PALETTES["gray"].nothing
    view.use_theme(DARK)
    assert at(view, 10, 10) == PALETTES["gray"].nothing


def test_older_events_are_fainter_and_a_paused_stream_stands_still() -> None:
    stage, view = staged()
    view.set_accumulation_us(20_000)
    stage.screen.write_events(events((1_000, 3, 4, True), (20_000, 5, 4, True), (39_990, 7, 4, True)))
    stage.play(4)
    stage.refresh()
    brightness = [sum(at(view, x, 4)) for x in (9, 3, 5, 7)]
    assert brightness == sorted(set(brightness))
    before = picture(view)
    stage.refresh(10**15)
    np.testing.assert_array_equal(picture(view), before)
    stage.play(10)
    stage.refresh()
    assert sum(at(view, 7, 4)) < brightness[2]


def test_accumulation_shows_the_difference_of_a_window() -> None:
    stage, view = staged()
    view.set_rendering("accumulation")
    view.set_accumulation_us(10_000)
    on = [(15_000 + i, 3, 4, True) for i in range(3)]
    both = [(15_100 + i, 9, 4, i % 2 == 0) for i in range(6)]
    stage.screen.write_events(events((5_000, 20, 20, True), *on, *both, (15_200, 6, 4, False)))
    stage.play(2)
    stage.refresh()
    palette = PALETTES["dark"]
    assert at(view, 3, 4) == pytest.approx(palette.on, abs=3)
    assert at(view, 9, 4) == palette.nothing
    assert at(view, 20, 20) == palette.nothing
    fainter = at(view, 6, 4)
    assert fainter not in (palette.nothing, palette.off)
    view.longer()
    view.longer()
    assert at(view, 20, 20) != palette.nothing


def test_longer_and_shorter_stay_within_their_ends() -> None:
    _, view = staged()
    said: list[int] = []
    view.accumulationChanged.connect(said.append)
    view.set_accumulation_us(30_000)
    view.longer()
    assert view.accumulation_us == 45_000
    view.shorter()
    assert view.accumulation_us == 30_000
    for _ in range(40):
        view.shorter()
    assert view.accumulation_us == SHORTEST_US
    for _ in range(40):
        view.longer()
    assert view.accumulation_us == LONGEST_US
    assert said[:3] == [30_000, 45_000, 30_000]


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (3840, 2160)])
@pytest.mark.parametrize("sensor", [Sensor("tiny", 34, 34), Sensor("hd", 1280, 720)])
def test_every_size_shows_all_of_every_sensor(sensor: Sensor, size: tuple[int, int]) -> None:
    stage, view = staged(sensor, size)
    corners = [(0, 0), (sensor.width - 1, 0), (0, sensor.height - 1), (sensor.width - 1, sensor.height - 1)]
    stage.screen.write_events(events(*((9_999, x, y, True) for x, y in corners)))
    stage.write()
    stage.refresh()
    shot = picture(view)
    for x, y in corners:
        point = view.point_of(x + 0.5, y + 0.5)
        near = shot[max(0, int(point.y()) - 1) : int(point.y()) + 2, max(0, int(point.x()) - 1) : int(point.x()) + 2]
        assert (near.astype(int).sum(axis=2) > 600).any(), (x, y)


@pytest.mark.parametrize("ratio", [1, 2])
def test_a_finer_screen_shows_finer_pixels(ratio: int) -> None:
    stage, view = staged(Sensor("hd", 1280, 720), (640, 400))
    stage.screen.write_events(events(*((9_999, x, 300, True) for x in range(0, 1280, 2))))
    stage.write()
    stage.refresh()
    image = QImage(view.size() * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    view.render(image)
    row = [image.pixelColor(x, int(view.point_of(0, 300.5).y() * ratio)).red() for x in range(2, 640 * ratio - 2)]
    assert row == ([0xF2] * 636 if ratio == 1 else [0xF2, 20] * 638)


def test_a_wheel_zooms_around_the_pointer_a_drag_moves_and_a_double_click_shows_all() -> None:
    _, view = staged()
    point = view.point_of(10, 7)
    wheel = QWheelEvent(
        point,
        point,
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    before = view.point_of(11, 7).x() - view.point_of(10, 7).x()
    view.wheelEvent(wheel)
    assert view.point_of(10, 7).x() == pytest.approx(point.x())
    assert view.point_of(11, 7).x() - view.point_of(10, 7).x() > 1.1 * before
    press(view, (100, 100), (130, 90))
    assert view.point_of(10, 7).x() == pytest.approx(point.x() + 30)
    assert view.point_of(10, 7).y() == pytest.approx(point.y() - 10)
    view.mouseDoubleClickEvent(None)  # type: ignore[arg-type]  # which button it was does not matter
    assert view.point_of(10, 7) == point


def test_however_far_it_is_dragged_some_of_the_sensor_stays_in_sight() -> None:
    _, view = staged()
    for _ in range(20):
        press(view, (10, 10), (600, 400))
    assert view.point_of(0, 0).x() < view.width()
    assert view.point_of(0, 0).y() < view.height()


def test_the_pixel_under_the_pointer() -> None:
    _, view = staged()
    assert view.pixel_at(view.point_of(12.5, 7.5)) == (12, 7)
    assert view.pixel_at(view.point_of(-0.5, 3)) is None
    assert view.pixel_at(QPointF(5, view.height() - 2)) is None


def test_where_the_pointer_is_is_told_without_painting_the_picture_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, view = staged()
    stage.play(1)
    stage.refresh()
    before = picture(view)
    point = view.point_of(12.5, 7.5)
    painted: list[int] = []
    monkeypatch.setattr(view._pixels, "surface", lambda *_: painted.append(1))
    asked: list[tuple[int, ...]] = []
    monkeypatch.setattr(view, "update", lambda *area: asked.append(area))
    press(view, (5, 5))
    asked.clear()
    view.mouseMoveEvent(moved(point))
    [(left, top, width, height)] = asked
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    view.render(image, QPoint(), QRegion(left, top, width, height), QWidget.RenderFlag(0))
    assert painted == []
    monkeypatch.undo()
    after = picture(view)
    assert (after[:top] == before[:top]).all()
    assert (after[top:] != before[top:]).any()


def moved(point: QPointF) -> QMouseEvent:
    nothing = Qt.MouseButton.NoButton
    return QMouseEvent(QEvent.Type.MouseMove, point, point, nothing, nothing, Qt.KeyboardModifier.NoModifier)


def test_ctrl_and_drag_choose_a_region_of_whole_pixels() -> None:
    _, view = staged()
    chosen: list[tuple[int, int, int, int]] = []
    view.regionChosen.connect(lambda *region: chosen.append(region))
    begin, end = view.point_of(5.5, 6.5), view.point_of(20.2, 15.8)
    press(view, (end.x(), end.y()), (100, 100), (begin.x(), begin.y()), control=True)
    assert chosen == [(5, 6, 16, 10)]
    press(view, (begin.x(), begin.y()), control=True)
    press(view, (begin.x(), begin.y()), (end.x(), end.y()))
    assert len(chosen) == 1
    view.set_choosing(True)
    view.reset_view()
    far = view.point_of(1000, 1000)
    press(view, (begin.x(), begin.y()), (far.x(), far.y()))
    assert chosen[1:] == [(5, 6, 35, 24)]


def test_a_region_is_outlined() -> None:
    _, view = staged()
    assert not has(picture(view), DARK.accent)
    view.set_region((5, 6, 16, 10))
    rows, columns = np.nonzero((picture(view) == np.array(rgb(DARK.accent))).all(axis=2))
    top_left, bottom_right = view.point_of(5, 6), view.point_of(21, 16)
    assert (columns.min(), rows.min()) == pytest.approx((top_left.x(), top_left.y()), abs=2)
    assert (columns.max(), rows.max()) == pytest.approx((bottom_right.x(), bottom_right.y()), abs=2)
    view.set_region(None)
    assert not has(picture(view), DARK.accent)


def test_boxes_have_frames_and_tails() -> None:
    stage, view = staged()
    for index in range(30):
        stage.write(tracks=(Track(2, 2.0 + index, 5, 6, 4, 0, 0, 0),))
        stage.refresh()
    colour = DARK.category(2)
    rows, columns = np.nonzero((picture(view) == np.array(rgb(colour))).all(axis=2))
    left, right = view.point_of(31, 5), view.point_of(37, 9)
    assert columns.min() == pytest.approx(left.x(), abs=3)
    assert columns.max() == pytest.approx(right.x(), abs=3)
    assert rows.max() == pytest.approx(right.y(), abs=3)
    tail = view.point_of(28, 7)
    behind = picture(view)[int(tail.y()) - 2 : int(tail.y()) + 3, int(tail.x())]
    assert (behind.astype(int).sum(axis=1) > sum(PALETTES["dark"].nothing) + 20).any()
    stage.play(60)
    stage.refresh()
    assert not has(picture(view), colour)


def test_a_box_says_what_is_in_it() -> None:
    def plate(label: str | None) -> int:
        stage, view = staged()
        stage.write(tracks=(Track(2, 20, 15, 1, 1, 0, 0, 0, label),))
        stage.refresh()
        _, columns = np.nonzero((picture(view) == np.array(rgb(DARK.category(2)))).all(axis=2))
        return int(columns.max() - columns.min())

    assert plate("nine") > plate(None) + 20


def test_the_line_below_says_how_the_background_moves() -> None:
    def ink(background_px_s: tuple[float, float] | None) -> int:
        stage, view = staged()
        stage.write(background_px_s=background_px_s)
        stage.refresh()
        return int(np.nonzero((picture(view)[-10:] != picture(view)[-1, -1]).any(axis=(0, 2)))[0].max())

    assert ink((-12.0, 40.0)) > ink((3.0, 0.0)) > ink(None) + 50


def test_clear_forgets_what_was_shown() -> None:
    stage, view = staged()
    stage.screen.write_events(events((9_999, 3, 4, True)))
    stage.write(tracks=(Track(2, 2, 5, 6, 4, 0, 0, 0),))
    stage.refresh()
    view.clear()
    assert at(view, 3, 4) == PALETTES["dark"].nothing
    assert not has(picture(view), DARK.category(2))


def test_without_a_stream_it_says_so() -> None:
    view = EventView()
    view.resize(320, 240)
    assert has(picture(view), DARK.panel)
    view.refresh(Stage().screen.steps_since(0), 0)
    press(view, (5, 5), (50, 50), control=True)
    assert view.now_us == 0
