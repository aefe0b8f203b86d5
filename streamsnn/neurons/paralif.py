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
from math import exp, tanh
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.neurons.base import (
    UNBOUNDED,
    Array,
    Floats,
    Packed,
    Shape,
    across,
    feedback,
    memory_steps,
    recurrent_shapes,
    recurrent_start,
    spread,
)
from streamsnn.neurons.flushing import flush
from streamsnn.neurons.integrator import decays, double_leaky_integral, leaky_integral
from streamsnn.neurons.random import uniform

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["T", "ST", "TT", "TRT", "D", "SD", "TD", "TRD", "SB", "TRB", "GS"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DELTA = ("D", "SD", "TD", "TRD")
STOCHASTIC = ("SB", "TRB", "GS")


@dataclass(frozen=True)
class ParaLIF:
    """A ParaLIF layer.

    Parameters: `threshold` (), learnable and kept >= 0; with `learn_tau` also `alpha_raw` and `beta_raw` (), whose
    sigmoids are the decays; if recurrent, `recurrent_weight` (N, N) and `recurrent_bias` (N,). `threshold` is where
    training begins: by default 0.1 for D kinds and 1 for all others. Without `tau_syn_ms` there is no synapse, a = 0.
    """

    family: ClassVar[str] = "paralif"
    spiking: ClassVar[bool] = True
    kind: Kind = "D"
    threshold: float | None = None
    tau_mem_ms: float = 20.0
    tau_syn_ms: float | None = 20.0
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

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"threshold": ()}
        if self.learn_tau:
            named["beta_raw"] = ()
            if self.tau_syn_ms is not None:
                named["alpha_raw"] = ()
        named |= recurrent_shapes(shape, self.recurrent, self.family)
        return named | {"recurrent_bias": (shape[0],)} if self.recurrent else named

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """The paper's thresholds, the decays of the time constants, uniform recurrent weights and no bias."""
        a, b = decays(step_ms, self.tau_syn_ms, self.tau_mem_ms)
        threshold = self.threshold if self.threshold is not None else (0.1 if self.kind in DELTA else 1.0)
        start: dict[str, Array] = {"threshold": np.asarray(threshold)}
        if self.learn_tau:
            start["beta_raw"] = np.asarray(np.log(b / (1 - b)))
            if self.tau_syn_ms is not None:
                start["alpha_raw"] = np.asarray(np.log(a / (1 - a)))
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
        """Constants: kind, hidden rule, then a row of a, b, theta and bias. State: l1, m1, v1, l2, m2, v2."""
        a, b = (np.asarray(decay) for decay in decays(step_ms, self.tau_syn_ms, self.tau_mem_ms))
        alpha = 1 / (1 + np.exp(-p["alpha_raw"])) if "alpha_raw" in p else a
        beta = 1 / (1 + np.exp(-p["beta_raw"])) if "beta_raw" in p else b
        size = int(np.prod(shape))
        theta = np.maximum(p["threshold"], 0.0)
        bias = p["recurrent_bias"] if self.recurrent else np.zeros(size)
        rows = [*(spread(value, shape) for value in (alpha, beta, theta)), bias]
        head = np.array([KINDS.index(self.kind), float(self.hidden == "relu")])
        return Packed(
            np.concatenate([head, *rows]),
            np.zeros(6 * size),
            (UNBOUNDED, UNBOUNDED),
            recurrent=feedback(p),
            memory_steps=memory_steps(np.maximum(alpha, beta)),
            stochastic=self.kind in STOCHASTIC,
        )

    def membrane_of(self, constants: Floats, variables: Floats, counters: NDArray[np.int64]) -> Floats:
        """u."""
        membrane: Floats = variables[1] + variables[4]
        return membrane


@compiled()
def _normalised(u: float, kind: int) -> float:
    # KINDS in order: T ST TT TRT  D SD TD TRD  SB TRB GS
    if kind == 1 or kind == 5 or kind == 8:
        return 1.0 / (1.0 + exp(-u))
    if kind == 2 or kind == 6:
        return tanh(u)
    if kind == 3 or kind == 7 or kind == 9:
        return max(tanh(u), 0.0)
    return u


@compiled()
def _fires(v: np.float32, previous: np.float32, theta: np.float32, kind: int, seed: int, counter: int) -> bool:
    if kind < 4:
        return bool(v > theta)
    if kind < 8:
        return bool(v - previous > theta)
    if kind < 10:
        return bool(uniform(seed, counter) < v)
    return bool(uniform(seed, counter) < 1 / (1 + exp(-2.0 * v)))


@compiled()
def step_paralif(
    x: NDArray[np.float64],
    p: NDArray[np.float32],
    r: NDArray[np.float32],
    s: NDArray[np.float32],
    k: NDArray[np.int64],
    fired: NDArray[np.int32],
) -> tuple[int, int]:
    """One step of a ParaLIF layer; returns how many fired and how many rows of the recurrent weights were added."""
    size = x.size
    kind = int(p[0])
    relu = p[1] != 0
    alpha = p[2 : 2 + size]
    beta = p[2 + size : 2 + 2 * size]
    theta = p[2 + 2 * size : 2 + 3 * size]
    bias = p[2 + 3 * size : 2 + 4 * size]
    l1, m1, v1 = s[:size], s[size : 2 * size], s[2 * size : 3 * size]
    l2, m2, v2 = s[3 * size : 4 * size], s[4 * size : 5 * size], s[5 * size :]
    seed, t = k[1], k[0]
    k[0] = t + 1
    rows = 0
    for i in range(size):
        l1[i] = alpha[i] * l1[i] + x[i]
    if r.size > 0:
        # The hidden state follows from m1 before its update; its rows and the bias join the input.
        for j in range(size):
            weight = float(m1[j])
            if not relu:
                v = np.float32(_normalised(weight, kind))
                weight = 1.0 if _fires(v, v1[j], theta[j], kind, seed, 2 * t * size + j) else 0.0
                v1[j] = v
            if weight > 0:
                rows += 1
                row = r[j]
                for i in range(size):
                    x[i] += weight * row[i]
        for i in range(size):
            l2[i] = alpha[i] * l2[i] + (x[i] + bias[i])
            m2[i] = beta[i] * m2[i] + (1 - beta[i]) * l2[i]
    for i in range(size):
        m1[i] = beta[i] * m1[i] + (1 - beta[i]) * l1[i]
        x[i] = m1[i] + m2[i]
    count = 0
    for i in range(size):
        v = np.float32(_normalised(x[i], kind))
        if _fires(v, v2[i], theta[i], kind, seed, (2 * t + 1) * size + i):
            fired[count] = i
            count += 1
        v2[i] = v
    flush(s)
    return count, rows
