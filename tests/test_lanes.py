"""Sixteen numbers at once, each operation against numpy's."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address
from streamsnn.lanes import (
    choose_bit,
    choose_less,
    load_floats,
    load_words,
    mask_less,
    muladd,
    spread,
    spread_word,
    store_floats,
    units,
    whole,
)

Singles = NDArray[np.float32]
Words = NDArray[np.uint32]
RNG = np.random.default_rng(0)
SPECIAL = np.array(
    [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-38, 3e38, 0.1, 7, -7, 2**24, 0.5, 1e-10, -3], np.float32
)


def numbers(seed: int) -> list[Singles]:
    """Some lanes of ordinary numbers, and the special ones in two orders."""
    rng = np.random.default_rng(seed)
    plain = [rng.normal(size=LANES).astype(np.float32) for _ in range(5)]
    return [*plain, SPECIAL, np.roll(SPECIAL, seed).copy()]


@compiled()
def _arithmetic(a: Singles, b: Singles, out: Singles) -> None:
    x, y = load_floats(address(a)), load_floats(address(b))
    store_floats(address(out), x + y)
    store_floats(address(out) + 64, x - y)
    store_floats(address(out) + 128, x * y)
    store_floats(address(out) + 192, x / y)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_arithmetic_rounds_as_single_numbers_do() -> None:
    for a, b in zip(numbers(1), numbers(3), strict=True):
        out = np.zeros((4, LANES), np.float32)
        _arithmetic(a, b, out)
        for row, function in zip(out, (operator.add, operator.sub, operator.mul, operator.truediv), strict=True):
            np.testing.assert_array_equal(row, function(a, b))


@compiled()
def _muladd(a: Singles, b: Singles, c: Singles, out: Singles) -> None:
    store_floats(address(out), muladd(load_floats(address(a)), load_floats(address(b)), load_floats(address(c))))


def test_a_product_and_a_sum() -> None:
    for a, b, c in zip(numbers(1)[:5], numbers(2)[:5], numbers(3)[:5], strict=True):
        out = np.zeros(LANES, np.float32)
        _muladd(a, b, c, out)
        once = (a.astype(np.float64) * b + c).astype(np.float32)
        twice = a * b + c
        # Rounded once or twice, as the machine can, but in no other way.
        assert ((out == once) | (out == twice)).all()


@compiled()
def _less(a: Singles, b: Singles, yes: Singles, no: Singles, out: Singles, mask: NDArray[np.uint64]) -> None:
    x, y = load_floats(address(a)), load_floats(address(b))
    store_floats(address(out), choose_less(x, y, load_floats(address(yes)), load_floats(address(no))))
    mask[0] = mask_less(x, y)


def test_comparisons_choose_and_mask_lane_by_lane() -> None:
    yes, no = np.arange(LANES, dtype=np.float32), -np.arange(LANES, dtype=np.float32) - 1
    for a, b in [*zip(numbers(4), numbers(5), strict=True), (yes, yes), (no, yes), (yes, no)]:
        out, mask = np.zeros(LANES, np.float32), np.zeros(1, np.uint64)
        _less(a, b, yes, no, out, mask)
        np.testing.assert_array_equal(out, np.where(a < b, yes, no))
        assert int(mask[0]) == sum(1 << lane for lane in range(LANES) if a[lane] < b[lane])


@compiled()
def _bits(words: Words, bits: np.uint32, out: Singles) -> None:
    one, two = spread(np.float32(1)), spread(np.float32(2))
    store_floats(address(out), choose_bit(load_words(address(words)), spread_word(bits), one, two))


def test_bits_choose() -> None:
    words = RNG.integers(0, 2**32, LANES, np.uint32)
    for bits in (1, 2, 0x80000000, 0x00010100, 0, 0xFFFFFFFF):
        out = np.zeros(LANES, np.float32)
        _bits(words, np.uint32(bits), out)
        np.testing.assert_array_equal(out, np.where(words & np.uint32(bits), 1, 2))


@compiled()
def _mixed(a: Words, b: Words, shift: np.uint32, bit: np.uint32, out: Singles) -> None:
    """Bit by bit, what words become: there is no way to store them."""
    x, y = load_words(address(a)), load_words(address(b))
    one, zero = spread(np.float32(1)), spread(np.float32(0))
    store_floats(address(out), choose_bit(x * y, spread_word(bit), one, zero))
    store_floats(address(out) + 64, choose_bit(x ^ y, spread_word(bit), one, zero))
    store_floats(address(out) + 128, choose_bit(x >> spread_word(shift), spread_word(bit), one, zero))


def test_words_are_multiplied_mixed_and_shifted_as_unsigned() -> None:
    a, b = RNG.integers(0, 2**32, (2, LANES), np.uint32)
    for shift in (1, 15, 31):
        found = np.zeros((3, LANES), np.uint32)
        for bit in range(32):
            out = np.zeros((3, LANES), np.float32)
            _mixed(a, b, np.uint32(shift), np.uint32(1 << bit), out)
            found |= out.astype(np.uint32) << np.uint32(bit)
        np.testing.assert_array_equal(found, np.stack([a * b, a ^ b, a >> np.uint32(shift)]))


@compiled()
def _units(words: Words, out: Singles) -> None:
    store_floats(address(out), units(load_words(address(words))))


def test_units_are_the_upper_24_bits_and_below_one() -> None:
    words = RNG.integers(0, 2**32, LANES, np.uint32)
    words[:6] = 0, 255, 256, 0xFFFFFFFF, 0x80000000, 0x7FFFFFFF
    out = np.zeros(LANES, np.float32)
    _units(words, out)
    np.testing.assert_array_equal(out, (words >> np.uint32(8)) / 2**24)
    assert out.min() == 0
    assert out.max() == 1 - 2.0**-24


@compiled()
def _whole(a: Singles, bit: np.uint32, out: Singles) -> None:
    words = whole(load_floats(address(a)))
    store_floats(address(out), choose_bit(words, spread_word(bit), spread(np.float32(1)), spread(np.float32(0))))


def test_what_is_behind_the_point_is_cut_off() -> None:
    given = np.array(
        [0, 0.99, 1, 1.5, 2, 39.999, 40, 63, 64, 1000.5, 65535, 65536, 1e6, 2**23, 2**24, 2**30], np.float32
    )
    found = np.zeros(LANES, np.uint32)
    for bit in range(32):
        out = np.zeros(LANES, np.float32)
        _whole(given, np.uint32(1 << bit), out)
        found |= out.astype(np.uint32) << np.uint32(bit)
    np.testing.assert_array_equal(found, given.astype(np.uint32))


@compiled()
def _anywhere(a: Singles, place: int, out: Singles) -> None:
    store_floats(address(out) + 4 * place, load_floats(address(a) + 4 * place))


def test_lanes_are_read_and_written_at_any_float() -> None:
    given = RNG.normal(size=3 * LANES).astype(np.float32)
    for place in (0, 1, 3, 17, 2 * LANES):
        out = np.zeros(3 * LANES, np.float32)
        _anywhere(given, place, out)
        expected = np.zeros(3 * LANES, np.float32)
        expected[place : place + LANES] = given[place : place + LANES]
        np.testing.assert_array_equal(out, expected)


@compiled()
def _spread(number: np.float32, out: Singles) -> None:
    store_floats(address(out), spread(number))


def test_a_number_in_every_lane() -> None:
    out = np.zeros(LANES, np.float32)
    _spread(np.float32(0.3), out)
    np.testing.assert_array_equal(out, np.full(LANES, np.float32(0.3)))


def test_lanes_of_two_kinds_are_not_added() -> None:
    numba_error: Any = __import__("numba").core.errors.TypingError

    @compiled()
    def wrong(a: Singles, b: Words) -> None:
        store_floats(address(a), load_floats(address(a)) + load_words(address(b)))

    call: Callable[..., Any] = wrong
    with pytest.raises(numba_error):
        call(np.zeros(LANES, np.float32), np.zeros(LANES, np.uint32))
