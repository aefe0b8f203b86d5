"""The compiled step: many streams at once, pixels that sleep, no allocation, no interpreter lock."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import CARD, GRID, steps_of
from numba import njit
from numba.core import runtime
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Layer, Linear, NetworkSpec, Population
from streamsnn.network import Network
from streamsnn.neurons import ALIF, LI, LIF, CubaLIF, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Neuron
from streamsnn.sequence import SequenceNetwork
from streamsnn.state import StateBatch
from streamsnn.types import InputSpec, Step

FAMILIES: tuple[Neuron, ...] = (
    SlidingPSN(1),
    SlidingPSN(5),
    SlidingPSN(40),
    LIF(v_threshold=0.3),
    LIF(v_threshold=0.2, v_reset=None, decay_input=False, tau_ms=30.0),
    LIF(v_threshold=0.3, v_reset=-0.4, learn_tau=True),
    ParaLIF(kind="T", threshold=0.1),
    ParaLIF(kind="TRD", threshold=0.05),
    ParaLIF(kind="SD", threshold=0.1),
    ParaLIF(kind="TRB"),
    Resonator("brf"),
    Resonator("rf", b_offset_range=(8.0, 12.0)),
    ALIF(),
    CubaLIF(threshold=0.1),
)


def convolutional(neuron: Neuron) -> tuple[SequenceNetwork, Network]:
    """Both forms of a network with two populations of `neuron` that have height and width."""
    layers: tuple[tuple[str, Layer], ...] = (
        ("conv", Conv2d(16, 3, padding=1)),
        ("first", Population(neuron)),
        ("pool", AveragePool(2)),
        ("next", Conv2d(4, 3, stride=2, padding=1)),
        ("second", Population(neuron)),
        ("out", Linear(3)),
        ("readout", Population(LI())),
    )
    sequence = SequenceNetwork(NetworkSpec(CARD, layers), 1).double()
    gain = 300.0 if neuron.family == "resonator" else 6.0
    weights = sequence.export()
    weights |= {name: gain * value for name, value in weights.items() if name.startswith(("conv", "next"))}
    sequence.load(weights)
    return sequence, Network(sequence.spec, weights)


def bursts(length: int, seed: int) -> NDArray[np.float64]:
    """Frames (length, addresses) with a few active pixels for a few steps, and long silences in between."""
    rng = np.random.default_rng(seed)
    frames = np.zeros((length, 2, GRID.height, GRID.width))
    begin = 0
    while begin < length:
        y, x = rng.integers(0, GRID.height), rng.integers(0, GRID.width)
        end = begin + int(rng.integers(1, 6))
        some = frames[begin:end, :, y : y + 2, x : x + 2]
        some[:] = rng.poisson(2.0, some.shape)
        begin = end + int(rng.choice([0, 3, 60, 300]))
    return frames.reshape(length, -1)


@pytest.mark.parametrize("neuron", FAMILIES, ids=repr)
def test_sleeping_changes_nothing(neuron: Neuron) -> None:
    sequence, network = convolutional(neuron)
    frames = bursts(900, 3)
    with torch.no_grad():
        scores = sequence(torch.from_numpy(frames.reshape(900, 1, 2, 7, 9)), 5).numpy()[:, 0]
    state = network.initial_state(5)
    fired = {"first": 0, "second": 0}
    for t, step in enumerate(steps_of(frames)):
        output = network.step(step, state)
        for name in fired:
            theirs = sequence.spikes[name][t, 0].flatten(1).numpy().T.ravel()
            np.testing.assert_array_equal(output.spikes[name], np.flatnonzero(theirs), f"{name}, step {t}")
            fired[name] += output.spikes[name].size
        np.testing.assert_allclose(output.scores, scores[t], rtol=0, atol=1e-4)
    assert min(fired.values()) > 0, fired


def test_what_nothing_reaches_sleeps_and_takes_no_work() -> None:
    for neuron, steps_awake in ((SlidingPSN(5), 5), (LIF(v_threshold=0.3), 1)):
        _, network = convolutional(neuron)
        state = network.initial_state()
        silence, corner = Step(0, np.zeros(0, np.int32), 0), Step(0, np.zeros(1, np.int32), 0)
        assert not state.awake[:1].any()
        network.step(corner, state)
        before = state.floats.copy()
        # A corner reaches four pixels of the first layer.
        assert int(state.awake[0]).bit_count() == (4 if isinstance(neuron, SlidingPSN) else 0)
        for _ in range(steps_awake - 1):
            assert isinstance(neuron, LIF) or state.awake[0]
            network.step(silence, state)
        network.step(silence, state)
        assert not state.awake[:1].any()
        if isinstance(neuron, LIF):
            untouched = slice(0, 63 * 16)
            np.testing.assert_array_equal(state.floats[untouched], before[untouched])
            # What sleeps is nevertheless as it would be had it been stepped.
            expected = before[:16] * 0.5 ** (state.steps - 1)
            np.testing.assert_allclose(state.membrane("first")[:16], expected, rtol=1e-6)


def dense_steps(network: Network, count: int, seed: int) -> list[Step]:
    rng = np.random.default_rng(seed)
    return steps_of(rng.poisson(0.2, (count, network.card.input.size)).astype(np.float64))


@settings(deadline=None, max_examples=15, derandomize=True)
@given(streams=st.integers(1, 5), seed=st.integers(0, 1000), busiest=st.sampled_from([1, 40]))
def test_a_batch_is_its_streams(streams: int, seed: int, busiest: int) -> None:
    _, network = convolutional(ParaLIF(kind="TRB"))
    alone = [network.initial_state(number) for number in range(streams)]
    together = [state.copy() for state in alone]
    batch = StateBatch(together)
    inputs = [dense_steps(network, 12, seed + number) for number in range(streams)]
    # One stream has more events than the input has addresses.
    inputs[-1] = [Step(s.index, np.tile(s.addresses, busiest), 0) for s in inputs[-1]]
    for t in range(12):
        outputs = network.step_many([steps[t] for steps in inputs], batch)
        for number, (state, output) in enumerate(zip(alone, outputs, strict=True)):
            expected = network.step(inputs[number][t], state)
            np.testing.assert_array_equal(output.scores, expected.scores)
            for name, spikes in expected.spikes.items():
                np.testing.assert_array_equal(output.spikes[name], spikes)
            assert output.operations is not None
            assert expected.operations is not None
            np.testing.assert_array_equal(output.operations.accumulates, expected.operations.accumulates)


def test_a_batch_says_what_is_wrong_and_steps_those_before() -> None:
    _, network = convolutional(LIF(v_threshold=0.3))
    states = [network.initial_state() for _ in range(3)]
    batch = StateBatch(states)
    good, bad = dense_steps(network, 1, 0)[0], Step(7, np.array([GRID.size], np.int32), 0)
    with pytest.raises(StreamsnnError, match="step 7 has an address outside"):
        network.step_many([good, bad, good], batch)
    assert [state.steps for state in states] == [1, 0, 0]
    with pytest.raises(StreamsnnError, match="2 steps for 3 streams"):
        network.step_many([good, good], batch)
    with pytest.raises(StreamsnnError, match="each once"):
        StateBatch([states[0], states[0]])
    with pytest.raises(StreamsnnError, match="each once"):
        StateBatch([])
    _, other = convolutional(ALIF())
    with pytest.raises(StreamsnnError, match="different networks"):
        StateBatch([states[0], other.initial_state()])
    with pytest.raises(StreamsnnError, match="another network"):
        other.step_many([good], StateBatch([states[0]]))
    with pytest.raises(StreamsnnError, match="int32"):
        network.step_many([Step(0, np.zeros(1, np.int64), 0), good, good], batch)


@pytest.mark.parametrize("addresses", [np.zeros(3, np.int64), np.zeros(6, np.int32)[::2], np.zeros((2, 2), np.int32)])
def test_addresses_of_another_type_are_refused(addresses: Any) -> None:
    _, network = convolutional(LIF())
    state = network.initial_state()
    with pytest.raises(StreamsnnError, match="contiguous int32"):
        network.step(Step(0, addresses, 0), state)
    assert state.steps == 0


def test_addresses_that_may_not_be_written_are_taken() -> None:
    _, network = convolutional(LIF())
    addresses = np.zeros(3, np.int32)
    addresses.flags.writeable = False
    network.step(Step(0, addresses, 0), network.initial_state())


_runtime: Any = runtime


def allocations(call: Callable[[], object]) -> int:
    """How much memory compiled code asks for during `call`."""
    _runtime._nrt_python.memsys_enable_stats()
    try:
        before = _runtime.rtsys.get_allocation_stats()
        call()
        after = _runtime.rtsys.get_allocation_stats()
    finally:
        _runtime._nrt_python.memsys_disable_stats()
    return int(after.alloc - before.alloc)


def test_allocations_are_seen() -> None:
    made = njit(lambda n: np.zeros(n).sum())
    made(3)
    assert allocations(lambda: made(3)) == 1


@pytest.mark.parametrize("neuron", FAMILIES, ids=repr)
def test_a_step_allocates_nothing(neuron: Neuron) -> None:
    _, network = convolutional(neuron)
    steps = dense_steps(network, 40, 1) + steps_of(bursts(300, 2))
    batch = StateBatch([network.initial_state(number) for number in range(7)])
    assert max(step.addresses.size for step in steps) <= batch.lowered.widest

    def run_many() -> None:
        for step in steps:
            network.step_many([step] * 7, batch)

    run_many()
    # One a call, however many streams step in it: numba's own handle for the array of addresses.
    assert allocations(run_many) == len(steps)

    state = network.initial_state()

    def run() -> None:
        for step in steps:
            network.step(step, state)

    tracemalloc.start()
    try:
        run()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        run()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # What the interpreter needs for a call and a few numbers, and no array.
    assert after - before < 200, "something is left behind"
    assert peak - before < 1000, "something is made and thrown away"


def test_other_threads_run_while_a_step_is_computed() -> None:
    card = dataclasses.replace(CARD, input=InputSpec(64, 64))
    layers = (("a", Conv2d(32, 5, padding=2)), ("n", Population(LIF(v_threshold=0.0))), ("out", Linear(3)))
    sequence = SequenceNetwork(NetworkSpec(card, layers), 0)
    network = Network(sequence.spec, sequence.export())
    network.warm_up()
    batch = StateBatch([network.initial_state() for _ in range(40)])
    everything = Step(0, np.arange(card.input.size, dtype=np.int32), 0)
    begun, ended = threading.Event(), threading.Event()

    def compute() -> None:
        steps = [everything] * 40
        begun.set()
        network.step_many(steps, batch)
        ended.set()

    worker = threading.Thread(target=compute)
    worker.start()
    begun.wait()
    turns = 0
    while not ended.is_set():
        turns += 1
    worker.join()
    # With the lock held, one turn or two. The call takes tens of milliseconds.
    assert turns > 1000


def test_nothing_is_compiled_before_a_step_is_needed() -> None:
    code = (
        "import sys, streamsnn.modelfolder, streamsnn.training.trainer;"
        "network = streamsnn.modelfolder.load_model('models/nmnist-brf'); network.initial_state();"
        "assert 'streamsnn.walk' not in sys.modules; network.warm_up(); assert 'streamsnn.walk' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
