"""Leaky integrate-and-fire neurons: LIF and PLIF.

    h = v + (x - (v - v_reset)) / tau  (decay_input)     or     h = v - (v - v_reset) / tau + x
    z = [h >= theta]; hard reset v = v_reset where z, or soft (v_reset None) v = h - theta z

In PLIF 1 / tau = sigmoid(w) with w learnable: Fang et al. 2021, "Incorporating Learnable Membrane Time Constant to
Enhance Learning of Spiking Neural Networks". In recurrent layers x holds the weighted spikes of the step before.
Surrogate: arctan (alpha = 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES, address, float32s, lowest_bit
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
from streamsnn.neurons.firing import append_bits
from streamsnn.registers import step_lif_lanes

if TYPE_CHECKING:
    from torch import Tensor

_HEAD, _POWERS = 5, 40
_ONE, _NONE = np.uint64(1), np.uint64(0)
_DECAYS, _FIRED = np.uint64((1 << _POWERS) - 1), np.uint64((1 << LANES) - 1)


@dataclass(frozen=True)
class LIF:
    """A LIF layer, or with `learn_tau` a PLIF layer with the parameter `w` (). If recurrent, `recurrent_weight` (N, N).

    `tau` is in steps; `tau_ms`, where given, replaces it by a time. `detach_reset` keeps gradients out of the reset.
    """

    family: ClassVar[str] = "lif"
    spiking: ClassVar[bool] = True
    tau: float = 2.0
    tau_ms: float | None = None
    v_threshold: float = 1.0
    v_reset: float | None = 0.0
    decay_input: bool = True
    detach_reset: bool = False
    learn_tau: bool = False
    recurrent: bool = False

    def __post_init__(self) -> None:
        if not self.tau > 1 or (self.tau_ms is not None and not self.tau_ms > 0):
            raise StreamsnnError("a LIF time constant is too short", hint="give tau > 1 steps or tau_ms > 0")

    def _tau(self, step_ms: float) -> float:
        return self.tau if self.tau_ms is None else 1 / (1 - float(np.exp(-step_ms / self.tau_ms)))

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"w": ()} if self.learn_tau else {}
        return named | recurrent_shapes(shape, self.recurrent, self.family)

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """w so that sigmoid(w) = 1 / tau; recurrent weights uniform."""
        start: dict[str, Array] = {"w": np.asarray(-np.log(self._tau(step_ms) - 1))} if self.learn_tau else {}
        if self.recurrent:
            start["recurrent_weight"] = recurrent_start(shape[0], rng)
        return start

    def trace(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float) -> dict[str, list[Tensor]]:
        """z, h (before the reset) and v (after it), T tensors (B, ...) each, of `current` (T, B, ...)."""
        import torch

        from streamsnn.neurons.surrogate import fires_at_or_above

        rate = torch.sigmoid(p["w"]) if self.learn_tau else 1 / self._tau(step_ms)
        rest = 0.0 if self.v_reset is None else self.v_reset
        v, z = torch.full_like(current[0], rest), torch.zeros_like(current[0])
        trace: dict[str, list[Tensor]] = {"z": [], "h": [], "v": []}
        for x in current:
            drive = driven(x, z, p)
            h = v + (drive - (v - rest)) * rate if self.decay_input else v - (v - rest) * rate + drive
            z = fires_at_or_above(h - self.v_threshold)
            reset = z.detach() if self.detach_reset else z
            v = h - self.v_threshold * reset if self.v_reset is None else (1 - reset) * h + reset * rest
            for name, value in (("z", z), ("h", h), ("v", v)):
                trace[name].append(value)
        return trace

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        import torch

        return torch.stack(self.trace(current, p, step_ms)["z"])

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: rate, gain of the input, threshold, rest, soft reset, then (1 - rate)^(2^j). State: v.

        A pixel that nothing reaches only decays: it sleeps, and its word says up to which step v has decayed.
        """
        rate = float(1 / (1 + np.exp(-p["w"].astype(np.float64)))) if self.learn_tau else 1 / self._tau(step_ms)
        rest = 0.0 if self.v_reset is None else self.v_reset
        gain = rate if self.decay_input else 1.0
        with np.errstate(under="ignore"):
            powers = (1 - rate) ** (2.0 ** np.arange(_POWERS))
        return Packed(
            np.concatenate([[rate, gain, self.v_threshold, rest, float(self.v_reset is None)], powers]),
            np.full(shape[0], rest, np.float32),
            words=1,
            recurrent=feedback(p),
            memory_steps=memory_steps(np.asarray(1 - rate)),
            restless=rest >= self.v_threshold,
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """v, after the reset."""
        rate, rest = float(constants[0]), float(constants[3])
        kept: Array = rest + (1 - rate) ** (clock - words[0]) * (variables[0] - rest)
        return kept


@compiled()
def step_lif(
    x: NDArray[np.float64],
    constants: int,
    s: int,
    words: NDArray[np.int64],
    clock: int,
    fired: NDArray[np.int32],
    count: int,
    first: int,
) -> tuple[int, bool]:
    """One step of a pixel of a LIF or PLIF layer; returns the new `count` of `fired` and whether it stays awake."""
    p, v = float32s(constants, _HEAD + _POWERS), float32s(s, x.size)
    rate, gain, theta, rest, soft = p[0], p[1], p[2], p[3], p[4] != 0
    idle = np.uint64(clock - words[0]) & _DECAYS
    words[0] = clock + 1
    kept = np.float32(1)
    while idle != _NONE:
        kept *= p[_HEAD + lowest_bit(idle)]
        idle &= idle - _ONE
    is_hot = False
    whole = x.size // LANES * LANES
    for i in range(0, whole, LANES):
        bits = step_lif_lanes(address(x) + 8 * i, s + 4 * i, kept, rate, gain, theta, rest, soft)
        is_hot |= (bits >> np.uint64(LANES)) != _NONE
        count = append_bits(bits & _FIRED, first + i, fired, count)
    for i in range(whole, x.size):
        if kept != 1:
            v[i] = rest + kept * (v[i] - rest)
        v[i] = v[i] - (v[i] - rest) * rate + x[i] * gain
        x[i] = 0
        if v[i] >= theta:
            fired[count] = first + i
            count += 1
            v[i] = v[i] - theta if soft else rest
            is_hot |= v[i] >= theta
    return count, is_hot
