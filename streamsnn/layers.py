"""What a network is made of: layers as plain settings, their shapes, and their spelling in a TOML table.

Both forms of a network are built from these. Shapes are (size,) or (channels, height, width).
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from streamsnn.errors import StreamsnnError
from streamsnn.neurons import FAMILIES, Neuron
from streamsnn.neurons.base import Shape
from streamsnn.types import Hearing, InputSpec, ModelCard


@dataclass(frozen=True)
class Linear:
    """y = W x (+ bias): `weight` (outputs, inputs), `bias` (outputs,); inputs in (channels, height, width) order.

    `batch_norm` normalises each output over batch and time in training and is folded into weight and bias on export.
    With `centre` = false it only scales, by the root mean square: no mean is taken away and no shift is learned, so
    that no bias is left and silence stays silent.
    """

    type: ClassVar[str] = "linear"
    outputs: int
    bias: bool = False
    batch_norm: bool = False
    centre: bool = True


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


def layers_from_tables(tables: Sequence[Mapping[str, Any]], where: str) -> tuple[tuple[str, Layer], ...]:
    """Named layers from the [[layers]] of a TOML document; `where` names it in errors."""
    layers = []
    for number, table in enumerate(tables):
        if not isinstance(table, Mapping):
            raise StreamsnnError(f"{where}: layer {number} is {table!r}, not a table", hint="write [[layers]]")
        settings = dict(table)
        kind = str(settings.pop("type", ""))
        name = str(settings.pop("name", f"{kind}{number}"))
        place = f"{where}, layer {name!r}"
        if kind == Population.type:
            family = str(settings.pop("family", ""))
            neuron = build(choose(FAMILIES, family, "family of neurons", place), settings, place)
            layers.append((name, Population(neuron)))
        else:
            known: dict[str, Any] = {**SYNAPSES, Population.type: Population}
            layers.append((name, build(choose(known, kind, "type of layer", place), settings, place)))
    return tuple(layers)


def layers_to_tables(layers: Sequence[tuple[str, Layer]]) -> list[dict[str, Any]]:
    """The inverse of `layers_from_tables`; settings that are None are left out, as TOML has no null."""
    tables = []
    for name, layer in layers:
        settings: Any = layer
        head = {"type": layer.type, "name": name}
        if isinstance(layer, Population):
            settings = layer.neuron
            head["family"] = layer.neuron.family
        values = dataclasses.asdict(settings)
        # A setting whose default is not None is spelled "none" when it is None.
        defaults = {field.name: field.default for field in dataclasses.fields(settings)}
        spelled = {k: "none" if v is None else v for k, v in values.items() if not (v is None and defaults[k] is None)}
        tables.append(head | spelled)
    return tables


Choice = TypeVar("Choice")


def choose(known: Mapping[str, Choice], name: str, what: str, where: str) -> Choice:
    """`known[name]`, or a StreamsnnError with the closest name."""
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(sorted(known))}"
    raise StreamsnnError(f"{where}: there is no {what} {name!r}", hint=hint)


Settings = TypeVar("Settings")


def build(settings: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """An instance of a settings dataclass from the values of a TOML table, each checked against its type.

    "none" stands for None. Raises StreamsnnError for keys that are unknown (with the closest one), missing, or of the
    wrong type.
    """
    fields = {field.name: field for field in dataclasses.fields(settings)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(settings)
    ready: dict[str, Any] = {}
    for key, value in values.items():
        choose(fields, key, "setting", where)
        ready[key] = _checked(value, hints[key], f"{where}: {key}")
    for key, field in fields.items():
        if key not in ready and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise StreamsnnError(f"{where}: {key} is missing", hint=f"add {key} = ...")
    return settings(**ready)


def _checked(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint`, where that loses nothing."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value == "none" and types.NoneType in arguments:
            return None
        return _checked(value, next(argument for argument in arguments if argument is not types.NoneType), where)
    if origin is typing.Literal:
        return value if value in arguments else choose({str(a): a for a in arguments}, str(value), "choice", where)
    if origin is tuple and isinstance(value, list | tuple):
        each = arguments[:1] * len(value) if arguments[-1:] == (...,) else arguments
        if len(each) == len(value):
            return tuple(_checked(part, kind, where) for part, kind in zip(value, each, strict=True))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is float and isinstance(value, float) and not math.isfinite(value):
        raise StreamsnnError(f"{where} is {value}", hint="give a finite number")
    if isinstance(hint, type) and isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    wanted = getattr(hint, "__name__", str(hint))
    raise StreamsnnError(f"{where} is {value!r}", hint=f"give a value of type {wanted}")


def input_spec_from_table(table: Mapping[str, Any], where: str) -> InputSpec:
    """An `InputSpec` from its TOML table."""
    spec = build(InputSpec, table, where)
    if spec.width < 1 or spec.height < 1:
        raise StreamsnnError(f"{where}: the input is {spec.width}x{spec.height}", hint="give a size of at least 1x1")
    return spec


def hearing_from_table(table: Mapping[str, Any], grid: InputSpec, where: str) -> Hearing:
    """A `Hearing` from its TOML table, for a model whose input is `grid`."""
    hearing = build(Hearing, table, where)
    if grid.kind != "audio" or hearing.channels != grid.width:
        raise StreamsnnError(
            f"{where}: {hearing.channels} channels do not fit an input of {grid.width} columns, kind {grid.kind!r}",
            hint='give [input] kind = "audio" and a width of as many columns',
        )
    return hearing
