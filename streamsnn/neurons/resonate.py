"""Resonate-and-fire neurons: RF, balanced RF (BRF) and harmonic RF (HRF), feed-forward and recurrent.

Higuchi, Kairat, Bohte, Otte 2024, "Balanced Resonate-and-Fire Neurons". With I = W [x_t, z_{t-1}], all from old values:

    RF, BRF    u+ = u + dt (b u - |w| v + I)      v+ = v + dt (|w| u + b v)
    HRF        v+ = v + dt u                      u+ = u + dt (I - 2 b u - w^2 v+)
    all        z = [u+ - 1 - q > 0]               q+ = 0.9 q + z

    RF   b = -|b'|, and q stays 0
    BRF  b = p(w) - |b'| - q,   p(w) = (-1 + sqrt(1 - (0.01 w)^2)) / 0.01
    HRF  b = 0.005 w^2 + |b'| + q

The divergence boundary p is that of dt = 0.01 s whatever the step, as published, and is real for |w| <= 100 only: a BRF
layer beyond is refused. There is no reset of the membrane. Surrogate: double Gaussian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import float64s
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

Model = Literal["rf", "brf", "hrf"]
BOUNDARY_DT_S = 0.01
OMEGA_LIMIT = 1 / BOUNDARY_DT_S
_HEAD = 4


def refuse_fast_omega(omega: Array) -> None:
    """Raise StreamsnnError if an angular frequency has no divergence boundary (or is not a number)."""
    wrong = np.flatnonzero(~(np.abs(omega) <= OMEGA_LIMIT))
    if wrong.size:
        worst = np.atleast_1d(omega)[wrong[0]]
        raise StreamsnnError(
            f"omega of neuron {wrong[0]} is {worst:g} rad/s; a BRF neuron has no divergence boundary above 100 "
            f"({wrong.size} of {np.size(omega)} neurons)",
            hint="clip omega to [-100, 100] or train with a smaller range",
        )


@dataclass(frozen=True)
class Resonator:
    """A layer of resonators.

    Parameters: `omega` and `b_offset` (channels,) in rad/s and 1/s, used by magnitude; if recurrent,
    `recurrent_weight` (N, N). `dt_s` is the integration step of the equations, which the published networks keep at
    0.01 s whatever a step lasts.
    """

    family: ClassVar[str] = "resonator"
    spiking: ClassVar[bool] = True
    model: Model = "brf"
    dt_s: float = 0.01
    recurrent: bool = False
    omega_range: tuple[float, float] = (5.0, 10.0)
    b_offset_range: tuple[float, float] = (2.0, 3.0)
    recurrent_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.model not in ("rf", "brf", "hrf"):
            raise StreamsnnError(f"there is no resonator {self.model!r}", hint="choose rf, brf or hrf")
        if not self.dt_s > 0:
            raise StreamsnnError(f"dt_s is {self.dt_s}", hint="give the integration step in seconds, above 0")

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        named: dict[str, Shape] = {"omega": (shape[0],), "b_offset": (shape[0],)}
        return named | recurrent_shapes(shape, self.recurrent, self.model.upper())

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """omega, b' and recurrent weights uniform in their ranges; without one, the latter within -+ 1 / sqrt(N)."""
        start: dict[str, Array] = {
            "omega": rng.uniform(*self.omega_range, shape[0]),
            "b_offset": rng.uniform(*self.b_offset_range, shape[0]),
        }
        if self.recurrent and self.recurrent_range is not None:
            start["recurrent_weight"] = rng.uniform(*self.recurrent_range, (shape[0], shape[0]))
        elif self.recurrent:
            start["recurrent_weight"] = recurrent_start(shape[0], rng)
        return start

    def damping(self, p: Mapping[str, Tensor]) -> Tensor:
        """The part of b that does not change: (channels,)."""
        offset = p["b_offset"].abs()
        if self.model == "rf":
            return -offset
        if self.model == "hrf":
            return 0.005 * p["omega"].square() + offset
        refuse_fast_omega(p["omega"].detach().numpy())
        boundary = (-1 + (1 - (BOUNDARY_DT_S * p["omega"]).square()).sqrt()) / BOUNDARY_DT_S
        return boundary - offset

    def trace(self, current: Tensor, p: Mapping[str, Tensor]) -> dict[str, list[Tensor]]:
        """z, u, v and q after every step, T tensors (B, ...) each, of `current` (T, B, ...)."""
        import torch

        from streamsnn.neurons.surrogate import fires_above

        omega = across(p["omega"].abs(), current[0])
        damping = across(self.damping(p), current[0])
        u = v = q = z = torch.zeros_like(current[0])
        dt = self.dt_s
        trace: dict[str, list[Tensor]] = {"z": [], "u": [], "v": [], "q": []}
        for x in current:
            drive = driven(x, z, p)
            if self.model == "hrf":
                v = v + dt * u
                u = u + dt * drive - 2 * dt * (damping + q) * u - dt * omega.square() * v
            else:
                b = damping - q if self.model == "brf" else damping
                u, v = u + dt * (b * u - omega * v + drive), v + dt * (omega * u + b * v)
            z = fires_above(u - 1 - q, "double-gaussian", 0.5)
            if self.model != "rf":
                q = 0.9 * q + z
            for name, value in (("z", z), ("u", u), ("v", v), ("q", q)):
                trace[name].append(value)
        return trace

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        import torch

        if self.model != "brf":
            return torch.stack(self.trace(current, p)["z"])
        from streamsnn.neurons.through_time import brf_spikes

        shape = current.shape[2:]
        omega, damping = (
            across(each, current[0]).expand(shape).reshape(-1) for each in (p["omega"].abs(), self.damping(p))
        )
        spikes = brf_spikes(current.flatten(2), omega, damping, p.get("recurrent_weight"), self.dt_s)
        return spikes.reshape(current.shape)

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: harmonic or not, dt, how much of q is kept and how much a spike adds, |omega|, damping.

        State: u, v, q. All in float64: near the divergence boundary a resonator remembers hundreds of steps, over which
        float32 gathers errors large enough to move spikes of trained networks.
        """
        omega = np.abs(p["omega"].astype(np.float64))
        offset = np.abs(p["b_offset"].astype(np.float64))
        if self.model == "rf":
            damping = -offset
        elif self.model == "hrf":
            damping = 0.005 * omega**2 + offset
        else:
            refuse_fast_omega(omega)
            damping = (-1 + np.sqrt(1 - (BOUNDARY_DT_S * omega) ** 2)) / BOUNDARY_DT_S - offset
        rate = damping if self.model != "hrf" else -damping
        radius = np.hypot(1 + self.dt_s * rate, self.dt_s * omega)
        keep, gain = (0.0, 0.0) if self.model == "rf" else (0.9, 1.0)
        head = [float(self.model == "hrf"), self.dt_s, keep, gain]
        return Packed(
            np.concatenate([head, each(omega, shape), each(damping, shape)]).astype(np.float64),
            np.zeros(3 * shape[0], np.float64),
            recurrent=feedback(p),
            memory_steps=memory_steps(radius),
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """u."""
        membrane: Array = variables[0]
        return membrane


@compiled()
def step_resonator(
    x: NDArray[np.float64], constants: int, s: int, fired: NDArray[np.int32], count: int, first: int
) -> tuple[int, bool]:
    """One step of a pixel of resonators; returns the new `count` of `fired` and whether it stays awake."""
    size = x.size
    p = float64s(constants, _HEAD + 2 * size)
    dt, keep, gain = p[1], p[2], p[3]
    omega, damping = p[_HEAD : _HEAD + size], p[_HEAD + size :]
    u, v, q = float64s(s, size), float64s(s + 8 * size, size), float64s(s + 16 * size, size)
    # x becomes the new u. Loops over few arrays: only those are vectorised.
    if p[0] != 0:
        for i in range(size):
            v[i] += dt * u[i]
        for i in range(size):
            x[i] = u[i] + dt * (x[i] - 2.0 * (damping[i] + q[i]) * u[i] - omega[i] * omega[i] * v[i])
    else:
        for i in range(size):
            x[i] = u[i] + dt * ((damping[i] - q[i]) * u[i] - omega[i] * v[i] + x[i])
        for i in range(size):
            v[i] += dt * (omega[i] * u[i] + (damping[i] - q[i]) * v[i])
    for i in range(size):
        u[i] = x[i]
        x[i] = 1.0 if x[i] - 1.0 - q[i] > 0 else 0.0
        q[i] = keep * q[i] + gain * x[i]
    count = take_fired(x, 0.5, fired, count, first)
    return count, not at_rest(float64s(s, 3 * size))
