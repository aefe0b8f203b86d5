"""The compiled step of a whole network: one table of operations, walked by one kernel.

A network is lowered once into an int64 table (a row an operation), one flat buffer of weights, and the sizes of its
state. Every network therefore shares the same machine code, which is compiled once a machine and kept on disk; a step
is a single call that holds no interpreter lock and allocates nothing.

A signal is a list of (index, value) pairs: only what is active is walked. Synapses turn one into currents, one number a
neuron, and neurons turn currents into the next; SPREAD and GATHER stand where layers meet otherwise. Indices of
populations with height and width are pixel-major, (y * width + x) * channels + channel, so that a spike adds contiguous
rows.
Weights and states are float32; a neuron's input is summed in float64, because sums of many rows decide exact ties.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.neurons.alif import step_alif
from streamsnn.neurons.cuba_lif import step_cuba
from streamsnn.neurons.integrator import step_double_li, step_li
from streamsnn.neurons.lif import step_lif
from streamsnn.neurons.paralif import step_paralif
from streamsnn.neurons.psn import step_masked, step_sliding
from streamsnn.neurons.resonate import step_resonator

# Operations. From SLIDING_PSN on they are populations of neurons.
SPREAD, LINEAR, CONVOLVE, POOL, FLATTEN, GATHER = 0, 1, 2, 3, 4, 5
SLIDING_PSN, MASKED_PSN, PARALIF, RESONATOR, LIF, ALIF, CUBA_LIF, LI, DOUBLE_LI = 10, 11, 12, 13, 14, 15, 16, 17, 18
POPULATIONS = {
    "sliding-psn": SLIDING_PSN,
    "masked-psn": MASKED_PSN,
    "paralif": PARALIF,
    "resonator": RESONATOR,
    "lif": LIF,
    "alif": ALIF,
    "cuba-lif": CUBA_LIF,
    "li": LI,
    "paralif-readout": DOUBLE_LI,
}

# Columns of the table.
OP, SIZE, WEIGHT, BIAS = 0, 1, 2, 3
IN_CHANNELS, IN_HEIGHT, IN_WIDTH, OUT_CHANNELS, OUT_HEIGHT, OUT_WIDTH, KERNEL, STRIDE, PADDING = (
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
)
CONSTANT, CONSTANT_END, RECURRENT, RECURRENT_END, STATE, STATE_END = 4, 5, 6, 7, 8, 9
COUNTER, COUNTER_END, FIRED, COUNT = 10, 11, 12, 13
COLUMNS = 14

OK, ADDRESS_OUT_OF_RANGE = 0, 1


@compiled()
def take_addresses(
    addresses: NDArray[np.int32], channels: int, pixels: int, indices: NDArray[np.int32], values: NDArray[np.float64]
) -> int:
    """Channel-major input addresses -> pixel-major indices of value 1.

    Returns how many, or -1 if one is out of range.
    """
    for n in range(addresses.size):
        address = addresses[n]
        if address < 0 or address >= channels * pixels:
            return -1
        indices[n] = (address % pixels) * channels + address // pixels
        values[n] = 1
    return addresses.size


@compiled()
def _add_rows(
    x: NDArray[np.float64], rows: NDArray[np.float32], indices: NDArray[np.int32], values: NDArray[np.float64], n: int
) -> None:
    size = x.size
    for j in range(n):
        begin = indices[j] * size
        row = rows[begin : begin + size]
        value = values[j]
        for i in range(size):
            x[i] += value * row[i]


@compiled()
def _convolve(
    x: NDArray[np.float64],
    row: NDArray[np.int64],
    weights: NDArray[np.float32],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
) -> int:
    """Scatter each input through the kernel; weights are (input channel, ky, kx, output channel)."""
    channels_in, width_in = row[IN_CHANNELS], row[IN_WIDTH]
    channels, height, width = row[OUT_CHANNELS], row[OUT_HEIGHT], row[OUT_WIDTH]
    kernel, stride, padding = row[KERNEL], row[STRIDE], row[PADDING]
    operations = 0
    for j in range(n):
        index = indices[j]
        value = values[j]
        channel = index % channels_in
        pixel = index // channels_in
        y = pixel // width_in + padding
        x0 = pixel % width_in + padding
        # Output rows whose window holds y: y - kernel < oy * stride <= y.
        first_y = max((y - kernel) // stride + 1, 0)
        last_y = min(y // stride, height - 1)
        first_x = max((x0 - kernel) // stride + 1, 0)
        last_x = min(x0 // stride, width - 1)
        for oy in range(first_y, last_y + 1):
            for ox in range(first_x, last_x + 1):
                tap = (channel * kernel + (y - oy * stride)) * kernel + (x0 - ox * stride)
                taps = weights[tap * channels : (tap + 1) * channels]
                out = x[(oy * width + ox) * channels : (oy * width + ox + 1) * channels]
                for i in range(channels):
                    out[i] += value * taps[i]
                operations += channels
    return operations


@compiled()
def _pool(
    row: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    pooled_indices: NDArray[np.int32],
    pooled_values: NDArray[np.float64],
) -> int:
    """Send each input to its square with a share of its value; squares that get several stay several entries."""
    channels, width_in = row[IN_CHANNELS], row[IN_WIDTH]
    height, width, kernel = row[OUT_HEIGHT], row[OUT_WIDTH], row[KERNEL]
    share = 1.0 / (kernel * kernel)
    count = 0
    for j in range(n):
        pixel = indices[j] // channels
        y = pixel // width_in // kernel
        x = pixel % width_in // kernel
        if y < height and x < width:
            pooled_indices[count] = (y * width + x) * channels + indices[j] % channels
            pooled_values[count] = values[j] * share
            count += 1
    return count


@compiled()
def _gather(x: NDArray[np.float64], indices: NDArray[np.int32], values: NDArray[np.float64]) -> int:
    """The values of `x` that are not 0, as pairs; returns how many."""
    count = 0
    for i in range(x.size):
        if x[i] != 0:
            indices[count] = i
            values[count] = x[i]
            count += 1
    return count


@compiled()
def _flatten(
    row: NDArray[np.int64],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    flat_indices: NDArray[np.int32],
    flat_values: NDArray[np.float64],
) -> None:
    """Renumber from pixel-major to channel-major; the image's number of pixels stands in the column of its width."""
    channels, pixels = row[IN_CHANNELS], row[IN_WIDTH]
    for j in range(n):
        flat_indices[j] = (indices[j] % channels) * pixels + indices[j] // channels
        flat_values[j] = values[j]


@compiled()
def advance(
    table: NDArray[np.int64],
    weights: NDArray[np.float32],
    floats: NDArray[np.float32],
    counters: NDArray[np.int64],
    fired: NDArray[np.int32],
    counts: NDArray[np.int64],
    operations: NDArray[np.int64],
    current: NDArray[np.float64],
    indices: NDArray[np.int32],
    values: NDArray[np.float64],
    n: int,
    ones: NDArray[np.float64],
    scores: NDArray[np.float32],
) -> None:
    """One step of the network described by `table`; the signal enters as n (indices, values) pairs.

    `floats`, `counters`, `fired` and `counts` are the state; `current`, `indices` and `values` are work space;
    `operations`
    (rows,) receives the synaptic operations of each row and `scores` (labels,) what leaves the last row.
    """
    signal, strength = indices, values
    active = 0
    for line in range(table.shape[0]):
        row = table[line]
        op = row[OP]
        size = row[SIZE]
        x = current[:size]
        operations[line] = 0
        if op == GATHER:
            n = _gather(x, indices, values)
            signal, strength = indices, values
        elif op == FLATTEN:
            _flatten(row, signal, strength, n, indices, values)
            signal, strength = indices, values
        elif op == POOL:
            n = _pool(row, signal, strength, n, indices, values)
            signal, strength = indices, values
        elif op < SLIDING_PSN:
            bias = row[BIAS]
            if bias >= 0:
                x[:] = weights[bias : bias + size]
            else:
                x[:] = 0
            active = 1 if n > 0 or bias >= 0 else 0
            if op == SPREAD:
                for j in range(n):
                    x[signal[j]] += strength[j]
            elif op == LINEAR:
                _add_rows(x, weights[row[WEIGHT] :], signal, strength, n)
                operations[line] = n * size
            else:
                operations[line] = _convolve(x, row, weights[row[WEIGHT] :], signal, strength, n)
        else:
            p = weights[row[CONSTANT] : row[CONSTANT_END]]
            r = weights[row[RECURRENT] : row[RECURRENT_END]]
            s = floats[row[STATE] : row[STATE_END]]
            k = counters[row[COUNTER] : row[COUNTER_END]]
            f = fired[row[FIRED] : row[FIRED] + size]
            before = counts[row[COUNT]]
            n = 0
            if op == PARALIF:
                n, rows = step_paralif(x, p, r.reshape(-1, size), s, k, f)
                operations[line] = rows * size
            else:
                if r.size > 0 and before > 0:
                    _add_rows(x, r, f, ones, before)
                    operations[line] = before * size
                if op == SLIDING_PSN:
                    n = step_sliding(x, active, p, s, k, f)
                elif op == MASKED_PSN:
                    n = step_masked(x, p, s, k, f)
                elif op == RESONATOR:
                    n = step_resonator(x, p, s, f)
                elif op == LIF:
                    n = step_lif(x, p, s, f)
                elif op == ALIF:
                    n = step_alif(x, p, s, f)
                elif op == CUBA_LIF:
                    n = step_cuba(x, p, s, f)
                elif op == LI:
                    step_li(x, p, s)
                    active = 1
                else:
                    step_double_li(x, p, s)
                    active = 1
            counts[row[COUNT]] = n
            signal, strength = f, ones
    scores[:] = current[: scores.size]
