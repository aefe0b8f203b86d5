"""Populations in plain numpy, in place: each keeps its state in buffers and makes one step when it is called."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.plain import Site, Stages
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.integrator import decays

Buffer = NDArray[np.float32]


class LIFStage:
    """v = v + (x - v) / tau; the weights before it hold 1 / tau."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._fired = site.drive, site.out
        self._keep, self._theta = np.float32(1 - 1 / site.neuron.tau), np.float32(site.neuron.v_threshold)
        self._current, self._v = site.zeros(), site.zeros()
        self._above = np.zeros(site.out.size, bool)

    def __call__(self) -> None:
        v, above, current = self._v, self._above, self._current
        self._drive(current)
        np.multiply(v, self._keep, out=v)
        np.add(v, current, out=v)
        np.greater_equal(v, self._theta, out=above)
        np.copyto(self._fired, above)
        np.copyto(v, 0, where=above)


class SlidingPSNStage:
    """A ring of k inputs; the taps turn with it."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._fired = site.drive, site.out
        k = site.neuron.k
        self._ring = site.zeros(k)
        self._slots = list(self._ring)
        self._taps = [np.roll(site.p["weight"], at + 1) for at in range(k)]
        self._h = np.zeros(site.out.size, np.float32)
        self._theta = np.float32(-site.p["bias"])
        self._at = 0

    def __call__(self) -> None:
        at = self._at
        self._drive(self._slots[at])
        np.dot(self._taps[at], self._ring, out=self._h)
        np.greater_equal(self._h, self._theta, out=self._fired)
        self._at = (at + 1) % len(self._slots)


class BRFStage:
    """Balanced resonate-and-fire; the weights before it hold dt, and so do omega and the damping."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._fired = site.drive, site.out
        dt = site.neuron.dt_s
        omega, offset = np.abs(site.p["omega"].astype(np.float64)), np.abs(site.p["b_offset"].astype(np.float64))
        boundary = (-1 + np.sqrt(1 - (0.01 * omega) ** 2)) / 0.01
        self._dt, self._nine, self._one = np.float32(dt), np.float32(0.9), np.float32(1)
        self._turn = (dt * omega).astype(np.float32)
        self._decay = (1 + dt * (boundary - offset)).astype(np.float32)
        self._u, self._v, self._q = site.zeros(), site.zeros(), site.zeros()
        self._current, self._scale, self._next, self._spare = (site.zeros() for _ in range(4))

    def __call__(self) -> None:
        u, v, q, scale, turn = self._u, self._v, self._q, self._scale, self._turn
        current, v_next, spare = self._current, self._next, self._spare
        self._drive(current)
        np.multiply(q, self._dt, out=scale)
        np.subtract(self._decay, scale, out=scale)
        np.multiply(turn, u, out=v_next)
        np.multiply(scale, v, out=spare)
        np.add(v_next, spare, out=v_next)
        np.multiply(u, scale, out=u)
        np.multiply(turn, v, out=spare)
        np.subtract(u, spare, out=u)
        np.add(u, current, out=u)
        self._v, self._next = v_next, v
        np.subtract(u, q, out=scale)
        np.greater(scale, self._one, out=self._fired)
        np.multiply(q, self._nine, out=q)
        np.add(q, self._fired, out=q)


class ParaLIFStage:
    """Recurrent ParaLIF T; both integrators in one block, the first row hears the input and the second all."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._fired = site.drive, site.out
        alpha, beta = decays(1.0, site.neuron.tau_syn_ms, site.neuron.tau_mem_ms)
        self._theta = np.maximum(site.p["threshold"], np.float32(0))
        self._alpha, self._beta, self._rate = np.float32(alpha), np.float32(beta), np.float32(1 - beta)
        self._x, self._l, self._m, self._spare = (site.zeros(2) for _ in range(4))
        self._hidden, self._u = site.zeros(), site.zeros()
        self._feedback, self._bias = site.p["recurrent_weight"], site.p["recurrent_bias"]
        self._biased = bool((self._bias != 0).any())

    def __call__(self) -> None:
        x, synapse, membrane, spare = self._x, self._l, self._m, self._spare
        first, second = x
        np.greater(membrane[0], self._theta, out=self._hidden)
        self._drive(first)
        np.dot(self._feedback, self._hidden, out=second)
        np.add(second, first, out=second)
        if self._biased:
            np.add(second, self._bias, out=second)
        np.multiply(synapse, self._alpha, out=synapse)
        np.add(synapse, x, out=synapse)
        np.multiply(membrane, self._beta, out=membrane)
        np.multiply(synapse, self._rate, out=spare)
        np.add(membrane, spare, out=membrane)
        np.add(membrane[0], membrane[1], out=self._u)
        np.greater(self._u, self._theta, out=self._fired)


class LIStage:
    """A leaky readout; the weights before it hold 1 - k."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._y, self._current = site.drive, site.out, site.zeros()
        self._keep = np.exp(-1 / np.abs(site.p["tau"]))

    def __call__(self) -> None:
        self._drive(self._current)
        np.multiply(self._y, self._keep, out=self._y)
        np.add(self._y, self._current, out=self._y)


class DoubleLIStage:
    """A ParaLIF readout."""

    def __init__(self, site: Site[Buffer]) -> None:
        self._drive, self._m, self._l = site.drive, site.out, site.zeros()
        self._current, self._spare = site.zeros(), site.zeros()
        alpha, beta = decays(1.0, site.neuron.tau_syn_ms, site.neuron.tau_mem_ms)
        self._alpha, self._beta, self._rate = np.float32(alpha), np.float32(beta), np.float32(1 - beta)

    def __call__(self) -> None:
        synapse, membrane, spare = self._l, self._m, self._spare
        self._drive(self._current)
        np.multiply(synapse, self._alpha, out=synapse)
        np.add(synapse, self._current, out=synapse)
        np.multiply(membrane, self._beta, out=membrane)
        np.multiply(synapse, self._rate, out=spare)
        np.add(membrane, spare, out=membrane)


STAGES: Stages[Buffer] = {
    LIF: LIFStage,
    SlidingPSN: SlidingPSNStage,
    Resonator: BRFStage,
    ParaLIF: ParaLIFStage,
    LI: LIStage,
    DoubleLeakyIntegrator: DoubleLIStage,
}
