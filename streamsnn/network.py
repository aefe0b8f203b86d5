"""A network in its step form: compiled, float32, one time step at a time, over a state that the caller holds."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Flatten, NetworkSpec, Population
from streamsnn.lowering import check_weights, lower
from streamsnn.neurons.base import Array, Neuron
from streamsnn.state import NetworkState
from streamsnn.types import InputSpec, ModelCard, Output, Step


def population(neuron: Neuron, size: int, parameters: Mapping[str, Array], step_us: int = 1000) -> Network:
    """`size` neurons of one family on their own, fed with currents by `step_dense` (size,): to study, test or compare.

    `parameters` are named as in the family's `shapes`. Its scores are the spikes as 0 and 1, or the values of a family
    that does not fire; the layer is called "neurons".
    """
    grid = InputSpec(size, 1, polarity="merge")
    card = ModelCard(neuron.family, tuple(map(str, range(size))), step_us, grid, memory_us=step_us)
    spec = NetworkSpec(card, (("currents", Flatten()), ("neurons", Population(neuron))))
    return Network(spec, {f"neurons.{name}": np.asarray(value) for name, value in parameters.items()})


class Network:
    """A spiking network that streams. It owns weights and never state: one network serves many streams.

    `weights` are the tensors of the exported spec by name, "layer.parameter". Raises StreamsnnError where they do not
    fit, are not finite, or describe neurons that cannot stream.
    """

    def __init__(self, spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
        self.spec = spec.exported()
        check_weights(self.spec, weights)
        self._lowered = lower(self.spec, weights)

    @property
    def card(self) -> ModelCard:
        return self.spec.card

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.prod(shape)) for shape in self.spec.parameter_shapes().values())

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The layer that each entry of `Output.operations` counts; recurrent synapses count for their population."""
        return self._lowered.names

    @property
    def memory_steps(self) -> int | None:
        """Steps after which the slowest neuron has forgotten its input; None: never."""
        return self._lowered.memory_steps

    def initial_state(self, seed: int = 0) -> NetworkState:
        """A fresh state; `seed` decides the draws of stochastic neurons."""
        return NetworkState(self.spec, self._lowered, seed)

    def step(self, step: Step, state: NetworkState) -> Output:
        """Advance `state` by one time step in which `step.addresses` were active.

        Raises StreamsnnError if an address is outside the input, or the state another network's.
        """
        self._refuse_foreign(state)
        count = state.take_addresses(step.addresses)
        if count < 0:
            grid = self.card.input
            raise StreamsnnError(
                f"step {step.index} has an address outside the input of {self.card.name!r} "
                f"({grid.channels} x {grid.height} x {grid.width})",
                hint="bin events with a mapping that was fitted to this model",
            )
        return state.advance(count)

    def step_dense(self, values: Array, state: NetworkState) -> Output:
        """Advance `state` by one time step whose input are real `values` (channels, height, width), or flat."""
        self._refuse_foreign(state)
        return state.advance(state.take_values(values))

    def _refuse_foreign(self, state: NetworkState) -> None:
        if state.lowered is not self._lowered:
            raise StreamsnnError(
                f"the state belongs to another network than {self.card.name!r}", hint="use this one's initial_state()"
            )

    def warm_up(self) -> None:
        """Compile the step, or load it from disk, so that the first step of a stream is not late."""
        self.step(Step(0, np.zeros(0, np.int32), 0), self.initial_state())

    def load_state(self, path: str | os.PathLike[str]) -> NetworkState:
        """The state that `NetworkState.save` wrote. Raises StreamsnnError for damage or another network's state."""
        state = self.initial_state()
        state.load(path)
        return state
