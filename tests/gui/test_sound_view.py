"""Sound: each channel at its frequency, each spike at its time, and a level that may be unknown."""

from __future__ import annotations

import numpy as np
import pytest
from stage import Stage, has, picture, rgb

from streamsnn.gui.sound_view import SoundView
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.player.screen import RECORDS
from streamsnn.types import DeltaHearing, Hearing, Sensor

HEARING = Hearing(channels=70, lowest_hz=110, highest_hz=7000, cells=5)


def staged(size: tuple[int, int] = (640, 480), **stage: object) -> tuple[Stage, SoundView]:
    made, view = Stage(**({"hearing": HEARING} | stage)), SoundView()  # type: ignore[arg-type]
    made.show(view, size=size)
    return made, view


def lit(view: SoundView) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the cochlea's picture where there are spikes."""
    area = view.strips()[0].area
    shot = picture(view).astype(int)[int(area.top()) : int(area.bottom()), int(area.left()) : int(area.right())]
    rows, columns = np.nonzero(shot[:, :, 2] - shot[:, :, 0] > 50)
    return rows / area.height(), columns / area.width()


def test_channel_0_is_at_the_top_and_now_is_at_the_right() -> None:
    stage, view = staged()
    stage.play(400)
    stage.write(addresses=(0, 0, 0))
    stage.play(98)
    stage.write(addresses=(69, 69, 69))
    stage.refresh()
    rows, columns = lit(view)
    assert rows[columns < 0.9].mean() == pytest.approx(0.5 / 70, abs=0.01)
    assert columns[columns < 0.9].mean() == pytest.approx(0.8, abs=0.01)
    assert rows[columns > 0.9].mean() == pytest.approx(69.5 / 70, abs=0.01)
    assert columns.max() > 0.995


def test_frequencies_stand_at_the_channels_that_answer_to_them() -> None:
    from streamsnn.cochlea.membrane import choose_places

    _, view = staged()
    best_hz = choose_places(70, 110, 7000).best_hz
    named = view._frequencies(700.0)
    assert [text for _, text in named] == ["5 kHz", "2 kHz", "1 kHz", "500 Hz", "200 Hz"]
    for y, text in named:
        number, unit = text.split()
        hz = float(number) * (1000 if unit == "kHz" else 1)
        assert y / 10 - 0.5 == pytest.approx(np.abs(np.log(best_hz / hz)).argmin(), abs=0.7)


def test_the_level_is_a_line_and_may_be_unknown() -> None:
    stage, view = staged()
    stage.play(250, level_db=-20.0)
    stage.play(250)
    stage.refresh()
    assert np.isnan(view.level_db)
    below = view.strips()[1]
    area = below.area
    shot = picture(view)[int(area.top()) : int(area.bottom()), int(area.left()) : int(area.right())]
    rows, columns = np.nonzero((np.abs(shot.astype(int) - np.array(rgb(DARK.accent))) < 40).all(axis=2))
    assert rows.mean() + area.top() == pytest.approx(below.y(-20), abs=2)
    assert columns.max() == pytest.approx(area.width() / 2, abs=3)
    stage.write(level_db=-31.5)
    stage.refresh()
    assert view.level_db == -31.5


def test_two_ears_are_one_above_the_other() -> None:
    stage, view = staged(sensor=Sensor("cochlea", 60, 2, "audio"), hearing=Hearing(channels=60))
    stage.play(400)
    stage.write(addresses=(0, 0, 0))
    stage.play(50)
    stage.write(addresses=(60, 60, 60))
    stage.play(48)
    stage.refresh()
    rows, columns = lit(view)
    assert rows[columns < 0.85].mean() == pytest.approx(0.5 / 120, abs=0.01)
    assert rows[columns > 0.85].mean() == pytest.approx(0.5 + 0.5 / 120, abs=0.01)
    assert view.parts() == ["left", "right"]


def test_an_ear_of_level_crossings_shows_what_falls_above_what_rises() -> None:
    stage, view = staged(hearing=DeltaHearing(channels=40))
    stage.play(400)
    stage.write(addresses=(0, 0))
    stage.play(50)
    stage.write(addresses=(40, 40))
    stage.play(48)
    stage.refresh()
    rows, columns = lit(view)
    assert rows[columns < 0.85].mean() == pytest.approx(0.5 / 80, abs=0.01)
    assert rows[columns > 0.85].mean() == pytest.approx(0.5 + 0.5 / 80, abs=0.01)
    assert view.parts() == ["falls", "rises"]
    assert [text for _, text in view._frequencies(700.0)] == ["5 kHz", "2 kHz", "1 kHz", "500 Hz", "200 Hz"]


def test_a_stall_and_a_clear_do_no_harm() -> None:
    stage, view = staged()
    stage.play(RECORDS + 10, addresses=(5,), level_db=-10)
    assert stage.refresh().missed > 0
    assert len(lit(view)[0]) > 0
    view.clear()
    assert np.isnan(view.level_db)
    assert len(lit(view)[0]) == 0


@pytest.mark.parametrize("size", [(320, 240), (160, 80), (3840, 2160)])
def test_any_size_and_both_themes(size: tuple[int, int]) -> None:
    stage, view = staged(size)
    stage.play(600, addresses=(5, 6, 7), level_db=-10)
    stage.refresh()
    picture(view)
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.panel)


def test_a_hardware_cochlea_without_settings_is_shown_too() -> None:
    stage, view = staged(hearing=None, sensor=Sensor("nas", 64, 1, "audio"))
    stage.play(60, addresses=(5, 6, 7))
    stage.refresh()
    picture(view)
