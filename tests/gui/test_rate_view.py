"""What comes in and what is lost, from steps that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from stage import Stage, has, picture

from streamsnn.gui.rate_view import RateView
from streamsnn.gui.theme import DARK


def inked(shot: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """In which columns something is written in the topmost line."""
    written: NDArray[np.bool_] = (shot[5:20] != shot[2, 2]).any(axis=(0, 2))
    return written


def test_the_rate_is_that_of_the_newest_second() -> None:
    stage, view = Stage(), RateView()
    stage.show(view, size=(300, 160))
    stage.play(150, addresses=range(7))
    stage.play(100, addresses=range(30))
    stage.refresh()
    assert view.input_hz == pytest.approx(3000)
    assert view.dropped == 0
    assert not has(picture(view), DARK.warning)


def test_what_is_lost_is_in_the_colour_of_warnings() -> None:
    stage, view = Stage(), RateView()
    stage.show(view, size=(300, 160))
    stage.play(3, addresses=range(7), dropped=12)
    stage.refresh()
    assert view.dropped == 12
    assert has(picture(view), DARK.warning)
    view.clear()
    assert view.dropped == 0
    assert np.isnan(view.input_hz)


@pytest.mark.parametrize("wide", [300, 110])
def test_a_loss_is_told_even_where_room_is_short(wide: int) -> None:
    stage, view = Stage(), RateView()
    stage.show(view, size=(wide, 160))
    stage.play(3, addresses=range(7))
    stage.refresh()
    # In the line above the strip: the rate at the left, and where there is room, at the right that nothing is lost.
    rate = inked(picture(view))
    assert rate[:20].any()
    assert rate[-20:].any() == (wide == 300)
    stage.play(3, addresses=range(7), dropped=12)
    stage.refresh()
    assert inked(picture(view))[-20:].any()
    assert has(picture(view), DARK.warning)
