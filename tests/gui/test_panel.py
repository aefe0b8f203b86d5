"""What all views have in common: they say when nothing plays, let go of a stream, and are not painted too often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QFont
from stage import Stage, has, picture

from streamsnn.gui.decision_view import DecisionView
from streamsnn.gui.event_view import EventView
from streamsnn.gui.health_view import HealthView
from streamsnn.gui.history_view import HistoryView
from streamsnn.gui.membrane_view import MembraneView
from streamsnn.gui.panel import CALM_NS
from streamsnn.gui.rate_view import RateView
from streamsnn.gui.sound_view import SoundView
from streamsnn.gui.spike_view import SpikeView
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.gui.view import View

VIEWS = [EventView, SoundView, DecisionView, HistoryView, SpikeView, MembraneView, HealthView, RateView]


@pytest.mark.parametrize("kind", VIEWS)
def test_before_anything_plays_it_says_so(kind: Any) -> None:
    view = kind()
    shown: View = view
    view.resize(320, 240)
    assert view.objectName()
    assert view.toolTip()
    assert view.sizeHint().isValid()
    assert view.minimumSizeHint().width() <= 200
    for theme in (DARK, LIGHT):
        shown.use_theme(theme)
        shot = picture(view)
        assert (shot[5] == shot[5, 0]).all()
        assert has(shot, theme.panel)
        assert has(shot, theme.muted)
    shown.clear()
    shown.refresh(Stage().screen.steps_since(0), 0)


@pytest.mark.parametrize("kind", VIEWS)
def test_after_a_stream_it_is_as_before(kind: Any) -> None:
    stage, view = Stage(), kind()
    view.resize(320, 240)
    before = picture(view)
    stage.show(view, size=(320, 240))
    stage.play(200, "left", addresses=(1, 2, 3), spikes={"hidden": (1,)})
    stage.refresh()
    assert not np.array_equal(picture(view), before) or kind is MembraneView
    shown: View = view
    shown.leave()
    np.testing.assert_array_equal(picture(view), before)
    stage.refresh()


@pytest.mark.parametrize("kind", VIEWS)
def test_a_second_stream_replaces_the_first(kind: Any) -> None:
    first, second, view = Stage(), Stage(("a", "b", "c"), layers={"other": 7}, step_us=1000), kind()
    first.show(view)
    first.play(300, "left")
    first.refresh()
    second.show(view)
    picture(view)
    second.play(20, "c")
    second.refresh()
    picture(view)


@pytest.mark.parametrize("kind", [HistoryView, SpikeView, MembraneView])
def test_strips_are_painted_calmly_but_the_last_step_is_seen(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, view = Stage(), kind()
    stage.show(view)
    stage.play(1)
    stage.refresh(10**9)
    asked: list[int] = []
    now_ns = 0
    monkeypatch.setattr(view, "update", lambda: asked.append(now_ns))
    for step in range(6):
        now_ns = 10**9 + (step + 1) * CALM_NS // 3
        if step < 4:
            stage.play(1)
        stage.refresh(now_ns)
    assert asked == [10**9 + CALM_NS, 10**9 + 2 * CALM_NS]
    asked.clear()
    now_ns += 2 * CALM_NS // 3
    stage.refresh(now_ns)
    assert asked == []


def test_texts_follow_the_font() -> None:
    view = EventView()
    before = view.small.high
    font = QFont(view.font())
    font.setPointSizeF(2 * font.pointSizeF())
    view.setFont(font)
    assert view.small.high > 1.7 * before
    assert view.small.width("abc") > view.small.width("ab")
    assert view.small.shortened("a long text", 30).endswith("…")
