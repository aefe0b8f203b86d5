"""The networks that are compared: their layers, their seeded weights, and the events that they are fed.

Each hidden neuron (in convolutions each channel) has a gain of its own, drawn log-normally: some fire when hardly
anything arrives, and not all fire when a lot does. Without it a network that fires in 5 % of its neurons at a typical
rate is dead at a tenth of that rate, and such a network says little about work that follows events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamsnn.layers import Conv2d, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Array, Neuron
from streamsnn.types import InputSpec, ModelCard, Step

STEP_US = 1000

RATES = {"sparse": 20_000, "typical": 200_000, "busy": 2_000_000}
"""Events a second by name."""

_SPREAD = 0.7
"""Standard deviation of the logarithm of the hidden neurons' gains."""


@dataclass(frozen=True)
class Case:
    """One network to compare: `kind` "full" is fully connected, "convolutional" is what it says.

    `weights` (float32) are the tensors of `spec` by name, the same for every contender.
    """

    name: str
    title: str
    kind: Literal["full", "convolutional"]
    spec: NetworkSpec
    weights: Mapping[str, Array]

    def parameters(self, layer: str) -> dict[str, NDArray[np.float32]]:
        """The weights of one layer, each by its own name."""
        split = {key: key.partition(".") for key in self.weights}
        names = {key: parameter for key, (name, _, parameter) in split.items() if name == layer}
        return {parameter: np.asarray(self.weights[key], np.float32) for key, parameter in names.items()}

    @property
    def weight_bytes(self) -> int:
        """What the trained numbers take in float32."""
        return sum(weight.nbytes for weight in self.weights.values())


def event_steps(case: Case, rate_hz: float, count: int, seed: int = 0) -> list[Step]:
    """`count` steps of Poisson events at `rate_hz` a second, whose addresses are drawn evenly from the whole input.

    Even input is the worst case for work that follows events: nothing that comes next is near what came before. Where
    the network wants "binary" input each address occurs at most once a step. They come as time has them,
    not sorted.
    """
    card = case.spec.card
    rng = np.random.default_rng([seed, int(rate_hz)])
    steps = []
    for index, events in enumerate(rng.poisson(rate_hz * card.step_us * 1e-6, count)):
        addresses = rng.integers(0, card.input.size, events, dtype=np.int32)
        if card.input.value == "binary":
            _, first = np.unique(addresses, return_index=True)
            addresses = addresses[np.sort(first)]
        steps.append(Step(index, addresses, 0))
    return steps


def silent_step() -> Step:
    """A step in which nothing happened."""
    return Step(0, np.zeros(0, np.int32), 0)


class Frame:
    """A dense frame that is filled anew for each step: how often each address occurs, flat (inputs,) in `values`."""

    def __init__(self, case: Case, values: NDArray[np.float32] | None = None) -> None:
        self.values = np.zeros(case.spec.card.input.size, np.float32) if values is None else values
        self._binary = case.spec.card.input.value == "binary"
        self._shown = np.zeros(0, np.int32)

    def show(self, step: Step) -> NDArray[np.float32]:
        """Fill the frame with `step`; returns it."""
        self.values[self._shown] = 0
        if self._binary:
            self.values[step.addresses] = 1
        else:
            np.add.at(self.values, step.addresses, np.float32(1))
        self._shown = step.addresses
        return self.values


def _case(
    name: str,
    title: str,
    kind: Literal["full", "convolutional"],
    grid: InputSpec,
    layers: tuple[tuple[str, Layer], ...],
    classes: int,
    gains: Mapping[str, float],
    seed: int,
) -> Case:
    labels = tuple(f"class {number}" for number in range(classes))
    card = ModelCard(name, labels, STEP_US, grid, memory_us=250 * STEP_US)
    spec = NetworkSpec(card, layers)
    return Case(name, title, kind, spec, _weights(spec, gains, np.random.default_rng(seed)))


def _weights(spec: NetworkSpec, gains: Mapping[str, float], rng: np.random.Generator) -> dict[str, Array]:
    """Synapses ~ N(0, gain / sqrt(inputs)), neurons as training starts them, recurrent synapses scaled by their gain.

    Normal numbers, no powers of two: no membrane meets its threshold exactly, where > and >= would differ.
    """
    weights: dict[str, Array] = {}
    shapes = spec.parameter_shapes()
    for (name, layer), shape in zip(spec.layers, spec.shapes(), strict=True):
        if isinstance(layer, Population):
            start = layer.neuron.initial(shape, spec.card.step_us / 1000, rng)
            if "recurrent_weight" in start:
                start["recurrent_weight"] = start["recurrent_weight"] * gains[name]
            weights |= {f"{name}.{key}": value for key, value in start.items()}
            continue
        wanted = shapes[f"{name}.weight"]
        fan_in = int(np.prod(wanted[1:]))
        weight = rng.normal(0, gains[name] / np.sqrt(fan_in), wanted)
        if isinstance(layer, Linear):
            # A neuron's input is balanced: what it hears of even input is fluctuation, not a constant.
            weight -= weight.mean(1, keepdims=True)
        if name != "output":
            weight *= np.exp(rng.normal(0, _SPREAD, shape[0])).reshape(-1, *([1] * (len(wanted) - 1)))
        weights[f"{name}.weight"] = weight
    return {name: np.array(weight, np.float32, order="C") for name, weight in weights.items()}


def _audio(channels: int) -> InputSpec:
    return InputSpec(channels, 1, polarity="merge", value="binary", kind="audio")


def _brf() -> Case:
    layers = (
        ("synapses", Linear(128)),
        ("hidden", Population(Resonator("brf", recurrent=True))),
        ("output", Linear(20)),
        ("readout", Population(LI())),
    )
    gains = {"synapses": 60.0, "hidden": 10.0, "output": 1.0}
    return _case("brf", "recurrent BRF 700-128-20", "full", _audio(700), layers, 20, gains, 1)


def _paralif() -> Case:
    layers = (
        ("synapses", Linear(256)),
        ("hidden", Population(ParaLIF("T", recurrent=True))),
        ("output", Linear(20)),
        ("readout", Population(DoubleLeakyIntegrator())),
    )
    gains = {"synapses": 0.2, "hidden": 0.3, "output": 1.0}
    return _case("paralif", "recurrent ParaLIF 700-256-20", "full", _audio(700), layers, 20, gains, 2)


def _lif() -> Case:
    layers = (
        ("synapses", Linear(256)),
        ("hidden", Population(LIF(recurrent=True))),
        ("output", Linear(20)),
    )
    gains = {"synapses": 2.0, "hidden": 2.0, "output": 1.0}
    return _case("lif", "recurrent LIF 700-256-20", "full", _audio(700), layers, 20, gains, 3)


def _psn() -> Case:
    layers = (
        ("synapses1", Linear(256)),
        ("hidden1", Population(SlidingPSN(8))),
        ("synapses2", Linear(256)),
        ("hidden2", Population(SlidingPSN(8))),
        ("output", Linear(11)),
    )
    gains = {"synapses1": 1.5, "synapses2": 1.5, "output": 1.0}
    return _case("sliding-psn", "sliding PSN 2048-256-256-11", "full", _audio(2048), layers, 11, gains, 4)


def _conv(name: str, title: str, neuron: Neuron, gains: tuple[float, ...], seed: int) -> Case:
    layers: list[tuple[str, Layer]] = []
    for number in range(1, 6):
        layers += [(f"conv{number}", Conv2d(32, 3, stride=2, padding=1)), (f"neurons{number}", Population(neuron))]
    layers.append(("output", Linear(11)))
    by_name = {f"conv{number}": gain for number, gain in enumerate(gains, 1)} | {"output": 1.0}
    return _case(name, title, "convolutional", InputSpec(128, 128), tuple(layers), 11, by_name, seed)


def _conv_psn() -> Case:
    return _conv(
        "conv-sliding-psn", "convolutional sliding PSN, 2x128x128", SlidingPSN(8), (3.0, 1.7, 1.5, 1.4, 1.5), 5
    )


def _conv_lif() -> Case:
    return _conv("conv-lif", "convolutional LIF, 2x128x128", LIF(), (7.0, 5.0, 5.0, 5.0, 5.0), 6)


CASES: dict[str, Callable[[], Case]] = {
    "brf": _brf,
    "paralif": _paralif,
    "lif": _lif,
    "sliding-psn": _psn,
    "conv-sliding-psn": _conv_psn,
    "conv-lif": _conv_lif,
}
"""What builds each network."""
