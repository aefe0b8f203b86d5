"""Populations in plain torch, in place: each keeps its state in buffers and makes one step when it is called."""

from __future__ import annotations

import torch
from torch import Tensor

from streamsnn.bench.plain import Site, Stages
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.integrator import decays


def flat_memory(buffer: Tensor) -> Tensor:
    """The numbers of a buffer in the order in which they lie in memory: a flat view."""
    if buffer.dim() == 4 and not buffer.is_contiguous():
        buffer = buffer.permute(0, 2, 3, 1)
    return buffer.view(-1)


class LIFStage:
    """v = v + (x - v) / tau; the weights before it hold 1 / tau."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._fired = site.drive, site.out
        self._keep, self._theta = 1 - 1 / site.neuron.tau, site.neuron.v_threshold
        self._current, self._v = site.zeros(), site.zeros()
        self._above = torch.zeros_like(self._v, dtype=torch.bool)

    def __call__(self) -> None:
        v, above = self._v, self._above
        torch.add(self._drive(self._current), v, alpha=self._keep, out=v)
        torch.ge(v, self._theta, out=above)
        self._fired.copy_(above)
        v.masked_fill_(above, 0.0)


class SlidingPSNStage:
    """A ring of k inputs; the taps turn with it."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._out = site.drive, site.out
        k = site.neuron.k
        ring = site.zeros(k)
        self._slots, self._ring = list(ring), ring.t()
        self._taps = [site.p["weight"].roll(at + 1) for at in range(k)]
        self._h, self._fired = torch.zeros(ring.shape[1]), flat_memory(site.out)
        self._theta = -float(site.p["bias"])
        self._images = site.out.dim() == 4
        self._at = 0

    def __call__(self) -> None:
        slot = self._slots[self._at]
        current = self._drive(slot)
        if self._images:
            slot.copy_(flat_memory(current))
        torch.mv(self._ring, self._taps[self._at], out=self._h)
        torch.ge(self._h, self._theta, out=self._fired)
        self._at = (self._at + 1) % len(self._slots)


class BRFStage:
    """Balanced resonate-and-fire; the weights before it hold dt, and so do omega and the damping."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._fired = site.drive, site.out
        self._dt = dt = site.neuron.dt_s
        omega, offset = site.p["omega"].abs().double(), site.p["b_offset"].abs().double()
        boundary = (-1 + torch.sqrt(1 - (0.01 * omega) ** 2)) / 0.01
        self._turn = (dt * omega).float()
        self._decay = (1 + dt * (boundary - offset)).float()
        self._u, self._v, self._q = site.zeros(), site.zeros(), site.zeros()
        self._current, self._scale, self._next = site.zeros(), site.zeros(), site.zeros()

    def __call__(self) -> None:
        u, v, q, scale, turn, v_next = self._u, self._v, self._q, self._scale, self._turn, self._next
        current = self._drive(self._current)
        torch.sub(self._decay, q, alpha=self._dt, out=scale)
        torch.mul(turn, u, out=v_next)
        v_next.addcmul_(scale, v)
        u.mul_(scale).addcmul_(turn, v, value=-1).add_(current)
        self._v, self._next = v_next, v
        torch.sub(u, q, out=scale)
        torch.gt(scale, 1.0, out=self._fired)
        torch.add(self._fired, q, alpha=0.9, out=q)


class ParaLIFStage:
    """Recurrent ParaLIF T; both integrators in one block, the first row hears the input and the second all."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._fired, self._theta = site.drive, site.out, float(site.p["threshold"].clamp(min=0))
        self._alpha, beta = decays(1.0, site.neuron.tau_syn_ms, site.neuron.tau_mem_ms)
        self._rate = 1 - beta
        self._x, self._l, self._m = site.zeros(2), site.zeros(2), site.zeros(2)
        self._rows, self._membranes = list(self._x), list(self._m)
        self._hidden, self._u = site.zeros(), site.zeros()
        self._feedback, self._bias = site.p["recurrent_weight"], site.p["recurrent_bias"]
        self._biased = bool((self._bias != 0).any())

    def __call__(self) -> None:
        hidden, (first, second) = self._hidden, self._rows
        torch.gt(self._membranes[0], self._theta, out=hidden)
        torch.addmv(self._drive(first), self._feedback, hidden, out=second)
        if self._biased:
            second.add_(self._bias)
        torch.add(self._x, self._l, alpha=self._alpha, out=self._l)
        self._m.lerp_(self._l, self._rate)
        torch.add(*self._membranes, out=self._u)
        torch.gt(self._u, self._theta, out=self._fired)


class LIStage:
    """A leaky readout; the weights before it hold 1 - k."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._y, self._current = site.drive, site.out, site.zeros()
        self._keep = torch.exp(-1 / site.p["tau"].abs())

    def __call__(self) -> None:
        self._y.mul_(self._keep).add_(self._drive(self._current))


class DoubleLIStage:
    """A ParaLIF readout."""

    def __init__(self, site: Site[Tensor]) -> None:
        self._drive, self._m, self._l, self._current = site.drive, site.out, site.zeros(), site.zeros()
        self._alpha, beta = decays(1.0, site.neuron.tau_syn_ms, site.neuron.tau_mem_ms)
        self._rate = 1 - beta

    def __call__(self) -> None:
        torch.add(self._drive(self._current), self._l, alpha=self._alpha, out=self._l)
        self._m.lerp_(self._l, self._rate)


STAGES: Stages[Tensor] = {
    LIF: LIFStage,
    SlidingPSN: SlidingPSNStage,
    Resonator: BRFStage,
    ParaLIF: ParaLIFStage,
    LI: LIStage,
    DoubleLeakyIntegrator: DoubleLIStage,
}
