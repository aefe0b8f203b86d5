"""Recurrences over whole sequences, for training: one compiled pass forwards and one backwards, where torch would
remember every operation of every step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from streamsnn.compiled import compiled
from streamsnn.neurons.surrogate import BUMPS

_KEEP = 0.9
"""What a BRF neuron's refractory q keeps of itself each step."""

Floats = NDArray[np.floating[Any]]


class _LeakyIntegral(torch.autograd.Function):
    """y_t = a y_{t-1} + x_t for x (T, B, channels, rest) and a (channels,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, decay: Tensor) -> Tensor:
        y = torch.empty_like(x)
        if x.shape[0]:
            _integrate(x.numpy(), decay.numpy(), y.numpy())
        ctx.save_for_backward(decay, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        decay, y = ctx.saved_tensors
        of_x, of_decay = torch.empty_like(y), torch.zeros_like(decay)
        if y.shape[0]:
            _integrate_back(
                grad.contiguous().numpy(), decay.numpy(), y.detach().numpy(), of_x.numpy(), of_decay.numpy()
            )
        return of_x, of_decay


def leaky_integral(x: Tensor, decay: Tensor) -> Tensor:
    """y_t = decay y_{t-1} + x_t over the first dimension of `x` (T, B, channels, ...); causal, with y_{-1} = 0.

    `decay` is () or (channels,).
    """
    flat = x.reshape(*x.shape[:3], -1).contiguous()
    decays = decay.to(x.dtype).expand(flat.shape[2]).contiguous()
    y: Tensor = _LeakyIntegral.apply(flat, decays)  # type: ignore[no-untyped-call]
    return y.reshape(x.shape)


class _BRFSpikes(torch.autograd.Function):
    """Spikes (T, B, N) of a layer of BRF neurons; see `brf_spikes`."""

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, omega: Tensor, damping: Tensor, weight: Tensor | None, dt_s: float
    ) -> Tensor:
        steps = current.shape[0]
        u, v, q, margin, z = (torch.empty_like(current) for _ in range(5))
        state = torch.zeros(3, *current.shape[1:], dtype=current.dtype)
        settings = torch.tensor([dt_s, _KEEP], dtype=current.dtype)
        for t in range(steps):
            drive = current[t] if weight is None or t == 0 else torch.addmm(current[t], z[t - 1], weight.T)
            _step(
                drive.numpy(),
                omega.numpy(),
                damping.numpy(),
                settings.numpy(),
                state.numpy(),
                *_at(t, u, v, q, margin, z),
            )
        ctx.save_for_backward(omega, damping, weight, u, v, q, margin, z, settings)
        return z

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor | None, None]:
        omega, damping, weight, u, v, q, margin, z, settings = ctx.saved_tensors
        steps = u.shape[0]
        slope = BUMPS["double-gaussian"](margin, 0.5)
        of_current = torch.empty_like(u)
        of_omega, of_damping = torch.zeros_like(omega), torch.zeros_like(damping)
        carried = torch.zeros(3, *u.shape[1:], dtype=u.dtype)
        for t in reversed(range(steps)):
            of_z = grad[t] if weight is None or t == steps - 1 else torch.addmm(grad[t], of_current[t + 1], weight)
            _step_back(
                of_z.contiguous().numpy(),
                omega.numpy(),
                damping.numpy(),
                settings.numpy(),
                *_at(t, u, v, q, slope),
                carried.numpy(),
                of_current[t].numpy(),
                of_omega.numpy(),
                of_damping.numpy(),
            )
        of_weight = None
        if weight is not None:
            of_weight = of_current[1:].reshape(-1, weight.shape[0]).T @ z[:-1].reshape(-1, weight.shape[0])
        return of_current, of_omega, of_damping, of_weight, None


def brf_spikes(current: Tensor, omega: Tensor, damping: Tensor, weight: Tensor | None, dt_s: float) -> Tensor:
    """Spikes (T, B, N) of BRF neurons with `omega` and `damping` (N,), and recurrent `weight` (N, N) if they have it.

    The equations are those of `resonate`, the surrogate its double Gaussian.
    """
    spikes: Tensor = _BRFSpikes.apply(  # type: ignore[no-untyped-call]
        current.contiguous(), omega.contiguous(), damping.contiguous(), weight, dt_s
    )
    return spikes


def _at(t: int, *series: Tensor) -> list[Floats]:
    return [each[t].detach().numpy() for each in series]


@compiled()
def _integrate(x: Floats, decay: Floats, y: Floats) -> None:
    steps, batch, channels, rest = x.shape
    y[0] = x[0]
    for t in range(1, steps):
        for b in range(batch):
            for c in range(channels):
                for r in range(rest):
                    y[t, b, c, r] = decay[c] * y[t - 1, b, c, r] + x[t, b, c, r]


@compiled()
def _integrate_back(grad: Floats, decay: Floats, y: Floats, of_x: Floats, of_decay: Floats) -> None:
    steps, batch, channels, rest = grad.shape
    of_x[steps - 1] = grad[steps - 1]
    for t in range(steps - 2, -1, -1):
        for b in range(batch):
            for c in range(channels):
                for r in range(rest):
                    later = of_x[t + 1, b, c, r]
                    of_x[t, b, c, r] = grad[t, b, c, r] + decay[c] * later
                    of_decay[c] += later * y[t, b, c, r]


@compiled()
def _step(
    drive: Floats,
    omega: Floats,
    damping: Floats,
    settings: Floats,
    state: Floats,
    u: Floats,
    v: Floats,
    q: Floats,
    margin: Floats,
    z: Floats,
) -> None:
    """A step of (B, N) neurons; u, v and q are given what they were before it, `state` what they are after."""
    dt, keep = settings
    # Of the array's type: a literal would make float64 of all that it meets.
    one = dt / dt
    zero = one - one
    for b in range(drive.shape[0]):
        for n in range(drive.shape[1]):
            old_u, old_v, old_q = state[0, b, n], state[1, b, n], state[2, b, n]
            u[b, n], v[b, n], q[b, n] = old_u, old_v, old_q
            decay = damping[n] - old_q
            new_u = old_u + dt * (decay * old_u - omega[n] * old_v + drive[b, n])
            state[0, b, n] = new_u
            state[1, b, n] = old_v + dt * (omega[n] * old_u + decay * old_v)
            above = new_u - one - old_q
            fired = one if above > 0 else zero
            margin[b, n], z[b, n] = above, fired
            state[2, b, n] = keep * old_q + fired


@compiled()
def _step_back(
    of_z: Floats,
    omega: Floats,
    damping: Floats,
    settings: Floats,
    u: Floats,
    v: Floats,
    q: Floats,
    slope: Floats,
    carried: Floats,
    of_current: Floats,
    of_omega: Floats,
    of_damping: Floats,
) -> None:
    """The gradients of a step; `carried` (3, B, N) are those of u, v and q, after it and then before it."""
    dt, keep = settings
    one = dt / dt  # of the array's type
    for b in range(of_z.shape[0]):
        for n in range(of_z.shape[1]):
            fired = (of_z[b, n] + carried[2, b, n]) * slope[b, n]
            of_u, of_v = carried[0, b, n] + fired, carried[1, b, n]
            decay = damping[n] - q[b, n]
            of_decay = dt * (of_u * u[b, n] + of_v * v[b, n])
            of_damping[n] += of_decay
            of_omega[n] += dt * (of_v * u[b, n] - of_u * v[b, n])
            of_current[b, n] = dt * of_u
            carried[0, b, n] = of_u * (one + dt * decay) + of_v * dt * omega[n]
            carried[1, b, n] = of_v * (one + dt * decay) - of_u * dt * omega[n]
            carried[2, b, n] = keep * carried[2, b, n] - fired - of_decay
