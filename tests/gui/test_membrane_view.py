"""The membranes: a lane a probe, each with its own values, and a cross that removes it."""

from __future__ import annotations

import numpy as np
import pytest
from stage import NEVER, Stage, has, picture, press

from streamsnn.gui.membrane_view import MembraneView
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.player.screen import RECORDS


def staged() -> tuple[Stage, MembraneView]:
    stage, view = Stage(), MembraneView()
    stage.show(view, size=(480, 300))
    return stage, view


def columns(*values: float) -> np.ndarray:
    row = NEVER.copy()
    row[: len(values)] = values
    return row


def ink(view: MembraneView, place: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, in a probe's lane, that are coloured: all else is grey."""
    lane = view.lanes()[place]
    shot = picture(view)[int(lane.top()) : int(lane.bottom()) + 1, int(lane.left()) : int(lane.right()) + 1]
    rows, across = np.nonzero(np.ptp(shot, axis=2) > 50)
    return rows, across


def test_each_trace_is_painted_in_its_lane_on_its_scale() -> None:
    stage, view = staged()
    view.set_probes([("hidden", 3), ("hidden", 4)])
    stage.play(250, membranes=columns(0.0, 1000.0))
    stage.play(250, membranes=columns(1.0, -1000.0))
    stage.refresh()
    for place, rising in ((0, True), (1, False)):
        rows, across = ink(view, place)
        lane = view.lanes()[place]
        early, late = rows[across < 0.45 * lane.width()].mean(), rows[across > 0.55 * lane.width()].mean()
        assert (early > late) == rising
        assert abs(early - late) > 0.6 * lane.height()


def test_nan_leaves_a_hole() -> None:
    stage, view = staged()
    view.set_probes([("hidden", 3)])
    stage.play(200, membranes=columns(0.5))
    stage.play(100)
    stage.play(200, membranes=columns(0.4))
    stage.refresh()
    _, across = ink(view, 0)
    lane = view.lanes()[0]
    assert not ((across > 0.42 * lane.width()) & (across < 0.58 * lane.width())).any()
    assert (across < 0.38 * lane.width()).any()
    assert (across > 0.62 * lane.width()).any()


def test_a_cross_removes_its_probe_and_the_others_keep_their_past() -> None:
    stage, view = staged()
    removed: list[int] = []
    view.probeRemoved.connect(removed.append)
    view.set_probes([("hidden", 3), ("hidden", 4), ("hidden", 5)])
    stage.play(500, membranes=columns(0.0, 1.0, 2.0))
    stage.refresh()
    press(view, (view.crosses()[1].center().x(), view.crosses()[1].center().y()))
    assert removed == [1]
    press(view, (view.lanes()[1].center().x(), view.lanes()[1].center().y()))
    assert removed == [1]
    view.set_probes([("hidden", 3), ("hidden", 5), ("hidden", 6)])
    assert len(view.lanes()) == 3
    assert len(ink(view, 0)[0]) > 50
    assert len(ink(view, 1)[0]) > 50
    assert len(ink(view, 2)[0]) == 0


def test_steps_of_former_probes_are_not_shown_as_those_of_later_ones() -> None:
    stage, view = staged()
    view.set_probes([("hidden", 3)])
    stage.play(300, membranes=columns(7.0))
    view.set_probes([("hidden", 4)])
    stage.play(1, membranes=columns(1.0))
    stage.refresh()
    assert len(ink(view, 0)[0]) < 10


def test_without_probes_it_says_how_to_get_one() -> None:
    stage, view = staged()
    empty = picture(view)
    assert has(empty, DARK.panel)
    stage.play(10, membranes=columns(1, 2, 3, 4))
    stage.refresh()
    np.testing.assert_array_equal(picture(view), empty)


def test_a_stall_and_a_clear_do_no_harm() -> None:
    stage, view = staged()
    view.set_probes([("hidden", n) for n in range(6)])
    assert len(view.probes) == 4
    stage.play(RECORDS + 10, membranes=columns(1, 2, 3, 4))
    assert stage.refresh().missed > 0
    assert len(ink(view, 3)[0]) > 50
    view.clear()
    assert len(ink(view, 3)[0]) == 0


@pytest.mark.parametrize("size", [(320, 240), (160, 80), (3840, 2160)])
def test_any_size_and_both_themes(size: tuple[int, int]) -> None:
    stage, view = staged()
    view.resize(*size)
    view.set_probes([("hidden", n) for n in range(4)])
    stage.play(20, membranes=columns(1e30, -1e-30, np.inf, 0))
    stage.refresh()
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.category(0))
