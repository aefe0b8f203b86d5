"""The compiled steps of everything that is no neuron: from what is active to the currents that it causes.

Weights are int32 in units of a power of two that each output has for itself, about 2^-31 of its largest weight: the
float32 that they come from are exact down to a 128th of the largest, and smaller ones off by 2^-31 of it at most. Sums
of whole numbers are exact, so that neither the order of the spikes nor the way in which they are added matters.
Currents are float64, and zero where nothing was added: whoever takes a pixel's currents clears them. `touched` has one
bit a pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, float32s, float64s, int32s
from streamsnn.program import (
    BIAS,
    CHANNELS,
    HEIGHT,
    IN_CHANNELS,
    IN_WIDTH,
    KERNEL,
    PIXELS,
    SCALE,
    SIZE,
    WEIGHT,
    WIDTH,
)
from streamsnn.registers import add_rows

_ONE = np.uint64(1)


@compiled()
def padded(size: int) -> int:
    """`size` rounded up to whole cache lines of float32."""
    return (size + LANES - 1) // LANES * LANES


@compiled()
def touch(touched: NDArray[np.uint64], pixel: int) -> None:
    """Mark one pixel."""
    touched[pixel >> 6] |= _ONE << np.uint64(pixel & 63)


@compiled()
def take_addresses(addresses: NDArray[np.int32], channels: int, pixels: int, indices: NDArray[np.int32]) -> bool:
    """Channel-major input addresses -> pixel-major indices; False if one is outside the input."""
    for n in range(addresses.size):
        pixel = addresses[n]
        if pixel < 0 or pixel >= channels * pixels:
            return False
        channel = 0
        # An input has few channels: quicker than a division.
        while pixel >= pixels:
            pixel -= pixels
            channel += 1
        indices[n] = pixel * channels + channel
    return True


@compiled()
def add_bias(row: NDArray[np.int64], weights: int, current: int, touched: NDArray[np.uint64]) -> None:
    """Add the bias of each channel to all pixels."""
    channels = row[CHANNELS]
    bias = float32s(weights + 4 * row[BIAS], channels)
    for pixel in range(row[PIXELS]):
        x = float64s(current + 8 * pixel * channels, channels)
        for i in range(channels):
            x[i] += bias[i]
        touch(touched, pixel)


@compiled()
def spread(
    row: NDArray[np.int64],
    weights: int,
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    real: bool,
    x: NDArray[np.float64],
    touched: NDArray[np.uint64],
) -> None:
    """Each index becomes a current of its own, of one share."""
    share = float64s(weights + 4 * row[SCALE], 1)[0]
    channels = row[CHANNELS]
    for j in range(n):
        x[indices[j]] += values[j] * share if real else share
        touch(touched, indices[j] // channels)


@compiled()
def add_values(
    x: NDArray[np.float64], rows: int, scale: int, indices: NDArray[np.int32], values: NDArray[np.float64], n: int
) -> None:
    """Add the rows `indices`, each times its value; `x` is as wide as a padded row."""
    units = float64s(scale, x.size)
    for j in range(n):
        row = int32s(rows + 4 * x.size * indices[j], x.size)
        value = values[j]
        for i in range(x.size):
            x[i] += value * (units[i] * row[i])


@compiled()
def link(
    row: NDArray[np.int64],
    weights: int,
    indices: int,
    values: NDArray[np.float64],
    n: int,
    real: bool,
    current: int,
    touched: NDArray[np.uint64],
) -> int:
    """A linear layer; returns its synaptic operations."""
    if n > 0:
        width = padded(row[SIZE])
        rows, scale = weights + 4 * row[WEIGHT], weights + 4 * row[SCALE]
        if real:
            add_values(float64s(current, width), rows, scale, int32s(indices, n), values, n)
        else:
            add_rows(current, rows, scale, indices, n, width)
        touched[0] |= _ONE
    return n * int(row[SIZE])


@compiled()
def pool(
    row: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    real: bool,
    pooled_indices: NDArray[np.int32],
    pooled_values: NDArray[np.float64],
) -> int:
    """Send each input to its square; squares that get several stay several entries. Returns how many are left.

    A square's share of 1 / kernel^2 is part of the weights that follow.
    """
    channels, width_in = row[CHANNELS], row[IN_WIDTH]
    height, width, kernel = row[HEIGHT], row[WIDTH], row[KERNEL]
    count = 0
    for j in range(n):
        pixel = indices[j] // channels
        y = pixel // width_in // kernel
        x = pixel % width_in // kernel
        if y < height and x < width:
            if real:
                pooled_values[count] = values[j]
            pooled_indices[count] = (y * width + x) * channels + indices[j] % channels
            count += 1
    return count


@compiled()
def flatten(
    row: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    real: bool,
    flat_indices: NDArray[np.int32],
    flat_values: NDArray[np.float64],
) -> None:
    """Renumber from pixel-major to channel-major: one pixel of as many channels as there are neurons."""
    channels, pixels = row[IN_CHANNELS], row[IN_WIDTH]
    for j in range(n):
        if real:
            flat_values[j] = values[j]
        flat_indices[j] = (indices[j] % channels) * pixels + indices[j] // channels


@compiled()
def gather(x: NDArray[np.float64], indices: NDArray[np.int32], values: NDArray[np.float64]) -> int:
    """The currents that are not 0, as indices and values; clears them and returns how many."""
    count = 0
    for i in range(x.size):
        if x[i] != 0:
            indices[count] = i
            values[count] = x[i]
            x[i] = 0
            count += 1
    return count
