"""What `streamsnn info` says of a model."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamsnn.cli import text
from streamsnn.layers import Layer, NetworkSpec, Population
from streamsnn.network import Network
from streamsnn.types import InputSpec, ModelCard


@dataclass(frozen=True)
class Part:
    """One layer: its name, what it is, the shape that leaves it, and its number of trained numbers."""

    name: str
    type: str
    shape: tuple[int, ...]
    neurons: int
    parameters: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class Anatomy:
    """A model, taken apart."""

    folder: Path
    card: ModelCard
    parts: tuple[Part, ...]
    memory_steps: int | None
    state_bytes: int

    @property
    def parameters(self) -> int:
        return sum(part.parameters for part in self.parts)

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        card = self.card
        return {
            "kind": "model",
            "name": card.name,
            "path": str(self.folder),
            "description": card.description,
            "labels": list(card.labels),
            "step_ms": card.step_us / 1000,
            "input": dataclasses.asdict(card.input),
            "readout": dataclasses.asdict(card.readout),
            "memory_ms": card.memory_us / 1000,
            "memory_steps": self.memory_steps,
            "parameters": self.parameters,
            "state_bytes": self.state_bytes,
            "layers": [dataclasses.asdict(part) | {"shape": list(part.shape)} for part in self.parts],
            "figures": dict(card.figures),
        }

    def sentences(self) -> str:
        """All of it, for people."""
        card = self.card
        readout = card.readout
        held = f"{readout.kind}, {readout.tau_ms:g} ms" if readout.kind == "leaky" else readout.kind
        memory = "without end" if self.memory_steps is None else f"{text.duration(self.memory_steps * card.step_us)}"
        rows = [("model", card.name + (f": {card.description}" if card.description else ""))]
        rows += [
            ("folder", str(self.folder)),
            ("input", f"{describe_input(card.input)}"),
            ("step", text.duration(card.step_us)),
            ("labels", f"{len(card.labels)}: {', '.join(card.labels)}"),
            (
                "readout",
                f"{held}; shown above {text.percent(readout.threshold)} for {readout.patience} steps,"
                f" replaced at a lead of {text.percent(readout.hysteresis)}",
            ),
            (
                "memory",
                f"{memory}; begins anew after a gap of {text.duration(card.memory_us)};"
                f" a state takes {text.bytes_of(self.state_bytes)}",
            ),
            ("size", f"{self.parameters:,} trained numbers"),
            ("layers", _table(self.parts)),
        ]
        if card.figures:
            rows.append(("figures", "\n".join(_figure(name, value) for name, value in card.figures.items())))
        return text.facts(rows)


def anatomy(folder: Path, network: Network) -> Anatomy:
    """Take the network of a model folder apart."""
    spec = network.spec
    state = network.initial_state()
    return Anatomy(
        folder, network.card, parts_of(spec), network.memory_steps, state.floats.nbytes + state.counters.nbytes
    )


def parts_of(spec: NetworkSpec) -> tuple[Part, ...]:
    """The layers of a network, in their order."""
    sizes = {name: math.prod(shape) for name, shape in spec.parameter_shapes().items()}
    parts = []
    for (name, layer), shape in zip(spec.layers, spec.shapes(), strict=True):
        own = sum(size for key, size in sizes.items() if key.partition(".")[0] == name)
        neurons = math.prod(shape) if isinstance(layer, Population) else 0
        parts.append(Part(name, _type(layer), shape, neurons, own, _settings(layer)))
    return tuple(parts)


def describe_input(grid: InputSpec) -> str:
    """What a model eats, in a few words."""
    what = "ON and OFF" if grid.polarity == "split" else "both polarities as one"
    if grid.kind == "audio":
        return f"audio, {grid.width} channels, {text.ears(grid.height)}, {grid.value}"
    return f"{grid.width}x{grid.height} pixels, {what}, {grid.value}"


def _type(layer: Layer) -> str:
    return layer.neuron.family if isinstance(layer, Population) else layer.type


def _settings(layer: Layer) -> dict[str, Any]:
    """The settings that a table of layers has no column for."""
    what: Any = layer.neuron if isinstance(layer, Population) else layer
    return {key: value for key, value in dataclasses.asdict(what).items() if key not in ("outputs", "channels")}


def _table(parts: tuple[Part, ...]) -> str:
    rows = [
        (
            part.name,
            part.type,
            "x".join(map(str, part.shape)),
            f"{part.parameters:,} numbers" if part.parameters else "",
            "recurrent" if part.settings.get("recurrent") else "",
        )
        for part in parts
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {kind:<{widths[1]}}  {shape:<{widths[2]}}  {size:>{widths[3]}}  {note}".rstrip()
        for name, kind, shape, size, note in rows
    )


def _figure(name: str, value: float) -> str:
    shown = text.percent(value) if name.endswith("accuracy") else text.number(value)
    return f"{name.replace('_', ' ')} {shown}"
