"""CubaLIF: leaky integrate-and-fire whose synapses are leaky too (current-based).

The LIF baseline of Yarga & Wood 2024. With a = exp(-dt / tau_syn) and b = exp(-dt / tau_mem),

    l = a l + I       m = b m + (1 - b) l       z = [m > theta]       m = 0 where z

In recurrent layers I holds the weighted spikes of the step before and a bias. Surrogate: fast sigmoid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.neurons.base import (
    Array,
    Floats,
    Packed,
    Shape,
    driven,
    feedback,
    memory_steps,
    recurrent_shapes,
    recurrent_start,
)
from streamsnn.neurons.flushing import flush

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class CubaLIF:
    """A current-based LIF layer; parameter `threshold` ().

    If recurrent, also `recurrent_weight` (N, N) and `recurrent_bias` (N,).
    """

    family: ClassVar[str] = "cuba-lif"
    spiking: ClassVar[bool] = True
    tau_mem_ms: float = 20.0
    tau_syn_ms: float = 20.0
    threshold: float = 1.0
    recurrent: bool = False

    def __post_init__(self) -> None:
        if not (self.tau_mem_ms > 0 and self.tau_syn_ms > 0):
            raise StreamsnnError("a CubaLIF time constant is not positive", hint="give milliseconds above 0")

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"threshold": ()} | recurrent_shapes(shape, self.recurrent, self.family)
        return named | {"recurrent_bias": (shape[0],)} if self.recurrent else named

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """The threshold as set; recurrent weights uniform, no bias."""
        start: dict[str, Array] = {"threshold": np.asarray(self.threshold)}
        if self.recurrent:
            start |= {"recurrent_weight": recurrent_start(shape[0], rng), "recurrent_bias": np.zeros(shape[0])}
        return start

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        import torch

        from streamsnn.neurons.surrogate import fires_above

        a, b = float(np.exp(-step_ms / self.tau_syn_ms)), float(np.exp(-step_ms / self.tau_mem_ms))
        synapse = m = z = torch.zeros_like(current[0])
        spikes = []
        for x in current:
            drive = driven(x, z, p)
            synapse = a * synapse + (drive + p["recurrent_bias"] if self.recurrent else drive)
            m = b * m + (1 - b) * synapse
            z = fires_above(m - p["threshold"], "fast-sigmoid", 100.0)
            m = m * (1 - z.detach())
            spikes.append(z)
        return torch.stack(spikes)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: a, b, threshold, then the bias of each neuron. State: l, m."""
        decays = np.exp(-step_ms / np.array([self.tau_syn_ms, self.tau_mem_ms]))
        size = int(np.prod(shape))
        bias = p["recurrent_bias"] if self.recurrent else np.zeros(size)
        return Packed(
            np.concatenate([decays, np.atleast_1d(p["threshold"]), bias]),
            np.zeros(2 * size),
            recurrent=feedback(p),
            memory_steps=memory_steps(decays),
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """m, after the reset."""
        membrane: Floats = variables[1]
        return membrane


@compiled()
def step_cuba(x: NDArray[np.float64], p: NDArray[np.float32], s: NDArray[np.float32], fired: NDArray[np.int32]) -> int:
    """One step of a CubaLIF layer; x is left as m before the reset."""
    size = x.size
    a, b, theta, bias = p[0], p[1], p[2], p[3:]
    synapse, m = s[:size], s[size:]
    gain = 1 - b
    for i in range(size):
        synapse[i] = a * synapse[i] + (x[i] + bias[i])
        m[i] = b * m[i] + gain * synapse[i]
        x[i] = m[i]
    count = 0
    for i in range(size):
        if x[i] > theta:
            fired[count] = i
            count += 1
            m[i] = 0
    flush(s)
    return count
