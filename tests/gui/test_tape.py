"""Tapes, what a view has seen of a screen, and lines of few points that show every value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import Stage

from streamsnn.gui.tape import Seen, Tape, line
from streamsnn.player.screen import RECORDS

ROW = np.dtype([("t_us", "<i8"), ("value", "<f4")])


def rows(*t_us: int) -> np.ndarray:
    made = np.zeros(len(t_us), ROW)
    made["t_us"] = t_us
    return made


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 12))
def test_a_tape_holds_the_newest_rows(pieces: list[int], length: int) -> None:
    tape, t_us = Tape(ROW, length), 0
    for piece in pieces:
        tape.add(rows(*range(t_us, t_us + piece)))
        t_us += piece
        assert tape.rows["t_us"].tolist() == list(range(max(0, t_us - length), t_us))


def test_time_that_goes_back_begins_a_new_tape() -> None:
    tape = Tape(ROW, 10)
    tape.add(rows(1, 2, 3))
    tape.add(rows(3, 4))
    assert tape.rows["t_us"].tolist() == [3, 4]
    tape.add(rows(5, 6, 1, 2))
    assert tape.rows["t_us"].tolist() == [1, 2]
    tape.clear()
    assert not len(tape.rows)
    tape.add(rows())
    assert not len(tape.rows)


def test_every_step_is_seen_once() -> None:
    stage = Stage()
    seen = Seen(100)
    found: list[int] = []
    looked = 0
    for steps, hidden in (
        (5, False),
        (0, False),
        (7, True),
        (3, True),
        (4, False),
        (90, True),
        (20, False),
        (200, False),
    ):
        stage.play(steps)
        watched = stage.screen.steps_since(looked)
        looked = watched.until
        if not hidden:
            found += seen.new(stage.screen, watched).records["index"].tolist()
    # Those that were hidden for longer than 100 steps are too old.
    assert found == [*range(19), *range(29, 129), *range(229, 329)]
    # One look may bring steps that are known.
    assert len(seen.new(stage.screen, stage.screen.steps_since(300)).records) == 0
    stage.play(2)
    assert seen.rest(stage.screen).records["index"].tolist() == [329, 330]
    assert len(seen.rest(stage.screen).records) == 0


def test_after_a_stall_what_is_left_is_seen() -> None:
    stage = Stage()
    seen = Seen(RECORDS - 1)
    stage.play(RECORDS + 500)
    watched = stage.screen.steps_since(0)
    assert watched.missed > 0
    assert seen.new(stage.screen, watched) is watched


def drawn(
    t_us: list[int], values: list[float], us_a_pixel: float = 10.0, gap_us: int = 10**9
) -> list[tuple[float, float]]:
    x, y = line(
        np.array(t_us, np.int64),
        np.array(values, np.float32),
        begin_us=0,
        us_a_pixel=us_a_pixel,
        left=100.0,
        bottom=50.0,
        pixels_a_unit=2.0,
        low=1.0,
        gap_us=gap_us,
    )
    return list(zip(x.tolist(), y.tolist(), strict=True))


def test_points_lie_where_they_should() -> None:
    assert drawn([0, 10, 25], [1, 2, 6]) == [(100, 50), (101, 48), (102.5, 40)]
    assert drawn([], []) == []


def test_of_many_values_a_pixel_the_least_and_the_greatest_are_drawn() -> None:
    points = drawn(list(range(1000)), np.random.default_rng(0).random(1000).tolist())
    values = np.random.default_rng(0).random(1000).astype(np.float32).reshape(100, 10)
    assert len(points) == 200
    heights = np.array([y for _, y in points]).reshape(100, 2)
    np.testing.assert_allclose(heights.min(axis=1), 50 - 2 * (values.max(axis=1) - 1), rtol=1e-6)
    np.testing.assert_allclose(heights.max(axis=1), 50 - 2 * (values.min(axis=1) - 1), rtol=1e-6)


def test_the_same_values_share_a_pixel_wherever_it_is_drawn() -> None:
    values = np.random.default_rng(0).random(100).tolist()
    t_us = list(range(1000, 1100))
    whole = drawn(t_us, values)
    later = drawn(t_us[30:], values[30:])
    assert whole[-len(later) :] == later


@pytest.mark.parametrize("gap", ["nan", "hole"])
def test_gaps_break_the_line(gap: str) -> None:
    if gap == "nan":
        points = drawn([0, 10, 20, 30], [1, 2, np.nan, 3])
    else:
        points = drawn([0, 10, 50, 60], [1, 2, 3, 3], gap_us=20)
    broken = [index for index, (x, _) in enumerate(points) if x != x]
    assert broken == [2]
    assert len(points) == (4 if gap == "nan" else 5)


def test_nothing_but_nan_is_nothing() -> None:
    assert drawn([0, 10, 20], [np.nan] * 3) == []
