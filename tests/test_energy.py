"""Operations are counted as they happen: as many as a dense count of what is not zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import CARD, GRID, chains, steps_of

from streamsnn.energy import Operations, energy_pj
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Linear, NetworkSpec, Population
from streamsnn.network import Network
from streamsnn.neurons import LI, ParaLIF
from streamsnn.sequence import SequenceNetwork
from streamsnn.types import Decision, Output, Result, Stamps, Step


def _dense_count(
    sequence: SequenceNetwork, frames: torch.Tensor, are_events: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Accumulates and multiplies of each layer and step (T,): every synapse of the network looked at, zero or not."""
    accumulates: dict[str, Any] = {}
    multiplies: dict[str, Any] = {}
    x, is_real, is_current = frames, not are_events, False
    # How many entries an element of the signal stands for: events may repeat, and a pool hands each spike on.
    entries = frames if are_events else (frames != 0).double()
    for name, layer in sequence.spec.layers:
        y = (
            sequence.layers[name](x, np.zeros(1, np.int64))
            if isinstance(layer, Population)
            else sequence.layers[name](x)
        )
        if is_current and not isinstance(layer, Population):
            entries, is_real, is_current = (x != 0).double(), True, False
        if isinstance(layer, Linear):
            counts = entries.flatten(1).sum(1) * layer.outputs
        elif isinstance(layer, Conv2d):
            ones = torch.ones(layer.channels, x.shape[2], layer.kernel, layer.kernel, dtype=torch.float64)
            counts = (
                torch.nn.functional.conv2d(entries[:, 0], ones, None, layer.stride, layer.padding).flatten(1).sum(1)
            )
        if isinstance(layer, Linear | Conv2d):
            (multiplies if is_real else accumulates)[name] = counts.detach().numpy()
            is_current = True
        elif isinstance(layer, AveragePool):
            entries = torch.nn.functional.avg_pool2d(entries[:, 0], layer.kernel)[:, None] * layer.kernel**2
        elif isinstance(layer, Flatten):
            entries = entries.flatten(2)
        elif isinstance(layer, Population):
            entries, is_real = y, False
            is_current = not layer.neuron.spiking
        else:
            assert isinstance(layer, Dropout)
        x = y
    return accumulates, multiplies


@settings(deadline=None, max_examples=80, derandomize=True)
@given(spec=chains(), seed=st.integers(0, 2**31 - 1), are_events=st.booleans())
def test_operations_are_those_of_a_dense_count(spec: NetworkSpec, seed: int, are_events: bool) -> None:
    sequence = SequenceNetwork(spec, seed).double().eval()
    rng = np.random.default_rng(seed)
    frames = rng.poisson(0.3, (12, spec.card.input.size)).astype(np.float64)
    if not are_events:
        frames *= rng.normal(size=frames.shape)
    with torch.no_grad():
        accumulates, multiplies = _dense_count(sequence, torch.from_numpy(frames.reshape(12, 1, 2, 4, 5)), are_events)
    network = Network(spec, sequence.export())
    state = network.initial_state()
    for t, frame in enumerate(frames):
        output = network.step(steps_of(frame[None])[0], state) if are_events else network.step_dense(frame, state)
        assert output.operations is not None
        for ours, theirs in ((output.operations.accumulates, accumulates), (output.operations.multiplies, multiplies)):
            counted = dict.fromkeys(network.operation_names, 0)
            for name, count in zip(network.operation_names, ours.tolist(), strict=True):
                counted[name] += count
            assert counted == {name: theirs[name][t] if name in theirs else 0 for name in network.operation_names}


@pytest.mark.parametrize("hidden", ["spikes", "relu"])
def test_a_hidden_state_of_real_numbers_is_multiplied(hidden: Any) -> None:
    neuron = ParaLIF(kind="T", threshold=0.05, recurrent=True, hidden=hidden)
    layers = (("in", Linear(24)), ("n", Population(neuron)), ("out", Linear(3)), ("r", Population(LI())))
    sequence = SequenceNetwork(NetworkSpec(CARD, layers), 4).double()
    sequence.layers["in"].inner.weight.data *= 20  # type: ignore[operator, union-attr]
    frames = np.random.default_rng(4).poisson(0.2, (20, GRID.size)).astype(np.float64)
    with torch.no_grad():
        x = torch.from_numpy(frames.reshape(20, 1, 2, 7, 9))
        parameters = dict(sequence.layers["n"].parameters_by_name.items())  # type: ignore[operator, union-attr]
        _, h = neuron.membranes(sequence.layers["in"](x), parameters, 2.0, np.zeros(1, np.int64))
    assert h is not None
    active = (h[:, 0] != 0).sum(1).numpy()
    network = Network(sequence.spec, sequence.export())
    state = network.initial_state()
    row = network.operation_names.index("n")
    for t, step in enumerate(steps_of(frames)):
        operations = network.step(step, state).operations
        assert operations is not None
        both = (operations.accumulates[row], operations.multiplies[row])
        assert both == ((24 * active[t], 0) if hidden == "spikes" else (0, 24 * active[t]))
    assert active.sum() > 20


def test_the_estimate_is_the_usual_one() -> None:
    assert energy_pj(10, 0) == pytest.approx(9)
    assert energy_pj(0, 10) == pytest.approx(46)
    operations = Operations(np.array([3, 4]), np.array([0, 5]))
    assert operations.total == 12
    assert operations.energy_pj == pytest.approx(0.9 * 7 + 4.6 * 5)


def test_a_result_says_what_its_step_took() -> None:
    def result(operations: Operations | None) -> Result:
        scores = np.zeros(2, np.float32)
        step, decision = Step(0, np.zeros(0, np.int32), 0), Decision(None, 0.0, scores)
        return Result(step, Output(scores, {}, operations), decision, (), Stamps(0, 0, 0), 0)

    assert result(None).energy_pj is None
    assert result(Operations(np.array([10]), np.array([1]))).energy_pj == pytest.approx(13.6)
