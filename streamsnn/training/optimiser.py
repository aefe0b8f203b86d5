"""Which parameter learns how fast, and what keeps it where its neuron can live."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import ParaLIF, Resonator
from streamsnn.neurons.resonate import OMEGA_LIMIT
from streamsnn.sequence import SequenceNetwork, SequenceNeurons, SequenceSynapse
from streamsnn.training.config import TrainingSettings

_OMEGA_MOST = 0.99 * OMEGA_LIMIT
"""At the limit itself the gradient is infinite."""


def scale_currents(network: SequenceNetwork, gain: float) -> None:
    """Multiply the initial currents into spiking neurons by `gain`: of layers before them and of recurrence."""
    with torch.no_grad():
        for parameter in _currents(network):
            parameter.mul_(gain)


def make_optimiser(network: SequenceNetwork, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW with a group a kind of parameter; a group's `peak` is its highest learning rate."""
    rate, gain, decay = settings.learning_rate, settings.current_gain, settings.weight_decay
    neuron_rate = rate if settings.neuron_learning_rate is None else settings.neuron_learning_rate
    currents = {id(parameter) for parameter in _currents(network)}
    neurons = {
        id(parameter)
        for module in network.layers.values()
        if isinstance(module, SequenceNeurons)
        for parameter in module.parameters()
    }
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if id(parameter) in currents:
            # A smaller decay for a larger rate: both together say how fast a weight shrinks.
            kind = rate * gain, decay / gain if parameter.dim() > 1 else 0.0
        elif id(parameter) in neurons:
            kind = neuron_rate, 0.0
        else:
            kind = rate, decay if parameter.dim() > 1 else 0.0
        groups.setdefault(kind, []).append(parameter)
    tables: list[dict[str, Any]] = [
        {"params": parameters, "lr": peak, "peak": peak, "weight_decay": shrink}
        for (peak, shrink), parameters in groups.items()
    ]
    return torch.optim.AdamW(tables)


def set_rates(optimiser: torch.optim.Optimizer, done: float, settings: TrainingSettings) -> None:
    """Set all learning rates for when the share `done` of the updates is made: a linear rise, then a fall to 0."""
    rise = min(1.0, done / settings.warm_up) if settings.warm_up > 0 else 1.0
    fall = 1 - done if settings.fall == "linear" else 0.5 * (1 + math.cos(math.pi * done))
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * rise * fall


def keep_in_range(network: SequenceNetwork) -> None:
    """Move neurons' parameters back to where their equations hold: |omega| of BRF to its limit, thresholds to 0."""
    for module in network.layers.values():
        if not isinstance(module, SequenceNeurons):
            continue
        with torch.no_grad():
            if isinstance(module.neuron, Resonator) and module.neuron.model == "brf":
                module.parameters_by_name["omega"].clamp_(-_OMEGA_MOST, _OMEGA_MOST)
            if isinstance(module.neuron, ParaLIF):
                module.parameters_by_name["threshold"].clamp_(min=0)


def _currents(network: SequenceNetwork) -> Iterator[nn.Parameter]:
    """The parameters that set the size of the currents into spiking neurons."""
    layers = network.spec.layers
    for place, (name, layer) in enumerate(layers):
        module = network.layers[name]
        if isinstance(layer, Linear | Conv2d) and isinstance(module, SequenceSynapse) and _feeds_spikes(layers, place):
            yield from (module.inner if module.norm is None else module.norm).parameters()
        elif isinstance(module, SequenceNeurons) and module.neuron.spiking:
            for key, parameter in module.parameters_by_name.items():
                if key.startswith("recurrent_"):
                    yield parameter


def _feeds_spikes(layers: Any, place: int) -> bool:
    """Whether the next neurons or weights after layer `place` are neurons that fire."""
    for _, layer in layers[place + 1 :]:
        if isinstance(layer, Population):
            return layer.neuron.spiking
        if isinstance(layer, Linear | Conv2d):
            return False
    return False
