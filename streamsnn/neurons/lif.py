"""Leaky integrate-and-fire neurons: LIF, PLIF, the adaptive ALIF, the current-based CubaLIF, and the readout LI.

    LIF     h = v + (x - (v - v_reset)) / tau  (decay_input)  or  v - (v - v_reset) / tau + x
            z = [h >= theta]; hard reset v = v_reset where z, or soft (v_reset None): v = h - theta z
    PLIF    the same with 1 / tau = sigmoid(w), w learnable (Fang et al. 2021, "Incorporating Learnable Membrane Time
            Constant to Enhance Learning of Spiking Neural Networks")
    ALIF    a+ = r a + (1 - r) z;  theta_t = 0.01 + 1.8 a+;  u = k u + (1 - k) I;  z = [u - theta_t > 0];  u -= z
    theta_t
            with k = exp(-1 / |tau_mem|), r = exp(-1 / |tau_adp|), tau in steps (Yin, Corradi, Bohte 2021; constants as
            in
            the baseline of Higuchi et al. 2024)
    CubaLIF l = a l + I;  m = b m + (1 - b) l;  z = [m > theta];  m = 0 where z, with a = exp(-dt / tau_syn), b =
            exp(-dt / tau_mem) (the LIF baseline of Yarga & Wood 2024)
    LI      y = k y + (1 - k) x, k = exp(-1 / |tau|), tau in steps: integrates and never fires

In recurrent layers the weighted spikes of the step before are part of the input. Surrogates: arctan (alpha 2) for LIF
and PLIF, double Gaussian for ALIF, fast sigmoid for CubaLIF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.neurons.base import (
    Array,
    Floats,
    Packed,
    Shape,
    across,
    flat_only,
    memory_steps,
    recurrent_start,
    spread,
)
from streamsnn.neurons.kernel import kernel
from streamsnn.neurons.paralif import flush

if TYPE_CHECKING:
    from torch import Tensor

_EMPTY = np.zeros((0, 0))


def _recurrent_shapes(shape: Shape, recurrent: bool, family: str) -> dict[str, Shape]:
    if not recurrent:
        return {}
    flat_only(shape, family)
    return {"recurrent_weight": (shape[0], shape[0])}


def _drive(x: Tensor, z: Tensor, p: Mapping[str, Tensor]) -> Tensor:
    """The input current and what the spikes of the step before add to it."""
    return x + z @ p["recurrent_weight"].T if "recurrent_weight" in p else x


def _feedback(p: Mapping[str, Array]) -> Array:
    return np.ascontiguousarray(p["recurrent_weight"].T) if "recurrent_weight" in p else _EMPTY


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
        if self.tau <= 1 or (self.tau_ms is not None and self.tau_ms <= 0):
            raise StreamsnnError("a LIF time constant is too short", hint="give tau > 1 steps or tau_ms > 0")

    def _tau(self, step_ms: float) -> float:
        return self.tau if self.tau_ms is None else 1 / (1 - float(np.exp(-step_ms / self.tau_ms)))

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"w": ()} if self.learn_tau else {}
        return named | _recurrent_shapes(shape, self.recurrent, self.family)

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
            drive = _drive(x, z, p)
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
            0,
            recurrent=_feedback(p),
            memory_steps=memory_steps(np.asarray(1 - rate)),
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """v, after the reset."""
        membrane: Floats = variables[0]
        return membrane


@kernel
def step_lif(x: NDArray[np.float64], p: NDArray[np.float32], s: NDArray[np.float32], fired: NDArray[np.int32]) -> int:
    """One step of a LIF or PLIF layer; x is left as h."""
    rate, gain, theta, rest, soft = p[0], p[1], p[2], p[3], p[4] != 0
    for i in range(x.size):
        x[i] = s[i] - (s[i] - rest) * rate + x[i] * gain
        s[i] = x[i]
    count = 0
    for i in range(x.size):
        if x[i] >= theta:
            fired[count] = i
            count += 1
            s[i] = x[i] - theta if soft else rest
    flush(s)
    return count


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
        return named | _recurrent_shapes(shape, self.recurrent, self.family)

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
            drive = _drive(x, z, p)
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
            np.concatenate([[self.theta, self.beta], spread(keep, shape), spread(adapt, shape)]),
            np.zeros(3 * int(np.prod(shape))),
            0,
            recurrent=_feedback(p),
            memory_steps=memory_steps(np.maximum(keep, adapt)),
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """u, after the reset."""
        membrane: Floats = variables[0]
        return membrane


@kernel
def step_alif(x: NDArray[np.float64], p: NDArray[np.float32], s: NDArray[np.float32], fired: NDArray[np.int32]) -> int:
    """One step of an ALIF layer."""
    size = x.size
    theta, beta = p[0], p[1]
    keep, adapt = p[2 : 2 + size], p[2 + size :]
    u, a, z = s[:size], s[size : 2 * size], s[2 * size :]
    for i in range(size):
        a[i] = adapt[i] * a[i] + (1 - adapt[i]) * z[i]
        u[i] = keep[i] * u[i] + (1 - keep[i]) * x[i]
        x[i] = theta + beta * a[i]
        z[i] = 0
    count = 0
    for i in range(size):
        if u[i] - x[i] > 0:
            fired[count] = i
            count += 1
            u[i] -= x[i]
            z[i] = 1
    flush(s)
    return count


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
        if self.tau_mem_ms <= 0 or self.tau_syn_ms <= 0:
            raise StreamsnnError("a CubaLIF time constant is not positive", hint="give milliseconds above 0")

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"threshold": ()} | _recurrent_shapes(shape, self.recurrent, self.family)
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
            drive = _drive(x, z, p)
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
            0,
            recurrent=_feedback(p),
            memory_steps=memory_steps(decays),
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """m, after the reset."""
        membrane: Floats = variables[1]
        return membrane


@kernel
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

        from streamsnn.neurons.paralif import leaky_integral

        keep = torch.exp(-1 / p["tau"].abs())
        return leaky_integral(current * (1 - across(keep, current[0])), keep)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: k of each neuron. State: y."""
        keep = np.exp(-1 / np.abs(p["tau"].astype(np.float64)))
        return Packed(spread(keep, shape), np.zeros(int(np.prod(shape))), 0, memory_steps=memory_steps(keep))

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """y."""
        membrane: Floats = variables[0]
        return membrane


@kernel
def step_li(x: NDArray[np.float64], p: NDArray[np.float32], s: NDArray[np.float32]) -> None:
    """One step of the readout; x becomes y."""
    for i in range(x.size):
        s[i] = p[i] * s[i] + (1 - p[i]) * x[i]
        x[i] = s[i]
    flush(s)
