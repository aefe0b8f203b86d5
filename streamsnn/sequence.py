"""A network in its sequence form: a torch module over whole sequences, for training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons.base import Array, Neuron, Shape
from streamsnn.neurons.random import layer_seed


class SequenceNeurons(nn.Module):
    """A population over a whole sequence: currents (T, B, *shape) -> spikes, or values where it does not spike."""

    def __init__(self, neuron: Neuron, shape: Shape, step_ms: float, rng: np.random.Generator) -> None:
        super().__init__()
        self.neuron, self.shape, self.step_ms = neuron, shape, step_ms
        start = neuron.initial(shape, step_ms, rng)
        dtype = torch.get_default_dtype()
        self.parameters_by_name = nn.ParameterDict(
            {name: nn.Parameter(torch.as_tensor(np.asarray(value), dtype=dtype)) for name, value in start.items()}
        )

    def forward(self, current: Tensor, seeds: NDArray[np.int64]) -> Tensor:
        return self.neuron.sequence(current, dict(self.parameters_by_name.items()), self.step_ms, seeds)

    def export(self) -> dict[str, Array]:
        return {name: value.detach().numpy().copy() for name, value in self.parameters_by_name.items()}


class SequenceDropout(nn.Module):
    """Silences inputs (T, B, ...) with one mask a sample that holds for all of its steps."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return x * functional.dropout(torch.ones_like(x[0]), self.rate, self.training) if self.training else x


class ScaleNorm(nn.Module):
    """Divides each channel of (N, channels, ...) by its root mean square and multiplies it by a learned weight.

    Batch norm (Ioffe & Szegedy 2015) without what makes silence loud: zero stays zero. Evaluation uses a running mean
    of the squares, as batch norm does.
    """

    running_square: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.register_buffer("running_square", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        square = self.running_square
        if self.training:
            square = x.square().mean([0, *range(2, x.dim())])
            with torch.no_grad():
                self.running_square.lerp_(square, self.momentum)
        scale = self.weight * torch.rsqrt(square + self.eps)
        return x * scale.reshape(-1, *([1] * (x.dim() - 2)))


class SequenceSynapse(nn.Module):
    """A linear or convolutional layer, with batch norm where asked, applied to every step of (T, B, ...)."""

    def __init__(self, layer: Linear | Conv2d, before: Shape) -> None:
        super().__init__()
        bias = layer.bias and not layer.batch_norm
        self.inner: nn.Module
        if isinstance(layer, Linear):
            self.inner = nn.Linear(int(np.prod(before)), layer.outputs, bias=bias)
            if layer.weight_range is not None:
                nn.init.uniform_(self.inner.weight, *layer.weight_range)
        else:
            self.inner = nn.Conv2d(
                before[0], layer.channels, layer.kernel, stride=layer.stride, padding=layer.padding, bias=bias
            )
        self.flatten = isinstance(layer, Linear)
        self.norm: nn.BatchNorm1d | nn.BatchNorm2d | ScaleNorm | None = None
        if layer.batch_norm:
            centred = nn.BatchNorm1d if isinstance(layer, Linear) else nn.BatchNorm2d
            channels = layer.outputs if isinstance(layer, Linear) else layer.channels
            self.norm = centred(channels) if layer.centre else ScaleNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        steps, batch = x.shape[:2]
        merged = x.flatten(2).flatten(0, 1) if self.flatten else x.flatten(0, 1)
        y: Tensor = self.inner(merged)
        if self.norm is not None:
            y = self.norm(y)
        return y.reshape(steps, batch, *y.shape[1:])

    def export(self) -> dict[str, Array]:
        """Weight and bias with the batch norm folded in."""
        assert isinstance(self.inner, nn.Linear | nn.Conv2d)
        weight, bias = self.inner.weight.detach(), self.inner.bias
        if self.norm is None:
            named = {"weight": weight.numpy().copy()}
            return named if bias is None else named | {"bias": bias.detach().numpy().copy()}
        if isinstance(self.norm, ScaleNorm):
            scale = self.norm.weight.detach() * torch.rsqrt(self.norm.running_square + self.norm.eps)
            return {"weight": _scaled(weight, scale)}
        mean, variance = self.norm.running_mean, self.norm.running_var
        assert mean is not None
        assert variance is not None
        scale = self.norm.weight.detach() / torch.sqrt(variance + self.norm.eps)
        shift = self.norm.bias.detach() - mean * scale
        return {"weight": _scaled(weight, scale), "bias": shift.numpy()}


def _scaled(weight: Tensor, scale: Tensor) -> Array:
    return (weight * scale.reshape(-1, *([1] * (weight.dim() - 1)))).numpy()


class SequencePool(nn.Module):
    """Average pooling of every step of (T, B, channels, height, width)."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, x: Tensor) -> Tensor:
        y = functional.avg_pool2d(x.flatten(0, 1), self.kernel)
        return y.reshape(*x.shape[:2], *y.shape[1:])


class SequenceNetwork(nn.Module):
    """The whole network over whole sequences, from a zero state: inputs (T, B, channels, height, width) -> scores (T,
    B, labels).

    `seed` draws the initial parameters. After a forward pass `spikes` holds every spiking layer's output (T, B, ...),
    for
    penalties on activity.
    """

    def __init__(self, spec: NetworkSpec, seed: int = 0) -> None:
        super().__init__()
        self.spec = spec
        self.spikes: dict[str, Tensor] = {}
        reserved = [name for name, _ in spec.layers if hasattr(nn.ModuleDict, name)]
        if reserved:
            raise StreamsnnError(f"a layer is named {reserved[0]!r}, which torch keeps for itself", hint="rename it")
        rng = np.random.default_rng(seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.ModuleDict(
                {
                    name: self._module(layer, spec.input_shape(index), shape, rng)
                    for index, ((name, layer), shape) in enumerate(zip(spec.layers, spec.shapes(), strict=True))
                }
            )

    def _module(self, layer: Layer, before: Shape, shape: Shape, rng: np.random.Generator) -> nn.Module:
        if isinstance(layer, Population):
            return SequenceNeurons(layer.neuron, shape, self.spec.card.step_us / 1000, rng)
        if isinstance(layer, AveragePool):
            return SequencePool(layer.kernel)
        if isinstance(layer, Flatten):
            return nn.Flatten(2)
        if isinstance(layer, Dropout):
            return SequenceDropout(layer.rate)
        return SequenceSynapse(layer, before)

    def forward(self, x: Tensor, seed: int = 0) -> Tensor:
        """Scores of every step. Stochastic neurons of sample b draw what a stream seeded `seed + b` draws."""
        self.spikes = {}
        if x.shape[0] == 0:
            return x.new_zeros(0, x.shape[1], len(self.spec.card.labels))
        index = 0
        for name, module in self.layers.items():
            if isinstance(module, SequenceNeurons):
                # The step form numbers layers as exported, without dropout.
                seeds = np.array([layer_seed(seed + b, index) for b in range(x.shape[1])], np.int64)
                x = module(x, seeds)
                if module.neuron.spiking:
                    self.spikes[name] = x
            else:
                x = module(x)
            index += not isinstance(module, SequenceDropout)
        return x

    def export(self) -> dict[str, Array]:
        """The tensors of the exported spec by name, "layer.parameter"."""
        named: dict[str, Array] = {}
        for name, module in self.layers.items():
            if isinstance(module, SequenceNeurons | SequenceSynapse):
                named |= {f"{name}.{key}": value for key, value in module.export().items()}
        return named

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the tensors of an exported network. The spec must be the exported one: without batch norm."""
        for name, module in self.layers.items():
            own: Mapping[str, Tensor] = {}
            if isinstance(module, SequenceNeurons):
                own = dict(module.parameters_by_name.items())
            elif isinstance(module, SequenceSynapse):
                own = dict(module.inner.named_parameters())
            for key, parameter in own.items():
                with torch.no_grad():
                    parameter.copy_(torch.as_tensor(np.asarray(weights[f"{name}.{key}"])))
