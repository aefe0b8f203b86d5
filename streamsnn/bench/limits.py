"""What no step can be faster than: the bytes that it must touch, and a call that does nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.contender import Ours
from streamsnn.bench.networks import Case, silent_step
from streamsnn.compiled import compiled
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.types import Step

_FLOAT = 4


def numbers_a_neuron(neuron: Any) -> tuple[int, int, int]:
    """State read, state written, and constants read, in numbers a neuron a step."""
    if isinstance(neuron, SlidingPSN):
        return neuron.k - 1, 1, 0
    if isinstance(neuron, LIF):
        return 1, 1, 0
    if isinstance(neuron, Resonator):
        return 3, 3, 2
    if isinstance(neuron, ParaLIF):
        return (4, 4, 1) if neuron.recurrent else (2, 2, 0)
    if isinstance(neuron, LI):
        return 1, 1, 1
    if isinstance(neuron, DoubleLeakyIntegrator):
        return 2, 2, 0
    raise TypeError(f"nobody has counted what {neuron} touches")


def touched_bytes(
    case: Case, addresses: NDArray[np.int32], spikes: dict[str, NDArray[np.bool_]], recurrent_rows: dict[str, int]
) -> int:
    """The fewest bytes that one step touches, all numbers float32.

    Weights: a row for each input and spike that is active, each weight once however often it is added. State: every
    neuron's, read and written once; of a sliding PSN's ring the k - 1 past inputs are read and one is written. The
    constants of each neuron. `recurrent_rows` says for each recurrent population how many rows fed back.
    """
    total = 0
    active: NDArray[Any] = np.unique(addresses)
    shapes = case.spec.shapes()
    for index, ((name, layer), shape) in enumerate(zip(case.spec.layers, shapes, strict=True)):
        if isinstance(layer, Linear):
            total += active.size * shape[0]
        elif isinstance(layer, Conv2d):
            total += _convolution_weights(layer, case.spec.input_shape(index), shape, active)
        elif isinstance(layer, Population):
            neurons = int(np.prod(shape))
            total += sum(numbers_a_neuron(layer.neuron)) * neurons + recurrent_rows.get(name, 0) * neurons
            if layer.neuron.spiking:
                active = np.flatnonzero(spikes[name])
    return total * _FLOAT


def _convolution_weights(layer: Conv2d, before: tuple[int, ...], shape: tuple[int, ...], active: NDArray[Any]) -> int:
    """Distinct weights that inputs `active` (channel-major) reach: no more than those of their channels."""
    channel, y, x = np.unravel_index(active, before)
    reached = _outputs_reached(y, layer, shape[1]) * _outputs_reached(x, layer, shape[2])
    most = np.unique(channel).size * layer.kernel**2
    return int(min(reached.sum(), most)) * shape[0]


def _outputs_reached(place: NDArray[Any], layer: Conv2d, extent: int) -> NDArray[Any]:
    """Along one axis, how many outputs have an input at `place` in their window."""
    padded = place + layer.padding
    first = np.maximum((padded - layer.kernel) // layer.stride + 1, 0)
    last = np.minimum(padded // layer.stride, extent - 1)
    reached: NDArray[Any] = np.maximum(last - first + 1, 0)
    return reached


def recurrent_rows(case: Case, ours: Ours, operations: Any) -> dict[str, int]:
    """How many rows of recurrent weights a step of ours added, by population."""
    if operations is None:
        return {}
    counted = getattr(operations, "accumulates", operations)
    rows: dict[str, int] = {}
    sizes = dict(zip((name for name, _ in case.spec.layers), case.spec.shapes(), strict=True))
    for name, number in zip(ours.network.operation_names, counted, strict=True):
        if isinstance(dict(case.spec.layers)[name], Population) and number:
            rows[name] = rows.get(name, 0) + int(number) // int(np.prod(sizes[name]))
    return rows


@compiled()
def _read_all(numbers: NDArray[np.int64], passes: int) -> int:
    total = 0
    for turn in range(passes):
        # Something must change, or a compiler reads once and multiplies.
        numbers[turn % numbers.size] = turn
        # Whole numbers may be added in any order, and so many at a time.
        for i in range(numbers.size):
            total += numbers[i]
    return total


def read_bandwidth(working_set: int, seconds: float = 0.02) -> float:
    """Bytes a second that one core reads when it goes through `working_set` bytes again and again: the best of 5."""
    numbers = np.zeros(max(working_set // 8, 64), np.int64)
    _read_all(numbers, 1)
    passes, best = 1, 0.0
    while True:
        began = time.perf_counter()
        _read_all(numbers, passes)
        took = time.perf_counter() - began
        if took >= seconds / 5:
            break
        passes *= 2
    for _ in range(5):
        began = time.perf_counter()
        _read_all(numbers, passes)
        best = max(best, passes * numbers.nbytes / (time.perf_counter() - began))
    return best


def reading_ns(ours: Ours) -> float:
    """Median nanoseconds that it takes to ask what a step's operations cost; counting them is part of every step."""
    operations = ours.state.output.operations
    assert operations is not None
    return _median_ns(lambda: operations.energy_pj)


@compiled()
def _nothing(frame: int, addresses: NDArray[np.int32]) -> int:
    return 0


def empty_calls(ours: Ours) -> dict[str, float]:
    """Median nanoseconds of calls that do nothing: a compiled one with our step's arguments, and one of Python's."""
    step = silent_step()

    def nothing(step: Step, state: Any) -> None:
        return None

    return {
        "compiled_ns": _median_ns(_nothing, ours.state.frame_address, step.addresses),
        "python_ns": _median_ns(nothing, step, ours.state),
    }


def _median_ns(call: Callable[..., Any], *arguments: Any) -> float:
    call(*arguments)
    now = time.perf_counter_ns
    times = []
    for _ in range(2000):
        began = now()
        call(*arguments)
        times.append(now() - began)
    return float(np.median(times))
