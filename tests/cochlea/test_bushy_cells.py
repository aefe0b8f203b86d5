"""The compiled bushy cell is a cell with 40 afferents that each release by chance, at most once a millisecond.

Chance is seeded: a test here passes or fails the same way each time. Where a threshold is statistical, a right cell
with another seed would fail it with a probability below 1e-5.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from parts import fired_of
from plain_cochlea import AFFERENTS, REFRACTORY, VELOCITY_HZ, Float, bushy, silenced, spike_counts
from scipy.stats import binom, chi2

from streamsnn.cochlea.bushy_cells import keys, released
from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address
from streamsnn.lanes import load_floats, store_floats

FALSE_ALARM = 1e-5
_SIGMAS = 4.6
"""A normal number is so far off with the probability FALSE_ALARM, or less."""


def ready_before(releases: Float) -> Float:
    """How many afferents of a cell may release at each sample (samples, cells), by what it released."""
    total = np.concatenate([np.zeros((1, releases.shape[1])), releases.cumsum(0)])
    ends = np.arange(len(releases))
    ready: Float = AFFERENTS - (total[ends] - total[np.maximum(0, ends - (REFRACTORY - 1))])
    return ready


def unlikeliness(releases: Float, ready: Float, p: float) -> tuple[float, int]:
    """A chi-square, and its degrees of freedom: are `releases` draws of `ready` afferents?"""
    total, freedom = 0.0, 0
    for afferents in range(AFFERENTS + 1):
        drawn = releases[ready == afferents].astype(np.int64)
        expected = drawn.size * binom.pmf(np.arange(AFFERENTS + 1), afferents, p)
        observed = np.bincount(drawn, minlength=AFFERENTS + 1)
        often = expected >= 10
        classes = np.append(expected[often], expected[~often].sum()), np.append(observed[often], observed[~often].sum())
        if classes[0][-1] < 10:
            # What is rare goes to the rarest of what is not.
            classes = tuple(np.append(each[:-2], each[-2:].sum()) for each in classes)  # type: ignore[assignment]
        if classes[0].size >= 2:
            total += float(((classes[1] - classes[0]) ** 2 / classes[0]).sum())
            freedom += classes[0].size - 1
    return total, freedom


@pytest.mark.parametrize("p", [0.001, 0.0027, 0.02, 0.1, 0.3, 0.6])
def test_releases_are_draws_of_the_afferents_that_are_not_refractory(p: float) -> None:
    _, releases = fired_of(np.full((60_000, LANES), p), keys(1, 1, 3, 0)[0, 0])
    ready = ready_before(releases)
    assert ready.min() >= 0
    assert (releases <= ready).all()
    p_given = float(np.float32(p))
    total, freedom = unlikeliness(releases, ready, p_given)
    assert freedom >= 3
    assert chi2.sf(total, freedom) > FALSE_ALARM
    # The same draws are not those of a probability 3 % higher, nor those of a window of 22 or 24 samples.
    if p >= 0.02:
        total, freedom = unlikeliness(releases, ready, 1.03 * p_given)
        assert chi2.sf(total, freedom) < FALSE_ALARM


@pytest.mark.parametrize("p", [0.0027, 0.02, 0.1, 0.3])
def test_afferents_release_as_often_as_their_refractory_time_allows(p: float) -> None:
    samples = 100_000
    _, releases = fired_of(np.full((samples, LANES), p), keys(1, 1, 8, 0)[0, 0])
    settled = releases[1000:]

    def off(dead: int) -> float:
        """How many standard deviations a rate is from that of afferents silent for `dead` samples."""
        # A renewal process: a time of `dead` samples and a geometric one, of mean 1 / p and variance (1 - p) / p^2.
        mean, variance = dead + 1 / p, (1 - p) / p**2
        count = AFFERENTS * LANES * len(settled) / mean
        return float(abs(settled.sum() - count) / np.sqrt(count * variance / mean**2))

    assert off(REFRACTORY - 1) < _SIGMAS
    if p >= 0.02:
        assert off(REFRACTORY) > 2 * _SIGMAS
        assert off(REFRACTORY - 2) > 2 * _SIGMAS


@pytest.mark.parametrize("p", [1.0, 1.5, 50.0])
def test_what_is_sure_happens_once_a_millisecond(p: float) -> None:
    _, releases = fired_of(np.full((200, LANES), p), keys(1, 1, 0, 0)[0, 0])
    expected = np.zeros(200)
    expected[::REFRACTORY] = AFFERENTS
    np.testing.assert_array_equal(releases, np.repeat(expected[:, None], LANES, 1))


def test_nothing_is_released_where_nothing_can_be() -> None:
    fired, releases = fired_of(np.zeros((5000, LANES)), keys(1, 1, 0, 0)[0, 0])
    assert not fired.any()
    assert (releases == 0).all()


@compiled()
def _released(
    u: NDArray[np.float32], afferents: NDArray[np.float32], p: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    drawn = released(load_floats(address(u)), load_floats(address(afferents)), load_floats(address(p)))
    store_floats(address(out), drawn)


def draw(u: Float, afferents: int, p: float) -> NDArray[np.int64]:
    """The releases for numbers `u`, any count of them."""
    found = []
    for begin in range(0, len(u), LANES):
        given = np.zeros(LANES, np.float32)
        given[: len(u[begin : begin + LANES])] = u[begin : begin + LANES]
        out = np.zeros(LANES, np.float32)
        _released(given, np.full(LANES, afferents, np.float32), np.full(LANES, p, np.float32), out)
        found.append(out)
    return np.concatenate(found)[: len(u)].astype(np.int64)


@pytest.mark.parametrize("p", [0.0005, 0.0027, 0.013, 0.05, 0.1, 0.21, 0.45, 0.8])
@pytest.mark.parametrize("afferents", [0, 1, 2, 7, 16, 39, 40])
def test_a_number_gives_the_draw_that_the_distribution_says(p: float, afferents: int) -> None:
    u = np.concatenate([np.linspace(1e-4, 1 - 2.0**-23, 3001), np.geomspace(1e-5, 1e-4, 40)])
    # n or more are drawn where u is below the probability of n or more.
    reached = binom.sf(np.arange(AFFERENTS + 1), afferents, float(np.float32(p)))
    lowest = (u[:, None] < reached - 4e-6).sum(1)
    highest = (u[:, None] < reached + 4e-6).sum(1)
    found = draw(u, afferents, p)
    assert (lowest <= found).all()
    assert (found <= highest).all()
    assert (lowest == highest).mean() > 0.95 or afferents == 0


@pytest.mark.parametrize("afferents", [0, 1, 3, 16, 40])
def test_the_least_likely_numbers_give_no_more_than_is_there(afferents: int) -> None:
    smallest: Float = np.arange(64) * np.float64(2.0**-24)
    for p in np.concatenate([np.geomspace(1e-4, 0.5, 60), [0.9, 0.99, 0.9999]]):
        found = draw(smallest, afferents, float(p))
        assert found.max() <= afferents
        # Nor more than what is a thousand times less likely than the finest number.
        assert found.max() <= binom.isf(2.0**-34, afferents, p) + 1
        if p < 0.5:
            assert found[0] >= binom.isf(1e-5, afferents, p)


def test_a_cell_fires_where_a_plain_one_does() -> None:
    rng = np.random.default_rng(0)
    slow = np.repeat(rng.uniform(0, 0.03, (60, LANES)), 500, 0)
    fired, releases = fired_of(slow, keys(1, 1, 1, 0)[0, 0])
    for cell in range(LANES):
        np.testing.assert_array_equal(fired[:, cell], bushy(releases[:, cell]))
    assert 1000 < fired.sum() < 20_000


def test_a_cell_is_silent_for_a_millisecond() -> None:
    fired, _ = fired_of(np.full((20_000, LANES), 0.4), keys(1, 1, 2, 0)[0, 0])
    pauses = np.concatenate([np.diff(np.flatnonzero(fired[:, cell])) for cell in range(LANES)])
    # 24 samples without a membrane, and one that reaches the threshold.
    assert REFRACTORY + 1 <= pauses.min() <= REFRACTORY + 3
    assert pauses.size > 5000


def test_spikes_come_as_often_as_those_of_forty_afferents_that_are_simulated_one_by_one() -> None:
    # A probability as a voiced sound makes it, with pauses.
    time_s = np.arange(2 * VELOCITY_HZ) / VELOCITY_HZ
    voiced = np.maximum(0, np.sin(2 * np.pi * 120 * time_s)) ** 3
    probability = 0.0027 + 0.02 * voiced * (np.sin(2 * np.pi * 3 * time_s) > 0)
    plain = spike_counts(probability, 80, 4)
    found = np.concatenate(
        [fired_of(np.repeat(probability[:, None], LANES, 1), keys(1, 5, 4, 0)[0, cell])[0].sum(0) for cell in range(5)]
    )
    assert found.size == plain.size
    assert plain.mean() > 50

    def off(counts: NDArray[np.int64], factor: float) -> float:
        spread = np.sqrt(plain.var() / plain.size + counts.var() / counts.size)
        return float(abs(factor * counts.mean() - plain.mean()) / spread)

    assert off(found, 1.0) < _SIGMAS
    # Fine enough to see 4 % of the spikes.
    assert off(found, 1.04) > _SIGMAS
    assert off(found, 0.96) > _SIGMAS
    # As irregular, too: the variance of 80 counts is known to a sixth.
    assert found.var() == pytest.approx(plain.var(), rel=0.75)


def test_silence_gives_three_spikes_in_four_seconds() -> None:
    # Of 6,000 s of a cell with afferents that are simulated one by one: 0.786 +- 0.011 spikes a second.
    rest = np.full((40 * VELOCITY_HZ, LANES), 64.79 / VELOCITY_HZ)
    fired, _ = fired_of(rest, keys(1, 1, 6, 0)[0, 0])
    expected = 0.786 * 40 * LANES
    assert abs(fired.sum() - expected) < _SIGMAS * np.sqrt(expected)


def test_cells_ears_and_seeds_are_independent() -> None:
    p = np.full((30_000, LANES), 0.01)
    own = keys(2, 2, 5, 0)
    drawn = [fired_of(p, own[group, cell])[1] for group in range(2) for cell in range(2)]
    drawn += [fired_of(p, keys(1, 1, 5, 1)[0, 0])[1], fired_of(p, keys(1, 1, 6, 0)[0, 0])[1]]
    together = np.concatenate(drawn, 1)
    for later in (0, 1, 2, 24):
        matrix = np.corrcoef(together[later:].T, together[: len(p) - later].T)[: together.shape[1], together.shape[1] :]
        others = matrix[~np.eye(len(matrix), dtype=bool)]
        # 9,120 numbers, of which the largest of independent ones is beyond 6 standard deviations once in 5e4.
        assert np.abs(others).max() * np.sqrt(len(p)) < 6
        assert np.sqrt((others**2).mean() * len(p)) == pytest.approx(1, abs=0.05)


def test_a_cell_repeats_itself_and_may_begin_anywhere() -> None:
    p = np.full((3000, LANES), 0.02)
    key = keys(1, 1, 5, 0)[0, 0]
    first, again, later = fired_of(p, key), fired_of(p, key), fired_of(p, key, first=2**32 - 1500)
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[0], again[0])
    assert (first[1] != later[1]).any()
    # The time goes on beyond 32 bits: no draws come twice.
    wrapped = fired_of(p, key, first=2**32)
    assert (first[1] != wrapped[1]).mean() > 0.1


def test_keys_differ() -> None:
    every = np.concatenate([keys(44, 5, seed, ear).ravel() for seed in range(3) for ear in range(2)])
    # Of 21,120 random words of 32 bits, 0.05 pairs are expected to be equal.
    assert np.unique(every).size >= every.size - 3
    np.testing.assert_array_equal(keys(3, 2, 7, 1), keys(3, 2, 7, 1))


def test_lauscher_says_the_same() -> None:
    cell = pytest.importorskip("lauscher.transformations").BushyCell()
    rng = np.random.default_rng(1)
    raw = rng.random((3000, AFFERENTS)) < 0.015
    releases = cell._correct(raw.astype(float), cell.tau_refrac * VELOCITY_HZ)
    np.testing.assert_array_equal(releases, silenced(raw))
    theirs = cell._lif(releases, VELOCITY_HZ)
    # lauscher writes a spike down a step later, for which the last one has none.
    np.testing.assert_array_equal(np.flatnonzero(theirs), np.flatnonzero(bushy(releases.sum(1))[:-1]))
    assert theirs.sum() > 10
