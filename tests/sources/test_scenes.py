"""Scenes show what they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from seen import centre

from streamsnn.errors import StreamsnnError
from streamsnn.sources.scenes import BouncingDisc, MovingBar, Slide, Slideshow


def test_a_slideshow_shows_each_slide_in_its_own_time_and_paper_between() -> None:
    show = Slideshow([Slide(10, 20, MovingBar()), Slide(30, 40, BouncingDisc(width=64, height=64))], cycle_us=50)
    assert (show.width, show.height) == (64, 64)
    assert np.array_equal(show.log_intensity(13), MovingBar().log_intensity(3))
    assert np.array_equal(show.log_intensity(89), BouncingDisc(width=64, height=64).log_intensity(9))
    for t_us in (0, 9, 20, 29, 40, 49, 50):
        assert not show.log_intensity(t_us).any()


@pytest.mark.parametrize(
    "slides",
    [
        [],
        [Slide(0, 10, MovingBar()), Slide(5, 15, MovingBar())],
        [Slide(0, 10, MovingBar()), Slide(10, 20, MovingBar(width=32))],
        [Slide(90, 110, MovingBar())],
        [Slide(-5, 5, MovingBar())],
    ],
)
def test_slides_that_make_no_show_are_refused(slides: list[Slide]) -> None:
    with pytest.raises(StreamsnnError, match="no show"):
        Slideshow(slides, cycle_us=100)


@pytest.mark.parametrize("angle_deg", [0.0, 90.0, 30.0])
def test_the_bar_is_where_it_says(angle_deg: float) -> None:
    bar = MovingBar(width=41, height=41, speed_px_s=80.0, angle_deg=angle_deg)
    t_us = 400_000
    x, y = centre(bar.log_intensity(t_us))
    along = (x - 20.0) * math.cos(math.radians(angle_deg)) + (y - 20.0) * math.sin(math.radians(angle_deg))
    assert along == pytest.approx(bar.position_px(t_us), abs=0.1)
    assert bar.position_px(t_us + 10_000) - bar.position_px(t_us) == pytest.approx(0.8)


def test_the_disc_stays_on_the_sensor_where_it_says_and_keeps_its_size() -> None:
    disc = BouncingDisc(width=40, height=30, radius_px=5.0, ink=0.5)
    seen = set()
    for t_us in range(0, 3_000_000, 37_000):
        darkness = 1.0 - np.exp(disc.log_intensity(t_us))
        assert darkness.sum() == pytest.approx(0.5 * math.pi * 25.0, rel=0.01)
        assert centre(np.log(1.0 - darkness)) == pytest.approx(disc.centre_px(t_us), abs=0.05)
        seen.add(round(disc.centre_px(t_us)[0]))
    assert min(seen) <= 6
    assert max(seen) >= 33


def test_light_without_a_logarithm_and_discs_too_large_are_refused() -> None:
    with pytest.raises(StreamsnnError, match="logarithm"):
        MovingBar(ink=0.0)
    with pytest.raises(StreamsnnError, match="does not fit"):
        BouncingDisc(width=10, height=30, radius_px=5.0)
