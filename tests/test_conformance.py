"""Whatever streams and is built in keeps the promises of the kit: every family of neurons, and every shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsnn.checks import assert_conforms, check_model
from streamsnn.layers import Conv2d, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.modelfolder import load_model
from streamsnn.network import Network
from streamsnn.neurons import (
    ALIF,
    FAMILIES,
    LI,
    LIF,
    PSN,
    CubaLIF,
    DoubleLeakyIntegrator,
    MaskedPSN,
    ParaLIF,
    Resonator,
    SlidingPSN,
)
from streamsnn.neurons.base import Array, Neuron
from streamsnn.types import InputSpec, ModelCard, Step

MODELS = Path(__file__).resolve().parents[1] / "models"
SHIPPED = sorted(path.parent for path in MODELS.glob("*/model.toml"))
CARD = ModelCard("checked", ("a", "b", "c"), 2_000, InputSpec(9, 7), 500_000)
FLAT: tuple[Neuron, ...] = (
    SlidingPSN(5),
    MaskedPSN(5, steps=40),
    LIF(),
    LIF(v_reset=None, learn_tau=True),
    LIF(recurrent=True),
    ALIF(),
    ALIF(recurrent=True),
    CubaLIF(),
    CubaLIF(recurrent=True),
    *(ParaLIF(kind=kind, threshold=0.1) for kind in ("SB", "D", "T")),
    ParaLIF(kind="SB", recurrent=True),
    *(Resonator(model, dt_s=0.02) for model in ("rf", "brf", "hrf")),
    Resonator("brf", dt_s=0.02, recurrent=True),
)
READOUTS: tuple[Neuron, ...] = (LI(), DoubleLeakyIntegrator())
CANNOT_STREAM = PSN


def network_of(*layers: tuple[str, Layer]) -> Network:
    """A network with weights that are large enough for noise to make it fire."""
    spec = NetworkSpec(CARD, layers)
    rng = np.random.default_rng(5)
    shapes = spec.parameter_shapes()
    weights: dict[str, Array] = {name: rng.normal(1.0, 3.0, shape) for name, shape in shapes.items()}
    for (name, layer), shape in zip(spec.layers, spec.shapes(), strict=True):
        if isinstance(layer, Population):
            initial = layer.neuron.initial(shape, CARD.step_us / 1000, rng)
            weights |= {f"{name}.{parameter}": value for parameter, value in initial.items()}
    return Network(spec, weights)


def fired(network: Network, steps: int = 40) -> int:
    """How many spikes noise of `steps` steps leads to in the layer "neurons"."""
    rng = np.random.default_rng(6)
    state = network.initial_state()
    noise = (rng.integers(0, CARD.input.size, 30).astype(np.int32) for _ in range(steps))
    return sum(len(network.step(Step(k, some, 0), state).spikes["neurons"]) for k, some in enumerate(noise))


def test_no_family_is_left_out() -> None:
    assert {neuron.family for neuron in (*FLAT, *READOUTS)} == FAMILIES.keys() - {CANNOT_STREAM.family}


@pytest.mark.parametrize("neuron", FLAT, ids=repr)
def test_families_conform(neuron: Neuron) -> None:
    network = network_of(
        ("in", Linear(24)), ("neurons", Population(neuron)), ("out", Linear(3)), ("read", Population(LI()))
    )
    assert fired(network) > 0
    assert_conforms(check_model(network))


@pytest.mark.parametrize("neuron", [neuron for neuron in FLAT if not neuron.recurrent], ids=repr)
def test_families_conform_behind_a_convolution(neuron: Neuron) -> None:
    network = network_of(
        ("in", Conv2d(4, 3, stride=2)), ("neurons", Population(neuron)), ("flat", Flatten()), ("out", Linear(3))
    )
    assert fired(network) > 0
    assert_conforms(check_model(network, silent_steps=500))


@pytest.mark.parametrize("neuron", READOUTS, ids=repr)
def test_families_that_do_not_spike_conform(neuron: Neuron) -> None:
    assert_conforms(check_model(network_of(("out", Linear(3)), ("read", Population(neuron)))))


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_shipped_models_conform(folder: Path) -> None:
    assert_conforms(check_model(load_model(folder), silent_steps=1_000))


def test_no_shipped_model_is_left_out() -> None:
    assert SHIPPED
    assert sorted(path for path in MODELS.iterdir() if path.is_dir() and not path.name.startswith(".")) == SHIPPED
