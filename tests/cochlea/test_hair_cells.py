"""The compiled hair cell is Meddis's, by Euler's rule, and rests where it should."""

from __future__ import annotations

import numpy as np
import pytest
from parts import probability_of
from plain_cochlea import VELOCITY_HZ, meddis

from streamsnn.cochlea.hair_cells import RESTING_RATE_HZ, resting
from streamsnn.intrinsics import LANES

# Float32 keeps the transmitter, which is about 1, to 6e-8 a sample; errors of ten thousand samples stay below this.
RTOL, ATOL = 2e-4, 2e-7


@pytest.mark.parametrize("loudness", [0.5, 5.0, 60.0, 2000.0])
def test_a_whole_sound(loudness: float) -> None:
    rng = np.random.default_rng(int(loudness))
    velocity = loudness * rng.normal(size=(12_000, 18))
    # A pause and an onset, too: the transmitter refills and is spent.
    velocity[4000:8000] = 0
    found = probability_of(velocity)
    for place in range(18):
        expected = meddis(velocity[:, place].astype(np.float32).astype(np.float64))
        np.testing.assert_allclose(found[:, place], expected, rtol=RTOL, atol=ATOL)


def test_slow_and_strong_movements_empty_the_cell_without_going_below_nothing() -> None:
    time_s = np.arange(24_000) / VELOCITY_HZ
    velocity = 3000 * np.sin(2 * np.pi * 20 * time_s)[:, None] * np.ones(LANES)
    found = probability_of(velocity)
    assert found.min() >= 0
    expected = meddis(velocity[:, 0].astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-3, atol=1e-6)
    assert found.max() > 0.05
    assert found[12_000:].min() < 1e-5


def test_places_do_not_touch_one_another() -> None:
    rng = np.random.default_rng(5)
    velocity = 50 * rng.normal(size=(300, 40))
    together = probability_of(velocity)
    for place in range(40):
        np.testing.assert_array_equal(probability_of(velocity[:, place : place + 1])[:, 0], together[:, place])


def test_silence_changes_nothing() -> None:
    state = resting(2)
    before = state.copy()
    found = probability_of(np.zeros((VELOCITY_HZ, 2 * LANES)), state)
    # Rest is where the three changes are nothing: but for rounding, it is kept for good.
    np.testing.assert_allclose(state, before, rtol=2e-5)
    np.testing.assert_allclose(found * VELOCITY_HZ, RESTING_RATE_HZ, rtol=2e-5)
    assert pytest.approx(64.8, abs=0.05) == RESTING_RATE_HZ
    assert found.sum(0) == pytest.approx(np.full(2 * LANES, 64.8), abs=0.05)


def test_any_other_state_comes_to_rest() -> None:
    state = resting(1)
    state[0, 0] *= 0.5
    found = probability_of(np.zeros((2 * VELOCITY_HZ, LANES)), state)
    assert found[0, 0] * VELOCITY_HZ < 0.9 * RESTING_RATE_HZ * 1.1
    assert found[-1] * VELOCITY_HZ == pytest.approx(np.full(LANES, RESTING_RATE_HZ), rel=0.01)


def test_cuts_change_nothing() -> None:
    velocity = 30 * np.random.default_rng(2).normal(size=(700, LANES))
    whole = probability_of(velocity)
    state = resting(1)
    pieces = [probability_of(velocity[begin:end], state) for begin, end in ((0, 1), (1, 25), (25, 25), (25, 700))]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_lauscher_computes_the_same() -> None:
    hair_cell = pytest.importorskip("lauscher.transformations").HairCell()
    velocity = np.concatenate([40 * np.random.default_rng(3).normal(size=1500), np.zeros(300), np.full(200, -50.0)])
    np.testing.assert_allclose(meddis(velocity), hair_cell._meddis(velocity, VELOCITY_HZ), rtol=1e-12)
