"""TOML tables: what they spell, such as layers, as settings that have been checked."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from streamsnn.errors import StreamsnnError
from streamsnn.layers import SYNAPSES, Layer, Population
from streamsnn.neurons import FAMILIES
from streamsnn.types import HEARINGS, AnyHearing, Hearing, InputSpec


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


def hearing_from_table(table: Mapping[str, Any], grid: InputSpec, where: str) -> AnyHearing:
    """The settings of the encoder that a TOML table names (a cochlea where it names none), for a model whose input is
    `grid`."""
    settings = dict(table)
    encoder = str(settings.pop("encoder", Hearing.encoder))
    hearing: AnyHearing = build(choose(HEARINGS, encoder, "encoder", where), settings, where)
    if grid.kind != "audio" or hearing.channels != grid.width:
        raise StreamsnnError(
            f"{where}: {hearing.channels} channels do not fit an input of {grid.width} columns, kind {grid.kind!r}",
            hint='give [input] kind = "audio" and a width of as many columns',
        )
    return hearing


def hearing_to_table(hearing: AnyHearing) -> dict[str, Any]:
    """The inverse of `hearing_from_table`."""
    return {"encoder": hearing.encoder, **dataclasses.asdict(hearing)}
