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
from streamsnn.intrinsics import float32s
from streamsnn.neurons.base import (
    Array,
    Packed,
    Shape,
    driven,
    feedback,
    memory_steps,
    recurrent_shapes,
    recurrent_start,
)
from streamsnn.neurons.firing import take_fired
from streamsnn.neurons.resting import at_rest

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
        """Constants: a, b, threshold, then the bias of each channel. State: l, m."""
        decays = np.exp(-step_ms / np.array([self.tau_syn_ms, self.tau_mem_ms]))
        bias = p["recurrent_bias"] if self.recurrent else np.zeros(shape[0])
        return Packed(
            np.concatenate([decays, np.atleast_1d(p["threshold"]), bias]),
            np.zeros(2 * shape[0], np.float32),
            recurrent=feedback(p),
            memory_steps=memory_steps(decays),
            restless=bool(p["threshold"] < 0 or np.any(bias)),
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """m, after the reset."""
        membrane: Array = variables[1]
        return membrane


@compiled()
def step_cuba(
    x: NDArray[np.float64], constants: int, s: int, fired: NDArray[np.int32], count: int, first: int
) -> tuple[int, bool]:
    """One step of a pixel of a CubaLIF layer; returns the new `count` of `fired` and whether it stays awake."""
    size = x.size
    p = float32s(constants, 3 + size)
    a, b, theta, bias = p[0], p[1], p[2], p[3:]
    synapse, m = float32s(s, size), float32s(s + 4 * size, size)
    gain = 1 - b
    for i in range(size):
        synapse[i] = a * synapse[i] + (x[i] + bias[i])
    for i in range(size):
        m[i] = b * m[i] + gain * synapse[i]
        x[i] = m[i]
    total = take_fired(x, np.float64(theta), fired, count, first)
    for j in range(count, total):
        m[fired[j] - first] = 0
    return total, not at_rest(float32s(s, 2 * size))
