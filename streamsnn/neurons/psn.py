"""Sliding, masked and plain parallel spiking neurons (PSN).

Fang et al. 2023, "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term Dependencies":

    sliding PSN   h_t = sum_{i=0}^{k-1} w_i x_{t-k+1+i} + bias                 z_t = [h_t >= 0]
    masked PSN    h = ((lambda M_k + (1 - lambda)) W) x + bias                 M_k[t, j] = [t - k < j <= t]
    PSN           h = W x + bias

Inputs before the start are 0 and the newest tap is the last. The sliding PSN streams for ever; the masked one for as
many steps as it has rows, and only when lambda = 1 (otherwise a step would need inputs that are still to come); the
plain PSN never. Surrogate: arctan, alpha = 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import add_weighted_rows, address, float32s, int32s
from streamsnn.neurons.base import Array, Packed, Shape
from streamsnn.neurons.firing import take_reaching

if TYPE_CHECKING:
    from torch import Tensor

_SHIFT = 5
_BITS = 1 << _SHIFT
"""Slots of a ring that one word of a pixel keeps account of."""

_SAFELY = 1 + 1e-9
"""Far more than what rounding can add to a sum of a ring."""


@dataclass(frozen=True)
class SlidingPSN:
    """A layer whose neurons share `k` taps and one bias: `weight` (k,), oldest first, and `bias` (), which is added."""

    family: ClassVar[str] = "sliding-psn"
    spiking: ClassVar[bool] = True
    recurrent: ClassVar[bool] = False
    k: int = 8

    def __post_init__(self) -> None:
        if self.k < 1:
            raise StreamsnnError(f"a sliding PSN needs at least one tap, not k = {self.k}", hint="set k to 1 or more")

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """The paper's exponential start: taps ..., 1/4, 1/2, 1 and bias -1."""
        return {"weight": 2.0 ** np.arange(1 - self.k, 1, dtype=np.float64), "bias": np.asarray(-1.0)}

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"weight": (self.k,), "bias": ()}

    def membrane(self, current: Tensor, p: Mapping[str, Tensor]) -> Tensor:
        """h (T, B, ...) of `current` (T, B, ...): one banded matrix over time, parallel in T."""
        import torch

        steps = current.shape[0]
        lag = torch.arange(steps)[:, None] - torch.arange(steps)
        tap = (self.k - 1 - lag).clamp(0, self.k - 1)
        band = torch.where((lag >= 0) & (lag < self.k), p["weight"][tap], 0.0)
        return (band @ current.reshape(steps, -1)).reshape(current.shape) + p["bias"]

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        from streamsnn.neurons.surrogate import fires_at_or_above

        return fires_at_or_above(self.membrane(current, p))

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: k taps newest first, bias. State: a ring of k inputs; notes: the largest magnitude in each.

        The words have a bit a slot of the ring, set where something arrived: other slots are skipped, and a pixel
        without any sleeps. Where even the largest inputs together cannot reach the threshold, no sum is taken.
        """
        constants = np.concatenate([p["weight"][::-1], np.atleast_1d(p["bias"])])
        return Packed(
            constants,
            np.zeros(self.k * shape[0], np.float32),
            notes=self.k,
            turn=self.k,
            words=-(-self.k // _BITS),
            memory_steps=self.k,
            restless=bool(p["bias"] >= 0),
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """h."""
        taps, bias = constants[:-1], constants[-1]
        slots = (clock - 1 - np.arange(self.k)) % self.k
        heard = words[slots // _BITS] >> (slots % _BITS)[:, None] & 1
        membrane: Array = bias + (taps[:, None] * heard * variables[slots]).sum(0)
        return membrane


@compiled()
def _largest_magnitude(place: int, size: int) -> np.float32:
    """The largest magnitude of the `size` float32 at `place`."""
    # Without their sign, floats are in the order of their bits, of which LLVM takes the maximum many at a time.
    bits = int32s(place, size)
    largest = np.int32(0)
    for i in range(size):
        largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
    for i in range(size):
        if bits[i] & np.int32(0x7FFFFFFF) == largest:
            return abs(float32s(place, size)[i])
    return np.float32(0)


@compiled()
def begin_sliding(
    constants: int, taps: int, newest: int, slots: NDArray[np.int32], weights: NDArray[np.float64]
) -> None:
    """Prepare a step of a whole layer, whose inputs go to slot `newest` of the rings.

    `slots` and `weights` are given the slots and their taps, the oldest first, in which order the sequence form adds;
    behind them there is room for as many again, and in `weights` follows the magnitude of the tap of each slot.
    """
    p = float32s(constants, taps)
    for j in range(taps):
        slot = newest + 1 + j if newest + 1 + j < taps else newest + 1 + j - taps
        slots[j], weights[j] = slot, p[taps - 1 - j]
        weights[2 * taps + slot] = abs(weights[j])


@compiled()
def step_sliding(
    x: NDArray[np.float64],
    is_new: bool,
    constants: int,
    s: int,
    notes: int,
    words: NDArray[np.int64],
    taps: int,
    newest: int,
    slots: NDArray[np.int32],
    weights: NDArray[np.float64],
    fired: NDArray[np.int32],
    count: int,
    first: int,
) -> tuple[int, bool]:
    """One step of a pixel of a sliding PSN, which something reached if `is_new`, after `begin_sliding`.

    Returns the new `count` of `fired` and whether the pixel stays awake.
    """
    size = x.size
    bias = np.float64(float32s(constants, taps + 1)[taps])
    largest = float32s(notes, taps)
    bit = np.int64(1) << (newest & (_BITS - 1))
    if is_new:
        words[newest >> _SHIFT] |= bit
        ring = float32s(s + 4 * newest * size, size)
        for i in range(size):
            ring[i] = x[i]
        largest[newest] = _largest_magnitude(s + 4 * newest * size, size)
    else:
        words[newest >> _SHIFT] &= ~bit
        largest[newest] = 0
    most, is_awake = 0.0, False
    for slot in range(taps):
        most += weights[2 * taps + slot] * largest[slot]
    for j in range(words.size):
        is_awake |= words[j] != 0
    if bias + most * _SAFELY < 0:
        if is_new:
            x[:] = 0
        return count, is_awake
    x[:] = bias
    heard = np.int64(0)
    for j in range(taps):
        place = np.int64(slots[j])
        slots[taps + heard], weights[taps + heard] = place, weights[j]
        heard += (words[place >> _SHIFT] >> (place & (_BITS - 1))) & 1
    add_weighted_rows(address(x), s, address(weights) + 8 * taps, address(slots) + 4 * taps, heard, size)
    return take_reaching(x, 0.0, fired, count, first), is_awake


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
