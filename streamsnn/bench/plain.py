"""What the plain steps in numpy and in torch have in common: where a population stands, and what its weights hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.neurons import LI, LIF, Resonator

Buffer = TypeVar("Buffer")


@dataclass(frozen=True)
class Site(Generic[Buffer]):
    """Where a population stands: its settings and parameters, what drives it, and the buffer that it writes.

    `drive` computes the currents that enter, into the given buffer where it can, and returns where they are.
    `zeros()` makes a buffer like `out`, `zeros(n)` n of them as one block (n, numbers); a reset clears both.
    """

    neuron: Any
    p: Mapping[str, Buffer]
    drive: Callable[[Buffer], Buffer]
    out: Buffer
    zeros: Callable[..., Buffer]


Stages = Mapping[type, Callable[[Site[Buffer]], Callable[[], None]]]
"""By family, what makes the step of a population."""


def stage(stages: Stages[Buffer], site: Site[Buffer]) -> Callable[[], None]:
    """The step of the population at `site`. Raises StreamsnnError for a family that is not compared."""
    if type(site.neuron) not in stages:
        raise StreamsnnError(f"there is no plain step of {site.neuron}", hint="write one in streamsnn.bench")
    return stages[type(site.neuron)](site)


def gain(neuron: Any, p: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    """What the weights before a population are multiplied by, once, so that no step needs to: () or (neurons,)."""
    if isinstance(neuron, LIF):
        return np.array(1 / neuron.tau, np.float32)
    if isinstance(neuron, Resonator):
        return np.array(neuron.dt_s, np.float32)
    if isinstance(neuron, LI):
        return np.asarray(1 - np.exp(-1 / np.abs(p["tau"])))
    return np.array(1.0, np.float32)
