"""The simulated pixels do what their equations say."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.sources.sensor_model import DARK, CameraSettings, EventCamera
from streamsnn.types import Events

IDEAL = CameraSettings(
    threshold_on=0.2,
    threshold_off=0.3,
    mismatch=0.0,
    refractory_us=100,
    cutoff_hz=math.inf,
    leak_hz=0.0,
    background_hz=0.0,
    spread_decades=0.0,
)


def run(camera_settings: CameraSettings, course: NDArray[Any], *, width: int = 1, seed: int = 1) -> Events:
    """Events of a camera of one row whose pixels all see `course`, the log intensity at every sample from time 0."""
    camera = EventCamera(width, 1, camera_settings, seed)
    camera.start(np.full((1, width), course[0]))
    return np.concatenate([camera.advance(np.full((1, width), level)) for level in course[1:]])


@pytest.mark.parametrize("slope_per_s", [20.0, -20.0])
def test_a_ramp_gives_events_at_the_predicted_intervals(slope_per_s: float) -> None:
    events = run(IDEAL, slope_per_s * 500e-6 * np.arange(2000))
    threshold = IDEAL.threshold_on if slope_per_s > 0 else IDEAL.threshold_off
    interval_us = 1e6 * threshold / abs(slope_per_s) + IDEAL.refractory_us
    assert np.all(events["p"] == (slope_per_s > 0))
    assert len(events) == pytest.approx(2000 * 500 / interval_us, abs=2.0)
    # Equal to a microsecond wherever the event falls between samples, hence to one over the whole second too.
    np.testing.assert_allclose(events["t"] - events["t"][0], interval_us * np.arange(len(events)), atol=1.0)


def test_a_still_scene_is_silent() -> None:
    assert run(IDEAL, np.full(2000, -0.7), width=50).size == 0


def test_leak_fires_on_events_at_its_rate() -> None:
    events = run(replace(IDEAL, leak_hz=50.0), np.zeros(4001), width=20)
    assert np.all(events["p"])
    assert len(events) / 20 / 2.0 == pytest.approx(1.0 / (1.0 / 50.0 + 100e-6), rel=0.02)


def test_background_is_poisson_with_its_share_of_on_events() -> None:
    noisy = replace(IDEAL, background_hz=10.0, background_on=0.25, refractory_us=10)
    events = run(noisy, np.zeros(4001), width=400)
    expected = 400 * 2.0 * 10.0
    assert len(events) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert events["p"].mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / expected))
    counts = np.bincount(events["x"], minlength=400)
    assert counts.var() / counts.mean() == pytest.approx(1.0, abs=0.3)


def test_hot_pixels_are_as_many_and_as_hot_as_asked() -> None:
    events = run(replace(IDEAL, hot_fraction=0.1, hot_hz=100.0), np.zeros(4001), width=500)
    counts = np.bincount(events["x"], minlength=500)
    assert 0.06 < (counts > 0).mean() < 0.14
    assert counts[counts > 0].mean() / 2.0 == pytest.approx(100.0, rel=0.05)


def test_rates_spread_over_pixels() -> None:
    events = run(replace(IDEAL, background_hz=100.0, spread_decades=0.3, refractory_us=10), np.zeros(4001), width=300)
    decades = np.log10(np.bincount(events["x"], minlength=300) / 2.0)
    assert decades.mean() == pytest.approx(2.0, abs=0.06)
    assert decades.std() == pytest.approx(0.3, abs=0.05)


def test_thresholds_differ_over_pixels_as_asked() -> None:
    uneven = replace(IDEAL, mismatch=0.1, refractory_us=10)
    events = run(uneven, 20.0 * 500e-6 * np.arange(2001), width=400)
    rate_hz = np.bincount(events["x"], minlength=400)
    thresholds = 20.0 * (1.0 / rate_hz - 10e-6)
    assert thresholds.mean() == pytest.approx(0.2, rel=0.02)
    assert thresholds.std() / thresholds.mean() == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("level", [0.0, -2.0])
def test_the_photoreceptor_follows_as_fast_as_the_light_lets_it(level: float) -> None:
    fine = replace(IDEAL, threshold_on=0.01, refractory_us=10, cutoff_hz=5.0)
    events = run(fine, np.concatenate([[level - 1.0], np.full(3000, level)]))
    time_constant_us = 1e6 / (2.0 * math.pi * 5.0 * (math.exp(level) + DARK) / (1.0 + DARK))

    def voltage(t_us: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.asarray(level - np.exp(-t_us / time_constant_us))

    assert len(events) > 90
    # Between one reset and the next event the photoreceptor has gone up by one threshold.
    np.testing.assert_allclose(voltage(events["t"][1:]) - voltage(events["t"][:-1] + 10), 0.01, rtol=0.02)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**63),
    course=st.lists(st.floats(-8, 0), min_size=2, max_size=40),
    refractory_us=st.sampled_from([10, 300, 500, 700, 5000]),
)
def test_events_are_ordered_in_range_and_never_within_the_refractory_time(
    seed: int, course: list[float], refractory_us: int
) -> None:
    lively = CameraSettings(
        threshold_on=0.02, threshold_off=0.03, refractory_us=refractory_us, background_hz=500.0, leak_hz=100.0
    )
    events = run(lively, np.array(course), width=3, seed=seed)
    assert np.all(np.diff(events["t"]) >= 0)
    assert np.all((events["t"] >= 0) & (events["t"] < 500 * (len(course) - 1)))
    for x in range(3):
        assert np.all(np.diff(events["t"][events["x"] == x]) >= refractory_us - 1)


def test_the_seed_decides_everything() -> None:
    course = np.sin(np.arange(200) / 10.0)
    noisy = CameraSettings(background_hz=20.0, hot_fraction=0.1)
    first = run(noisy, course, width=20, seed=7)
    assert np.array_equal(first, run(noisy, course, width=20, seed=7))
    assert not np.array_equal(first, run(noisy, course, width=20, seed=8))


def test_starting_anew_gives_the_same_stream() -> None:
    camera = EventCamera(8, 4, CameraSettings(background_hz=50.0), seed=3)
    streams = []
    for _ in range(2):
        camera.start(np.zeros((4, 8)))
        assert camera.t_us == 0
        streams.append(np.concatenate([camera.advance(np.full((4, 8), -0.05 * i)) for i in range(60)]))
    assert len(streams[0]) > 100
    assert np.array_equal(streams[0], streams[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [("threshold_on", 0.0), ("refractory_us", 0), ("cutoff_hz", math.nan), ("mismatch", -0.1), ("sample_us", 0)],
)
def test_settings_out_of_range_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(StreamsnnError, match=name):
        replace(IDEAL, **{name: value})


def test_a_camera_without_pixels_and_a_scene_of_another_size_are_refused() -> None:
    with pytest.raises(StreamsnnError, match="0 x 3"):
        EventCamera(0, 3, IDEAL, seed=0)
    with pytest.raises(StreamsnnError, match=r"\(3, 4\)"):
        EventCamera(3, 4, IDEAL, seed=0).start(np.zeros((3, 4)))
