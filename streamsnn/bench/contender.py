"""What takes part in the comparison: anything that makes one step of a network, and our own step."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.networks import Case
from streamsnn.layers import Population
from streamsnn.network import Network
from streamsnn.state import NetworkState
from streamsnn.types import Output, Step


class Answers(NamedTuple):
    """What a step said: `scores` (classes,), and for every spiking layer who fired (neurons,), channel-major."""

    scores: NDArray[np.float64]
    spikes: Mapping[str, NDArray[np.bool_]]


class Timed(Protocol):
    """What steps can be timed of.

    `ready` gets everything done that a step may be given for nothing, such as a frame; what it returns are the
    arguments of `call`, and only `call` is timed.
    """

    @property
    def call(self) -> Callable[..., Any]: ...

    def settings(self) -> AbstractContextManager[Any]:
        """What must hold while it steps, such as torch's inference mode; entered once for many steps."""
        ...

    def ready(self, step: Step) -> tuple[Any, ...]: ...


class Contender(Timed, Protocol):
    """One way to make a step of one network, with all that it remembers."""

    def reset(self) -> None:
        """Forget everything that was heard."""
        ...

    def answers(self, said: Any) -> Answers:
        """What the latest step, whose `call` returned `said`, comes to."""
        ...


@dataclass(frozen=True)
class Variant:
    """One way to set up a library; `build` raises whatever the library raises where it cannot do a network.

    `images` is for networks that see images only, `flat` for all others only; a `slow` one takes long to build.
    """

    label: str
    build: Callable[[Case], Contender]
    images: bool = False
    flat: bool = False
    slow: bool = False

    def suits(self, case: Case) -> bool:
        convolutional = case.kind == "convolutional"
        return not (self.images and not convolutional) and not (self.flat and convolutional)


class Ours:
    """The compiled step of this project: addresses in, spikes out."""

    def __init__(self, case: Case) -> None:
        self.network = Network(case.spec, case.weights)
        self.state: NetworkState = self.network.initial_state()
        self._shapes = spiking_shapes(case)

    @property
    def call(self) -> Callable[..., Any]:
        return self.network.step

    def settings(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def reset(self) -> None:
        self.state.reset()

    def ready(self, step: Step) -> tuple[Any, ...]:
        return step, self.state

    def another(self) -> Ours:
        """The same network, and a stream of its own that has heard nothing."""
        other = copy.copy(self)
        other.state = self.network.initial_state()
        return other

    def answers(self, said: Output) -> Answers:
        spikes = {}
        for name, shape in self._shapes.items():
            fired = np.zeros(int(np.prod(shape)), bool)
            fired[said.spikes[name]] = True
            # Ours are numbered pixel by pixel, all others channel by channel.
            spikes[name] = fired.reshape(-1, shape[0]).T.ravel()
        return Answers(said.scores.astype(np.float64), spikes)

    @property
    def held_weight_bytes(self) -> int:
        """What the compiled step reads in place of the trained numbers: padded rows, their scales, and constants."""
        return self.state.lowered.weights.nbytes

    @property
    def state_bytes(self) -> int:
        """All arrays that one stream holds, work space included."""
        arrays = {id(value): value for value in vars(self.state).values() if isinstance(value, np.ndarray)}
        return sum(array.nbytes for array in arrays.values())


def spiking_shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """The shape of every layer that fires, by name."""
    named = zip(case.spec.layers, case.spec.shapes(), strict=True)
    return {name: shape for (name, layer), shape in named if isinstance(layer, Population) and layer.neuron.spiking}
