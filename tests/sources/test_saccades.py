"""The saccades look like N-MNIST's."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from seen import centre

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.sources.lettering import write
from streamsnn.sources.saccades import SACCADES, SACCADES_US, Saccades
from streamsnn.sources.sensor_model import ATIS
from streamsnn.sources.synthetic import SyntheticSource
from streamsnn.types import Events

DOT = np.ones((2, 2))


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


@pytest.mark.parametrize("picture", [np.zeros(5), np.zeros((0, 3)), np.full((3, 3), 1.5), np.full((3, 3), np.nan)])
def test_what_is_no_picture_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(StreamsnnError, match="not a picture"):
        Saccades(picture)


def test_light_without_a_logarithm_is_refused() -> None:
    with pytest.raises(StreamsnnError, match="logarithm"):
        Saccades(DOT, paper=-1.0)
