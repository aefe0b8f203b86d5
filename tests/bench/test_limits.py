"""Bytes that a step must touch, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from small_cases import small_case

from streamsnn.bench import limits
from streamsnn.bench.contender import Ours
from streamsnn.bench.networks import event_steps
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import ALIF, LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.types import InputSpec


def addresses(*which: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(which, np.int32)


def fired(size: int, *which: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    spikes = np.zeros(size, bool)
    spikes[list(which)] = True
    return spikes


def test_rows_states_and_feedback() -> None:
    case = small_case()  # 12 -> 8 recurrent LIF -> 3
    # 2 distinct inputs of 8 weights, 1 number of state read and written, 3 rows of feedback, 1 spike of 3 weights.
    touched = limits.touched_bytes(case, addresses(4, 7, 4), {"hidden": fired(8, 5)}, {"hidden": 3})
    assert touched == 4 * (2 * 8 + 2 * 8 + 3 * 8 + 1 * 3)
    assert limits.touched_bytes(case, addresses(), {"hidden": fired(8)}, {}) == 4 * 2 * 8


def test_a_convolution_reads_each_weight_once() -> None:
    case = small_case(
        ("conv", Conv2d(4, 3, stride=2, padding=1)),
        ("hidden", Population(SlidingPSN(3))),
        ("output", Linear(3)),
        grid=InputSpec(6, 6),
    )
    ring = 36 * (2 + 1)
    silent = {"hidden": fired(36)}
    # Pixel (0, 0) is in one window, (1, 1) in four: one place and four places of the kernel, 4 channels each.
    assert limits.touched_bytes(case, addresses(0), silent, {}) == 4 * (1 * 4 + ring)
    assert limits.touched_bytes(case, addresses(7), silent, {}) == 4 * (4 * 4 + ring)
    # Three such pixels of one channel reach 12 places, of which the kernel has 9; another channel has its own kernel.
    assert limits.touched_bytes(case, addresses(7, 9, 19), silent, {}) == 4 * (9 * 4 + ring)
    assert limits.touched_bytes(case, addresses(7, 9, 19, 36 + 7), silent, {}) == 4 * ((12 + 4) * 4 + ring)
    assert limits.touched_bytes(case, addresses(), {"hidden": fired(36, 0, 35)}, {}) == 4 * (ring + 2 * 3)


def test_every_family_that_is_compared_is_counted() -> None:
    families = [SlidingPSN(8), LIF(), Resonator("brf"), ParaLIF("T"), ParaLIF("T", recurrent=True), LI()]
    numbers = [limits.numbers_a_neuron(neuron) for neuron in (*families, DoubleLeakyIntegrator())]
    assert numbers == [(7, 1, 0), (1, 1, 0), (3, 3, 2), (2, 2, 0), (4, 4, 1), (1, 1, 1), (2, 2, 0)]
    with pytest.raises(TypeError, match="nobody has counted"):
        limits.numbers_a_neuron(ALIF())


def test_rows_of_feedback_are_those_that_a_step_added() -> None:
    case = small_case()
    ours = Ours(case)
    before = 0
    seen = set()
    for step in event_steps(case, 6_000, 30):
        said = ours.network.step(step, ours.state)
        assert limits.recurrent_rows(case, ours, said.operations).get("hidden", 0) == before
        before = said.spikes["hidden"].size
        seen.add(before)
    assert len(seen) > 2
    assert limits.recurrent_rows(case, ours, None) == {}


def test_memory_is_read_and_calls_return() -> None:
    assert limits.read_bandwidth(100_000, seconds=0.001) > 0
    ours = Ours(small_case())
    assert limits.reading_ns(ours) > 0
    calls = limits.empty_calls(ours)
    assert calls.keys() == {"compiled_ns", "python_ns"}
    assert min(calls.values()) > 0
