"""Steps with squares that move, as a camera would see their outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamsnn.types import InputSpec, Step

SPEC = InputSpec(160, 120)
STEP_US = 10_000
Square = tuple[float, float, float, float, float]
"""x and y at time 0, size, and velocity in pixels a second."""


def steps_of(squares: Sequence[Square], count: int, *, noise: int = 0, seed: int = 0) -> list[Step]:
    """`count` steps of filled, textured squares, the last before the others, and `noise` events a step anywhere."""
    rng = np.random.default_rng(seed)
    return [Step(k, _addresses(squares, (k + 0.5) * STEP_US * 1e-6, noise, rng), 0) for k in range(count)]


def square_at(square: Square, t_s: float) -> tuple[float, float, float, float]:
    """x, y, width, height."""
    x, y, size, vx, vy = square
    return x + vx * t_s, y + vy * t_s, size, size


def _addresses(squares: Sequence[Square], t_s: float, noise: int, rng: np.random.Generator) -> np.ndarray:
    lit = np.zeros((SPEC.height, SPEC.width), bool)
    for square in squares:
        x, y, width, height = (round(each) for each in square_at(square, t_s))
        rows, columns = slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width))
        lit[rows, columns] = False
        shape = lit[rows, columns].shape
        lit[rows, columns] = rng.random(shape) < 0.5
    pixels = np.flatnonzero(lit)
    polarity = rng.integers(0, 2, pixels.size)
    addresses = np.concatenate([pixels + polarity * lit.size, rng.integers(0, SPEC.size, noise)])
    return rng.permutation(addresses).astype(np.int32)
