"""The compiled steps of everything that is no neuron: from what is active to the currents that it causes.

Weights are int32 in units of a power of two that each output has for itself, 2^-31 of its largest weight or less: the
float32 that they come from are exact down to a 128th of the largest, and smaller ones off by at most 2^-32 of it. Sums of
whole numbers are exact, so that neither the order of the spikes nor the way in which they are added decides anything.
Currents are float64, and zero where nothing was added: whoever takes a pixel's currents clears them. `touched` has one
bit a pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, add_rows, float32s, float64s, int32s
from streamsnn.program import (
    BIAS,
    CHANNELS,
    HEIGHT,
    IN_CHANNELS,
    IN_HEIGHT,
    IN_WIDTH,
    KERNEL,
    PADDING,
    PIXELS,
    SCALE,
    SIZE,
    STRIDE,
    WEIGHT,
    WIDTH,
)

_ONE = np.uint64(1)


_LOOK, _SPIKE, _GAIN = 1.0, 1.0, 0.05


@compiled()
def dense_is_cheaper(row: NDArray[np.int64], n: int) -> bool:
    """Whether n spikes are so many that `convolve_by_pixel` is quicker than `convolve_by_spike`."""
    return False


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
    return n * row[SIZE]


@compiled()
def convolve_by_spike(
    row: NDArray[np.int64],
    weights: int,
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    real: bool,
    current: int,
    touched: NDArray[np.uint64],
) -> int:
    """Scatter each input through the kernel; returns the synaptic operations.

    Weights are (input channel, ky, place of kx, channel). kx is placed so that the outputs that an input reaches in a
    row, which are side by side, find their weights side by side: by kx modulo the stride, and then descending.
    """
    channels_in, width_in = np.uint32(row[IN_CHANNELS]), np.uint32(row[IN_WIDTH])
    channels, height, width = row[CHANNELS], row[HEIGHT], row[WIDTH]
    kernel, stride, padding = row[KERNEL], row[STRIDE], row[PADDING]
    phase = (kernel + stride - 1) // stride
    pitch = phase * stride * channels
    units = float64s(weights + 4 * row[SCALE], phase * channels)
    weights += 4 * row[WEIGHT]
    operations = 0
    pixel = -1
    first_pixel = np.int64(0)
    for j in range(n):
        index = np.int64(indices[j])
        if pixel < 0 or index - first_pixel < 0 or index - first_pixel >= channels_in:
            pixel = np.int64(np.uint32(index) // channels_in)
            first_pixel = pixel * np.int64(channels_in)
            line = np.int64(np.uint32(pixel) // width_in)
            y, x0 = line + padding, pixel - line * np.int64(width_in) + padding
            # Outputs whose window holds y: y - kernel < oy * stride <= y; alike for x.
            first_y, last_y = max((y - kernel) // stride + 1, 0), min(y // stride, height - 1)
            first_x, last_x = max((x0 - kernel) // stride + 1, 0), min(x0 // stride, width - 1)
            kx = x0 - first_x * stride
            place = kx % stride * phase + phase - 1 - kx // stride
            reach = (last_x - first_x + 1) * channels
            if reach > 0:
                for oy in range(first_y, last_y + 1):
                    for ox in range(first_x, last_x + 1):
                        touch(touched, oy * width + ox)
        if reach <= 0:
            continue
        taps = weights + 4 * ((index - first_pixel) * kernel * pitch + place * channels)
        for oy in range(first_y, last_y + 1):
            out = float64s(current + 8 * (oy * width + first_x) * channels, reach)
            row_of_taps = int32s(taps + 4 * (y - oy * stride) * pitch, reach)
            if real:
                value = values[j]
                for i in range(reach):
                    out[i] += value * (units[i] * row_of_taps[i])
            else:
                for i in range(reach):
                    out[i] += units[i] * row_of_taps[i]
            operations += reach
    return operations


@compiled()
def convolve_by_pixel(
    row: NDArray[np.int64],
    weights: int,
    indices: NDArray[np.int32],
    n: int,
    current: int,
    touched: NDArray[np.uint64],
    sorted_channels: NDArray[np.int32],
    starts: NDArray[np.int32],
) -> int:
    """Gather for each output what is active in its window; returns the synaptic operations.

    The same sums as `convolve_by_spike` for spikes, bit for bit: for busy inputs. `sorted_channels` has
    room for n numbers and one window, `starts` for one more than the input has pixels. The number of channels must be a
    multiple of `LANES`.
    """
    channels_in, height_in, width_in = row[IN_CHANNELS], row[IN_HEIGHT], row[IN_WIDTH]
    channels, height, width = row[CHANNELS], row[HEIGHT], row[WIDTH]
    kernel, stride, padding = row[KERNEL], row[STRIDE], row[PADDING]
    phase = (kernel + stride - 1) // stride
    taps = phase * stride
    _sort_by_pixel(indices, n, channels_in, height_in * width_in, sorted_channels, starts)
    taps_of, scale = weights + 4 * row[WEIGHT], weights + 4 * row[SCALE]
    window = sorted_channels[n:]
    window_address = window.ctypes.data
    operations = 0
    for oy in range(height):
        top = oy * stride - padding
        for ox in range(width):
            left = ox * stride - padding
            count = 0
            for y in range(max(top, 0), min(top + kernel, height_in)):
                for x in range(max(left, 0), min(left + kernel, width_in)):
                    pixel = y * width_in + x
                    first, last = starts[pixel], starts[pixel + 1]
                    if first < last:
                        kx = x - left
                        place = (y - top) * taps + kx % stride * phase + phase - 1 - kx // stride
                        for j in range(first, last):
                            window[count] = sorted_channels[j] * kernel * taps + place
                            count += 1
            if count > 0:
                pixel = oy * width + ox
                add_rows(current + 8 * pixel * channels, taps_of, scale, window_address, count, channels)
                touch(touched, pixel)
                operations += count * channels
    return operations


@compiled()
def _sort_by_pixel(
    indices: NDArray[np.int32],
    n: int,
    channels: int,
    pixels: int,
    sorted_channels: NDArray[np.int32],
    starts: NDArray[np.int32],
) -> None:
    """Write the channel of each index to `sorted_channels`, pixel by pixel, and where each pixel's begin to `starts`."""
    starts[: pixels + 1] = 0
    for j in range(n):
        starts[np.uint32(indices[j]) // np.uint32(channels) + 1] += 1
    for pixel in range(pixels):
        starts[pixel + 1] += starts[pixel]
    for j in range(n):
        pixel = np.int64(np.uint32(indices[j]) // np.uint32(channels))
        sorted_channels[starts[pixel]] = indices[j] - pixel * channels
        starts[pixel] += 1
    for pixel in range(pixels, 0, -1):
        starts[pixel] = starts[pixel - 1]
    starts[0] = 0


@compiled()
def pool(
    row: NDArray[np.int64], indices: NDArray[np.int32], values: NDArray[np.float64], n: int, real: bool,
    pooled_indices: NDArray[np.int32], pooled_values: NDArray[np.float64],
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
    row: NDArray[np.int64], indices: NDArray[np.int32], values: NDArray[np.float64], n: int, real: bool,
    flat_indices: NDArray[np.int32], flat_values: NDArray[np.float64],
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
