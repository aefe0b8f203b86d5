"""From membranes to the list of those that fired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address, lowest_bit
from streamsnn.registers import above, reaching

_NONE, _ONE = np.uint64(0), np.uint64(1)


@compiled()
def append_bits(bits: np.uint64, first: int, fired: NDArray[np.int32], count: int) -> int:
    """Append `first` + b for each bit b of `bits` that is set; returns the new `count`.

    Overwrites the place behind the last, too: a few at a time without asking, as a wrong guess costs more than a spike.
    """
    if bits == _NONE:
        return count
    while True:
        for _ in range(4):
            # Without a bit left `first`, which is a neuron.
            fired[count] = first + (lowest_bit(bits) & 63)
            count += 1 if bits != _NONE else 0
            bits &= bits - _ONE
        if bits == _NONE:
            return count


@compiled()
def take_fired(x: NDArray[np.float64], theta: float, fired: NDArray[np.int32], count: int, first: int) -> int:
    """Append `first` + i to `fired` for each x[i] > theta, and clear x; returns the new `count` of `fired`."""
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        count = append_bits(above(address(x) + 8 * i, theta), first + i, fired, count)
    for i in range(whole, x.size):
        if x[i] > theta:
            fired[count] = first + i
            count += 1
    x[:] = 0
    return count


@compiled()
def take_reaching(x: NDArray[np.float64], theta: float, fired: NDArray[np.int32], count: int, first: int) -> int:
    """`take_fired` for x[i] >= theta."""
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        count = append_bits(reaching(address(x) + 8 * i, theta), first + i, fired, count)
    for i in range(whole, x.size):
        if x[i] >= theta:
            fired[count] = first + i
            count += 1
    x[:] = 0
    return count
