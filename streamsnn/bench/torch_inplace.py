"""A step of a network in plain torch, written to be fast: in place, into buffers laid out before.

Constants are folded into weights (the step width, decays), a recurrent layer hears input and feedback in one product,
and the ring of a sliding PSN turns instead of moving.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from streamsnn.bench import plain
from streamsnn.bench.contender import Answers
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.plain import Site
from streamsnn.bench.torch_neurons import STAGES, flat_memory
from streamsnn.bench.torch_settings import fast_inference
from streamsnn.layers import Conv2d, Population
from streamsnn.neurons import LIF, Resonator
from streamsnn.types import Step

Drive = Callable[[Tensor], Tensor]
"""Computes the currents that enter a population, into the given buffer where it can; returns where they are."""


class InPlaceStep:
    """Plain torch, in place. `rows` adds up the first layer's rows of active inputs instead of multiplying a frame.

    `channels_last` lays images out pixel by pixel, which convolutions often like better.
    """

    def __init__(self, case: Case, *, rows: bool = False, channels_last: bool = False) -> None:
        self._case, self._rows = case, rows
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._buffers: list[Tensor] = []
        self._spikes: dict[str, Tensor] = {}
        self._stages: list[Callable[[], object]] = []
        self._active = torch.zeros(0, dtype=torch.int64)
        grid = case.spec.card.input
        images = any(isinstance(layer, Conv2d) for _, layer in case.spec.layers)
        self._frame = self._zeros((1, grid.channels, grid.height, grid.width) if images else (grid.size,))
        self._scores = self._build()
        self._shown = Frame(case)

    def call(self) -> None:
        for stage in self._stages:
            stage()

    def settings(self) -> AbstractContextManager[Any]:
        return fast_inference()

    def reset(self) -> None:
        for buffer in self._buffers:
            buffer.zero_()
        self._shown = Frame(self._case)

    def ready(self, step: Step) -> tuple[Any, ...]:
        if self._rows:
            self._active = torch.from_numpy(step.addresses.astype(np.int64))
        else:
            self._frame.copy_(torch.from_numpy(self._shown.show(step)).reshape(self._frame.shape))
        return ()

    def answers(self, said: Any) -> Answers:
        spikes = {name: (fired > 0.5).flatten().numpy() for name, fired in self._spikes.items()}
        return Answers(self._scores.double().numpy().copy(), spikes)

    def _zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A buffer that `reset` clears."""
        buffer = torch.zeros(shape)
        buffer = buffer.contiguous(memory_format=self._layout) if buffer.dim() == 4 else buffer
        self._buffers.append(buffer)
        return buffer

    def _build(self) -> Tensor:
        """Lay out all stages; returns where the scores will be."""
        signal = self._frame
        layers, shapes = self._case.spec.layers, self._case.spec.shapes()
        for index, ((name, layer), shape) in enumerate(zip(layers, shapes, strict=True)):
            if isinstance(layer, Population):
                continue
            weight = torch.from_numpy(self._case.parameters(name)["weight"])
            out = self._zeros(shape if len(shape) == 1 else (1, *shape))
            if index + 1 == len(layers):
                self._stages.append(partial(_product(*_flat(weight, signal)), out))
                return out
            after, population = layers[index + 1]
            assert isinstance(population, Population)
            neuron, numbers = population.neuron, self._case.parameters(after)
            own = {key: torch.from_numpy(value) for key, value in numbers.items()}
            gain = torch.from_numpy(plain.gain(neuron, numbers))
            weight = weight * gain.reshape(-1, *([1] * (weight.dim() - 1)))
            hears_itself = isinstance(neuron, LIF | Resonator) and neuron.recurrent
            feedback = own["recurrent_weight"] * gain if hears_itself else None
            if isinstance(layer, Conv2d):
                drive = _convolution(weight.contiguous(memory_format=self._layout), signal, layer)
            elif index == 0 and self._rows:
                drive = self._row_sum(weight, feedback, out)
            elif feedback is not None:
                drive, out = self._joined(weight, feedback)
            else:
                drive = _product(*_flat(weight, signal))
            self._stages.append(plain.stage(STAGES, Site(neuron, own, drive, out, self._allocator(out))))
            if neuron.spiking:
                self._spikes[after] = out
            signal = out
        return signal

    def _allocator(self, like: Tensor) -> Callable[..., Tensor]:
        return lambda *rows: self._zeros((*rows, like.numel()) if rows else tuple(like.shape))

    def _joined(self, weight: Tensor, feedback: Tensor) -> tuple[Drive, Tensor]:
        """Input and feedback in one product: the frame and the spikes lie one after the other. First layer only."""
        joined = self._zeros((weight.shape[1] + weight.shape[0],))
        self._frame = joined[: weight.shape[1]]
        return _product(torch.cat([weight, feedback], 1), joined), joined[weight.shape[1] :]

    def _row_sum(self, weight: Tensor, feedback: Tensor | None, fired: Tensor) -> Drive:
        rows = weight.t().contiguous()

        def drive(out: Tensor) -> Tensor:
            torch.sum(rows.index_select(0, self._active), 0, out=out)
            if feedback is not None:
                out.addmv_(feedback, fired)
            return out

        return drive


def _flat(weight: Tensor, signal: Tensor) -> tuple[Tensor, Tensor]:
    """The signal as it lies in memory, flat, and the columns of `weight` in that order."""
    if signal.dim() == 4 and not signal.is_contiguous():
        weight = weight.reshape(-1, *signal.shape[1:]).permute(0, 2, 3, 1).flatten(1).contiguous()
    return weight, flat_memory(signal)


def _product(weight: Tensor, signal: Tensor) -> Drive:
    return lambda out: torch.mv(weight, signal, out=out)


def _convolution(weight: Tensor, signal: Tensor, layer: Conv2d) -> Drive:
    stride, padding = layer.stride, layer.padding
    return lambda out: functional.conv2d(signal, weight, stride=stride, padding=padding)
