"""What a network is made of: layers as plain settings, and their shapes.

Both forms of a network are built from these. Shapes are (size,) or (channels, height, width).
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import ClassVar

from streamsnn.errors import StreamsnnError
from streamsnn.neurons import Neuron
from streamsnn.neurons.base import Shape
from streamsnn.types import ModelCard


@dataclass(frozen=True)
class Linear:
    """y = W x (+ bias): `weight` (outputs, inputs), `bias` (outputs,); inputs in (channels, height, width) order.

    `batch_norm` normalises each output over batch and time in training and is folded into weight and bias on export.
    With `centre` = false it only scales, by the root mean square: no mean is taken away and no shift is learned, so
    that no bias is left and silence stays silent. Training begins with weights that are uniform in `weight_range`, or
    as PyTorch draws them: within -+ 1 / sqrt(inputs).
    """

    type: ClassVar[str] = "linear"
    outputs: int
    bias: bool = False
    batch_norm: bool = False
    centre: bool = True
    weight_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class Conv2d:
    """A square convolution: `weight` (channels, inputs, kernel, kernel), `bias` (channels,).

    `batch_norm` and `centre` as in Linear.
    """

    type: ClassVar[str] = "conv2d"
    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = False
    batch_norm: bool = False
    centre: bool = True


@dataclass(frozen=True)
class AveragePool:
    """The mean of each `kernel` x `kernel` square; incomplete squares at the right and bottom edge are left out."""

    type: ClassVar[str] = "average-pool"
    kernel: int


@dataclass(frozen=True)
class Flatten:
    """Three dimensions, (channels, height, width), as one: neurons after it have parameters of their own."""

    type: ClassVar[str] = "flatten"


@dataclass(frozen=True)
class Dropout:
    """While training, silences each input of a sample for the whole sequence with probability `rate`."""

    type: ClassVar[str] = "dropout"
    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise StreamsnnError(f"a dropout rate of {self.rate}", hint="choose 0 <= rate < 1")


@dataclass(frozen=True)
class Population:
    """Neurons of one family, as many as the layer before has outputs."""

    type: ClassVar[str] = "neurons"
    neuron: Neuron


Layer = Linear | Conv2d | AveragePool | Flatten | Dropout | Population
SYNAPSES: dict[str, type[Linear | Conv2d | AveragePool | Flatten | Dropout]] = {
    layer.type: layer for layer in (Linear, Conv2d, AveragePool, Flatten, Dropout)
}


@dataclass(frozen=True)
class NetworkSpec:
    """A network: its card and its named layers.

    The scores are what leaves the last layer, one a label: values, or where it fires, 1 for a spike.
    """

    card: ModelCard
    layers: tuple[tuple[str, Layer], ...]

    def __post_init__(self) -> None:
        names = [name for name, _ in self.layers]
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise StreamsnnError(f"a layer is named {name!r}", hint="use letters, digits, _ and - only")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise StreamsnnError(f"two layers are named {twice[0]!r}", hint="give every layer a name of its own")
        last = self.shapes()[-1]
        if last != (len(self.card.labels),):
            raise StreamsnnError(
                f"the last layer gives {last} scores for {len(self.card.labels)} labels",
                hint="end with a linear layer of one output a label",
            )

    def shapes(self) -> list[Shape]:
        """The shape that leaves each layer. Raises StreamsnnError where layers do not fit."""
        grid = self.card.input
        shape: Shape = (grid.channels, grid.height, grid.width)
        out = []
        if not self.layers:
            raise StreamsnnError("the network has no layers", hint="add [[layers]] to its description")
        for name, layer in self.layers:
            shape = _shape_after(name, layer, shape)
            out.append(shape)
        return out

    def input_shape(self, index: int) -> Shape:
        """The shape that enters layer `index`."""
        grid = self.card.input
        return self.shapes()[index - 1] if index else (grid.channels, grid.height, grid.width)

    def parameter_shapes(self) -> dict[str, Shape]:
        """Every tensor of the exported network by name, "layer.parameter", with its shape."""
        named: dict[str, Shape] = {}
        for index, ((name, layer), shape) in enumerate(zip(self.layers, self.shapes(), strict=True)):
            before = self.input_shape(index)
            if isinstance(layer, Population):
                named |= {f"{name}.{key}": value for key, value in layer.neuron.shapes(shape).items()}
            elif isinstance(layer, Linear | Conv2d):
                square = (layer.kernel, layer.kernel) if isinstance(layer, Conv2d) else ()
                inputs = before[0] if isinstance(layer, Conv2d) else _count(before)
                named[f"{name}.weight"] = (shape[0], inputs, *square)
                if _has_bias(layer):
                    named[f"{name}.bias"] = (shape[0],)
        return named

    def exported(self) -> NetworkSpec:
        """The same network without what only training needs: batch norm folded, dropout gone."""
        layers: list[tuple[str, Layer]] = []
        for name, layer in self.layers:
            if isinstance(layer, Dropout):
                continue
            if isinstance(layer, Linear | Conv2d) and layer.batch_norm:
                layer = dataclasses.replace(layer, bias=_has_bias(layer), batch_norm=False, centre=True)
            if isinstance(layer, Linear):
                layer = dataclasses.replace(layer, weight_range=None)
            layers.append((name, layer))
        return dataclasses.replace(self, layers=tuple(layers))


def _has_bias(layer: Linear | Conv2d) -> bool:
    """Whether the exported layer has a bias: its own, or that of a batch norm that centres."""
    return layer.centre if layer.batch_norm else layer.bias


def _count(shape: Shape) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total


def _shape_after(name: str, layer: Layer, shape: Shape) -> Shape:
    if isinstance(layer, Linear):
        _positive(name, outputs=layer.outputs)
        return (layer.outputs,)
    if isinstance(layer, Flatten):
        return (_count(shape),)
    if isinstance(layer, Dropout | Population):
        return shape
    if len(shape) != 3:
        raise StreamsnnError(
            f"layer {name!r} ({layer.type}) needs channels x height x width and gets {shape}",
            hint="put it before the first linear layer",
        )
    channels, height, width = shape
    if isinstance(layer, AveragePool):
        _positive(name, kernel=layer.kernel)
        after = (channels, height // layer.kernel, width // layer.kernel)
    else:
        _positive(name, channels=layer.channels, kernel=layer.kernel, stride=layer.stride, padding=layer.padding + 1)
        reach = 2 * layer.padding - layer.kernel
        after = (layer.channels, (height + reach) // layer.stride + 1, (width + reach) // layer.stride + 1)
    if min(after) < 1:
        raise StreamsnnError(f"nothing is left of {height}x{width} after layer {name!r}", hint="use a smaller kernel")
    return after


def _positive(name: str, **numbers: int) -> None:
    for what, number in numbers.items():
        if number < 1:
            raise StreamsnnError(f"layer {name!r}: {what} is too small", hint="give a whole number of at least 1")
