from __future__ import annotations

import dataclasses

import pytest
import torch

from streamsnn.layers import Conv2d, Dropout, Linear, NetworkSpec, Population
from streamsnn.neurons import LI, ParaLIF, Resonator
from streamsnn.sequence import SequenceNetwork
from streamsnn.training.config import TrainingSettings
from streamsnn.training.optimiser import keep_in_range, make_optimiser, scale_currents, set_rates
from streamsnn.types import InputSpec, ModelCard

CARD = ModelCard("net", ("a", "b"), 1000, InputSpec(6, 6), 1)
SPEC = NetworkSpec(
    CARD,
    (
        ("conv", Conv2d(3, 3, batch_norm=True)),
        ("front", Population(Resonator())),
        ("drop", Dropout(0.1)),
        ("dense", Linear(4, bias=True)),
        ("hidden", Population(Resonator(recurrent=True))),
        ("out", Linear(2, bias=True)),
        ("readout", Population(LI())),
    ),
)
SETTINGS = TrainingSettings(learning_rate=0.01, neuron_learning_rate=0.5, current_gain=20, weight_decay=0.1)


def _named(network: SequenceNetwork) -> dict[str, torch.Tensor]:
    return {name.removeprefix("layers."): value for name, value in network.named_parameters()}


def test_a_gain_scales_what_drives_spikes_and_nothing_else() -> None:
    plain, scaled = _named(SequenceNetwork(SPEC)), SequenceNetwork(SPEC)
    scale_currents(scaled, 20)
    driven = {
        "conv.norm.weight",
        "conv.norm.bias",
        "dense.inner.weight",
        "dense.inner.bias",
        "hidden.parameters_by_name.recurrent_weight",
    }
    for name, value in _named(scaled).items():
        assert torch.allclose(value, plain[name] * (20 if name in driven else 1)), name
    assert driven <= plain.keys()


def test_every_parameter_has_its_rate_and_decay() -> None:
    network = SequenceNetwork(SPEC)
    optimiser = make_optimiser(network, SETTINGS)
    given = {id(value): group for group in optimiser.param_groups for value in group["params"]}
    rates = {
        name: (given[id(value)]["peak"], given[id(value)]["weight_decay"]) for name, value in _named(network).items()
    }
    assert rates == {
        "conv.inner.weight": (0.01, 0.1),
        "conv.norm.weight": (0.2, 0.0),
        "conv.norm.bias": (0.2, 0.0),
        "front.parameters_by_name.omega": (0.5, 0.0),
        "front.parameters_by_name.b_offset": (0.5, 0.0),
        "dense.inner.weight": (0.2, 0.005),
        "dense.inner.bias": (0.2, 0.0),
        "hidden.parameters_by_name.omega": (0.5, 0.0),
        "hidden.parameters_by_name.b_offset": (0.5, 0.0),
        "hidden.parameters_by_name.recurrent_weight": (0.2, 0.005),
        "out.inner.weight": (0.01, 0.1),
        "out.inner.bias": (0.01, 0.0),
        "readout.parameters_by_name.tau": (0.5, 0.0),
    }


def test_rates_rise_and_fall() -> None:
    optimiser = make_optimiser(SequenceNetwork(SPEC), SETTINGS)
    shares = []
    for done in (0.0, 0.05, 0.1, 0.5, 1.0):
        set_rates(optimiser, done, SETTINGS)
        share = {group["lr"] / group["peak"] for group in optimiser.param_groups}
        assert max(share) == pytest.approx(min(share))
        shares.append(max(share))
    assert shares == pytest.approx([0, 0.497, 0.976, 0.5, 0], abs=1e-3)
    straight = dataclasses.replace(SETTINGS, warm_up=0.0, fall="linear")
    for done in (0.0, 0.3, 1.0):
        set_rates(optimiser, done, straight)
        assert all(group["lr"] == pytest.approx((1 - done) * group["peak"]) for group in optimiser.param_groups)


def test_omega_stays_where_the_equations_hold() -> None:
    network = SequenceNetwork(SPEC)
    with torch.no_grad():
        for name, value in _named(network).items():
            if name.endswith("omega"):
                value.fill_(-250.0)
    keep_in_range(network)
    scores = network(torch.ones(4, 1, 2, 6, 6))
    scores.sum().backward()
    assert all(value.grad is None or bool(value.grad.isfinite().all()) for value in network.parameters())


def test_other_neurons_are_left_alone() -> None:
    spec = NetworkSpec(CARD, (("in", Linear(2)), ("n", Population(ParaLIF())), ("out", Linear(2))))
    network = SequenceNetwork(spec)
    before = {name: value.clone() for name, value in _named(network).items()}
    keep_in_range(network)
    assert all(torch.equal(value, before[name]) for name, value in _named(network).items())
