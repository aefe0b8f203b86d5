"""The compiled steps of a convolution, for few spikes and for many: the same sums, bit for bit.

By spike, each input is scattered through the kernel: the work follows the events. By pixel, each output gathers what is
active in its window and sums it in registers: quicker once most windows hold something. Both skip zeros.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address, float64s, int32s
from streamsnn.program import (
    CHANNELS,
    HEIGHT,
    IN_CHANNELS,
    IN_HEIGHT,
    IN_WIDTH,
    KERNEL,
    PADDING,
    PIXELS,
    SCALE,
    STRIDE,
    WEIGHT,
    WIDTH,
)
from streamsnn.registers import add_rows
from streamsnn.synapses import touch


@compiled()
def dense_is_cheaper(row: NDArray[np.int64], n: int) -> bool:
    """Whether n spikes are so many that `convolve_by_pixel` is quicker than `convolve_by_spike`.

    Both costs are in nanoseconds, with constants fitted to what `streamsnn bench convolution` measures: a spike, a row
    of outputs that it reaches, and a channel of each of them; a place of a window, a pixel to sort into, a spike to
    sort, and where one is found in a window, itself and a channel of its row. What matters is where they cross.
    """
    kernel, channels = row[KERNEL], row[CHANNELS]
    if channels % LANES != 0:
        return False
    # A spike reaches so many outputs in each direction, on average.
    reach = kernel / row[STRIDE]
    scattered_ns = n * (14.0 + 6.2 * reach + 0.11 * reach * reach * channels)
    found_ns = 8.9 + reach * reach * (2.9 + 0.028 * channels)
    walk_ns = 2.3 * kernel * kernel * row[PIXELS] + 0.75 * row[IN_HEIGHT] * row[IN_WIDTH]
    return bool(walk_ns + n * found_ns < scattered_ns)


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
    pixel = np.int64(-1)
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
    tap_numbers: NDArray[np.int32],
    starts: NDArray[np.int32],
) -> int:
    """Gather for each output what is active in its window; returns the synaptic operations.

    The same sums as `convolve_by_spike` for spikes, bit for bit: for busy inputs. `tap_numbers` has
    room for 2 n numbers, `starts` for one more than the input has pixels. The number of channels must be a
    multiple of `LANES`.
    """
    height_in, width_in = row[IN_HEIGHT], row[IN_WIDTH]
    channels, height, width = row[CHANNELS], row[HEIGHT], row[WIDTH]
    kernel, stride, padding = row[KERNEL], row[STRIDE], row[PADDING]
    phase = (kernel + stride - 1) // stride
    taps = phase * stride
    _sort_by_pixel(row, indices, n, tap_numbers, starts)
    taps_of, scale = weights + 4 * row[WEIGHT], weights + 4 * row[SCALE]
    window = tap_numbers[n:]
    window_address = address(window)
    operations = 0
    for oy in range(height):
        top = oy * stride - padding
        for ox in range(width):
            left = ox * stride - padding
            first_x = min(max(left, 0), width_in)
            end_x = max(min(left + kernel, width_in), first_x)
            count = 0
            for y in range(max(top, 0), min(top + kernel, height_in)):
                # What is active in a row of the window lies together, and where the window is adds the same to all.
                place = (y - top) * taps + ox
                for j in range(starts[y * width_in + first_x], starts[y * width_in + end_x]):
                    window[count] = tap_numbers[j] + place
                    count += 1
            if count > 0:
                pixel = oy * width + ox
                add_rows(current + 8 * pixel * channels, taps_of, scale, window_address, count, channels)
                touch(touched, pixel)
                operations += count * channels
    return operations


@compiled()
def _sort_by_pixel(
    row: NDArray[np.int64],
    indices: NDArray[np.int32],
    n: int,
    tap_numbers: NDArray[np.int32],
    starts: NDArray[np.int32],
) -> None:
    """Sort what is active by pixel and write where each pixel begins to `starts`.

    `tap_numbers` are given, for each that is active, the number of its row of weights for an output at 0, 0 whose
    window begins in the same line: rows of other outputs of that line follow one another.
    """
    channels, width = np.uint32(row[IN_CHANNELS]), np.uint32(row[IN_WIDTH])
    pixels = row[IN_HEIGHT] * row[IN_WIDTH]
    kernel, stride, padding = row[KERNEL], row[STRIDE], row[PADDING]
    phase = (kernel + stride - 1) // stride
    starts[: pixels + 1] = 0
    for j in range(n):
        starts[np.uint32(indices[j]) // channels + 1] += 1
    for place in range(pixels):
        starts[place + 1] += starts[place]
    last, tap = np.int64(-1), np.int64(0)
    for j in range(n):
        pixel = np.int64(np.uint32(indices[j]) // channels)
        if pixel != last:
            last = pixel
            x = np.int64(np.uint32(pixel) % width) + padding
            tap = x % stride * phase + phase - 1 - x // stride
        channel = indices[j] - pixel * np.int64(channels)
        tap_numbers[starts[pixel]] = channel * kernel * phase * stride + tap
        starts[pixel] += 1
    for place in range(pixels, 0, -1):
        starts[place] = starts[place - 1]
    starts[0] = 0
