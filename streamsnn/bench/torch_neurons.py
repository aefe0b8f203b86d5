"""Populations in plain torch, in place: each keeps its state in buffers and makes one step when it is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from streamsnn.errors import StreamsnnError
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.integrator import decays

Drive = Callable[[Tensor], Tensor]
"""Computes the currents that enter a population, into the given buffer where it can; returns where they are."""


@dataclass(frozen=True)
class Site:
    """Where a population stands: its settings and parameters, what drives it, and the buffer that it writes.

    `zeros` makes another buffer of the same shape, which a reset clears.
    """

    neuron: Any
    p: dict[str, Tensor]
    drive: Drive
    out: Tensor
    zeros: Callable[[], Tensor]


def gain(neuron: Any, p: dict[str, Tensor]) -> Tensor:
    """What the weights before a population are multiplied by, once, so that no step needs to: () or (neurons,)."""
    if isinstance(neuron, LIF):
        return torch.tensor(1 / neuron.tau)
    if isinstance(neuron, Resonator):
        return torch.tensor(neuron.dt_s)
    if isinstance(neuron, LI):
        return 1 - torch.exp(-1 / p["tau"].abs())
    return torch.tensor(1.0)


def stage(site: Site) -> Callable[[], object]:
    """The step of the population at `site`. Raises StreamsnnError for a family that is not compared."""
    for kind, build in _KINDS.items():
        if isinstance(site.neuron, kind):
            return build(site)
    raise StreamsnnError(f"there is no plain step of {site.neuron}", hint="write one in streamsnn.bench")


class _LIF:
    def __init__(self, site: Site) -> None:
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


class _SlidingPSN:
    def __init__(self, site: Site) -> None:
        self._drive, self._fired = site.drive, site.out
        k = site.neuron.k
        self._slots = [site.zeros() for _ in range(k)]
        # One block of memory, so that all slots are one matrix.
        ring = torch.zeros(k, site.out.numel())
        self._ring, self._h = ring.t(), torch.zeros(site.out.numel())
        self._flat_fired = _memory(site.out)
        self._slots = [ring[slot] for slot in range(k)]
        self._taps = [site.p["weight"].roll(at + 1) for at in range(k)]
        self._theta = -float(site.p["bias"])
        self._at = 0

    def __call__(self) -> None:
        slot = self._slots[self._at]
        current = self._drive(slot)
        if current is not slot:
            slot.copy_(_memory(current))
        torch.mv(self._ring, self._taps[self._at], out=self._h)
        torch.ge(self._h, self._theta, out=self._flat_fired)
        self._at = (self._at + 1) % len(self._slots)
