"""A network in its step form: compiled, float32, one time step at a time, over a state that the caller holds."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Flatten, Linear, NetworkSpec, Population
from streamsnn.neurons.base import Array, Shape
from streamsnn.neurons.random import layer_seed
from streamsnn.types import ModelCard, Output, Step

_ALIGN = 16
"""Every block of weights and of state begins at a multiple of this many float32: one cache line."""


@dataclasses.dataclass
class _Lowered:
    """A network as the compiled step wants it."""

    table: NDArray[np.int64]
    weights: NDArray[np.float32]
    floats: NDArray[np.float32]
    counters: NDArray[np.int64]
    fired: int
    names: tuple[str, ...]
    populations: dict[str, int]
    seeds: dict[int, int]
    widest: int
    memory_steps: int | None
    horizon_steps: int | None


class Spikes(Mapping[str, NDArray[np.int32]]):
    """Layer name -> indices that fired in the latest step, read from a state only when asked.

    In layers with height and width indices are pixel-major: (y * width + x) * channels + channel.
    """

    def __init__(
        self, places: Mapping[str, tuple[int, int]], fired: NDArray[np.int32], counts: NDArray[np.int64]
    ) -> None:
        self._places, self._fired, self._counts = places, fired, counts

    def __getitem__(self, name: str) -> NDArray[np.int32]:
        begin, row = self._places[name]
        return self._fired[begin : begin + int(self._counts[row])]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class NetworkState:
    """Everything that one stream remembers: a few flat arrays, owned by the caller.

    `floats` (float32) holds membranes and rings, `counters` (int64) positions, steps and seeds, `fired` (int32) with
    `counts`
    (int64) the spikes of the latest step. `step` of the network updates it in place.
    """

    def __init__(self, network: Network, seed: int) -> None:
        lowered = network._lowered
        self.network = network
        self.seed = seed
        self.floats = lowered.floats.copy()
        self.counters = lowered.counters.copy()
        self.fired = np.zeros(lowered.fired, np.int32)
        self.counts = np.zeros(len(lowered.table), np.int64)
        self.steps = 0
        # Work space: no part of the state, but one each stream so that streams can step at the same time.
        self._current = np.zeros(lowered.widest, np.float64)
        self._indices = np.zeros(network.spec.card.input.size, np.int32)
        self._values = np.zeros(network.spec.card.input.size, np.float64)
        self._scores = np.zeros(len(network.card.labels), np.float32)
        operations = np.zeros(len(lowered.table), np.int64)
        spikes = Spikes(network._places, self.fired, self.counts)
        self._operations = operations
        self._output = Output(self._scores, spikes, operations)
        self._restart()

    def _restart(self) -> None:
        for counter, layer in self.network._lowered.seeds.items():
            self.counters[counter] = layer_seed(self.seed, layer)

    def reset(self) -> None:
        """Go back to the state before the first step, with the same seed."""
        lowered = self.network._lowered
        self.floats[:] = lowered.floats
        self.counters[:] = lowered.counters
        self.counts[:] = 0
        self.steps = 0
        self._restart()

    def copy(self) -> NetworkState:
        """A snapshot that shares nothing with this state."""
        twin = NetworkState(self.network, self.seed)
        twin._take(self.floats, self.counters, self.fired, self.counts, self.steps)
        twin._scores[:] = self._scores
        twin._operations[:] = self._operations
        return twin

    def _take(
        self,
        floats: NDArray[np.float32],
        counters: NDArray[np.int64],
        fired: NDArray[np.int32],
        counts: NDArray[np.int64],
        steps: int,
    ) -> None:
        self.floats[:], self.counters[:], self.fired[:], self.counts[:] = floats, counters, fired, counts
        self.steps = steps

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to `path` (safetensors); `Network.load_state` continues from it bit for bit."""
        from safetensors.numpy import save

        arrays: dict[str, NDArray[Any]] = {
            "floats": self.floats,
            "counters": self.counters,
            "fired": self.fired,
            "counts": self.counts,
        }
        words = {"network": self.network.fingerprint, "steps": str(self.steps), "seed": str(self.seed)}
        partial = Path(f"{os.fspath(path)}.partial")
        try:
            partial.write_bytes(save(arrays, words))
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StreamsnnError(
                f"the state cannot be written to {path}: {error.strerror}", hint="free space?"
            ) from error

    def variables(self, layer: str) -> NDArray[np.float32]:
        """The state variables of population `layer`, (variables, neurons), as its family's `pack` has them: a view."""
        row = self.network._lowered.table[self.network._lowered.populations[layer]]
        return self.floats[row[program.STATE] : row[program.STATE_END]].reshape(-1, int(row[program.SIZE]))

    def membrane(self, layer: str) -> NDArray[np.float32]:
        """The membrane of each neuron of population `layer` after the latest step (neurons,), computed when asked."""
        lowered = self.network._lowered
        row = lowered.table[lowered.populations[layer]]
        population = dict(self.network.spec.layers)[layer]
        assert isinstance(population, Population)
        constants = lowered.weights[row[program.CONSTANT] : row[program.CONSTANT_END]]
        counters = self.counters[row[program.COUNTER] : row[program.COUNTER_END]]
        return population.neuron.membrane_of(constants, self.variables(layer), counters)


class Network:
    """A spiking network that streams. It owns weights and never state: one network serves many streams.

    `weights` are the tensors of the exported spec by name, "layer.parameter". Raises StreamsnnError where they do not
    fit, are not finite, or describe neurons that cannot stream.
    """

    def __init__(self, spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
        self.spec = spec.exported()
        check_weights(self.spec, weights)
        self._lowered = _Lowering(self.spec, weights).finish()
        table = self._lowered.table
        self._places = {
            name: (int(table[row, program.FIRED]), row)
            for name, row in self._lowered.populations.items()
            if dict(self.spec.layers)[name].neuron.spiking  # type: ignore[union-attr]
        }
        self._ones = np.ones(max(self._lowered.widest, 1), np.float64)
        digest = hashlib.sha256(self._lowered.weights.tobytes() + table.tobytes())
        self.fingerprint = digest.hexdigest()
        grid = self.spec.card.input
        self._channels, self._pixels = grid.channels, grid.height * grid.width

    @property
    def card(self) -> ModelCard:
        return self.spec.card

    @property
    def parameter_count(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.prod(shape)) for shape in self.spec.parameter_shapes().values())

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The layer that each entry of `Output.operations` counts; recurrent synapses count for their population."""
        return self._lowered.names

    @property
    def memory_steps(self) -> int | None:
        """Steps after which the slowest neuron has forgotten its input; None: never."""
        return self._lowered.memory_steps

    def initial_state(self, seed: int = 0) -> NetworkState:
        """A fresh state; `seed` decides the draws of stochastic neurons."""
        return NetworkState(self, seed)

    def step(self, step: Step, state: NetworkState) -> Output:
        """Advance `state` by one time step in which `step.addresses` were active.

        Raises StreamsnnError if an address is outside the input.
        """
        count = step.addresses.size
        if count > state._indices.size:
            state._indices = np.zeros(2 * count, np.int32)
            state._values = np.zeros(2 * count, np.float64)
        taken = program.take_addresses(step.addresses, self._channels, self._pixels, state._indices, state._values)
        if taken < 0:
            raise StreamsnnError(
                f"step {step.index} has an address outside the input of {self.card.name!r} "
                f"({self._channels} x {self.card.input.height} x {self.card.input.width})",
                hint="bin events with a mapping that was fitted to this model",
            )
        return self._advance(taken, state)

    def step_dense(self, values: Array, state: NetworkState) -> Output:
        """Advance `state` by one time step whose input are real `values` (channels, height, width) or flat."""
        grid = self.card.input
        pixel_major = np.asarray(values, np.float64).reshape(grid.channels, -1).T.ravel()
        active = np.flatnonzero(pixel_major)
        state._indices[: active.size] = active
        state._values[: active.size] = pixel_major[active]
        return self._advance(active.size, state)

    def _advance(self, count: int, state: NetworkState) -> Output:
        lowered = self._lowered
        horizon = lowered.horizon_steps
        if horizon is not None and state.steps >= horizon:
            raise StreamsnnError(
                f"step {state.steps + 1} is beyond the {horizon} steps that a masked PSN here has weights for",
                hint="reset the state, or use sliding PSNs",
            )
        program.advance(
            lowered.table,
            lowered.weights,
            state.floats,
            state.counters,
            state.fired,
            state.counts,
            state._operations,
            state._current,
            state._indices,
            state._values,
            count,
            self._ones,
            state._scores,
        )
        state.steps += 1
        return state._output

    def warm_up(self) -> None:
        """Compile the step, or load it from disk, so that the first step of a stream is not late."""
        self.step(Step(0, np.zeros(0, np.int32), 0), self.initial_state())

    def load_state(self, path: str | os.PathLike[str]) -> NetworkState:
        """The state that `NetworkState.save` wrote. Raises StreamsnnError for damage or another network's state."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                words = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise StreamsnnError(
                f"{path} holds no saved state: {error}", hint="save one with state.save(path)"
            ) from error
        if words.get("network") != self.fingerprint:
            raise StreamsnnError(
                f"the state in {path} belongs to another network than {self.card.name!r}",
                hint="load the model that it was saved with",
            )
        state = self.initial_state(int(words["seed"]))
        state._take(arrays["floats"], arrays["counters"], arrays["fired"], arrays["counts"], int(words["steps"]))
        return state


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
        if not np.isfinite(weights[name]).all():
            raise StreamsnnError(f"{name} holds values that are not finite", hint="train the model again")


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
        self._widest = spec.card.input.size
        joined = False
        for index, ((name, layer), shape) in enumerate(zip(spec.layers, spec.shapes(), strict=True)):
            before = spec.input_shape(index)
            own = {key.partition(".")[2]: weights[key] for key in weights if key.partition(".")[0] == name}
            if isinstance(layer, Population):
                if not joined:
                    self._row({program.OP: program.SPREAD, program.SIZE: int(np.prod(shape)), program.BIAS: -1})
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
            joined = isinstance(layer, Linear | Conv2d)
            self._widest = max(self._widest, int(np.prod(shape)))

    def finish(self) -> _Lowered:
        memory = None if None in self._memory else sum(steps for steps in self._memory if steps is not None)
        return _Lowered(
            table=np.stack(self._rows),
            weights=np.concatenate([*self._weights, np.zeros(_ALIGN, np.float32)]),
            floats=np.concatenate([*self._state, np.zeros(_ALIGN, np.float32)]),
            counters=np.zeros(max(self._size["counters"], 1), np.int64),
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
        self._size["counters"] += packed.counters
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
                program.COUNTER_END: counter + packed.counters,
                program.FIRED: self._size["fired"],
                program.COUNT: len(self._rows),
            }
        )
        self._size["fired"] += size
        self._memory.append(packed.memory_steps)
        if packed.horizon_steps is not None:
            self._horizons.append(packed.horizon_steps)
