"""A step of a network in plain torch, as somebody writes it who wants it fast: in place, into buffers laid out before.

Constants are folded into weights (the step width, decays), a recurrent layer hears input and feedback in one product,
and the ring of a sliding PSN turns instead of moving.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from streamsnn.bench import torch_neurons
from streamsnn.bench.contender import Answers
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.torch_settings import fast_inference
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.types import Step


class InPlaceStep:
    """Plain torch, in place. `rows` adds up the first layer's rows of active inputs instead of multiplying a frame.

    `channels_last` lays images out pixel by pixel, which convolutions often like better.
    """

    def __init__(self, case: Case, *, rows: bool = False, channels_last: bool = False) -> None:
        self._case, self._rows = case, rows
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._buffers: list[Tensor] = []
        self._spikes: dict[str, Tensor] = {}
        self._rings: list[torch_neurons.Ring] = []
        self._stages: list[Callable[[], object]] = []
        self._active = torch.zeros(0, dtype=torch.int64)
        grid = case.spec.card.input
        images = any(isinstance(layer, Conv2d) for _, layer in case.spec.layers)
        self._frame = self._zeros((grid.channels, grid.height, grid.width) if images else (grid.size,))
        self._scores = self._build()
        self._flat = Frame(case)

    def _zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A buffer that `reset` clears; images are a batch of one."""
        buffer = torch.zeros(shape if len(shape) == 1 else (1, *shape))
        if buffer.dim() == 4:
            buffer = buffer.contiguous(memory_format=self._layout)
        self._buffers.append(buffer)
        return buffer

    def _parameters(self, name: str) -> dict[str, Tensor]:
        weights = self._case.weights
        keys = [key for key in weights if key.partition(".")[0] == name]
        return {key.partition(".")[2]: torch.from_numpy(np.asarray(weights[key])) for key in keys}

    def _build(self) -> Tensor:
        """Lay out all stages; returns where the scores will be."""
        signal = self._frame
        layers, shapes = self._case.spec.layers, self._case.spec.shapes()
        for index, (name, layer) in enumerate(layers):
            if isinstance(layer, Population):
                continue
            current = self._zeros(shapes[index])
            weight = self._parameters(name)["weight"]
            if index + 1 == len(layers):
                self._stages.append(self._product(weight, signal, current))
                return current
            after, population = layers[index + 1]
            assert isinstance(population, Population)
            neuron, own = population.neuron, self._parameters(after)
            weight = weight * torch_neurons.gain(neuron, own).reshape(-1, *([1] * (weight.dim() - 1)))
            fired = self._zeros(shapes[index])
            if isinstance(layer, Conv2d):
                drive = self._convolution(weight, signal, layer)
            elif index == 0 and torch_neurons.hears_itself(neuron):
                feedback = own["recurrent_weight"] * torch_neurons.gain(neuron, own)
                drive, fired = self._joined(weight, feedback, fired)
            else:
                drive = self._row_sum(weight) if index == 0 and self._rows else self._dense(weight, signal)
            self._stages.append(self._neurons(neuron, own, drive, current, fired))
            if population.neuron.spiking:
                self._spikes[after] = fired
            signal = fired
        return signal
