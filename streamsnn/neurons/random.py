"""Uniform numbers that depend on a seed and a counter alone: the same in a stream, in a sequence and after a restart.

The generator is SplitMix64 (Steele, Lea, Flood 2014) used as a hash of its counter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled


@compiled()
def uniform(seed: int, counter: int) -> float:
    """The number in [0, 1) with 24 random bits (exact in float32) that belongs to this seed and this counter."""
    z = np.uint64(seed) + (np.uint64(counter) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(40)) * (1.0 / 16777216.0)


@compiled()
def fill_uniform(seed: int, first: int, out: NDArray[np.float64]) -> None:
    """Write the numbers of the counters first, first + 1, ... into `out` (one-dimensional)."""
    for i in range(out.size):
        out[i] = uniform(seed, first + i)


def layer_seed(seed: int, layer: int) -> int:
    """The seed of one layer of one stream: different for every pair, non-negative and below 2^63."""
    words = np.random.SeedSequence([seed, layer]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))
