"""Leaky integration without firing: the readouts, and the integral over whole sequences that ParaLIF is made of.

LI                      y = k y + (1 - k) x,  k = exp(-1 / |tau|), tau in steps (Higuchi et al. 2024)
DoubleLeakyIntegrator   l = a l + x,  m = b m + (1 - b) l,  a = exp(-dt / tau_syn), b = exp(-dt / tau_mem) (Yarga &
                        Wood 2024: a ParaLIF layer that does not fire)
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
    each,
    memory_steps,
)

if TYPE_CHECKING:
    from torch import Tensor


def decays(step_ms: float, tau_syn_ms: float | None, tau_mem_ms: float) -> tuple[float, float]:
    """a and b of a step of `step_ms`; a is 0 without a synapse."""
    a = 0.0 if tau_syn_ms is None else float(np.exp(-step_ms / tau_syn_ms))
    return a, float(np.exp(-step_ms / tau_mem_ms))


def double_leaky_integral(x: Tensor, alpha: Tensor, beta: Tensor) -> Tensor:
    """m of l_t = alpha l_{t-1} + x_t, m_t = beta m_{t-1} + (1 - beta) l_t for `x` (T, B, ...)."""
    from streamsnn.neurons.through_time import leaky_integral

    synapse = leaky_integral(x, alpha)
    return leaky_integral((1 - across(beta, x[0])) * synapse, beta)


@dataclass(frozen=True)
class LI:
    """A readout that integrates and does not fire; parameter `tau` (channels,) in steps, used by magnitude."""

    family: ClassVar[str] = "li"
    spiking: ClassVar[bool] = False
    recurrent: ClassVar[bool] = False
    tau_mean: float = 20.0
    tau_std: float = 5.0

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"tau": (shape[0],)}

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """tau ~ N(tau_mean, tau_std) steps."""
        return {"tau": rng.normal(self.tau_mean, self.tau_std, shape[0])}

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """y (T, B, ...) of `current` (T, B, ...): parallel in T."""
        import torch

        from streamsnn.neurons.through_time import leaky_integral

        keep = torch.exp(-1 / p["tau"].abs())
        return leaky_integral(current * (1 - across(keep, current[0])), keep)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: k of each neuron. State: y."""
        with np.errstate(divide="ignore"):
            keep = np.exp(-1 / np.abs(p["tau"].astype(np.float64)))
        state = np.zeros(shape[0], np.float32)
        return Packed(each(keep, shape), state, memory_steps=memory_steps(keep), restless=True)

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """y."""
        membrane: Array = variables[0]
        return membrane


@compiled()
def step_li(x: NDArray[np.float64], constants: int, s: int) -> None:
    """One step of a pixel of the readout; x becomes y."""
    keep, y = float32s(constants, x.size), float32s(s, x.size)
    for i in range(x.size):
        y[i] = keep[i] * y[i] + (1 - keep[i]) * x[i]
        x[i] = y[i]


@dataclass(frozen=True)
class DoubleLeakyIntegrator:
    """A ParaLIF readout: LI(x) that does not fire. No parameters."""

    family: ClassVar[str] = "paralif-readout"
    spiking: ClassVar[bool] = False
    recurrent: ClassVar[bool] = False
    tau_mem_ms: float = 20.0
    tau_syn_ms: float | None = 20.0

    def _decays(self, step_ms: float) -> tuple[float, float]:
        return decays(step_ms, self.tau_syn_ms, self.tau_mem_ms)

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {}

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        return {}

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """LI(current), alike (T, B, ...)."""
        import torch

        a, b = (torch.as_tensor(decay, dtype=current.dtype) for decay in self._decays(step_ms))
        if self.tau_syn_ms is None:
            from streamsnn.neurons.through_time import leaky_integral

            return leaky_integral((1 - b) * current, b)
        return double_leaky_integral(current, a, b)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: a, b. State: l, m."""
        both = np.array(self._decays(step_ms))
        return Packed(both, np.zeros(2 * shape[0], np.float32), memory_steps=memory_steps(both), restless=True)

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """m."""
        membrane: Array = variables[1]
        return membrane


@compiled()
def step_double_li(x: NDArray[np.float64], constants: int, s: int) -> None:
    """One step of a pixel of the readout; x becomes its membrane."""
    size = x.size
    decays_of = float32s(constants, 2)
    a, b = decays_of[0], decays_of[1]
    synapse, m = float32s(s, size), float32s(s + 4 * size, size)
    gain = 1 - b
    for i in range(size):
        synapse[i] = a * synapse[i] + x[i]
        m[i] = b * m[i] + gain * synapse[i]
        x[i] = m[i]
