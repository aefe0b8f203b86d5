"""What one stream through a network remembers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.errors import StreamsnnError
from streamsnn.layers import NetworkSpec, Population
from streamsnn.lowering import Lowered
from streamsnn.neurons.base import Array
from streamsnn.neurons.random import layer_seed
from streamsnn.types import Output


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
    `counts` (int64) the spikes of the latest step. A network's `step` updates it in place.
    """

    def __init__(self, spec: NetworkSpec, lowered: Lowered, seed: int) -> None:
        self.spec, self.lowered, self.seed = spec, lowered, seed
        self.floats = lowered.floats.copy()
        self.counters = np.zeros_like(lowered.limits)
        self.fired = np.zeros(lowered.fired, np.int32)
        self.counts = np.zeros(len(lowered.table), np.int64)
        self.steps = 0
        # Work space: no part of the state, but one each stream so that streams can step at the same time.
        self._current = np.zeros(lowered.widest, np.float64)
        self._ones = np.ones(lowered.widest, np.float64)
        # Whatever enters a layer must fit: at most all neurons before it, or all addresses of a step.
        self._indices = np.zeros(lowered.widest, np.int32)
        self._values = np.zeros(lowered.widest, np.float64)
        self._scores = np.zeros(len(spec.card.labels), np.float32)
        self._operations = np.zeros(len(lowered.table), np.int64)
        self._output = Output(self._scores, Spikes(self._places(), self.fired, self.counts), self._operations)
        self._sow()

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
        self.floats[:] = self.lowered.floats
        self.counters[:] = 0
        self.counts[:] = 0
        self.steps = 0
        self._sow()

    def copy(self) -> NetworkState:
        """A snapshot that shares nothing with this state."""
        twin = NetworkState(self.spec, self.lowered, self.seed)
        twin.floats[:], twin.counters[:] = self.floats, self.counters
        twin.fired[:], twin.counts[:] = self.fired, self.counts
        twin.steps = self.steps
        twin._scores[:], twin._operations[:] = self._scores, self._operations
        return twin

    def take_addresses(self, addresses: NDArray[np.int32]) -> int:
        """Make `addresses` the input of the next step; returns how many, or -1 if one is outside the input."""
        if addresses.size > self._indices.size:
            self._indices = np.zeros(2 * addresses.size, np.int32)
            self._values = np.zeros(2 * addresses.size, np.float64)
        grid = self.spec.card.input
        pixels = grid.height * grid.width
        return int(program.take_addresses(addresses, grid.channels, pixels, self._indices, self._values))

    def take_values(self, values: Array) -> int:
        """Make real `values` (channels, height, width), or flat, the input; returns how many are not zero.

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
        return active.size

    def advance(self, count: int) -> Output:
        """One step whose input are the `count` entries taken before.

        Raises StreamsnnError past the horizon of a masked PSN.
        """
        lowered = self.lowered
        if lowered.horizon_steps is not None and self.steps >= lowered.horizon_steps:
            raise StreamsnnError(
                f"step {self.steps + 1} is beyond the {lowered.horizon_steps} steps that a masked PSN has weights for",
                hint="reset the state, or use sliding PSNs",
            )
        program.advance(
            lowered.table,
            lowered.weights,
            self.floats,
            self.counters,
            self.fired,
            self.counts,
            self._operations,
            self._current,
            self._indices,
            self._values,
            count,
            self._ones,
            self._scores,
        )
        self.steps += 1
        return self._output

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to `path` (safetensors); `Network.load_state` continues from it bit for bit."""
        from safetensors.numpy import save

        words = {"network": self.lowered.fingerprint, "steps": str(self.steps), "seed": str(self.seed)}
        partial = Path(f"{os.fspath(path)}.partial")
        try:
            partial.write_bytes(save(self._arrays(), words))
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise StreamsnnError(
                f"the state cannot be written to {path}: {error.strerror}", hint="free space?"
            ) from error

    def variables(self, layer: str) -> NDArray[np.float32]:
        """The state variables of population `layer`, (variables, neurons), as its family's `pack` has them: a view."""
        row = self.lowered.table[self.lowered.populations[layer]]
        return self.floats[row[program.STATE] : row[program.STATE_END]].reshape(-1, int(row[program.SIZE]))

    def membrane(self, layer: str) -> NDArray[np.float32]:
        """The membrane of each neuron of population `layer` after the latest step (neurons,), computed when asked."""
        lowered = self.lowered
        row = lowered.table[lowered.populations[layer]]
        population = dict(self.spec.layers)[layer]
        assert isinstance(population, Population)
        constants = lowered.weights[row[program.CONSTANT] : row[program.CONSTANT_END]]
        counters = self.counters[row[program.COUNTER] : row[program.COUNTER_END]]
        return population.neuron.membrane_of(constants, self.variables(layer), counters)

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
        if not (self._could_be(arrays) and words.get("steps", "").isdecimal() and words.get("seed", "").isdecimal()):
            raise StreamsnnError(f"the state in {path} is damaged", hint="save it again, or begin with a fresh one")
        for name, array in self._arrays().items():
            array[:] = arrays[name]
        self.seed, self.steps = int(words["seed"]), int(words["steps"])

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"floats": self.floats, "counters": self.counters, "fired": self.fired, "counts": self.counts}

    def _could_be(self, arrays: Mapping[str, NDArray[Any]]) -> bool:
        """Whether these arrays are a state of this network: no number in them may lead a step astray."""
        own = self._arrays()
        if arrays.keys() != own.keys():
            return False
        if any(arrays[name].shape != own[name].shape or arrays[name].dtype != own[name].dtype for name in own):
            return False
        counters, counts, fired = arrays["counters"], arrays["counts"], arrays["fired"]
        sizes = self.lowered.table[:, program.SIZE]
        if not (
            np.all((counters >= 0) & (counters < self.lowered.limits)) and np.all((counts >= 0) & (counts <= sizes))
        ):
            return False
        for row in self.lowered.populations.values():
            begin = int(self.lowered.table[row, program.FIRED])
            indices = fired[begin : begin + int(sizes[row])]
            if not np.all((indices >= 0) & (indices < sizes[row])):
                return False
        return bool(np.isfinite(arrays["floats"]).all())
