"""A step of a network in plain numpy, written to be fast: in place, into buffers laid out before."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from streamsnn.bench import plain
from streamsnn.bench.contender import Answers
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.numpy_neurons import STAGES, Buffer
from streamsnn.bench.plain import Site
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import LIF, Resonator
from streamsnn.types import Step

Drive = Callable[[Buffer], Buffer]
"""Computes the currents that enter a population, into the given buffer."""


class NumpyStep:
    """Plain numpy. `rows` adds up the first layer's rows of active inputs instead of multiplying a frame.

    Convolutions are one matrix product over patches that are copied together.
    """

    def __init__(self, case: Case, *, rows: bool = False) -> None:
        self._case, self._rows = case, rows
        self._buffers: list[Buffer] = []
        self._spikes: dict[str, tuple[Buffer, tuple[int, ...]]] = {}
        self._stages: list[Callable[[], object]] = []
        self._active = np.zeros(0, np.int32)
        self._frame = self._zeros(case.spec.card.input.size)
        self._scores = self._build()
        self._shown = Frame(case, self._frame)

    def call(self) -> None:
        for stage in self._stages:
            stage()

    def settings(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def reset(self) -> None:
        for buffer in self._buffers:
            buffer[...] = 0
        self._shown = Frame(self._case, self._frame)

    def ready(self, step: Step) -> tuple[Any, ...]:
        if self._rows:
            self._active = step.addresses
        else:
            self._shown.show(step)
        return ()

    def answers(self, said: Any) -> Answers:
        spikes = {}
        for name, (fired, shape) in self._spikes.items():
            spikes[name] = (fired > 0.5).reshape(shape).ravel()
        return Answers(self._scores.astype(np.float64), spikes)

    def _zeros(self, *shape: int) -> Buffer:
        """A buffer that `reset` clears."""
        buffer = np.zeros(shape, np.float32)
        self._buffers.append(buffer)
        return buffer

    def _build(self) -> Buffer:
        """Lay out all stages; returns where the scores will be."""
        signal = self._frame
        layers, shapes = self._case.spec.layers, self._case.spec.shapes()
        for index, ((name, layer), shape) in enumerate(zip(layers, shapes, strict=True)):
            if isinstance(layer, Population):
                continue
            weight = self._case.parameters(name)["weight"]
            out = self._zeros(int(np.prod(shape)))
            if index + 1 == len(layers):
                self._stages.append(partial(_product(weight, signal), out))
                return out
            after, population = layers[index + 1]
            assert isinstance(population, Population)
            neuron, own = population.neuron, self._case.parameters(after)
            gain = plain.gain(neuron, own)
            weight = np.ascontiguousarray(weight * gain.reshape(-1, *([1] * (weight.ndim - 1))))
            hears_itself = isinstance(neuron, LIF | Resonator) and neuron.recurrent
            feedback = own["recurrent_weight"] * gain if hears_itself else None
            if isinstance(layer, Conv2d):
                drive = self._convolution(weight, signal, layer, self._case.spec.input_shape(index), shape)
            elif index == 0 and self._rows:
                drive = self._row_sum(weight, feedback, out)
            elif feedback is not None:
                drive, out = self._joined(weight, feedback)
            else:
                assert isinstance(layer, Linear)
                drive = _product(weight, signal)
            self._stages.append(plain.stage(STAGES, Site(neuron, own, drive, out, self._allocator(out.size))))
            if neuron.spiking:
                self._spikes[after] = out, shape
            signal = out
        return signal

    def _allocator(self, size: int) -> Callable[..., Buffer]:
        return lambda *rows: self._zeros(*rows, size)

    def _joined(self, weight: Buffer, feedback: Buffer) -> tuple[Drive, Buffer]:
        """Input and feedback in one product: the frame and the spikes lie one after the other. First layer only."""
        joined = self._zeros(weight.shape[1] + weight.shape[0])
        self._frame = joined[: weight.shape[1]]
        return _product(np.concatenate([weight, feedback], 1), joined), joined[weight.shape[1] :]

    def _row_sum(self, weight: Buffer, feedback: Buffer | None, fired: Buffer) -> Drive:
        rows = np.ascontiguousarray(weight.T)
        spare = np.zeros_like(fired)

        def drive(out: Buffer) -> Buffer:
            np.add.reduce(rows.take(self._active, axis=0), axis=0, out=out)
            if feedback is not None:
                np.dot(feedback, fired, out=spare)
                out += spare
            return out

        return drive

    def _convolution(
        self, weight: Buffer, signal: Buffer, layer: Conv2d, before: tuple[int, ...], shape: tuple[int, ...]
    ) -> Drive:
        channels, height, width = before
        kernel, stride, padding = layer.kernel, layer.stride, layer.padding
        padded = self._zeros(channels, height + 2 * padding, width + 2 * padding)
        inside = padded[:, padding : padding + height, padding : padding + width]
        windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))
        # (channels, kernel, kernel, out height, out width): as the columns of a matrix each is one patch.
        windows = windows[:, ::stride, ::stride].transpose(0, 3, 4, 1, 2)
        patches = np.zeros(windows.shape, np.float32)
        matrix, columns = weight.reshape(shape[0], -1), patches.reshape(-1, shape[1] * shape[2])
        image = signal.reshape(before)

        def drive(out: Buffer) -> Buffer:
            np.copyto(inside, image)
            np.copyto(patches, windows)
            np.dot(matrix, columns, out=out.reshape(shape[0], -1))
            return out

        return drive


def _product(weight: Buffer, signal: Buffer) -> Drive:
    return lambda out: np.dot(weight, signal, out=out)
