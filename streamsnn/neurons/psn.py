"""Masked and plain parallel spiking neurons (PSN); `sliding_psn` has the one that streams for ever.

Fang et al. 2023, "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term Dependencies":

    masked PSN    h = ((lambda M_k + (1 - lambda)) W) x + bias                 M_k[t, j] = [t - k < j <= t]
    PSN           h = W x + bias                                               z_t = [h_t >= 0]

The masked PSN streams for as many steps as it has rows, and only when lambda = 1 (otherwise a step would need inputs
that are still to come); the plain PSN never. Surrogate: arctan, alpha = 2.
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
from streamsnn.neurons.base import Array, Packed, Shape
from streamsnn.neurons.firing import take_reaching

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MaskedPSN:
    """A PSN of `steps` steps that looks back `k`; parameters `weight` (steps, steps) and `bias` (steps, 1).

    `mask_strength` is the paper's lambda: 1 masks fully.
    """

    family: ClassVar[str] = "masked-psn"
    spiking: ClassVar[bool] = True
    recurrent: ClassVar[bool] = False
    k: int = 8
    steps: int = 32
    mask_strength: float = 1.0

    def __post_init__(self) -> None:
        if self.k < 1 or self.steps < 1:
            raise StreamsnnError(
                f"a masked PSN of {self.steps} steps cannot look back k = {self.k}", hint="choose k >= 1 and steps >= 1"
            )
        if not 0 <= self.mask_strength <= 1:
            raise StreamsnnError(f"mask_strength is {self.mask_strength}", hint="choose a number from 0 to 1")

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """Uniform weights of variance 1 / (3 steps) (He et al. 2015 with a = sqrt 5) and bias -1."""
        bound = 1 / np.sqrt(self.steps)
        return {
            "weight": rng.uniform(-bound, bound, (self.steps, self.steps)),
            "bias": np.full((self.steps, 1), -1.0),
        }

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"weight": (self.steps, self.steps), "bias": (self.steps, 1)}

    def mask(self) -> Array:
        lag = np.arange(self.steps)[:, None] - np.arange(self.steps)
        inside = ((lag >= 0) & (lag < self.k)).astype(np.float64)
        return self.mask_strength * inside + (1 - self.mask_strength)

    def membrane(self, current: Tensor, p: Mapping[str, Tensor]) -> Tensor:
        """h (T, B, ...) of `current` (T, B, ...), T <= steps."""
        import torch

        steps = current.shape[0]
        _refuse_beyond(self.steps, steps)
        weight = (p["weight"] * torch.as_tensor(self.mask(), dtype=current.dtype))[:steps, :steps]
        return torch.addmm(p["bias"][:steps], weight, current.reshape(steps, -1)).reshape(current.shape)

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...), T <= steps."""
        from streamsnn.neurons.surrogate import fires_at_or_above

        return fires_at_or_above(self.membrane(current, p))

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: steps, masked weights by row, then biases. State: all inputs so far."""
        if self.mask_strength != 1:
            raise StreamsnnError(
                f"a masked PSN with mask_strength {self.mask_strength} looks into the future and cannot stream",
                hint="train on until mask_strength is 1",
            )
        return Packed(
            np.concatenate([[self.steps], (p["weight"] * self.mask()).ravel(), p["bias"].ravel()]),
            np.zeros(self.steps * shape[0], np.float32),
            memory_steps=self.steps,
            horizon_steps=self.steps,
            restless=True,
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """h; 0 before the first step."""
        if clock == 0:
            return np.zeros_like(variables[0])
        t = clock - 1
        row = constants[1 + t * self.steps : 1 + (t + 1) * self.steps]
        membrane: Array = row @ variables + constants[1 + self.steps**2 + t]
        return membrane


def _refuse_beyond(horizon_steps: int, steps: int) -> None:
    if steps > horizon_steps:
        raise StreamsnnError(
            f"step {steps} is beyond the {horizon_steps} steps that this masked PSN has weights for",
            hint="reset the state, use a sliding PSN, or train with more steps",
        )


@compiled()
def step_masked(
    x: NDArray[np.float64], constants: int, s: int, clock: int, fired: NDArray[np.int32], count: int, first: int
) -> int:
    """One step of a pixel of a masked PSN whose `steps` rows have not all been used; returns the new `count`."""
    size = x.size
    steps = int(float32s(constants, 1)[0])
    p = float32s(constants + 4, steps * (steps + 1))
    inputs = float32s(s, steps * size)
    for i in range(size):
        inputs[clock * size + i] = x[i]
    x[:] = p[steps * steps + clock]
    for j in range(clock + 1):
        weight = np.float64(p[clock * steps + j])
        if weight != 0:
            row = inputs[j * size : (j + 1) * size]
            for i in range(size):
                x[i] += weight * row[i]
    total: int = take_reaching(x, 0.0, fired, count, first)
    return total


@dataclass(frozen=True)
class PSN:
    """The non-causal PSN of `steps` steps, which trains and never streams.

    Parameters: `weight` (steps, steps) and `bias` (steps, 1).
    """

    family: ClassVar[str] = "psn"
    spiking: ClassVar[bool] = True
    recurrent: ClassVar[bool] = False
    steps: int = 32

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise StreamsnnError(f"a PSN of {self.steps} steps", hint="choose steps >= 1")

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """As for the masked PSN."""
        return MaskedPSN(k=self.steps, steps=self.steps).initial(shape, step_ms, rng)

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"weight": (self.steps, self.steps), "bias": (self.steps, 1)}

    def membrane(self, current: Tensor, p: Mapping[str, Tensor]) -> Tensor:
        """h (T, B, ...) of `current` (T, B, ...), T = steps."""
        import torch

        if current.shape[0] != self.steps:
            raise StreamsnnError(
                f"a PSN of {self.steps} steps was given {current.shape[0]}", hint="give it exactly as many steps"
            )
        return torch.addmm(p["bias"], p["weight"], current.reshape(self.steps, -1)).reshape(current.shape)

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...), T = steps."""
        from streamsnn.neurons.surrogate import fires_at_or_above

        return fires_at_or_above(self.membrane(current, p))

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        raise StreamsnnError("a PSN looks into the future and cannot stream", hint="use a sliding PSN")

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """Never called, as a PSN has no step."""
        membrane: Array = variables[0]
        return membrane
