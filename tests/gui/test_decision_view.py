"""The decision: its label and bars, and a threshold that can be dragged."""

from __future__ import annotations

import numpy as np
import pytest
from stage import Stage, has, picture, press, rgb

from streamsnn.gui.decision_view import DecisionView, softmax
from streamsnn.gui.theme import DARK, LIGHT, mixed

SIZES = [(320, 240), (300, 360), (160, 80), (3840, 2160)]


def bar_length(view: DecisionView, colour: object) -> int:
    """Pixels of a bar, in the row where it is longest."""
    left, top = int(view.bars.left()), int(view.bars.top())
    shot = picture(view)[top : int(view.bars.bottom()), left : int(view.bars.right())]
    return int((shot == np.array(rgb(colour))).all(axis=2).sum(axis=1).max())


def test_bars_are_as_long_as_their_classes_are_likely() -> None:
    stage, view = Stage(("left", "right", "still")), DecisionView()
    stage.show(view, size=(300, 360))
    shares = np.array([0.7, 0.2, 0.1])
    stage.write("left", scores=np.log(shares).tolist(), confidence=0.7)
    stage.refresh()
    assert view.label == "left"
    assert view.confidence == pytest.approx(0.7)
    np.testing.assert_allclose(view.probabilities, shares, atol=1e-6)
    picture(view)
    for place, share in enumerate(shares):
        assert bar_length(view, DARK.category(place)) == pytest.approx(share * view.bars.width(), abs=3)


def test_the_temperature_of_the_card_counts() -> None:
    assert softmax(np.array([2.0, 0.0]) / 2.0).tolist() == pytest.approx([0.731059, 0.268941], abs=1e-6)
    assert softmax(np.array([1e30, -1e30])).tolist() == [1, 0]


def test_the_newest_step_counts_and_none_is_a_dash() -> None:
    stage, view = Stage(), DecisionView()
    stage.show(view, size=(300, 360))
    stage.write("left", scores=(1, 0), confidence=0.73)
    stage.write(None, scores=(0, 0), confidence=0.5)
    stage.refresh()
    assert view.label is None
    assert view.probabilities.tolist() == [0.5, 0.5]
    head = picture(view)[: int(view.bars.top()) - 5]
    assert not has(head, DARK.category(0))
    stage.write("right", scores=(0, 3), confidence=0.95)
    stage.refresh()
    assert has(picture(view)[: int(view.bars.top()) - 5], DARK.category(1))


def test_the_threshold_can_be_set_and_dragged() -> None:
    stage, view = Stage(threshold=0.6), DecisionView()
    stage.show(view, size=(300, 360))
    chosen: list[float] = []
    view.thresholdChosen.connect(chosen.append)

    def line() -> float:
        shot = picture(view)[int(view.bars.top()) - 4]
        return float(np.flatnonzero((shot == np.array(rgb(DARK.foreground))).all(axis=1)).mean())

    assert line() == pytest.approx(view.bars.left() + 0.6 * view.bars.width(), abs=1)
    view.set_threshold(0.25)
    assert line() == pytest.approx(view.bars.left() + 0.25 * view.bars.width(), abs=1)
    assert chosen == []
    y = view.bars.top() + 5
    press(view, (view.threshold_x(), y), (view.bars.left() + 0.8 * view.bars.width(), y))
    assert chosen == [0.8]
    assert line() == pytest.approx(view.bars.left() + 0.8 * view.bars.width(), abs=2)
    press(view, (view.threshold_x(), y), (5000, y))
    assert chosen == [0.8, 1.0]
    press(view, (view.bars.left() + 0.3 * view.bars.width(), y), (view.bars.left() + 0.4 * view.bars.width(), y))
    assert chosen == [0.8, 1.0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("classes", [2, 10, 35])
def test_any_number_of_classes_at_any_size(classes: int, size: tuple[int, int]) -> None:
    labels = [f"class number {place}" for place in range(classes)]
    stage, view = Stage(labels), DecisionView()
    stage.show(view, size=size)
    scores = np.zeros(classes)
    scores[-1] = 9
    stage.write(labels[-1], scores=scores.tolist(), confidence=0.99)
    stage.refresh()
    shot = picture(view)
    if size[1] > 100:
        assert bar_length(view, DARK.category(classes - 1)) > 0.8 * view.bars.width()
        assert view.bars.bottom() <= view.height()
    assert shot.shape == (size[1], size[0], 3)


def test_of_too_many_classes_the_likeliest_are_shown() -> None:
    labels = [f"{place}" for place in range(35)]
    stage, view = Stage(labels), DecisionView()
    stage.show(view, size=(300, 300))
    scores = np.zeros(35)
    scores[[30, 7]] = (4, 5)
    stage.write(None, scores=scores.tolist(), confidence=0.6)
    stage.refresh()
    picture(view)
    assert view.shown[:3] == [7, 30, 0]
    assert len(view.shown) < 35
    view.resize(300, 1000)
    picture(view)
    assert view.shown == list(range(35))


def test_clear_and_themes() -> None:
    stage, view = Stage(), DecisionView()
    stage.show(view, size=(300, 360))
    stage.write("left", scores=(5, 0), confidence=0.99)
    stage.refresh()
    view.clear()
    picture(view)
    assert (view.label, view.confidence) == (None, 0)
    assert bar_length(view, DARK.category(0)) == 0
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.panel)
    assert has(picture(view), mixed(LIGHT.panel, LIGHT.grid, 0.6))


def test_a_stall_does_no_harm() -> None:
    from streamsnn.player.screen import RECORDS

    stage, view = Stage(), DecisionView()
    stage.show(view, size=(300, 360))
    stage.play(RECORDS + 50, None, scores=(0, 0))
    stage.write("right", scores=(0, 3), confidence=0.95)
    assert stage.refresh().missed > 0
    assert view.label == "right"
