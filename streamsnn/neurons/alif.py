"""ALIF: leaky integrate-and-fire with a threshold that adapts.

Yin, Corradi, Bohte 2021, "Accurate and efficient time-domain classification with adaptive spiking recurrent neural
networks"; constants as in the baseline of Higuchi et al. 2024. With k = exp(-1 / |tau_mem|), r = exp(-1 / |tau_adp|),
both tau in steps,

    a+ = r a + (1 - r) z          theta = 0.01 + 1.8 a+          u = k u + (1 - k) I
    z = [u - theta > 0]           u = u - z theta

In recurrent layers I holds the weighted spikes of the step before. Surrogate: double Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.intrinsics import float32s
from streamsnn.neurons.base import (
    Array,
    Packed,
    Shape,
    across,
    driven,
    each,
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
class ALIF:
    """An adaptive LIF layer: parameters `tau_mem` and `tau_adp` (channels,) in steps.

    If recurrent, also `recurrent_weight` (N, N).
    """

    family: ClassVar[str] = "alif"
    spiking: ClassVar[bool] = True
    recurrent: bool = False
    theta: float = 0.01
    beta: float = 1.8

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"tau_mem": (shape[0],), "tau_adp": (shape[0],)}
        return named | recurrent_shapes(shape, self.recurrent, self.family)

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """tau_mem ~ N(20, 5) and tau_adp ~ N(150, 10) steps; recurrent weights uniform."""
        start: dict[str, Array] = {"tau_mem": rng.normal(20, 5, shape[0]), "tau_adp": rng.normal(150, 10, shape[0])}
        if self.recurrent:
            start["recurrent_weight"] = recurrent_start(shape[0], rng)
        return start

    def trace(self, current: Tensor, p: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
        """z, u (after the reset) and a, T tensors (B, ...) each, of `current` (T, B, ...)."""
        import torch

        from streamsnn.neurons.surrogate import fires_above

        keep = across(torch.exp(-1 / p["tau_mem"].abs()), current[0])
        adapt = across(torch.exp(-1 / p["tau_adp"].abs()), current[0])
        u = a = z = torch.zeros_like(current[0])
        trace: dict[str, list[Tensor]] = {"z": [], "u": [], "a": []}
        for x in current:
            drive = driven(x, z, p)
            a = adapt * a + (1 - adapt) * z
            theta = self.theta + self.beta * a
            u = keep * u + (1 - keep) * drive
            z = fires_above(u - theta, "double-gaussian", 0.5)
            u = u - z * theta
            for name, value in (("z", z), ("u", u), ("a", a)):
                trace[name].append(value)
        return trace

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        import torch

        return torch.stack(self.trace(current, p)["z"])

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: theta, beta, rows of k and r. State: u, a, z."""
        keep = np.exp(-1 / np.abs(p["tau_mem"].astype(np.float64)))
        adapt = np.exp(-1 / np.abs(p["tau_adp"].astype(np.float64)))
        return Packed(
            np.concatenate([[self.theta, self.beta], each(keep, shape), each(adapt, shape)]),
            np.zeros(3 * shape[0], np.float32),
            recurrent=feedback(p),
            memory_steps=memory_steps(np.maximum(keep, adapt)),
            restless=self.theta < 0,
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """u, after the reset."""
        membrane: Array = variables[0]
        return membrane


@compiled()
def step_alif(
    x: NDArray[np.float64], constants: int, s: int, fired: NDArray[np.int32], count: int, first: int
) -> tuple[int, bool]:
    """One step of a pixel of an ALIF layer; returns the new `count` of `fired` and whether it stays awake."""
    size = x.size
    p = float32s(constants, 2 + 2 * size)
    theta, beta = p[0], p[1]
    keep, adapt = p[2 : 2 + size], p[2 + size :]
    u, a, z = float32s(s, size), float32s(s + 4 * size, size), float32s(s + 8 * size, size)
    # Loops over few arrays: only those are vectorised.
    for i in range(size):
        a[i] = adapt[i] * a[i] + (1 - adapt[i]) * z[i]
        z[i] = 0
    for i in range(size):
        u[i] = keep[i] * u[i] + (1 - keep[i]) * x[i]
    for i in range(size):
        x[i] = u[i] - (theta + beta * a[i])
    total = take_fired(x, 0.0, fired, count, first)
    for j in range(count, total):
        i = fired[j] - first
        u[i] -= theta + beta * a[i]
        z[i] = 1
    return total, not at_rest(float32s(s, 3 * size))
