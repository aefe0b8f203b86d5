"""Bits, and denormal numbers."""

from __future__ import annotations

import numpy as np

from streamsnn.compiled import compiled
from streamsnn.intrinsics import (
    begin_flushing,
    end_flushing,
    float32s,
    lowest_bit,
)


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
