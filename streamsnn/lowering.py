"""From layers and weights to what the compiled step walks: one table, flat buffers, and the sizes of a state."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES
from streamsnn.layers import AveragePool, Conv2d, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons.base import Array, Packed, Shape

_LINE = 64
"""Bytes of a cache line: every block of weights and every pixel's state begins with one."""


@dataclass(frozen=True)
class Lowered:
    """A network as the compiled step wants it.

    `table` (rows, columns) and `weights` are read by the step; `floats`, `doubles` and `awake` begin a state, which has
    `counters`, `words` and `fired` whole numbers. `populations` maps a layer of neurons to its row and `packed` to its
    constants, `names` has the layer of each row, and `seeds` the layer of each counter that holds a seed. The work
    space of a stream is as wide as the `widest` signal, and has as many `pixels` as the largest layer.
    `fingerprint` is equal for equal networks.
    """

    table: NDArray[np.int64]
    weights: NDArray[np.int32]
    floats: NDArray[np.float32]
    doubles: NDArray[np.float64]
    awake: NDArray[np.uint64]
    counters: int
    words: int
    fired: int
    fingerprint: str
    names: tuple[str, ...]
    populations: dict[str, int]
    packed: dict[str, Packed]
    seeds: dict[int, int]
    widest: int
    pixels: int
    memory_steps: int | None
    horizon_steps: int | None


def aligned(size: int, dtype: Any) -> NDArray[Any]:
    """Zeros (size,) that begin at a cache line, and have one more line behind them."""
    itemsize = np.dtype(dtype).itemsize
    block = np.zeros(size * itemsize + 2 * _LINE, np.uint8)
    offset = -block.ctypes.data % _LINE
    return block[offset : offset + size * itemsize].view(dtype)


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
        self._weights: list[NDArray[np.int32]] = []
        self._state: dict[int, list[Array]] = {program.FLOATS: [], program.DOUBLES: []}
        self._awake: list[NDArray[np.uint64]] = []
        self._counters, self._words, self._fired = 1, 0, 0
        self._rows: list[NDArray[np.int64]] = []
        self._names: list[str] = []
        self._populations: dict[str, int] = {}
        self._packed: dict[str, Packed] = {}
        self._seeds: dict[int, int] = {}
        self._memory: list[int | None] = [1]
        self._horizons: list[int] = []
        grid = spec.card.input
        self._widest, self._pixels = grid.size, grid.width * grid.height
        # What a signal's entries are worth: 1, or less after pooling, whose shares become part of the next weights.
        self._share = 1.0
        is_current = False
        for index, ((name, layer), shape) in enumerate(zip(spec.layers, spec.shapes(), strict=True)):
            before = spec.input_shape(index)
            own = {key.partition(".")[2]: weights[key] for key in weights if key.partition(".")[0] == name}
            self._meet(is_current, isinstance(layer, Population), before)
            self._layer(name, layer, index, before, shape, own, spec.card.step_us / 1000)
            self._label(name)
            spikes = isinstance(layer, Population) and layer.neuron.spiking
            is_current = isinstance(layer, Linear | Conv2d | Population) and not spikes
            self._widest = max(self._widest, padded_to_lines(math.prod(shape)))
            self._pixels = max(self._pixels, math.prod(shape[1:]))
        self._meet(is_current, True, shape)
        self._label(name)

    def finish(self) -> Lowered:
        memory = None if None in self._memory else sum(steps for steps in self._memory if steps is not None)
        table = np.stack(self._rows)
        weights = _joined(self._weights, np.int32)
        return Lowered(
            table=table,
            weights=weights,
            fingerprint=hashlib.sha256(weights.tobytes() + table.tobytes()).hexdigest(),
            floats=_joined(self._state[program.FLOATS], np.float32),
            doubles=_joined(self._state[program.DOUBLES], np.float64),
            awake=_joined(self._awake, np.uint64),
            counters=self._counters,
            words=self._words,
            fired=self._fired,
            names=tuple(self._names),
            populations=self._populations,
            packed=self._packed,
            seeds=self._seeds,
            widest=self._widest,
            pixels=self._pixels,
            memory_steps=memory,
            horizon_steps=min(self._horizons, default=None),
        )

    def _label(self, name: str) -> None:
        """Say of all rows that have been added since the last label which layer they are."""
        self._names += [name] * (len(self._rows) - len(self._names))

    def _meet(self, is_current: bool, wanted: bool, shape: Shape) -> None:
        """Turn currents into a signal, or a signal into currents, where the next layer wants the other of the two."""
        if is_current == wanted:
            return
        columns = self._columns(program.SPREAD if wanted else program.GATHER, shape)
        if wanted:
            columns |= {program.SCALE: self._place(np.array([self._shared()])), program.BIAS: -1}
        self._row(columns)

    def _shared(self) -> float:
        """The share that the next weights have to take over."""
        share, self._share = self._share, 1.0
        return share

    def _layer(
        self, name: str, layer: Layer, index: int, before: Shape, shape: Shape, own: Mapping[str, Array], step_ms: float
    ) -> None:
        if isinstance(layer, Population):
            self._population(name, layer, index, shape, own, step_ms)
        elif isinstance(layer, Linear):
            # (outputs, channels, pixels) -> rows of a pixel-major input, each as long as whole cache lines.
            weight = own["weight"].reshape(shape[0], before[0], -1).transpose(2, 1, 0) * self._shared()
            rows, scale = _whole_numbers(_padded_rows(weight.reshape(-1, shape[0])))
            columns = self._columns(program.LINEAR, shape) | {program.WEIGHT: self._place(rows)}
            self._row(columns | {program.SCALE: self._place(scale), program.BIAS: self._bias(own)})
        elif isinstance(layer, Conv2d):
            self._conv2d(layer, before, shape, own)
        elif isinstance(layer, AveragePool):
            self._share /= layer.kernel**2
            self._row(self._geometry(program.POOL, before, shape) | {program.KERNEL: layer.kernel})
        elif isinstance(layer, Flatten):
            columns = self._columns(program.FLATTEN, shape) | {program.IN_CHANNELS: before[0]}
            self._row(columns | {program.IN_WIDTH: math.prod(before[1:])})

    def _columns(self, op: int, shape: Shape) -> dict[int, int]:
        pixels = math.prod(shape[1:])
        return {
            program.OP: op,
            program.SIZE: shape[0] * pixels,
            program.CHANNELS: shape[0],
            program.PIXELS: pixels,
        }

    def _geometry(self, op: int, before: Shape, shape: Shape) -> dict[int, int]:
        places = (program.IN_CHANNELS, program.IN_HEIGHT, program.IN_WIDTH)
        columns = self._columns(op, shape) | dict(zip(places, before, strict=True))
        return columns | {program.HEIGHT: shape[1], program.WIDTH: shape[2]}

    def _row(self, columns: Mapping[int, int]) -> None:
        row = np.zeros(program.COLUMNS, np.int64)
        for column, value in columns.items():
            row[column] = value
        self._rows.append(row)

    def _place(self, block: NDArray[Any]) -> int:
        """Append a block of int32, float32 or float64; returns where it begins, counted in 4 bytes."""
        begin = sum(part.size for part in self._weights)
        self._weights.append(_whole_lines(block.ravel().view(np.int32)))
        return begin

    def _bias(self, own: Mapping[str, Array]) -> int:
        return self._place(own["bias"].astype(np.float32)) if "bias" in own else -1

    def _conv2d(self, layer: Conv2d, before: Shape, shape: Shape, own: Mapping[str, Array]) -> None:
        kernel, stride = layer.kernel, layer.stride
        phase = -(-kernel // stride)
        # (input channel, ky, place of kx, channel): see `synapses.convolve_by_spike`.
        weight = np.zeros((before[0], kernel, phase * stride, shape[0]))
        for kx in range(kernel):
            place = kx % stride * phase + phase - 1 - kx // stride
            weight[:, :, place] = own["weight"][:, :, :, kx].transpose(1, 2, 0) * self._share
        self._shared()
        columns = self._geometry(program.CONVOLVE, before, shape)
        rows, scale = _whole_numbers(weight)
        columns |= {program.WEIGHT: self._place(rows), program.SCALE: self._place(np.tile(scale, phase))}
        columns[program.BIAS] = self._bias(own)
        columns |= {program.KERNEL: kernel, program.STRIDE: stride, program.PADDING: layer.padding}
        self._row(columns)

    def _population(
        self, name: str, layer: Population, index: int, shape: Shape, own: Mapping[str, Array], step_ms: float
    ) -> None:
        try:
            packed = layer.neuron.pack(shape, step_ms, own)
        except StreamsnnError as error:
            raise StreamsnnError(f"layer {name!r}: {error.message}", hint=error.hint) from error
        pixels = math.prod(shape[1:])
        buffer = program.DOUBLES if packed.state.dtype == np.float64 else program.FLOATS
        state = self._state[buffer]
        singles = packed.state.itemsize // 4
        # One line more: planes that are a power of two long would share their places in a cache.
        span = padded_to_lines(pixels) + LANES
        pitch, parts = padded_to_lines(packed.state.size), pixels
        if packed.ring:
            pitch, parts = padded_to_lines(shape[0] * pixels) + LANES, packed.ring
        seed = program.CLOCK
        if packed.stochastic:
            seed = self._counters
            self._counters += 1
            self._seeds[seed] = index
        self._populations[name] = len(self._rows)
        self._packed[name] = dataclasses.replace(packed, recurrent=np.zeros((0, 0)))
        doubles = buffer == program.DOUBLES
        constants = packed.constants.astype(np.float64 if doubles else np.float32)
        recurrent = recurrent_scale = -1
        if packed.recurrent.size:
            rows, scale = _whole_numbers(_padded_rows(packed.recurrent))
            recurrent, recurrent_scale = self._place(rows), self._place(scale)
        self._row(
            self._columns(program.POPULATIONS[layer.neuron.family], shape)
            | {
                program.CONSTANT: self._place(constants),
                program.RECURRENT: recurrent,
                program.RECURRENT_SCALE: recurrent_scale,
                program.BUFFER: buffer,
                program.STATE: singles * sum(part.size for part in state),
                program.PITCH: singles * pitch,
                program.WORD: self._words,
                program.WORDS: packed.words,
                program.AWAKE: sum(part.size for part in self._awake),
                program.FIRED: self._fired,
                program.COUNT: len(self._rows),
                program.SEED: seed,
                program.RESTLESS: int(packed.restless),
                program.RING: packed.ring,
                program.SPAN: span,
            }
        )
        whole = np.zeros((parts, pitch), packed.state.dtype)
        if not packed.ring:
            whole[:, : packed.state.size] = packed.state
        state += [whole.ravel(), np.zeros(packed.ring * span, packed.state.dtype)]
        groups = -(-pixels // 64)
        self._awake += [_bits(pixels if packed.restless else 0, groups), np.zeros(packed.ring * groups, np.uint64)]
        self._words += packed.words * pixels
        # One more: spikes are appended without asking whether there is one.
        self._fired += shape[0] * pixels + 1
        # Neurons use the work space of signals, for as many numbers as a pixel has.
        self._widest = max(self._widest, padded_to_lines(packed.state.size), 3 * packed.ring + 2 * LANES)
        self._memory.append(packed.memory_steps)
        if packed.horizon_steps is not None:
            self._horizons.append(packed.horizon_steps)


def padded_to_lines(size: int) -> int:
    """`size` rounded up to whole cache lines of 4-byte numbers."""
    return -(-size // LANES) * LANES


def _whole_numbers(rows: Array) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Weights (..., outputs) as whole numbers, and for each output the power of two that they count."""
    _, exponents = np.frexp(np.abs(rows).max(axis=tuple(range(rows.ndim - 1))))
    scale = np.ldexp(1.0, exponents - 31)
    whole = np.rint(rows / scale).clip(1 - 2**31, 2**31 - 1)
    return whole.astype(np.int32), scale


def _whole_lines(block: NDArray[Any]) -> NDArray[Any]:
    padded = np.zeros(padded_to_lines(block.size), block.dtype)
    padded[: block.size] = block
    return padded


def _padded_rows(rows: Array) -> Array:
    padded = np.zeros((rows.shape[0], padded_to_lines(rows.shape[1])))
    padded[:, : rows.shape[1]] = rows
    return padded


def _bits(count: int, words: int) -> NDArray[np.uint64]:
    """`words` whose first `count` bits are set."""
    bits = np.arange(words * 64) < count
    return np.packbits(bits, bitorder="little").view(np.uint64)


def _joined(parts: Sequence[NDArray[Any]], dtype: Any) -> NDArray[Any]:
    joined = aligned(sum(part.size for part in parts), dtype)
    if parts:
        np.concatenate(parts, out=joined)
    return joined
