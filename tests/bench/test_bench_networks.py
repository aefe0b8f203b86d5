"""The networks that are compared: seeded, alive at every rate, and fed with what they are said to be fed."""

from __future__ import annotations

import numpy as np
import pytest
from small_cases import small_case, small_images

from streamsnn.bench.networks import CASES, RATES, Frame, event_steps, silent_step
from streamsnn.network import Network
from streamsnn.types import Step


@pytest.mark.parametrize("name", CASES)
def test_weights_are_the_same_every_time(name: str) -> None:
    first, second = CASES[name](), CASES[name]()
    assert first.name == name
    assert first.weights.keys() == first.spec.parameter_shapes().keys()
    assert all(np.array_equal(first.weights[key], second.weights[key]) for key in first.weights)
    assert {weight.dtype for weight in first.weights.values()} == {np.dtype(np.float32)}
    assert first.weight_bytes == 4 * sum(int(np.prod(shape)) for shape in first.spec.parameter_shapes().values())


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_alive_and_none_is_saturated(name: str, rate: str) -> None:
    case = CASES[name]()
    network = Network(case.spec, case.weights)
    state = network.initial_state()
    sizes = dict(zip((layer for layer, _ in case.spec.layers), case.spec.shapes(), strict=True))
    count = 300 if case.kind == "full" else 60
    fired = dict.fromkeys(network.step(silent_step(), state).spikes, 0)
    for step in event_steps(case, RATES[rate], count):
        for layer, spikes in network.step(step, state).spikes.items():
            fired[layer] += spikes.size
    shares = {layer: total / count / np.prod(sizes[layer]) for layer, total in fired.items()}
    assert all(0 < share < 0.3 for share in shares.values()), shares
    if rate == "typical":
        assert all(0.01 <= share <= 0.1 for share in shares.values()), shares


def test_events_come_as_a_sensor_sends_them() -> None:
    audio, images = small_case(), small_images()
    steps = event_steps(images, 20_000, 2000)
    assert np.mean([step.addresses.size for step in steps]) == pytest.approx(20, rel=0.05)
    assert any((np.diff(step.addresses) < 0).any() for step in steps)
    assert any(np.unique(step.addresses).size < step.addresses.size for step in steps)
    assert {step.addresses.dtype for step in steps} == {np.dtype(np.int32)}
    assert [step.index for step in steps] == list(range(2000))
    for step in event_steps(audio, 20_000, 50):
        assert np.unique(step.addresses).size == step.addresses.size
    again = event_steps(images, 20_000, 2000)
    assert all(np.array_equal(a.addresses, b.addresses) for a, b in zip(steps, again, strict=True))


def test_a_frame_counts_and_forgets_what_it_showed() -> None:
    frame = Frame(small_images())
    assert frame.show(Step(0, np.array([3, 3, 70], np.int32), 0)).tolist() == [0, 0, 0, 2, *[0] * 66, 1, 0]
    assert frame.show(Step(1, np.array([5], np.int32), 0)).sum() == 1
    assert frame.show(silent_step()).sum() == 0
