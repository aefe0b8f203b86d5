"""Random numbers that a seed and a counter decide."""

from __future__ import annotations

import numpy as np

from streamsnn.neurons.random import fill_uniform, layer_seed, uniform


def test_numbers_depend_on_seed_and_counter_alone() -> None:
    whole, tail = np.empty(100), np.empty(40)
    fill_uniform(7, 0, whole)
    fill_uniform(7, 60, tail)
    np.testing.assert_array_equal(whole[60:], tail)
    assert uniform(7, 3) == whole[3]
    assert uniform(8, 3) != whole[3]


def test_numbers_are_uniform_and_exact_in_float32() -> None:
    draws = np.empty(100_000)
    fill_uniform(1, 0, draws)
    assert draws.min() >= 0
    assert draws.max() < 1
    np.testing.assert_array_equal(draws.astype(np.float32).astype(np.float64), draws)
    counts = np.histogram(draws, 20, (0, 1))[0]
    # Chi-square with 19 degrees of freedom stays below 43.8 with probability 0.999.
    assert ((counts - 5000) ** 2 / 5000).sum() < 43.8
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.02


def test_layers_and_streams_have_seeds_of_their_own() -> None:
    seeds = {layer_seed(stream, layer) for stream in range(50) for layer in range(20)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
