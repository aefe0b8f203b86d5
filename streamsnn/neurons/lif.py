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
        """Constants: rate, gain of the input, threshold, rest, soft reset. State: v."""
        rate = float(1 / (1 + np.exp(-p["w"].astype(np.float64)))) if self.learn_tau else 1 / self._tau(step_ms)
        rest = 0.0 if self.v_reset is None else self.v_reset
        gain = rate if self.decay_input else 1.0
        return Packed(
            np.array([rate, gain, self.v_threshold, rest, float(self.v_reset is None)]),
            np.full(int(np.prod(shape)), rest),
            recurrent=feedback(p),
            memory_steps=memory_steps(np.asarray(1 - rate)),
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """v, after the reset."""
        membrane: Floats = variables[0]
        return membrane


@compiled()
def step_lif(x: NDArray[np.float64], p: NDArray[np.float32], s: NDArray[np.float32], fired: NDArray[np.int32]) -> int:
    """One step of a LIF or PLIF layer; x is left as h."""
    rate, gain, theta, rest, soft = p[0], p[1], p[2], p[3], p[4] != 0
    for i in range(x.size):
        # Rounded before it is compared: the threshold is float32, too, and an exact tie must stay one.
        s[i] = s[i] - (s[i] - rest) * rate + x[i] * gain
        x[i] = s[i]
    count = 0
    for i in range(x.size):
        if x[i] >= theta:
            fired[count] = i
            count += 1
            s[i] = x[i] - theta if soft else rest
    flush(s)
    return count
