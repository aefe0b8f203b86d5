"""Sums, moves and comparisons in registers: against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address
from streamsnn.neurons.sliding_psn import _judge, _take_row
from streamsnn.registers import add_lanes, add_rows, take_lanes_reaching


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
def _judged(
    bias: float,
    rows: NDArray[np.float32],
    weights: NDArray[np.float64],
    slots: NDArray[np.int32],
    size: int,
    fired: NDArray[np.int32],
) -> int:
    count: int = _judge(
        bias,
        address(rows),
        address(weights),
        address(slots),
        slots.size,
        size,
        size,
        size,
        fired,
        np.int64(0),
        np.int64(1000),
    )
    return count


@pytest.mark.parametrize("size", [1, 3, 15, 16, 17, 63, 64, 80, 100, 200])
@pytest.mark.parametrize("n", [1, 8])
def test_weighted_rows_are_added_in_their_order_and_judged(size: int, n: int) -> None:
    rng = np.random.default_rng(size + n)
    flat = rng.normal(size=9 * size + LANES).astype(np.float32)
    rows, weights = flat[: 9 * size].reshape(9, size), rng.normal(size=n).astype(np.float32).astype(np.float64)
    slots = rng.integers(0, 9, n).astype(np.int32)
    expected = np.full(size, -0.1)
    for slot, weight in zip(slots, weights, strict=True):
        expected = expected + weight * rows[slot].astype(np.float64)
    fired = np.zeros(size + 1, np.int32)
    count = _judged(-0.1, flat, weights, slots, size, fired)
    np.testing.assert_array_equal(fired[:count], 1000 + np.flatnonzero(expected >= 0))


def test_a_tie_is_a_spike() -> None:
    rows, weights = np.full(2 * LANES, 3, np.float32), np.full(1, 0.25)
    slots, fired = np.zeros(1, np.int32), np.zeros(LANES + 1, np.int32)
    assert _judged(-0.75, rows, weights, slots, LANES, fired) == LANES
    assert _judged(np.nextafter(-0.75, -1), rows, weights, slots, LANES, fired) == 0


@compiled()
def _taken(x: NDArray[np.float64], row: NDArray[np.float32]) -> np.int32:
    bits: np.int32 = _take_row(address(x), address(row), x.size)
    return bits


@pytest.mark.parametrize("size", [1, 3, 15, 16, 17, 63, 64, 80, 100, 200])
def test_a_row_is_taken_with_its_largest_magnitude(size: int) -> None:
    rng = np.random.default_rng(size)
    for largest in range(size):
        x, row = rng.normal(size=size), np.full(size + 1, np.nan, np.float32)
        x[largest] = -10.0
        given = x.astype(np.float32)
        assert np.int32(_taken(x, row)).view(np.float32) == 10
        np.testing.assert_array_equal(row[:size], given)
        assert np.isnan(row[size])
        assert not x.any()


@compiled()
def _lanes(sums: NDArray[np.float32], numbers: NDArray[np.float32], limit: np.float32) -> np.uint64:
    add_lanes(address(sums), address(numbers), np.float32(2))
    bits: np.uint64 = take_lanes_reaching(address(sums), limit)
    return bits


def test_lanes_that_reach_a_limit_are_told_and_cleared() -> None:
    sums, numbers = np.zeros(LANES, np.float32), np.arange(LANES, dtype=np.float32)
    sums[2] = np.nan
    assert _lanes(sums, numbers, np.float32(20)) == 0b1111110000000100
    assert not sums.any()
