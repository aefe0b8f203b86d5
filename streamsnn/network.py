"""A network in its step form: compiled, float32, one time step at a time, over a state that the caller holds."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Flatten, NetworkSpec, Population
from streamsnn.lowering import check_weights, lower
from streamsnn.neurons.base import Array, Neuron
from streamsnn.state import NetworkState, StateBatch
from streamsnn.types import InputSpec, ModelCard, Output, Step

_NO_ADDRESSES = np.empty(0, np.int32)


def population(neuron: Neuron, size: int, parameters: Mapping[str, Array], step_us: int = 1000) -> Network:
    """`size` neurons of one family on their own, fed with currents by `step_dense` (size,): to study, test or compare.

    `parameters` are named as in the family's `shapes`. Its scores are the spikes as 0 and 1, or the values of a family
    that does not fire; the layer is called "neurons".
    """
    grid = InputSpec(size, 1, polarity="merge")
    card = ModelCard(neuron.family, tuple(map(str, range(size))), step_us, grid, memory_us=step_us)
    spec = NetworkSpec(card, (("currents", Flatten()), ("neurons", Population(neuron))))
    return Network(spec, {f"neurons.{name}": np.asarray(value) for name, value in parameters.items()})


def _wrong_addresses(step: Step) -> StreamsnnError:
    return StreamsnnError(
        f"the addresses of step {step.index} are no contiguous int32 array",
        hint="give np.ascontiguousarray(a, np.int32)",
    )


class Network:
    """A spiking network that streams. It owns weights and never state: one network serves many streams.

    `weights` are the tensors of the exported spec by name, "layer.parameter". Raises StreamsnnError where they do not
    fit, are not finite, or describe neurons that cannot stream.
    """

    def __init__(self, spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
        self.spec = spec.exported()
        check_weights(self.spec, weights)
        self._lowered = lower(self.spec, weights)
        self._advance = self._first_advance

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
    def spiking_layers(self) -> dict[str, int]:
        """The layers that spike, and how many neurons each has."""
        named = zip(self.spec.layers, self.spec.shapes(), strict=True)
        spiking = {
            name: shape for (name, layer), shape in named if isinstance(layer, Population) and layer.neuron.spiking
        }
        return {name: math.prod(shape) for name, shape in spiking.items()}

    @property
    def memory_steps(self) -> int | None:
        """Steps after which the slowest neuron has forgotten its input; None: never."""
        return self._lowered.memory_steps

    def initial_state(self, seed: int = 0) -> NetworkState:
        """A fresh state; `seed` decides the draws of stochastic neurons."""
        return NetworkState(self.spec, self._lowered, seed)

    def step(self, step: Step, state: NetworkState) -> Output:
        """Advance `state` by one time step in which `step.addresses` were active.

        Raises StreamsnnError if an address is outside the input, if `addresses` are no contiguous int32, if the network
        has no weights for so late a step, or if the state is another network's; then nothing has changed.
        """
        if state.lowered is not self._lowered:
            raise self._foreign()
        try:
            answer = self._advance(state.frame_address, step.addresses)
        except TypeError as error:
            raise _wrong_addresses(step) from error
        if answer:
            if answer == program.NO_ROOM:
                state.make_room(2 * step.addresses.size)
                return self.step(step, state)
            raise self._refusal(answer, step, state)
        return state.output

    def step_dense(self, values: Array, state: NetworkState) -> Output:
        """Advance `state` by one time step whose input are real `values` (channels, height, width), or flat."""
        if state.lowered is not self._lowered:
            raise self._foreign()
        state.take_values(values)
        answer = self._advance(state.frame_address, _NO_ADDRESSES)
        if answer:
            raise self._refusal(answer, Step(state.steps, _NO_ADDRESSES, 0), state)
        return state.output

    def step_many(self, steps: Sequence[Step], states: StateBatch) -> list[Output]:
        """Advance each of `states` by its own of `steps`: many streams, one call without the interpreter lock.

        Raises StreamsnnError as `step` does, for the first stream that is wrong: those before it have then stepped, and
        neither it nor those after it have.
        """
        if states.lowered is not self._lowered:
            raise self._foreign()
        if len(steps) != len(states.states):
            raise StreamsnnError(f"{len(steps)} steps for {len(states.states)} streams", hint="give each its own step")
        for step in steps:
            if step.addresses.dtype != np.int32:
                raise _wrong_addresses(step)
        answer = self._advance(states.frame_address, states.take_steps(steps))
        if answer:
            place, answer = divmod(answer, program.ANSWERS)
            raise self._refusal(answer, steps[place], states.states[place])
        return states.outputs

    def _foreign(self) -> StreamsnnError:
        return StreamsnnError(
            f"the state belongs to another network than {self.card.name!r}", hint="use this one's initial_state()"
        )

    def _refusal(self, answer: int, step: Step, state: NetworkState) -> StreamsnnError:
        """What the compiled step did not do, and why."""
        if answer == program.ADDRESS_OUT_OF_RANGE:
            grid = self.card.input
            return StreamsnnError(
                f"step {step.index} has an address outside the input of {self.card.name!r} "
                f"({grid.channels} x {grid.height} x {grid.width})",
                hint="bin events with a mapping that was fitted to this model",
            )
        horizon = self._lowered.horizon_steps
        return StreamsnnError(
            f"step {state.steps} is beyond the {horizon} steps that {self.card.name!r} has weights for",
            hint="reset the state, use a sliding PSN, or train with more steps",
        )

    def warm_up(self) -> None:
        """Compile the step, or load it from disk, so that the first step of a stream is not late."""
        from streamsnn import walk

        self._advance = walk.advance

    def _first_advance(self, frame_address: int, addresses: NDArray[np.int32]) -> int:
        self.warm_up()
        return self._advance(frame_address, addresses)

    def load_state(self, path: str | os.PathLike[str]) -> NetworkState:
        """The state that `NetworkState.save` wrote. Raises StreamsnnError for damage or another network's state."""
        state = self.initial_state()
        state.load(path)
        return state
