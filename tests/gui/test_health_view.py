"""Health: every number from stamps that are known."""

from __future__ import annotations

import numpy as np
import pytest
from stage import MS, Stage, has, picture

from streamsnn.gui.health_view import HealthView, percentiles
from streamsnn.gui.theme import DARK, LIGHT
from streamsnn.player.screen import RECORDS


def staged(**stage: object) -> tuple[Stage, HealthView]:
    made, view = Stage(**stage), HealthView()  # type: ignore[arg-type]
    made.show(view, size=(480, 320))
    return made, view


def test_percentiles_are_those_that_no_more_than_the_rest_exceed() -> None:
    values = np.arange(1, 201, dtype=np.float32)
    np.random.default_rng(0).shuffle(values)
    assert percentiles(values) == (100, 198)
    assert percentiles(np.array([np.nan, 3.0], np.float32)) == (3, 3)
    assert np.isnan(percentiles(np.array([np.nan], np.float32))).all()


def test_latency_by_stage() -> None:
    stage, view = staged()
    for k in range(1, 101):
        arrived_ns = k * 10 * MS
        # Queue 0.1 k ms, compute 2 ms but for the last two steps.
        started_ns = arrived_ns + k * MS // 10
        stage.write(stamps=(arrived_ns, started_ns, started_ns + (2 if k < 99 else 7) * MS))
    finished_ns = 100 * 10 * MS + 10 * MS + 7 * MS
    stage.refresh(finished_ns + 4 * MS)
    latency_ms = view.health.latency_ms
    assert latency_ms["bin"] == pytest.approx((5.0, 9.9))
    assert latency_ms["queue"] == pytest.approx((5.0, 9.9))
    assert latency_ms["compute"] == pytest.approx((2.0, 7.0))
    assert latency_ms["total"] == pytest.approx((7.0, 16.9))
    assert latency_ms["display"] == pytest.approx((4.0, 4.0))
    assert view.health.late_steps == sum(0.1 * k + (2 if k < 99 else 7) > 10 for k in range(1, 101))
    assert view.health.behind_ms == pytest.approx(5 + 17 + 4)
    assert view.health.load == pytest.approx((98 * 2 + 2 * 7) / 100 / 10)


def test_rates() -> None:
    stage, view = staged()
    stage.play(150, addresses=range(7))
    stage.play(100, addresses=range(30))
    stage.refresh()
    assert view.health.input_hz == pytest.approx(3000)
    assert view.health.steps_hz == pytest.approx(100, abs=1)
    stage.refresh(10 * 10**9)
    assert view.health.steps_hz == 0


def test_what_was_lost_or_late_is_in_the_colour_of_warnings() -> None:
    stage, view = staged()
    stage.play(100)
    stage.refresh()
    assert not has(picture(view), DARK.warning)
    stage.play(1, dropped=12)
    stage.refresh(10**12)
    assert view.health.dropped == 12
    assert has(picture(view), DARK.warning)
    view.clear()
    stage.write(stamps=(0, 0, 11 * MS))
    stage.refresh(2 * 10**12)
    assert (view.health.dropped, view.health.late_steps) == (0, 1)
    assert has(picture(view), DARK.warning)


def test_numbers_change_four_times_a_second_at_most() -> None:
    stage, view = staged()
    stage.play(10)
    stage.refresh(10**9)
    stage.play(10, dropped=3)
    stage.refresh(10**9 + 200 * MS)
    assert view.health.dropped == 0
    stage.refresh(10**9 + 250 * MS)
    assert view.health.dropped == 3


def test_a_stall_does_no_harm() -> None:
    stage, view = staged(step_us=1000)
    stage.play(RECORDS + 10, addresses=(1,))
    assert stage.refresh().missed > 0
    assert view.health.input_hz == pytest.approx(1000)


def test_clocks_that_disagree_by_a_little_show_no_negative_time() -> None:
    stage, view = staged()
    stage.write(stamps=(MS, MS, 2 * MS))
    stage.refresh(MS)
    assert view.health.latency_ms["display"] == (0, 0)


@pytest.mark.parametrize("size", [(320, 240), (160, 80), (3840, 2160)])
def test_any_size_and_both_themes(size: tuple[int, int]) -> None:
    stage, view = staged()
    view.resize(*size)
    picture(view)
    stage.play(700, addresses=range(100))
    stage.refresh()
    picture(view)
    view.use_theme(LIGHT)
    assert has(picture(view), LIGHT.panel)
    if min(size) > 200:
        assert has(picture(view), LIGHT.foreground)
