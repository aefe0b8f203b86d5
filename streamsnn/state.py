"""What one stream through a network remembers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.energy import Operations
from streamsnn.errors import StreamsnnError
from streamsnn.layers import NetworkSpec, Population
from streamsnn.lowering import Lowered, aligned
from streamsnn.neurons.base import Array
from streamsnn.neurons.random import layer_seed
from streamsnn.types import Output, Step

_FOREVER = 2**62


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

    `floats` (float32) and `doubles` (float64) hold membranes and rings, `words` (int64) what pixels note besides,
    `awake` (uint64) a bit for each pixel that must be stepped without input, `counters` (int64) the steps taken and the
    seeds, `fired` (int32) with `counts` (int64) the spikes of the latest step. A network's `step` updates them in
    place.
    """

    def __init__(self, spec: NetworkSpec, lowered: Lowered, seed: int) -> None:
        self.spec, self.lowered, self.seed = spec, lowered, seed
        self.floats, self.doubles = _copied(lowered.floats), _copied(lowered.doubles)
        self.awake = lowered.awake.copy()
        self.counters = np.zeros(lowered.counters, np.int64)
        self.words = np.zeros(lowered.words, np.int64)
        self.fired = np.zeros(lowered.fired, np.int32)
        self.counts = np.zeros(len(lowered.table), np.int64)
        # Work space: no part of the state, but one each stream so that streams can step at the same time.
        self._current = aligned(lowered.widest, np.float64)
        self._touched = np.zeros(-(-lowered.pixels // 64), np.uint64)
        self._starts = np.zeros(lowered.pixels + 1, np.int32)
        self._scores = np.zeros(len(spec.card.labels), np.float32)
        self._operations = np.zeros((2, len(lowered.table)), np.int64)
        spikes = Spikes(self._places(), self.fired, self.counts)
        self.output = Output(self._scores, spikes, Operations(*self._operations))
        """What the latest step gave: views, which the next step overwrites."""
        self._frame = np.zeros(program.FIELDS, np.int64)
        self.frame_address = self._frame.ctypes.data
        """Where compiled code finds all of this."""
        self.make_room(lowered.widest)
        self._frame_up()
        self._sow()

    @property
    def steps(self) -> int:
        """Steps taken since the beginning."""
        return int(self.counters[program.CLOCK])

    def make_room(self, entries: int) -> None:
        """Let a signal have up to `entries` entries."""
        # Whatever enters a layer must fit: at most all neurons before it, or all addresses of a step.
        self._indices, self._values = np.zeros(entries, np.int32), aligned(entries, np.float64)
        self._sorted = np.zeros(2 * entries, np.int32)
        self._frame[program.ROOM] = entries
        for field, array in (
            (program.INDICES, self._indices),
            (program.VALUES, self._values),
            (program.SORTED, self._sorted),
        ):
            self._frame[field] = array.ctypes.data

    def _frame_up(self) -> None:
        lowered, grid = self.lowered, self.spec.card.input
        self._frame[program.ROWS] = len(lowered.table)
        self._frame[program.INPUT_CHANNELS] = grid.channels
        self._frame[program.INPUT_PIXELS] = grid.width * grid.height
        self._frame[program.CLASSES] = self._scores.size
        self._frame[program.HORIZON] = _FOREVER if lowered.horizon_steps is None else lowered.horizon_steps
        for field, array in (
            (program.TABLE, lowered.table),
            (program.WEIGHTS, lowered.weights),
            (program.FLOATS, self.floats),
            (program.DOUBLES, self.doubles),
            (program.COUNTERS, self.counters),
            (program.WORD_STATE, self.words),
            (program.AWAKE_STATE, self.awake),
            (program.FIRED_STATE, self.fired),
            (program.COUNTS, self.counts),
            (program.CURRENT, self._current),
            (program.TOUCHED, self._touched),
            (program.STARTS, self._starts),
            (program.OPERATIONS, self._operations),
            (program.SCORES, self._scores),
        ):
            self._frame[field] = array.ctypes.data

    def _places(self) -> dict[str, tuple[int, int]]:
        table = self.lowered.table
        spiking = {name for name, layer in self.spec.layers if isinstance(layer, Population) and layer.neuron.spiking}
        rows = self.lowered.populations
        return {name: (int(table[row, program.FIRED]), row) for name, row in rows.items() if name in spiking}

    def _sow(self) -> None:
        for counter, layer in self.lowered.seeds.items():
            self.counters[counter] = layer_seed(self.seed, layer)

    def reset(self) -> None:
        """Go back to the state before the first step, with the same seed."""
        self.floats[:], self.doubles[:], self.awake[:] = self.lowered.floats, self.lowered.doubles, self.lowered.awake
        self.counters[:], self.words[:], self.counts[:] = 0, 0, 0
        self._sow()

    def copy(self) -> NetworkState:
        """A snapshot that shares nothing with this state."""
        twin = NetworkState(self.spec, self.lowered, self.seed)
        for name, array in self._arrays().items():
            twin._arrays()[name][:] = array
        twin._scores[:], twin._operations[:] = self._scores, self._operations
        return twin

    def take_values(self, values: Array) -> None:
        """Make real `values` (channels, height, width), or flat, the input of the next step.

        Raises StreamsnnError for another number of values, or for one that is not finite.
        """
        grid = self.spec.card.input
        given = np.asarray(values, np.float64)
        if given.size != grid.size:
            raise StreamsnnError(
                f"{given.size} values for an input of {grid.channels} x {grid.height} x {grid.width}",
                hint="give one value an address",
            )
        if not np.isfinite(given).all():
            raise StreamsnnError("an input value is not finite", hint="give finite numbers")
        pixel_major = given.reshape(grid.channels, -1).T.ravel()
        active = np.flatnonzero(pixel_major)
        self._indices[: active.size] = active
        self._values[: active.size] = pixel_major[active]
        self._frame[program.VALUES_READY] = active.size + 1

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to `path` (safetensors); `Network.load_state` continues from it bit for bit."""
        from safetensors.numpy import save

        words = {"network": self.lowered.fingerprint, "seed": str(self.seed)}
        partial = Path(f"{os.fspath(path)}.partial")
        try:
            partial.write_bytes(save(self._arrays(), words))
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StreamsnnError(
                f"the state cannot be written to {path}: {error.strerror}", hint="free space?"
            ) from error

    def variables(self, layer: str) -> Array:
        """The state variables of population `layer`, (variables, neurons), as its family's `pack` has them.

        Those of a pixel that sleeps are as it fell asleep.
        """
        row = self.lowered.table[self.lowered.populations[layer]]
        doubles = row[program.BUFFER] == program.DOUBLES
        buffer, singles = (self.doubles, 2) if doubles else (self.floats, 1)
        pitch, channels, pixels = (
            int(row[program.PITCH]) // singles,
            int(row[program.CHANNELS]),
            int(row[program.PIXELS]),
        )
        begin = int(row[program.STATE]) // singles
        if ring := int(row[program.RING]):
            return buffer[begin : begin + ring * pitch].reshape(ring, pitch)[:, : channels * pixels]
        state = buffer[begin : begin + pixels * pitch].reshape(pixels, pitch)
        size = self.lowered.packed[layer].state.size // channels
        return state[:, : size * channels].reshape(pixels, size, channels).swapaxes(0, 1).reshape(size, -1)

    def membrane(self, layer: str) -> Array:
        """The membrane of each neuron of population `layer` after the latest step (neurons,), computed when asked."""
        row = self.lowered.table[self.lowered.populations[layer]]
        words = self.words[row[program.WORD] :][: row[program.WORDS] * row[program.PIXELS]]
        pixels = int(row[program.PIXELS])
        words = np.concatenate([words.reshape(pixels, -1).T, _planes(self.awake, row)[1:, :pixels].astype(np.int64)])
        population = dict(self.spec.layers)[layer]
        assert isinstance(population, Population)
        constants = self.lowered.packed[layer].constants
        words = words.repeat(int(row[program.CHANNELS]), axis=1)
        return population.neuron.membrane_of(constants, self.variables(layer), words, self.steps)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Become the state that `save` wrote. Raises StreamsnnError for damage, or for another network's state."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                words = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise StreamsnnError(
                f"{path} holds no saved state: {error}", hint="save one with state.save(path)"
            ) from error
        if words.get("network") != self.lowered.fingerprint:
            raise StreamsnnError(
                f"the state in {path} belongs to another network than {self.spec.card.name!r}",
                hint="load the model that it was saved with",
            )
        if not (self._could_be(arrays) and words.get("seed", "").isdecimal()):
            raise StreamsnnError(f"the state in {path} is damaged", hint="save it again, or begin with a fresh one")
        for name, array in self._arrays().items():
            array[:] = arrays[name]
        self.seed = int(words["seed"])

    def _arrays(self) -> dict[str, NDArray[Any]]:
        names = ("floats", "doubles", "awake", "counters", "words", "fired", "counts")
        return {name: getattr(self, name) for name in names}

    def _could_be(self, arrays: Mapping[str, NDArray[Any]]) -> bool:
        """Whether these arrays are a state of this network: no number in them may lead a step astray."""
        own = self._arrays()
        if arrays.keys() != own.keys():
            return False
        if any(arrays[name].shape != own[name].shape or arrays[name].dtype != own[name].dtype for name in own):
            return False
        counts, fired, awake = arrays["counts"], arrays["fired"], arrays["awake"]
        table = self.lowered.table
        horizon = self.lowered.horizon_steps
        sizes = table[:, program.SIZE]
        if not (np.all(arrays["counters"] >= 0) and np.all((counts >= 0) & (counts <= sizes))):
            return False
        if horizon is not None and arrays["counters"][program.CLOCK] > horizon:
            return False
        for row in self.lowered.populations.values():
            begin, pixels = int(table[row, program.FIRED]), int(table[row, program.PIXELS])
            indices = fired[begin : begin + int(sizes[row])]
            if not np.all((indices >= 0) & (indices < sizes[row])):
                return False
            if _planes(awake, table[row])[:, pixels:].any():
                return False
        return all(np.isfinite(arrays[name]).all() for name in ("floats", "doubles"))


class StateBatch:
    """The states of several streams through one network, ready to be stepped together by `Network.step_many`.

    They stay the caller's: each can be read, copied, saved, reset or stepped alone at any time. Raises StreamsnnError
    for none, for one that is there twice, and for states of different networks.
    """

    def __init__(self, states: Sequence[NetworkState]) -> None:
        if not states or len({id(state) for state in states}) < len(states):
            raise StreamsnnError("a batch needs states, each once", hint="make one state a stream")
        self.states = tuple(states)
        self.lowered = states[0].lowered
        if any(state.lowered is not self.lowered for state in states):
            raise StreamsnnError(
                "a batch mixes states of different networks", hint="make all of them with the same initial_state()"
            )
        self.outputs = [state.output for state in states]
        """What the latest step gave each stream: views, which the next step overwrites."""
        self._frames = np.array([state.frame_address for state in states], np.int64)
        self._ends = np.zeros(len(states), np.int64)
        self._frame = np.zeros(program.FIELDS, np.int64)
        self._frame[program.STREAMS] = len(states)
        self._frame[program.FRAMES], self._frame[program.ENDS] = self._frames.ctypes.data, self._ends.ctypes.data
        self.frame_address = self._frame.ctypes.data
        """Where compiled code finds all of them."""

    def take_steps(self, steps: Sequence[Step]) -> NDArray[np.int32]:
        """All addresses of `steps` one after the other; the batch notes where each step's end."""
        parts = [step.addresses for step in steps]
        sizes = [len(part) for part in parts]
        np.cumsum(sizes, out=self._ends)
        if max(sizes) > self.lowered.widest:
            for size, state in zip(sizes, self.states, strict=True):
                state.make_room(max(2 * size, self.lowered.widest))
        return np.concatenate(parts)


def _planes(awake: NDArray[np.uint64], row: NDArray[np.int64]) -> NDArray[np.uint8]:
    """What is awake of the population in `row`, then its marks: (1 + marks, bits), for pixels and what fills a word."""
    groups, begin = -(-int(row[program.PIXELS]) // 64), int(row[program.AWAKE])
    words = awake[begin : begin + (1 + int(row[program.RING])) * groups].reshape(-1, groups)
    return np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")


def _copied(array: NDArray[Any]) -> NDArray[Any]:
    twin = aligned(array.size, array.dtype)
    twin[:] = array
    return twin
