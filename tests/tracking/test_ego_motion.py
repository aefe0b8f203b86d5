"""`EgoMotion`: the background's velocity, and what moves against it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.sources.drawing import turn
from streamsnn.tracking.density import RegionTracker
from streamsnn.tracking.ego_motion import EgoMotion
from streamsnn.tracking.truth import overlaps
from streamsnn.types import InputSpec, Step, Track

SPEC = InputSpec(240, 180)
THRESHOLD = 0.2
Square = tuple[float, float, float, float, float]
"""x and y at time 0, size, and velocity in pixels a second, over the sensor."""


def seen(
    count: int, velocity: tuple[float, float], squares: tuple[Square, ...] = (), *, step_us: int = 10_000, seed: int = 1
) -> list[Step]:
    """`count` steps of a camera's events: a random texture that moves over the sensor, behind dark squares."""
    size = 256
    spectrum = np.fft.rfft2(texture((size, size), seed))
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)

    def image(t_s: float) -> NDArray[np.float64]:
        turned = spectrum * np.exp(-2j * np.pi * (fx * velocity[0] * t_s + fy * velocity[1] * t_s))
        return np.fft.irfft2(turned)[: SPEC.height, : SPEC.width]

    return recorded(count, image, squares, step_us)


def turning(count: int, rate: complex, squares: tuple[Square, ...], fixed: tuple[int, int, int, int]) -> list[Step]:
    """`count` steps of a camera that turns about its axis, by the imaginary part of `rate` in radians a second, and
    goes away along it, by its real part, over a texture with a dark rectangle `fixed` on it (left, top, right, bottom
    at time 0)."""
    margin = 80
    ground = texture((SPEC.height + 2 * margin, SPEC.width + 2 * margin), 1)
    left, top, right, bottom = fixed
    ground[margin + top : margin + bottom, margin + left : margin + right] = -1.5
    out = np.empty((SPEC.height, SPEC.width))

    def image(t_s: float) -> NDArray[np.float64]:
        factor = np.exp(rate * t_s)
        turn(ground, margin, 0.0, 0.0, factor.real, factor.imag, out)
        return out

    return recorded(count, image, squares, 10_000)


def texture(shape: tuple[int, int], seed: int) -> NDArray[np.float64]:
    """Smooth random brightness."""
    noise = np.fft.rfft2(np.random.default_rng(seed).normal(size=shape))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    smooth: NDArray[np.float64] = np.fft.irfft2(noise * np.exp(-((frequency / 0.12) ** 2)), s=shape)
    smooth *= 0.25 / smooth.std()
    return smooth


def recorded(
    count: int, image: Callable[[float], NDArray[np.float64]], squares: tuple[Square, ...], step_us: int
) -> list[Step]:
    """The events of a log-intensity `image` of time, behind dark squares."""
    rng = np.random.default_rng(2)
    level = np.empty(0)
    steps = []
    for k in range(-1, count):
        t_s = (k + 1) * step_us * 1e-6
        last = image(t_s).copy()
        for x, y, side, vx, vy in squares:
            left, top = round(x + vx * t_s), round(y + vy * t_s)
            last[max(0, top) : max(0, top + int(side)), max(0, left) : max(0, left + int(side))] = -1.5
        if k < 0:
            level = last + rng.uniform(-0.5, 0.5, last.shape) * THRESHOLD
            continue
        crossed = np.trunc((last - level) / THRESHOLD).astype(int).ravel()
        level += crossed.reshape(level.shape) * THRESHOLD
        pixels = np.repeat(np.arange(crossed.size), np.abs(crossed))
        on = np.repeat(crossed > 0, np.abs(crossed))
        steps.append(Step(k, (pixels + on * crossed.size).astype(np.int32), 0))
    return steps


def made(step_us: int = 10_000) -> EgoMotion:
    return EgoMotion(RegionTracker(SPEC, step_us), SPEC, step_us)


def fit(square: Square, t_s: float, tracks: tuple[Track, ...]) -> float:
    """How well the best of `tracks` overlaps the square."""
    x, y, side, vx, vy = square
    truth = np.array([x + vx * t_s, y + vy * t_s, side, side])
    return float(overlaps(truth, np.array([each[1:5] for each in tracks], np.float64)).max(initial=0.0))


@pytest.mark.parametrize("velocity", [(40.0, 0.0), (-30.0, 50.0), (0.0, -60.0)])
@pytest.mark.parametrize("step_us", [10_000, 5_000])
def test_the_velocity_of_a_texture(velocity: tuple[float, float], step_us: int) -> None:
    tracker = made(step_us)
    found = []
    for step in seen(300_000 // step_us, velocity, step_us=step_us):
        tracker.update(step)
        found.append(tracker.background_px_s)
    assert np.mean(found[200_000 // step_us :], axis=0) == pytest.approx(velocity, abs=0.15 * np.hypot(*velocity))


def test_a_background_alone_is_no_object() -> None:
    tracker = made()
    assert not any(tracker.update(step) for step in seen(40, (40.0, 20.0)))


def test_what_moves_against_the_background_is_boxed_and_what_moves_with_it_is_not() -> None:
    background = (40.0, 0.0)
    against, fixed = (200.0, 60.0, 24.0, -60.0, 40.0), (30.0, 30.0, 24.0, *background)
    tracker, plain = made(), RegionTracker(SPEC, 10_000)
    boxed = with_it = without = 0
    for step in seen(120, background, (against, fixed)):
        t_s = (step.index + 1) * 0.01
        tracks = tracker.update(step)
        # It takes 0.2 s to know how the background moves, and what is shown looks 0.5 s back.
        if step.index >= 70:
            boxed += fit(against, t_s, tracks) > 0.5
            with_it += fit(fixed, t_s, tracks) > 0.2
            without += fit(against, t_s, plain.update(step)) > 0.5
    assert boxed > 45
    assert with_it == 0
    assert without == 0


@pytest.mark.parametrize("rate", [0.5j, 0.35 + 0j])
def test_what_turns_or_shrinks_with_the_background_is_not_boxed(rate: complex) -> None:
    against, fixed = (60.0, 60.0, 24.0, 70.0, 20.0), (20, 15, 44, 39)
    tracker = made()
    boxed = elsewhere = 0
    for step in turning(120, rate, (against,), fixed):
        t_s = (step.index + 1) * 0.01
        tracks = tracker.update(step)
        # What is fixed goes at 25 to 50 pixels a second, so far from the middle.
        if step.index >= 70:
            boxed += fit(against, t_s, tracks) > 0.5
            elsewhere += sum(fit(against, t_s, (track,)) < 0.2 for track in tracks)
    assert boxed > 40
    assert elsewhere == 0
    assert np.hypot(*tracker.background_px_s) < 6.0


def test_a_still_camera_has_no_velocity_and_loses_no_box() -> None:
    square = (20.0, 60.0, 24.0, 80.0, 20.0)
    tracker = made()
    for step in seen(60, (0.0, 0.0), (square,)):
        tracks = tracker.update(step)
    assert len(tracks) == 1
    assert fit(square, 0.6, tracks) > 0.5
    assert np.hypot(*tracker.background_px_s) < 5.0


def test_silence_ends_the_motion_and_reset_forgets_it() -> None:
    tracker = made()
    silence = np.empty(0, np.int32)
    assert tracker.update(Step(0, silence, 0)) == ()
    assert tracker.background_px_s == (0.0, 0.0)
    steps = seen(10, (40.0, 0.0))
    first = [(tracker.update(step), tracker.background_px_s) for step in steps]
    assert tracker.background_px_s[0] > 15.0
    assert tracker.update(Step(5_000, silence, 0)) == ()
    assert tracker.background_px_s == (0.0, 0.0)
    tracker.reset()
    assert [(tracker.update(step), tracker.background_px_s) for step in steps] == first


@pytest.mark.parametrize("spec", [InputSpec(1, 1), InputSpec(5, 40), InputSpec(1280, 720), InputSpec(30, 20, "merge")])
@pytest.mark.parametrize("step_us", [100, 3_000, 10_000, 70_000])
def test_sensors_and_steps_of_all_sizes(spec: InputSpec, step_us: int) -> None:
    tracker = EgoMotion(RegionTracker(spec, step_us), spec, step_us)
    rng = np.random.default_rng(0)
    last = spec.size - 1
    for index in (0, 1, 2, 3, 4, 5, 6, 9, 50, 51, 52, 10**9):
        addresses = rng.integers(0, spec.size, spec.size // 2).astype(np.int32)
        tracker.update(Step(index, np.append(addresses, np.int32(last)), 0))
        assert np.isfinite(tracker.background_px_s).all()
