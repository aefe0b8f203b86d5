from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.training.augment import Augmentation, augment
from streamsnn.types import EVENT, Events, Sensor

SENSOR = Sensor("test", 40, 30)
EVERYTHING = Augmentation(
    shift_px=3,
    rotate_deg=20,
    scale=0.3,
    aspect=0.2,
    shear=0.3,
    elastic_px=2,
    elastic_spacing_px=6,
    drop=0.5,
    noise_hz=2000,
    time_scale=0.2,
    time_shift_ms=5,
    time_jitter_ms=2,
)


def _events(count: int, seed: int = 0, t_begin_us: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    events = np.empty(count, EVENT)
    events["t"] = t_begin_us + np.sort(rng.integers(0, 300_000, count))
    events["x"] = rng.integers(0, SENSOR.width, count)
    events["y"] = rng.integers(0, SENSOR.height, count)
    events["p"] = rng.random(count) < 0.5
    return events


def _only(**settings: float) -> Augmentation:
    return Augmentation(**settings)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(0, 300), seed=st.integers(0, 2**31), t_begin_us=st.integers(-(10**9), 10**9))
def test_what_comes_out_is_a_recording_again(count: int, seed: int, t_begin_us: int) -> None:
    events = _events(count, seed, t_begin_us)
    before = events.copy()
    out = augment(events, SENSOR, t_begin_us, EVERYTHING, np.random.default_rng(seed))
    assert out.dtype == EVENT
    assert np.all(np.diff(out["t"]) >= 0)
    assert np.all(out["t"] >= t_begin_us)
    assert np.all(out["x"] < SENSOR.width)
    assert np.all(out["y"] < SENSOR.height)
    assert np.array_equal(events, before), "the recording itself must stay as it is"
    again = augment(events, SENSOR, t_begin_us, EVERYTHING, np.random.default_rng(seed))
    assert np.array_equal(out, again)


def test_nothing_asked_for_changes_nothing() -> None:
    events = _events(500, t_begin_us=77)
    assert np.array_equal(augment(events, SENSOR, 77, Augmentation(), np.random.default_rng(0)), events)


def test_draws_differ() -> None:
    events = _events(500)
    rng = np.random.default_rng(0)
    first, second = (augment(events, SENSOR, 0, EVERYTHING, rng) for _ in range(2))
    assert not np.array_equal(first, second)


def test_dropping_loses_a_share_of_up_to_the_limit() -> None:
    events = _events(4000)
    rng = np.random.default_rng(1)
    kept = [augment(events, SENSOR, 0, _only(drop=0.4), rng).size / events.size for _ in range(100)]
    assert 0.57 < min(kept) < 0.65
    assert 0.95 < max(kept) <= 1


def test_noise_adds_events_everywhere_at_the_rate() -> None:
    events = _events(1000)
    rng = np.random.default_rng(2)
    sizes = []
    for _ in range(200):
        out = augment(events, SENSOR, 0, _only(noise_hz=1000), rng)
        sizes.append(out.size - events.size)
    # Up to 1000 a second, and so 500 on average, for 0.3 s.
    assert np.mean(sizes) == pytest.approx(150, rel=0.15)
    assert max(sizes) < 380
    silent = np.empty(0, EVENT)
    assert augment(silent, SENSOR, 5, _only(noise_hz=1000), rng).size == 0


def _dot(x: int, y: int, count: int = 2000) -> Events:
    events = _events(count)
    events["x"], events["y"] = x, y
    return events


def _centres(settings: Augmentation, x: int, y: int, draws: int = 200) -> np.ndarray:
    """Where a dot goes (draws, 2)."""
    rng = np.random.default_rng(3)
    outs = (augment(_dot(x, y), SENSOR, 0, settings, rng) for _ in range(draws))
    return np.array([(out["x"].mean(), out["y"].mean()) for out in outs])


def test_shifts_reach_as_far_as_asked_either_way() -> None:
    moved = _centres(_only(shift_px=3), 20, 15) - (20, 15)
    assert np.abs(moved).max() <= 3.1
    assert moved.min(axis=0) == pytest.approx([-3, -3], abs=0.3)
    assert moved.max(axis=0) == pytest.approx([3, 3], abs=0.3)


def test_rotation_keeps_the_distance_from_the_centre() -> None:
    centre = np.array([19.5, 14.5])
    moved = _centres(_only(rotate_deg=30), 32, 14) - centre
    assert np.hypot(*moved.T) == pytest.approx(12.5, abs=0.4)
    angles = np.rad2deg(np.arctan2(moved[:, 1], moved[:, 0]))
    assert angles.min() == pytest.approx(-32, abs=3)
    assert angles.max() == pytest.approx(28, abs=3)


def test_scale_changes_distances_from_the_centre_by_its_factor() -> None:
    ratio = (_centres(_only(scale=0.2), 30, 14)[:, 0] - 19.5) / 10.5
    assert ratio.min() == pytest.approx(np.exp(-0.2), abs=0.04)
    assert ratio.max() == pytest.approx(np.exp(0.2), abs=0.04)


def test_aspect_stretches_one_side_and_squeezes_the_other() -> None:
    moved = _centres(_only(aspect=0.3), 28, 22) - (19.5, 14.5)
    assert moved[:, 0] * moved[:, 1] == pytest.approx(8.5 * 7.5, rel=0.06)
    assert np.ptp(moved[:, 0]) > 4


def test_shear_moves_columns_by_rows() -> None:
    moved = _centres(_only(shear=0.5), 20, 24)
    assert moved[:, 1] == pytest.approx(24, abs=0.1)
    assert np.ptp(moved[:, 0]) == pytest.approx(9.5, abs=0.5)
    still = _centres(_only(shear=0.5), 20, 14, draws=20)
    assert still[:, 0] == pytest.approx(20, abs=0.4)


def test_elastic_displacement_is_smooth_and_of_the_asked_size() -> None:
    settings = _only(elastic_px=2, elastic_spacing_px=10)
    here, near = _centres(settings, 20, 15), _centres(settings, 21, 15)
    far = _centres(settings, 4, 15)
    # A share of 2 pixels uniform in [0, 1] has the root mean square 2 / sqrt(3); interpolation takes some of it.
    assert 0.6 < (here - (20, 15)).std() < 1.16
    assert np.abs((near - here) - (1, 0)).mean() < 0.3
    assert np.abs((far - here) + (16, 0)).mean() > 0.6


def test_magnified_patterns_have_no_gaps() -> None:
    grid = np.empty(40 * 30 * 8, EVENT)
    grid["t"] = np.arange(grid.size)
    grid["x"], grid["y"] = np.arange(grid.size) % 40, np.arange(grid.size) // 40 % 30
    grid["p"] = True
    rng = np.random.default_rng(4)
    for _ in range(10):
        out = augment(grid, SENSOR, 0, _only(scale=0.4), rng)
        counts = np.bincount(out["y"].astype(int) * 40 + out["x"], minlength=1200).reshape(30, 40)
        assert counts[12:18, 17:23].min() > 0


def test_time_stretches_about_the_beginning_and_shifts() -> None:
    events = _events(300, t_begin_us=1_000_000)
    rng = np.random.default_rng(5)
    spans = []
    for _ in range(100):
        out = augment(events, SENSOR, 1_000_000, _only(time_scale=0.1), rng)
        assert out.size == events.size
        spans.append((out["t"][-1] - 1_000_000) / (events["t"][-1] - 1_000_000))
    assert min(spans) == pytest.approx(np.exp(-0.1), abs=0.01)
    assert max(spans) == pytest.approx(np.exp(0.1), abs=0.01)
    ends = [augment(events, SENSOR, 1_000_000, _only(time_shift_ms=4), rng)["t"][-1] for _ in range(100)]
    assert 3500 < max(ends) - events["t"][-1] <= 4000
    assert 3500 < events["t"][-1] - min(ends) <= 4001


def test_jitter_moves_each_event_by_its_deviation() -> None:
    events = np.zeros(5000, EVENT)
    events["t"] = 500_000
    out = augment(events, SENSOR, 0, _only(time_jitter_ms=3), np.random.default_rng(6))
    assert out["t"].std() == pytest.approx(3000, rel=0.05)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Augmentation)])
def test_negative_sizes_are_refused_by_name(name: str) -> None:
    with pytest.raises(StreamsnnError, match=name):
        Augmentation(**{name: -0.1})


@pytest.mark.parametrize(("name", "value"), [("drop", 1.5), ("elastic_spacing_px", 0.0), ("scale", float("nan"))])
def test_nonsense_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(StreamsnnError, match=name):
        Augmentation(**{name: value})
