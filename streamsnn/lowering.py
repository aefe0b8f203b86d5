"""From layers and weights to what the compiled step walks: one table, flat buffers, and the sizes of a state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Flatten, Linear, NetworkSpec, Population
from streamsnn.neurons.base import Array, Shape

_ALIGN = 16
"""Every block of weights and of state begins at a multiple of this many float32: one cache line."""


@dataclass(frozen=True)
class Lowered:
    """A network as the compiled step wants it.

    `table` (rows, columns) and `weights` are read by the step; `floats` is the initial state. `populations` maps a
    layer of neurons to its row, `names` has the layer of each row, and `seeds` the layer of each counter that holds a
    seed. Each counter is at least 0 and below its entry in `limits`. `fingerprint` is equal for equal networks.
    """

    table: NDArray[np.int64]
    weights: NDArray[np.float32]
    floats: NDArray[np.float32]
    limits: NDArray[np.int64]
    fired: int
    fingerprint: str
    names: tuple[str, ...]
    populations: dict[str, int]
    seeds: dict[int, int]
    widest: int
    memory_steps: int | None
    horizon_steps: int | None


def lower(spec: NetworkSpec, weights: Mapping[str, Array]) -> Lowered:
    """Lower an exported `spec` with its `weights`, which `check_weights` has passed.

    Raises StreamsnnError for neurons that cannot stream, or whose parameters have no meaning.
    """
    return _Lowering(spec, weights).finish()


def check_weights(spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
    """Raise StreamsnnError unless `weights` are exactly the finite tensors that `spec` wants."""
    wanted = spec.parameter_shapes()
    if missing := sorted(wanted.keys() - weights.keys()):
        raise StreamsnnError(f"weights are incomplete: {', '.join(missing[:3])} missing", hint="export the model again")
    if extra := sorted(weights.keys() - wanted.keys()):
        raise StreamsnnError(
            f"weights hold {', '.join(extra[:3])}, which no layer has", hint="does model.toml belong to these weights?"
        )
    for name, shape in wanted.items():
        if weights[name].shape != shape:
            raise StreamsnnError(
                f"{name} has the shape {weights[name].shape} and should have {shape}",
                hint="does model.toml belong to these weights?",
            )
        with np.errstate(over="ignore"):
            single = weights[name].astype(np.float32) if weights[name].dtype.kind == "f" else np.array(np.nan)
        if not np.isfinite(single).all():
            raise StreamsnnError(f"{name} holds values that float32 has not", hint="train the model again")


class _Lowering:
    """Turns layers and weights into the table and the flat buffers of the compiled step."""

    def __init__(self, spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
        self._weights: list[NDArray[np.float32]] = []
        self._state: list[NDArray[np.float32]] = []
        self._size = {"weights": 0, "state": 0, "counters": 0, "fired": 0}
        self._rows: list[NDArray[np.int64]] = []
        self._names: list[str] = []
        self._populations: dict[str, int] = {}
        self._seeds: dict[int, int] = {}
        self._memory: list[int | None] = [1]
        self._horizons: list[int] = []
        self._limits: list[int] = []
        self._widest = spec.card.input.size
        currents = False
        for index, ((name, layer), shape) in enumerate(zip(spec.layers, spec.shapes(), strict=True)):
            before = spec.input_shape(index)
            own = {key.partition(".")[2]: weights[key] for key in weights if key.partition(".")[0] == name}
            self._meet(currents, isinstance(layer, Population), before)
            if isinstance(layer, Population):
                self._population(name, layer, index, shape, own, spec.card.step_us / 1000)
            elif isinstance(layer, Linear):
                self._linear(before, shape, own)
            elif isinstance(layer, Conv2d):
                self._conv2d(layer, before, shape, own)
            elif isinstance(layer, AveragePool):
                geometry = self._geometry(program.POOL, before, shape)
                self._row(geometry | {program.KERNEL: layer.kernel})
            elif isinstance(layer, Flatten):
                channels, pixels = before[0], int(np.prod(before[1:]))
                columns = {program.OP: program.FLATTEN, program.SIZE: shape[0], program.IN_CHANNELS: channels}
                self._row(columns | {program.IN_WIDTH: pixels})
            self._names += [name] * (len(self._rows) - len(self._names))
            spikes = isinstance(layer, Population) and layer.neuron.spiking
            currents = isinstance(layer, Linear | Conv2d | Population) and not spikes
            self._widest = max(self._widest, int(np.prod(shape)))

        self._meet(currents, True, shape)
        self._names += [name] * (len(self._rows) - len(self._names))

    def _meet(self, currents: bool, wanted: bool, shape: Shape) -> None:
        """Turn currents into a signal, or a signal into currents, where the next layer wants the other of the two."""
        if currents != wanted:
            op = program.SPREAD if wanted else program.GATHER
            self._row({program.OP: op, program.SIZE: int(np.prod(shape)), program.BIAS: -1})

    def finish(self) -> Lowered:
        memory = None if None in self._memory else sum(steps for steps in self._memory if steps is not None)
        table = np.stack(self._rows)
        weights = np.concatenate([*self._weights, np.zeros(_ALIGN, np.float32)])
        return Lowered(
            table=table,
            weights=weights,
            fingerprint=hashlib.sha256(weights.tobytes() + table.tobytes()).hexdigest(),
            floats=np.concatenate([*self._state, np.zeros(_ALIGN, np.float32)]),
            limits=np.array([*self._limits, 1], np.int64),
            fired=max(self._size["fired"], 1),
            names=tuple(self._names),
            populations=self._populations,
            seeds=self._seeds,
            widest=self._widest,
            memory_steps=memory,
            horizon_steps=min(self._horizons, default=None),
        )

    def _row(self, columns: Mapping[int, int]) -> None:
        row = np.zeros(program.COLUMNS, np.int64)
        for column, value in columns.items():
            row[column] = value
        self._rows.append(row)

    def _place(self, kind: str, into: list[NDArray[np.float32]], block: Array) -> tuple[int, int]:
        """Append a block at the next aligned place of a buffer; returns where it begins and ends."""
        begin = self._size[kind]
        padded = np.zeros(-(-block.size // _ALIGN) * _ALIGN, np.float32)
        padded[: block.size] = block.ravel()
        into.append(padded)
        self._size[kind] += padded.size
        return begin, begin + block.size

    def _geometry(self, op: int, before: Shape, shape: Shape) -> dict[int, int]:
        size = int(np.prod(shape))
        columns = {program.OP: op, program.SIZE: size, program.BIAS: -1}
        places = (program.IN_CHANNELS, program.IN_HEIGHT, program.IN_WIDTH)
        columns |= dict(zip(places, before, strict=True))
        places = (program.OUT_CHANNELS, program.OUT_HEIGHT, program.OUT_WIDTH)
        return columns | dict(zip(places, shape, strict=True))

    def _bias(self, own: Mapping[str, Array], shape: Shape) -> int:
        if "bias" not in own:
            return -1
        pixels = int(np.prod(shape[1:]))
        return self._place("weights", self._weights, np.tile(own["bias"], pixels))[0]

    def _linear(self, before: Shape, shape: Shape, own: Mapping[str, Array]) -> None:
        # (outputs, channels, pixels) -> rows of a pixel-major input.
        weight = own["weight"].reshape(shape[0], before[0], -1).transpose(2, 1, 0)
        begin, _ = self._place("weights", self._weights, weight)
        columns = {program.OP: program.LINEAR, program.SIZE: shape[0], program.WEIGHT: begin}
        self._row(columns | {program.BIAS: self._bias(own, shape)})

    def _conv2d(self, layer: Conv2d, before: Shape, shape: Shape, own: Mapping[str, Array]) -> None:
        begin, _ = self._place("weights", self._weights, own["weight"].transpose(1, 2, 3, 0))
        columns = self._geometry(program.CONVOLVE, before, shape)
        columns |= {program.WEIGHT: begin, program.BIAS: self._bias(own, shape)}
        columns |= {program.KERNEL: layer.kernel, program.STRIDE: layer.stride, program.PADDING: layer.padding}
        self._row(columns)

    def _population(
        self, name: str, layer: Population, index: int, shape: Shape, own: Mapping[str, Array], step_ms: float
    ) -> None:
        try:
            packed = layer.neuron.pack(shape, step_ms, own)
        except StreamsnnError as error:
            raise StreamsnnError(f"layer {name!r}: {error.message}", hint=error.hint) from error
        size = int(np.prod(shape))
        constant = self._place("weights", self._weights, packed.constants)
        recurrent = self._place("weights", self._weights, packed.recurrent)
        state = self._place("state", self._state, packed.state)
        counter = self._size["counters"]
        self._size["counters"] += len(packed.counters)
        self._limits += packed.counters
        if packed.stochastic:
            self._seeds[counter + 1] = index
        self._populations[name] = len(self._rows)
        self._row(
            {
                program.OP: program.POPULATIONS[layer.neuron.family],
                program.SIZE: size,
                program.CONSTANT: constant[0],
                program.CONSTANT_END: constant[1],
                program.RECURRENT: recurrent[0],
                program.RECURRENT_END: recurrent[1],
                program.STATE: state[0],
                program.STATE_END: state[1],
                program.COUNTER: counter,
                program.COUNTER_END: counter + len(packed.counters),
                program.FIRED: self._size["fired"],
                program.COUNT: len(self._rows),
            }
        )
        self._size["fired"] += size
        self._memory.append(packed.memory_steps)
        if packed.horizon_steps is not None:
            self._horizons.append(packed.horizon_steps)
