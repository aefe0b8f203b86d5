"""The history: what stood when, and how sure the network was."""

from __future__ import annotations

import numpy as np
import pytest
from stage import Stage, has, picture, rgb

from streamsnn.gui.history_view import LENGTH_US, HistoryView
from streamsnn.gui.theme import DARK, LIGHT, mixed
from streamsnn.player.screen import RECORDS


def staged(**stage: object) -> tuple[Stage, HistoryView]:
    made, view = Stage(**stage), HistoryView()  # type: ignore[arg-type]
    made.show(view, size=(900, 140))
    return made, view


def test_spans_stand_from_the_step_that_brought_them_to_the_one_that_ended_them() -> None:
    stage, view = staged()
    stage.play(10)
    stage.play(20, "left", confidence=0.9)
    stage.play(5)
    stage.play(7, "right", confidence=0.8)
    stage.play(8, "left", confidence=0.8)
    stage.refresh()
    assert [tuple(said) for said in view.spans()] == [
        (0, 110_000, 310_000),
        (1, 360_000, 430_000),
        (0, 430_000, 500_000),
    ]


def test_spans_do_not_depend_on_how_often_one_looks() -> None:
    whole, often = staged(), staged()
    for stage, view in (whole, often):
        for label, steps in ((None, 3), ("left", 9), (None, 4), ("right", 11), (None, 1)):
            for _ in range(steps):
                stage.write(label)
                if view is often[1]:
                    stage.refresh()
        stage.refresh()
    assert whole[1].spans() == often[1].spans()
    assert len(whole[1].spans()) == 2


def test_spans_are_painted_at_their_times_in_their_colours() -> None:
    stage, view = staged()
    stage.play(300)
    stage.play(300, "left", confidence=0.9)
    stage.play(100)
    stage.refresh()
    strip, band = view.strip(), picture(view)[12]
    columns = np.flatnonzero((band == np.array(rgb(DARK.category(0)))).all(axis=1))
    assert columns.min() == pytest.approx(strip.x(3_010_000), abs=2)
    assert columns.max() == pytest.approx(strip.x(6_010_000), abs=2)
    assert not has(picture(view)[10:16], DARK.category(1))


def test_the_confidence_is_a_line_and_the_threshold_another() -> None:
    stage, view = staged(threshold=0.3)
    stage.play(1200, confidence=0.8)
    stage.refresh()
    strip, shot = view.strip(), picture(view)
    middle = int(strip.area.center().x()) + 20
    column = shot[int(strip.area.top()) : int(strip.area.bottom()), middle].astype(int)
    brightest = int(strip.area.top()) + int(column.sum(axis=1).argmax())
    assert brightest == pytest.approx(strip.y(0.8), abs=1.5)

    def threshold_rows() -> np.ndarray:
        accent = (picture(view) == np.array(rgb(DARK.accent))).all(axis=2)[:, int(strip.area.left()) :]
        return np.flatnonzero(accent.sum(axis=1) > 100)

    assert threshold_rows() == pytest.approx([strip.y(0.3)], abs=1)
    view.set_threshold(0.9)
    assert threshold_rows() == pytest.approx([strip.y(0.9)], abs=1)


def test_it_shows_the_newest_ten_seconds() -> None:
    stage, view = staged()
    stage.play(100, "left")
    stage.play(1000, "right")
    stage.refresh()
    [before, last] = view.spans()
    assert (before.place, last.place, last.end_us - last.begin_us) == (0, 1, LENGTH_US - 10_000)
    assert view.strip().end_us == stage.screen.newest_us


def test_one_that_was_hidden_catches_up() -> None:
    stage, view = staged()
    stage.play(10, "left")
    stage.refresh()
    stage.play(10, "right")
    stage.seen = stage.screen.steps_written
    stage.write("right")
    stage.refresh()
    assert [tuple(said) for said in view.spans()] == [(0, 10_000, 110_000), (1, 110_000, 210_000)]


def test_a_hole_in_time_ends_a_span() -> None:
    stage, view = staged()
    stage.play(10, "left")
    stage.index += 200
    stage.play(10, "left")
    stage.refresh()
    assert [tuple(said) for said in view.spans()] == [(0, 10_000, 110_000), (0, 2_110_000, 2_200_000)]


def test_time_that_goes_back_forgets_what_comes_later() -> None:
    stage, view = staged()
    stage.play(100, "left")
    stage.refresh()
    view.clear()
    assert view.spans() == []
    stage.play(2, "left")
    stage.index = 50
    stage.play(10, "right")
    stage.refresh()
    assert [tuple(said) for said in view.spans()] == [(1, 510_000, 600_000)]


def test_a_stall_and_steps_of_a_millisecond_do_no_harm() -> None:
    stage, view = staged(step_us=1000)
    stage.play(RECORDS + 3000, "left", confidence=0.9)
    assert stage.refresh().missed > 0
    [said] = view.spans()
    assert said.end_us == stage.screen.newest_us
    assert said.end_us - said.begin_us > LENGTH_US - 2000
    assert has(picture(view), DARK.category(0))


@pytest.mark.parametrize("size", [(320, 240), (160, 60), (3840, 2160)])
def test_any_size_and_both_themes(size: tuple[int, int]) -> None:
    stage, view = staged()
    view.resize(*size)
    assert has(picture(view), DARK.panel)
    stage.play(700, "left", confidence=0.9)
    stage.refresh()
    assert has(picture(view), DARK.category(0))
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.category(0))
    assert not has(picture(view), mixed(DARK.panel, DARK.panel, 0))
