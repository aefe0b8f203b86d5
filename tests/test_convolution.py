"""Both convolutions give what torch's does, the same as each other, and say truly what they took."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.convolution import convolve_by_pixel, convolve_by_spike, dense_is_cheaper
from streamsnn.layers import Conv2d, Linear, NetworkSpec
from streamsnn.lowering import Lowered, aligned, lower
from streamsnn.types import InputSpec, ModelCard


def _lowered(inputs: int, side: int, layer: Conv2d, weight: NDArray[Any]) -> tuple[Lowered, NDArray[np.int64]]:
    """A network whose second convolution is `layer`, and that layer's row of the table."""
    card = ModelCard("convolution", ("a",), 1000, InputSpec(side, side, polarity="merge"), 1000)
    layers = (("spread", Conv2d(inputs, 1)), ("layer", layer), ("end", Linear(1)))
    spec = NetworkSpec(card, layers)
    weights: dict[str, Any] = {name: np.ones(shape) for name, shape in spec.parameter_shapes().items()}
    lowered = lower(spec, weights | {"layer.weight": weight})
    row = [k for k, n in enumerate(lowered.names) if n == "layer" and lowered.table[k, 0] == program.CONVOLVE]
    return lowered, lowered.table[row[0]].copy()


def _run(lowered: Lowered, row: NDArray[np.int64], spikes: NDArray[np.int32], by_pixel: bool) -> tuple[Any, Any, int]:
    """Currents, pixels touched, and operations."""
    pixels = int(row[program.PIXELS])
    x, touched = aligned(int(row[program.SIZE]), np.float64), np.zeros(-(-pixels // 64), np.uint64)
    weights = lowered.weights.ctypes.data
    if by_pixel:
        entries = np.zeros(2 * spikes.size, np.int32)
        starts = np.zeros(int(row[program.IN_HEIGHT] * row[program.IN_WIDTH]) + 1, np.int32)
        taken = convolve_by_pixel(row, weights, spikes, spikes.size, x.ctypes.data, touched, entries, starts)
    else:
        none = np.zeros(0)
        taken = convolve_by_spike(row, weights, spikes, none, spikes.size, False, x.ctypes.data, touched)
    bits = np.unpackbits(touched.view(np.uint8), bitorder="little")[:pixels]
    return x.reshape(pixels, -1), bits, taken


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    inputs=st.integers(1, 5),
    side=st.integers(1, 9),
    outputs=st.sampled_from([16, 32, 48]),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    density=st.sampled_from([0.02, 0.3, 1.0]),
    repeats=st.sampled_from([0, 1, 300]),
    seed=st.integers(0, 2**31 - 1),
)
def test_both_ways_are_torchs_and_each_others(
    inputs: int,
    side: int,
    outputs: int,
    kernel: int,
    stride: int,
    padding: int,
    density: float,
    repeats: int,
    seed: int,
) -> None:
    if side + 2 * padding < kernel:
        return
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(outputs, inputs, kernel, kernel))
    lowered, row = _lowered(inputs, side, Conv2d(outputs, kernel, stride, padding), weight)
    active = rng.random((side * side, inputs)) < density
    spikes = np.flatnonzero(active).astype(np.int32)
    # Repeated and unsorted, as the addresses of a step may be.
    spikes = rng.permutation(np.concatenate([spikes, np.repeat(spikes[:2], repeats)])).astype(np.int32)
    counts = np.bincount(spikes, minlength=active.size).reshape(side, side, inputs).transpose(2, 0, 1)
    image = torch.from_numpy(counts.astype(np.float64))[None]
    expected = torch.nn.functional.conv2d(image, torch.from_numpy(weight), stride=stride, padding=padding)[0]
    reached = torch.nn.functional.conv2d(image, torch.ones(1, inputs, kernel, kernel).double(), None, stride, padding)
    x, touched, taken = _run(lowered, row, spikes, by_pixel=False)
    # A weight is off by at most 2^-31 of the largest of its output.
    tolerance = float(reached.max()) * 2.0**-31 * np.abs(weight).max() + 1e-12
    np.testing.assert_allclose(x, expected.reshape(outputs, -1).T, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(touched, reached.flatten() > 0)
    assert taken == outputs * int(reached.sum())
    for ours, theirs in zip(_run(lowered, row, spikes, by_pixel=True), (x, touched, taken), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_few_spikes_are_scattered_and_many_are_gathered() -> None:
    _, row = _lowered(32, 16, Conv2d(32, 3, padding=1), np.ones((32, 32, 3, 3)))
    assert not dense_is_cheaper(row, 10)
    assert dense_is_cheaper(row, 32 * 16 * 16)
    _, row = _lowered(32, 16, Conv2d(20, 3, padding=1), np.ones((20, 32, 3, 3)))
    assert not dense_is_cheaper(row, 32 * 16 * 16), "rows that do not fill cache lines cannot be gathered"
