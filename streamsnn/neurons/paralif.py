"""ParaLIF: leaky integrate-and-fire without a reset, and therefore parallel over time, feed-forward and recurrent.

Yarga & Wood 2024, "Accelerating Spiking Neural Networks with Parallelizable Leaky Integrate-and-Fire Neurons". With
a = exp(-dt / tau_syn) and b = exp(-dt / tau_mem),

    LI(x):   l_t = a l_{t-1} + x_t,   m_t = b m_{t-1} + (1 - b) l_t
    feed-forward   u = LI(x)                        z = Phi(u)
    recurrent      h_t = Phi(LI(x))_{t-1}           u = LI(x) + LI(x + W h + c)           z = Phi(u)

h depends on the input alone, which keeps the recurrent form parallel. Phi fires on v = norm(u), where norm is the
identity, sigmoid (S), tanh (T) or relu tanh (TR):

    T, ST, TT, TRT   z_t = [v_t > theta]                       SB, TRB   z_t ~ Bernoulli(v_t)
    D, SD, TD, TRD   z_t = [v_t - v_{t-1} > theta], v_{-1} = 0     GS    z_t ~ Bernoulli(sigmoid(2 u_t))

GS is the hard Gumbel softmax over the logits (u, -u) at temperature 1, written with one uniform number. The hidden
state may also be relu(LI(x))_{t-1} (`hidden = "relu"`). Before the start LI is 0, so that h_0 = Phi(0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, tanh
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES, address, float32s, float64s, int32s
from streamsnn.neurons.base import (
    Array,
    Packed,
    Shape,
    across,
    feedback,
    memory_steps,
    recurrent_shapes,
    recurrent_start,
)
from streamsnn.neurons.firing import take_fired
from streamsnn.neurons.integrator import decays, double_leaky_integral
from streamsnn.neurons.random import uniform
from streamsnn.neurons.resting import at_rest
from streamsnn.registers import add_rows

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["T", "ST", "TT", "TRT", "D", "SD", "TD", "TRD", "SB", "TRB", "GS"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DELTA = ("D", "SD", "TD", "TRD")
STOCHASTIC = ("SB", "TRB", "GS")
_HEAD = 3
_NONE = np.int64(0)


@dataclass(frozen=True)
class ParaLIF:
    """A ParaLIF layer.

    Parameters: `threshold` (), learnable and kept >= 0; with `learn_tau` also `alpha_raw` and `beta_raw` (), whose
    sigmoids are the decays; if recurrent, `recurrent_weight` (N, N) and `recurrent_bias` (N,). `threshold` is where
    training begins: by default 0.1 for D kinds and 1 for all others. Without `tau_syn_ms` there is no synapse, a = 0.

    With `tau_mem_range_ms` (and `tau_syn_range_ms`) every channel learns a time constant of its own, which begins
    anywhere in the range, evenly on a logarithmic scale: `beta_raw` (and `alpha_raw`) are (channels,).
    """

    family: ClassVar[str] = "paralif"
    spiking: ClassVar[bool] = True
    kind: Kind = "D"
    threshold: float | None = None
    tau_mem_ms: float = 20.0
    tau_syn_ms: float | None = 20.0
    tau_mem_range_ms: tuple[float, float] | None = None
    tau_syn_range_ms: tuple[float, float] | None = None
    learn_tau: bool = False
    recurrent: bool = False
    hidden: Literal["spikes", "relu"] = "spikes"
    surrogate: Literal["fast-sigmoid", "arctan"] = "fast-sigmoid"
    surrogate_scale: float = 100.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise StreamsnnError(f"there is no ParaLIF kind {self.kind!r}", hint=f"choose one of {', '.join(KINDS)}")
        if not self.tau_mem_ms > 0 or (self.tau_syn_ms is not None and not self.tau_syn_ms > 0):
            raise StreamsnnError("a ParaLIF time constant is not positive", hint="give milliseconds above 0")
        for bounds in (self.tau_mem_range_ms, self.tau_syn_range_ms):
            if bounds is not None and not 0 < bounds[0] <= bounds[1]:
                raise StreamsnnError(f"a ParaLIF range of time constants is {bounds}", hint="give 0 < least <= most")
        if self.tau_syn_ms is None and self.tau_syn_range_ms is not None:
            raise StreamsnnError("a ParaLIF range is for a synapse that is not there", hint="give tau_syn_ms, too")

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"threshold": ()}
        if self.learn_tau or self.tau_mem_range_ms is not None:
            named["beta_raw"] = () if self.tau_mem_range_ms is None else shape[:1]
        if (self.learn_tau or self.tau_syn_range_ms is not None) and self.tau_syn_ms is not None:
            named["alpha_raw"] = () if self.tau_syn_range_ms is None else shape[:1]
        named |= recurrent_shapes(shape, self.recurrent, self.family)
        return named | {"recurrent_bias": (shape[0],)} if self.recurrent else named

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """The paper's thresholds, the decays of the time constants, uniform recurrent weights and no bias."""
        a, b = decays(step_ms, self.tau_syn_ms, self.tau_mem_ms)
        threshold = self.threshold if self.threshold is not None else (0.1 if self.kind in DELTA else 1.0)
        start: dict[str, Array] = {"threshold": np.asarray(threshold)}
        shapes = self.shapes(shape)
        for name, decay, bounds in (
            ("beta_raw", b, self.tau_mem_range_ms),
            ("alpha_raw", a, self.tau_syn_range_ms),
        ):
            if name in shapes:
                tau_ms = None if bounds is None else np.exp(rng.uniform(log(bounds[0]), log(bounds[1]), shape[0]))
                kept = np.asarray(decay) if tau_ms is None else np.exp(-step_ms / tau_ms)
                start[name] = np.log(kept / (1 - kept))
        if self.recurrent:
            size = shape[0]
            start |= {"recurrent_weight": recurrent_start(size, rng), "recurrent_bias": np.zeros(size)}
        return start

    def integrate(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float) -> Tensor:
        """LI(current), alike (T, B, ...)."""
        import torch

        a, b = decays(step_ms, self.tau_syn_ms, self.tau_mem_ms)
        alpha = torch.sigmoid(p["alpha_raw"]) if "alpha_raw" in p else torch.as_tensor(a, dtype=current.dtype)
        beta = torch.sigmoid(p["beta_raw"]) if "beta_raw" in p else torch.as_tensor(b, dtype=current.dtype)
        if self.tau_syn_ms is None:
            from streamsnn.neurons.through_time import leaky_integral

            return leaky_integral((1 - beta) * current, beta)
        return double_leaky_integral(current, alpha, beta)

    def fire(self, u: Tensor, p: Mapping[str, Tensor], chance: Tensor | None) -> Tensor:
        """Phi(u), alike (T, B, ...); `chance` holds the uniform numbers of a stochastic kind."""
        import torch

        from streamsnn.neurons.surrogate import bernoulli, fires_above, gumbel

        v = self._normalise(u)
        if chance is not None:
            return gumbel(2 * v, chance) if self.kind == "GS" else bernoulli(v, chance)
        if self.kind in DELTA:
            v = v - torch.cat([torch.zeros_like(v[:1]), v[:-1]])
        theta = across(p["threshold"].clamp(min=0), u[0])
        return fires_above(v - theta, self.surrogate, self.surrogate_scale)

    def _normalise(self, u: Tensor) -> Tensor:
        if self.kind in ("ST", "SD", "SB"):
            return u.sigmoid()
        if self.kind in ("TT", "TD"):
            return u.tanh()
        return u.tanh().relu() if self.kind.startswith("TR") else u

    def membranes(
        self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor | None]:
        """u and, if recurrent, the hidden state h; both alike (T, B, ...)."""
        import torch

        membrane = self.integrate(current, p, step_ms)
        if not self.recurrent:
            return membrane, None
        before = torch.cat([torch.zeros_like(membrane[:1]), membrane[:-1]])
        h = before.relu() if self.hidden == "relu" else self.fire(before, p, self._chance(before, seeds, 0))
        feedback = torch.nn.functional.linear(h, p["recurrent_weight"], p["recurrent_bias"])
        return membrane + self.integrate(current + feedback, p, step_ms), h

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        u, _ = self.membranes(current, p, step_ms, seeds)
        return self.fire(u, p, self._chance(u, seeds, 1))

    def _chance(self, like: Tensor, seeds: NDArray[np.int64], which: int) -> Tensor | None:
        """The uniform numbers (T, B, ...) that the step form draws, for the hidden (0) or the output (1) spikes."""
        if self.kind not in STOCHASTIC:
            return None
        import torch

        from streamsnn.neurons.random import fill_uniform

        steps, batch, size = like.shape[0], like.shape[1], like[0, 0].numel()
        draws = np.empty((steps, batch, size))
        for b in range(batch):
            for t in range(steps):
                fill_uniform(int(seeds[b]), (2 * t + which) * size, draws[t, b])
        # The step form numbers neurons pixel-major.
        channels, *rest = like.shape[2:]
        pixel_major = torch.from_numpy(draws).reshape(steps, batch, *rest, channels)
        return pixel_major.movedim(-1, 2).to(like.dtype)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: kind, hidden rule, theta, then a of each channel, b, and the bias.

        State: l1, m1; if recurrent l2, m2; for D kinds the previous v of the spikes, and if recurrent of the hidden
        state.
        """
        a, b = (np.asarray(decay) for decay in decays(step_ms, self.tau_syn_ms, self.tau_mem_ms))
        alpha = 1 / (1 + np.exp(-p["alpha_raw"])) if "alpha_raw" in p else a
        beta = 1 / (1 + np.exp(-p["beta_raw"])) if "beta_raw" in p else b
        theta = np.maximum(p["threshold"], 0.0)
        bias = p["recurrent_bias"] if self.recurrent else np.zeros(0)
        head = np.array([float(KINDS.index(self.kind)), float(self.hidden == "relu"), float(theta)])
        variables = (2 + (self.kind in DELTA)) * (1 + self.recurrent)
        # A sigmoid is 0.5 at rest.
        return Packed(
            np.concatenate([head, np.broadcast_to(alpha, shape[0]), np.broadcast_to(beta, shape[0]), bias]),
            np.zeros(variables * shape[0], np.float32),
            recurrent=feedback(p),
            memory_steps=memory_steps(np.maximum(alpha, beta)),
            stochastic=self.kind in STOCHASTIC,
            restless=bool(self.kind[0] in "SG" or np.any(bias)),
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """u."""
        membrane: Array = variables[1] + variables[3] if self.recurrent else variables[1]
        return membrane


@compiled()
def _normalise(x: NDArray[np.float64], kind: int) -> None:
    # KINDS in order: T ST TT TRT  D SD TD TRD  SB TRB GS
    if kind == 1 or kind == 5 or kind == 8:
        for i in range(x.size):
            x[i] = 1.0 / (1.0 + exp(-x[i]))
    elif kind == 2 or kind == 6:
        for i in range(x.size):
            x[i] = tanh(x[i])
    elif kind == 3 or kind == 7 or kind == 9:
        for i in range(x.size):
            x[i] = max(tanh(x[i]), 0.0)


@compiled()
def _fire(
    x: NDArray[np.float64],
    kind: int,
    theta: float,
    previous: int,
    seed: int,
    draws: int,
    fired: NDArray[np.int32],
    count: int,
    first: int,
) -> int:
    """Phi of the membranes x, which are used up; returns the new `count` of `fired`."""
    size = x.size
    _normalise(x, kind)
    if kind >= 8:
        for i in range(size):
            v = np.float32(x[i])
            if uniform(seed, draws + i) < (1 / (1 + exp(-2.0 * v)) if kind == 10 else v):
                fired[count] = first + i
                count += 1
            x[i] = 0
        return count
    if kind >= 4:
        before = float32s(previous, size)
        for i in range(size):
            v = np.float32(x[i])
            x[i] = v - before[i]
            before[i] = v
    else:
        for i in range(size):
            x[i] = np.float32(x[i])
    total: int = take_fired(x, np.float64(theta), fired, count, first)
    return total


@compiled()
def step_paralif(
    x: NDArray[np.float64],
    constants: int,
    s: int,
    seed: int,
    draws: int,
    fired: NDArray[np.int32],
    count: int,
    first: int,
) -> tuple[int, bool]:
    """One step of a pixel of a feed-forward ParaLIF layer, whose first neuron draws the number `draws`.

    Returns the new `count` of `fired` and whether the pixel stays awake.
    """
    size = x.size
    p = float32s(constants, _HEAD + 2 * size)
    kind, theta = int(p[0]), p[2]
    alpha, beta = p[_HEAD : _HEAD + size], p[_HEAD + size :]
    synapse, m = float32s(s, size), float32s(s + 4 * size, size)
    for i in range(size):
        synapse[i] = alpha[i] * synapse[i] + x[i]
    for i in range(size):
        m[i] = beta[i] * m[i] + (1 - beta[i]) * synapse[i]
        x[i] = m[i]
    count = _fire(x, kind, theta, s + 8 * size, seed, draws, fired, count, first)
    variables = 3 if 4 <= kind < 8 else 2
    return count, not at_rest(float32s(s, variables * size))


@compiled()
def step_recurrent_paralif(
    x: NDArray[np.float64],
    constants: int,
    rows: int,
    scale: int,
    s: int,
    seed: int,
    clock: int,
    hidden: NDArray[np.int32],
    strength: NDArray[np.float64],
    fired: NDArray[np.int32],
) -> tuple[int, bool, int]:
    """One step of a recurrent ParaLIF layer.

    `x` begins a buffer as wide as a padded row of the recurrent weights; `hidden` and `strength` are work space for at
    least as many numbers. Returns how many fired, whether the layer stays awake, and how many rows of the recurrent
    weights were added.
    """
    size = x.size
    strength = strength[:size]
    p = float32s(constants, _HEAD + 3 * size)
    kind, relu, theta = int(p[0]), p[1] != 0, p[2]
    alpha, beta, bias = p[_HEAD : _HEAD + size], p[_HEAD + size : _HEAD + 2 * size], p[_HEAD + 2 * size :]
    l1, m1 = float32s(s, size), float32s(s + 4 * size, size)
    l2, m2 = float32s(s + 8 * size, size), float32s(s + 12 * size, size)
    # Loops over few arrays: only those are vectorised.
    for i in range(size):
        l1[i] = alpha[i] * l1[i] + x[i]
    # The hidden state follows from m1 before its update; its rows and the bias join the input.
    used = _NONE
    if relu:
        for i in range(size):
            if m1[i] > 0:
                row, units = int32s(rows + 4 * i * _padded(size), size), float64s(scale, size)
                for j in range(size):
                    x[j] += m1[i] * (units[j] * row[j])
                used += 1
    else:
        for i in range(size):
            strength[i] = m1[i]
        used = _fire(strength, kind, theta, s + 20 * size, seed, 2 * clock * size, hidden, _NONE, _NONE)
        add_rows(address(x), rows, scale, address(hidden), used, _padded(size))
    for i in range(size):
        l2[i] = alpha[i] * l2[i] + (x[i] + bias[i])
    for i in range(size):
        m2[i] = beta[i] * m2[i] + (1 - beta[i]) * l2[i]
    for i in range(size):
        m1[i] = beta[i] * m1[i] + (1 - beta[i]) * l1[i]
    for i in range(size):
        x[i] = m1[i] + m2[i]
    count = _fire(x, kind, theta, s + 16 * size, seed, (2 * clock + 1) * size, fired, _NONE, _NONE)
    variables = 6 if 4 <= kind < 8 else 4
    return count, not at_rest(float32s(s, variables * size)), int(used)


@compiled()
def _padded(size: int) -> int:
    return (size + LANES - 1) // LANES * LANES
