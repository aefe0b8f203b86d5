"""What every neuron family offers, and the values that its two forms exchange."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.floating[Any]]
Floats = NDArray[np.float32]
Shape = tuple[int, ...]


def _no_weights() -> Array:
    return np.zeros((0, 0))


@dataclass(frozen=True)
class Packed:
    """A family's parameters and initial state laid out for its compiled step.

    `constants` hold for every pixel; `state` is the initial state of one pixel, flat, its variables one after the other
    (channels,) each, and float64 where the family computes in it. A pixel keeps `words` int64 besides, zero at first.
    A state that is a `ring` of so many inputs begins as zeros and lies in planes, an input each; with each goes a plane
    of notes, a float32 a pixel, and one of marks, a bit a pixel. `recurrent` (N, N) holds in row j the weights out of
    neuron j. The state remembers about `memory_steps` steps (None: for ever) and works for `horizon_steps` steps (None:
    for ever). Neurons that are `restless` may move or fire without input and are stepped always; others sleep when
    their step says so.
    """

    constants: Array
    state: Array
    words: int = 0
    ring: int = 0
    recurrent: Array = field(default_factory=_no_weights)
    memory_steps: int | None = None
    horizon_steps: int | None = None
    stochastic: bool = False
    restless: bool = False


class Neuron(Protocol):
    """The settings of one family of neurons, from which both forms are made.

    A population has a shape: (N,) or (channels, height, width). Parameters are one number a layer () or one a channel
    (shape[0],); weights of recurrent connections are (N, N), from column to row.
    """

    family: ClassVar[str]
    spiking: ClassVar[bool]

    @property
    def recurrent(self) -> bool: ...

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """The parameters' names and shapes."""
        ...

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """Parameters to start training from."""
        ...

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """The sequence form: `current` (T, B, *shape) -> spikes (or values, where the family does not spike), alike.

        `seeds` (B,) are the layer's seeds of the B streams.
        """
        ...

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Parameters and initial state for the step form. Raises StreamsnnError where the family cannot stream."""
        ...

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """The membrane (N,) after `clock` steps, from what `pack` laid out.

        `variables` is the state as (variables, N) and `words` as (words, N), or of a ring its marks.
        """
        ...


def each(parameter: Array, shape: Shape) -> Array:
    """One number a channel (channels,) from one a layer or one a channel."""
    return np.broadcast_to(parameter, (shape[0],))


def across(parameter: Tensor, current: Tensor) -> Tensor:
    """`parameter` () or (channels,) shaped so that it broadcasts against (..., channels, height, width) of `current`.

    `current` is (B, *shape).
    """
    if parameter.dim() == 0:
        return parameter
    return parameter.reshape(-1, *([1] * (current.dim() - 2)))


def flat_only(shape: Shape, family: str) -> None:
    """Refuse recurrence in a population that has more than one dimension."""
    if len(shape) != 1:
        raise StreamsnnError(
            f"a recurrent {family} layer of shape {shape}: recurrence is for flat layers",
            hint="put a linear layer before it, or set recurrent = false",
        )


def recurrent_start(size: int, rng: np.random.Generator) -> Array:
    """Uniform recurrent weights (size, size) of the usual bound 1 / sqrt(size)."""
    bound = 1 / np.sqrt(size)
    return rng.uniform(-bound, bound, (size, size))


def memory_steps(decay: Array) -> int | None:
    """Steps until the slowest of these exponential decays has forgotten all but one part in 10,000."""
    slowest = float(np.max(decay, initial=0.0))
    if slowest >= 1:
        return None
    return 1 if slowest <= 0 else int(np.ceil(np.log(1e-4) / np.log(slowest)))


def recurrent_shapes(shape: Shape, recurrent: bool, family: str) -> dict[str, Shape]:
    """The shape of recurrent weights where there are any."""
    if not recurrent:
        return {}
    flat_only(shape, family)
    return {"recurrent_weight": (shape[0], shape[0])}


def driven(x: Tensor, z: Tensor, p: Mapping[str, Tensor]) -> Tensor:
    """The input current and what the spikes of the step before add to it."""
    return x + z @ p["recurrent_weight"].T if "recurrent_weight" in p else x


def feedback(p: Mapping[str, Array]) -> Array:
    """Recurrent weights as the step form wants them, a row for what each neuron sends; empty where there are none."""
    return np.ascontiguousarray(p["recurrent_weight"].T) if "recurrent_weight" in p else _no_weights()
