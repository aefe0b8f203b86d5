"""A step of a network as a function in torch: what torch.compile is given, and in float64 what is held to be right.

Written anew from the equations at the heads of `streamsnn.neurons`, not by way of our own two forms, so that an error
in these does not judge itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamsnn.bench.networks import Case
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Neuron
from streamsnn.neurons.integrator import decays

States = tuple[Tensor, ...]


class Said(NamedTuple):
    """What a functional step returns: membranes less thresholds (`margins`) and spikes, one tensor a spiking layer."""

    scores: Tensor
    spikes: tuple[Tensor, ...]
    margins: tuple[Tensor, ...]
    states: States


Parameters = dict[str, Tensor]
Stepped = tuple[Tensor, Tensor | None, States]
"""What leaves a layer of neurons, its margin if it fires, and its new state."""


def _lif(neuron: LIF, p: Parameters, x: Tensor, s: States) -> Stepped:
    v = s[0]
    if neuron.recurrent:
        x = x + functional.linear(s[1], p["recurrent_weight"])
    h = v + (x - v) / neuron.tau
    margin = h - neuron.v_threshold
    z = (margin >= 0).to(x.dtype)
    v = h * (1 - z)
    return z, margin, (v, z) if neuron.recurrent else (v,)


def _sliding_psn(neuron: SlidingPSN, p: Parameters, x: Tensor, s: States) -> Stepped:
    ring = torch.cat([s[0][1:], x[None]])
    taps = p["weight"].reshape(-1, *([1] * x.dim()))
    h = (ring * taps).sum(0) + p["bias"]
    return (h >= 0).to(x.dtype), h, (ring,)


def _turning_psn(neuron: SlidingPSN, p: Parameters, x: Tensor, s: States) -> Stepped:
    """The ring stays where it is, and one of its rows is written over; `at` (1,) says which comes next."""
    ring, at = s
    ring.index_copy_(0, at, x[None])
    lag = (at - torch.arange(neuron.k)) % neuron.k
    taps = p["weight"][neuron.k - 1 - lag].reshape(-1, *([1] * x.dim()))
    h = (ring * taps).sum(0) + p["bias"]
    return (h >= 0).to(x.dtype), h, (ring, (at + 1) % neuron.k)


def _brf(neuron: Resonator, p: Parameters, x: Tensor, s: States) -> Stepped:
    u, v, q, z = s
    x = x + functional.linear(z, p["recurrent_weight"])
    omega, dt = p["omega"].abs(), neuron.dt_s
    boundary = (-1 + torch.sqrt(1 - (0.01 * omega) ** 2)) / 0.01
    b = boundary - p["b_offset"].abs() - q
    u, v = u + dt * (b * u - omega * v + x), v + dt * (omega * u + b * v)
    margin = u - 1 - q
    z = (margin > 0).to(x.dtype)
    return z, margin, (u, v, 0.9 * q + z, z)


def _paralif(neuron: ParaLIF, p: Parameters, x: Tensor, s: States) -> Stepped:
    a, b = decays(1.0, neuron.tau_syn_ms, neuron.tau_mem_ms)
    l1, m1, l2, m2 = s
    h = (m1 > p["threshold"]).to(x.dtype)
    l1 = a * l1 + x
    m1 = b * m1 + (1 - b) * l1
    l2 = a * l2 + x + functional.linear(h, p["recurrent_weight"], p["recurrent_bias"])
    m2 = b * m2 + (1 - b) * l2
    margin = m1 + m2 - p["threshold"]
    return (margin > 0).to(x.dtype), margin, (l1, m1, l2, m2)


def _li(neuron: LI, p: Parameters, x: Tensor, s: States) -> Stepped:
    keep = torch.exp(-1 / p["tau"].abs())
    y = keep * s[0] + (1 - keep) * x
    return y, None, (y,)


def _double_li(neuron: DoubleLeakyIntegrator, p: Parameters, x: Tensor, s: States) -> Stepped:
    a, b = decays(1.0, neuron.tau_syn_ms, neuron.tau_mem_ms)
    synapse = a * s[0] + x
    membrane = b * s[1] + (1 - b) * synapse
    return membrane, None, (synapse, membrane)


Rule = Callable[[Any, Parameters, Tensor, States], Stepped]


def _rule(neuron: Neuron) -> tuple[Rule, int]:
    """The step of a family, and how many numbers a neuron remembers; StreamsnnError for one that is not compared."""
    if isinstance(neuron, LIF) and neuron.v_reset == 0 and neuron.decay_input and not neuron.learn_tau:
        return _lif, 2 if neuron.recurrent else 1
    if isinstance(neuron, SlidingPSN):
        return _sliding_psn, 1
    if isinstance(neuron, Resonator) and neuron.model == "brf" and neuron.recurrent:
        return _brf, 4
    if isinstance(neuron, ParaLIF) and neuron.kind == "T" and neuron.recurrent and neuron.hidden == "spikes":
        return _paralif, 4
    if isinstance(neuron, LI):
        return _li, 1
    if isinstance(neuron, DoubleLeakyIntegrator):
        return _double_li, 2
    raise StreamsnnError(f"there is no plain step of {neuron}", hint="write one in streamsnn.bench")


class FunctionalStep(nn.Module):
    """A step of `case` in `dtype`: a frame of `frame_shape` and the states of all layers -> `Said`.

    Margins are left empty unless asked for, as nobody who streams wants them. With `turning` the rings of sliding PSNs
    are written in place, not moved. `in_place` says of each state whether it is.
    """

    def __init__(
        self, case: Case, dtype: torch.dtype = torch.float32, *, margins: bool = False, turning: bool = False
    ) -> None:
        super().__init__()
        self._turning = turning
        self.in_place: tuple[bool, ...] = ()
        grid = case.spec.card.input
        images = any(isinstance(layer, Conv2d) for _, layer in case.spec.layers)
        self.frame_shape = (1, grid.channels, grid.height, grid.width) if images else (grid.size,)
        self._layers, self._shapes, self._dtype, self._margins = case.spec.layers, case.spec.shapes(), dtype, margins
        self._keys: dict[str, list[str]] = {name: [] for name, _ in self._layers}
        for key, weight in case.weights.items():
            name, _, parameter = key.partition(".")
            self._keys[name].append(parameter)
            self.register_buffer(f"{name}_{parameter}", torch.from_numpy(np.asarray(weight)).to(dtype))

    def initial(self) -> States:
        """The states of all layers before the first step: zeros."""
        states: list[Tensor] = []
        in_place: list[bool] = []
        for (_, layer), shape in zip(self._layers, self._shapes, strict=True):
            if not isinstance(layer, Population):
                continue
            whole = shape if len(shape) == 1 else (1, *shape)
            if isinstance(layer.neuron, SlidingPSN):
                states.append(torch.zeros(layer.neuron.k, *whole, dtype=self._dtype))
                states += [torch.zeros(1, dtype=torch.int64)] * self._turning
                in_place += [True, False] if self._turning else [False]
            else:
                many = _rule(layer.neuron)[1]
                states += [torch.zeros(whole, dtype=self._dtype) for _ in range(many)]
                in_place += [False] * many
        self.in_place = tuple(in_place)
        return tuple(states)

    def forward(self, x: Tensor, states: States) -> Said:
        spikes: list[Tensor] = []
        margins: list[Tensor] = []
        after: list[Tensor] = []
        for name, layer in self._layers:
            p = {key: getattr(self, f"{name}_{key}") for key in self._keys[name]}
            if isinstance(layer, Conv2d):
                x = functional.conv2d(x, p["weight"], stride=layer.stride, padding=layer.padding)
            elif isinstance(layer, Linear):
                x = functional.linear(x.reshape(-1), p["weight"])
            elif isinstance(layer, Population):
                rule, many = _rule(layer.neuron)
                if rule is _sliding_psn and self._turning:
                    rule, many = _turning_psn, 2
                x, margin, new = rule(layer.neuron, p, x, states[len(after) : len(after) + many])
                after += new
                if margin is not None:
                    spikes.append(x)
                    margins.append(margin)
        return Said(x, tuple(spikes), tuple(margins) if self._margins else (), tuple(after))
