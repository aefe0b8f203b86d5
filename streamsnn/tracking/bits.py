"""Pixels as bits, 64 to a word: marking, sifting and counting them.

A plane is (height + 2, words + 2) uint64 with a border of zeros; pixel (x, y) is bit x % 64 of word 1 + x // 64 in row
1 + y. Two planes are those of OFF and ON.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int8, int32, int64, uint64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import lowest_bit

Plane = NDArray[np.uint64]
Planes = NDArray[np.uint64]


@compiled(int64(int32[::1], int64, int64, uint64[:, :, ::1]))
def mark(addresses: NDArray[np.int32], plane: int, width: int, raw: Planes) -> int:
    """Set the bits of `addresses` in the two planes `raw`; those from `plane` on are ON."""
    reciprocal = float64(1.0) / width
    for i in range(addresses.size):
        address = int64(addresses[i])
        on = int64(address >= plane)
        pixel = address - plane * on
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        raw[on, y + 1, (x >> 6) + 1] |= uint64(1) << uint64(x & 63)
    return 0


@compiled(int64(uint64[:, :, ::1], uint64[:, :, ::1], uint64[:, ::1], uint64[:, :, ::1], uint64[:, ::1]))
def sift(raw: Planes, before: Planes, flickering: Plane, kept: Planes, busy: Plane) -> int:
    """`kept` is `raw` where a pixel around was active in `raw` or `before`, and which is not `flickering`; `raw` is
    added to `busy`."""
    one, last = uint64(1), uint64(63)
    for y in range(1, busy.shape[0] - 1):
        for w in range(1, busy.shape[1] - 1):
            off, on = raw[0, y, w], raw[1, y, w]
            here = off | on
            if here == uint64(0):
                continue
            busy[y, w] |= here
            witness = uint64(0)
            for row in range(y - 1, y + 2):
                left = raw[0, row, w - 1] | raw[1, row, w - 1] | before[0, row, w - 1] | before[1, row, w - 1]
                middle = raw[0, row, w] | raw[1, row, w] | before[0, row, w] | before[1, row, w]
                right = raw[0, row, w + 1] | raw[1, row, w + 1] | before[0, row, w + 1] | before[1, row, w + 1]
                witness |= (middle << one) | (left >> last) | (middle >> one) | (right << last)
                if row != y:
                    witness |= middle
            witness &= ~flickering[y, w]
            kept[0, y, w], kept[1, y, w] = off & witness, on & witness
    return 0


@compiled(int64(uint64[:, ::1], uint64[:, ::1], uint64[:, :, ::1], int64, uint64[:, ::1]))
def recount(newest: Plane, oldest: Plane, counts: Planes, limit: int, reached: Plane) -> int:
    """Add the plane `newest` to the `counts` (5, ...; bit by bit, the lowest first), take `oldest` away, and mark which
    pixels have `reached` the count `limit`."""
    for y in range(1, reached.shape[0] - 1):
        for w in range(1, reached.shape[1] - 1):
            carry, borrow = newest[y, w], oldest[y, w]
            both = carry & borrow
            carry, borrow = carry & ~both, borrow & ~both
            equal, above = ~uint64(0), uint64(0)
            if (carry | borrow) == uint64(0):
                continue
            for k in range(5):
                bits = counts[k, y, w]
                counts[k, y, w] = bits ^ carry ^ borrow
                carry, borrow = bits & carry, ~bits & borrow
            for k in range(4, -1, -1):
                bits = counts[k, y, w]
                if (limit >> k) & 1:
                    equal &= bits
                else:
                    above |= equal & bits
                    equal &= ~bits
            reached[y, w] = above | equal
    return 0


@compiled(
    int64(
        uint64[:, :, :, ::1],
        int64,
        int64,
        int64,
        uint64[:, ::1],
        int32[::1],
        int32[::1],
        int32[::1],
        int8[::1],
    )
)
def extract(
    kept: Planes,
    newest: int,
    fewest: int,
    enough: int,
    covered: Plane,
    xs: NDArray[np.int32],
    ys: NDArray[np.int32],
    ages: NDArray[np.int32],
    signs: NDArray[np.int8],
) -> int:
    """List the pixels of the slots `kept` (n, 2, ...), a ring, from the slot `newest` back, each pixel once, until at
    least `fewest` slots are through and `enough` pixels are listed; how many there are. `covered` is room."""
    covered[:] = uint64(0)
    slots, size = kept.shape[0], 0
    for age in range(slots):
        if age >= fewest and size >= enough:
            break
        off, on = kept[(newest - age) % slots, 0], kept[(newest - age) % slots, 1]
        for y in range(1, covered.shape[0] - 1):
            for w in range(1, covered.shape[1] - 1):
                fresh = (off[y, w] | on[y, w]) & ~covered[y, w]
                covered[y, w] |= fresh
                while fresh != uint64(0):
                    bit = lowest_bit(fresh)
                    xs[size], ys[size], ages[size] = (w - 1) * 64 + bit, y - 1, age
                    place = uint64(bit)
                    signs[size] = int64((on[y, w] >> place) & uint64(1)) - int64((off[y, w] >> place) & uint64(1))
                    size += 1
                    fresh &= fresh - uint64(1)
    return size
