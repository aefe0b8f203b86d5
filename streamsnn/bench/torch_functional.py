"""A step of a network as a function in torch: what torch.compile is given, and in float64 what is held to be right.

Written anew from the equations at the heads of `streamsnn.neurons`, not by way of our own two forms, so that an error
in these does not judge itself.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from streamsnn.bench.contender import Answers, spiking_shapes
from streamsnn.bench.networks import Case, frame_of
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Conv2d, Linear
from streamsnn.neurons import LI, LIF, DoubleLeakyIntegrator, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Neuron
from streamsnn.neurons.integrator import decays
from streamsnn.types import Step

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


def _rule(neuron: Neuron) -> tuple[Callable[[Any, Parameters, Tensor, States], Stepped], int]:
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
    """A step of `case` in `dtype`: frame (channels, height, width), or flat, and states -> `Said`."""

    def __init__(self, case: Case, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        grid = case.spec.card.input
        flat = all(isinstance(layer, Linear) or not isinstance(layer, Conv2d) for _, layer in case.spec.layers)
        self.frame_shape = (grid.size,) if flat else (1, grid.channels, grid.height, grid.width)
        self._layers = case.spec.layers
        self._shapes = case.spec.shapes()
        self._dtype = dtype
        self._own: dict[str, Parameters] = {}
        for name, _ in self._layers:
            keys = [key for key in case.weights if key.partition(".")[0] == name]
            own = {key.partition(".")[2]: torch.from_numpy(np.asarray(case.weights[key])).to(dtype) for key in keys}
            for key, value in own.items():
                self.register_buffer(f"{name}_{key}", value)
            self._own[name] = own

    def initial(self) -> States:
        """The states of all layers before the first step: zeros."""
        states: list[Tensor] = []
        for (_, layer), shape in zip(self._layers, self._shapes, strict=True):
            if isinstance(layer, Linear | Conv2d):
                continue
            neuron = layer.neuron  # type: ignore[union-attr]
            whole = shape if len(shape) == 1 else (1, *shape)
            ring = (neuron.k,) if isinstance(neuron, SlidingPSN) else ()
            states += [torch.zeros(*ring, *whole, dtype=self._dtype) for _ in range(_rule(neuron)[1])]
        return tuple(states)

    def forward(self, x: Tensor, states: States) -> Said:
        spikes: list[Tensor] = []
        margins: list[Tensor] = []
        after: list[Tensor] = []
        place = 0
        for name, layer in self._layers:
            p = {key: getattr(self, f"{name}_{key}") for key in self._own[name]}
            if isinstance(layer, Conv2d):
                x = functional.conv2d(x, p["weight"], p.get("bias"), stride=layer.stride, padding=layer.padding)
            elif isinstance(layer, Linear):
                x = functional.linear(x.reshape(-1), p["weight"], p.get("bias"))
            else:
                neuron = layer.neuron  # type: ignore[union-attr]
                rule, many = _rule(neuron)
                x, margin, new = rule(neuron, p, x, states[place : place + many])
                place += many
                after += new
                if margin is not None:
                    spikes.append(x)
                    margins.append(margin)
        return Said(x, tuple(spikes), tuple(margins), tuple(after))
