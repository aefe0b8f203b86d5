"""Scenes show what they say, and the saccades look like N-MNIST's."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.sources.lettering import write
from streamsnn.sources.scenes import (
    SACCADES,
    SACCADES_US,
    BouncingDisc,
    MovingBar,
    Saccades,
    Slide,
    Slideshow,
)
from streamsnn.sources.sensor_model import ATIS
from streamsnn.sources.synthetic import SyntheticSource
from streamsnn.types import Events

DOT = np.ones((2, 2))


def centre(log_intensity: np.ndarray) -> tuple[float, float]:
    """Centre of what is darker than paper: x, y."""
    ink = 1.0 - np.exp(log_intensity)
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    return float((x * ink).sum() / ink.sum()), float((y * ink).sum() / ink.sum())


def test_the_saccades_make_a_triangle_and_end_where_they_began() -> None:
    scene = Saccades(DOT)
    corners = [centre(scene.log_intensity(t_us)) for t_us in (0, 92_000, 210_000, SACCADES_US)]
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    assert (x3, y3) == pytest.approx((x0, y0), abs=1e-9)
    assert y1 - y0 == pytest.approx(5.2, abs=0.01)
    assert y2 - y0 == pytest.approx(0.0, abs=0.01)
    assert x0 < x1 < x2
    # Two sides are alike, though not quite as much as the device's makers meant them to be.
    assert math.hypot(x1 - x0, y1 - y0) == pytest.approx(math.hypot(x2 - x1, y2 - y1), rel=0.2)


def test_the_picture_keeps_its_ink_wherever_it_is_between_pixels() -> None:
    scene = Saccades(DOT, ink=0.5)
    amounts = [(1.0 - np.exp(scene.log_intensity(t_us))).sum() for t_us in range(0, SACCADES_US, 7_000)]
    np.testing.assert_allclose(amounts, 4 * 0.5, rtol=1e-12)


def test_saccades_wait_and_come_again() -> None:
    once = Saccades(DOT)
    delayed = Saccades(DOT, delay_us=50_000)
    again = Saccades(DOT, pause_us=90_000)
    at = once.log_intensity(150_000).copy()
    assert np.array_equal(delayed.log_intensity(200_000), at)
    assert np.array_equal(again.log_intensity(400_000 + 150_000), at)
    assert np.array_equal(once.log_intensity(0), once.log_intensity(10**9))


def test_moves_start_and_end_at_rest() -> None:
    for move in SACCADES:
        assert move.at(move.begin_us - 1) == 0.0
        assert move.at(move.end_us + 1) == pytest.approx(move.distance_px)
        assert move.at((move.begin_us + move.end_us) / 2) == pytest.approx(move.distance_px / 2)


def rate_hz(events: Events) -> np.ndarray:
    return np.histogram(events["t"], bins=np.arange(0, 310_001, 10_000))[0] / 0.01


def test_digits_under_saccades_look_like_n_mnist(shared_data: Path) -> None:
    folder = shared_data / "events" / "nmnist"
    with (folder / "labels.csv").open(newline="") as file:
        names = [row["file"] for row in csv.DictReader(file)][:100]
    real = [np.concatenate(list(open_recording(folder / name).chunks())) for name in names]
    made = []
    for digit in range(10):
        scene = Saccades(write(str(digit), seed=digit, slant_deg=8.0))
        source = SyntheticSource(scene, ATIS, seed=digit, duration_us=310_000, packet_us=310_000, clock=ManualClock())
        made.append(next(iter(source)).events)
    count_real, count_made = (np.mean([len(events) for events in some]) for some in (real, made))
    assert count_made == pytest.approx(count_real, rel=0.2)
    assert np.mean([events["p"].mean() for events in made]) == pytest.approx(0.5, abs=0.03)
    for axis in ("x", "y"):
        for measure in (np.mean, np.std):
            difference_px = measure(np.concatenate(made)[axis]) - measure(np.concatenate(real)[axis])
            assert abs(difference_px) < 1.0
    profile_real, profile_made = (np.mean([rate_hz(events) for events in some], axis=0) for some in (real, made))
    assert np.corrcoef(profile_real, profile_made)[0, 1] > 0.97


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


@pytest.mark.parametrize("picture", [np.zeros(5), np.zeros((0, 3)), np.full((3, 3), 1.5), np.full((3, 3), np.nan)])
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(StreamsnnError, match="not a picture"):
        Saccades(picture)


def test_light_without_a_logarithm_and_discs_too_large_are_refused() -> None:
    with pytest.raises(StreamsnnError, match="logarithm"):
        MovingBar(ink=0.0)
    with pytest.raises(StreamsnnError, match="logarithm"):
        Saccades(DOT, paper=-1.0)
    with pytest.raises(StreamsnnError, match="does not fit"):
        BouncingDisc(width=10, height=30, radius_px=5.0)
