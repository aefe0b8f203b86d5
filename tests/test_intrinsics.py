"""Sums in registers, bits, and denormal numbers: against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import (
    LANES,
    add_rows,
    add_weighted_rows,
    address,
    begin_flushing,
    end_flushing,
    float32s,
    lowest_bit,
)


@compiled()
def _add(x: NDArray[np.float64], rows: NDArray[np.int32], scale: NDArray[np.float64], n: NDArray[np.int32]) -> None:
    add_rows(address(x), address(rows), address(scale), address(n), n.size, x.size)


@pytest.mark.parametrize("width", [16, 32, 48, 64, 80, 128, 144, 240, 256, 272])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 37])
def test_rows_are_added_exactly_and_in_any_order(width: int, n: int) -> None:
    rng = np.random.default_rng(width + n)
    assert width % LANES == 0
    rows = rng.integers(-(2**31) + 1, 2**31, (50, width)).astype(np.int32)
    scale = np.ldexp(1.0, rng.integers(-40, -20, width))
    indices = rng.integers(0, 50, n).astype(np.int32)
    # A sum of whole numbers has one value only; Python's are as long as it takes.
    expected = scale * np.array([sum(int(rows[i, c]) for i in indices) for c in range(width)], np.float64)
    for order in (indices, indices[::-1].copy(), rng.permutation(indices)):
        x = np.zeros(width)
        _add(x, rows, scale, order)
        np.testing.assert_array_equal(x, expected)


@compiled()
def _weigh(
    x: NDArray[np.float64], rows: NDArray[np.float32], weights: NDArray[np.float64], n: NDArray[np.int32]
) -> None:
    add_weighted_rows(address(x), address(rows), address(weights), address(n), n.size, x.size)


@pytest.mark.parametrize("width", [1, 3, 15, 16, 17, 63, 64, 80, 100, 200])
@pytest.mark.parametrize("n", [0, 1, 8])
def test_weighted_rows_are_added_in_their_order(width: int, n: int) -> None:
    rng = np.random.default_rng(width + n)
    rows, weights = rng.normal(size=(9, width)).astype(np.float32), rng.normal(size=n)
    indices = rng.integers(0, 9, n).astype(np.int32)
    x = rng.normal(size=width)
    expected = x.copy()
    for index, weight in zip(indices, weights, strict=True):
        expected = expected + weight * rows[index].astype(np.float64)
    _weigh(x, rows, weights, indices)
    np.testing.assert_array_equal(x, expected)


@compiled()
def _lowest(word: np.uint64) -> int:
    number: int = lowest_bit(word)
    return number


def test_the_lowest_bit() -> None:
    for bit in range(64):
        assert _lowest(np.uint64(1 << bit)) == bit
        assert _lowest(np.uint64((2**64 - 1) >> bit << bit)) == bit


@compiled()
def _halve(place: int, n: int, flushing: bool) -> None:
    numbers = float32s(place, n)
    mode = begin_flushing() if flushing else 0
    for i in range(n):
        numbers[i] = numbers[i] * np.float32(0.5)
    if flushing:
        end_flushing(mode)


def test_denormal_numbers_are_zero_while_flushing_and_only_then() -> None:
    smallest = np.finfo(np.float32).tiny
    numbers = np.array([1, smallest, -smallest, 4 * smallest], np.float32)
    _halve(numbers.ctypes.data, 4, True)
    np.testing.assert_array_equal(numbers, np.array([0.5, 0, 0, 2 * smallest], np.float32))
    numbers = np.array([smallest], np.float32)
    _halve(numbers.ctypes.data, 1, False)
    assert numbers[0] == smallest / 2 > 0
    assert np.float32(smallest) * np.float32(0.5) > 0
