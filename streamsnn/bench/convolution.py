"""Where the two convolutions cross: spikes scattered one by one, and outputs that gather what is in their window.

Both give the same sums, bit for bit. `convolution.dense_is_cheaper` decides between them by a rule whose constants were
fitted to such measurements; this shows where they really cross on this machine, and what the rule costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn import program
from streamsnn.bench.timing import undisturbed
from streamsnn.convolution import convolve_by_pixel, convolve_by_spike, dense_is_cheaper
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Conv2d, Linear, NetworkSpec
from streamsnn.lowering import aligned, lower
from streamsnn.types import InputSpec, ModelCard

DENSITIES = (0.003, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
RIGHT = tuple(range(1, 12))


@dataclass(frozen=True)
class Geometry:
    """A square convolution: inputs of `inputs` channels and `side` x `side` pixels."""

    inputs: int
    outputs: int
    side: int
    kernel: int = 3
    stride: int = 1

    def __str__(self) -> str:
        size = f"{self.inputs}x{self.side}x{self.side}"
        return f"{size} to {self.outputs}, {self.kernel}x{self.kernel}, stride {self.stride}"


GEOMETRIES = (
    Geometry(2, 32, 128, stride=2),
    Geometry(32, 32, 64, stride=2),
    Geometry(32, 32, 32),
    Geometry(16, 16, 32),
    Geometry(64, 64, 16),
    Geometry(32, 32, 16, kernel=5),
    Geometry(128, 128, 8),
)


class _Bench:
    """One convolution, ready to be run either way on the same spikes."""

    def __init__(self, geometry: Geometry) -> None:
        card = ModelCard("bench", ("a",), 1000, InputSpec(geometry.side, geometry.side, polarity="merge"), 1000)
        layer = Conv2d(geometry.outputs, geometry.kernel, geometry.stride, geometry.kernel // 2)
        spec = NetworkSpec(card, (("spread", Conv2d(geometry.inputs, 1)), ("layer", layer), ("end", Linear(1))))
        rng = np.random.default_rng(0)
        lowered = lower(spec, {name: rng.normal(size=shape) for name, shape in spec.parameter_shapes().items()})
        place = max(k for k, op in enumerate(lowered.table[:, program.OP]) if op == program.CONVOLVE)
        self.row: NDArray[np.int64] = lowered.table[place].copy()
        self._weights = lowered.weights
        self._size = geometry.inputs * geometry.side**2
        self._x = aligned(int(self.row[program.SIZE]), np.float64)
        self._touched = np.zeros(-(-int(self.row[program.PIXELS]) // 64), np.uint64)
        self._entries, self._starts = np.zeros(2 * self._size, np.int32), np.zeros(geometry.side**2 + 1, np.int32)
        self._rng = rng

    def spikes(self, density: float) -> NDArray[np.int32]:
        """Sorted indices, as a population gives them."""
        count = max(round(density * self._size), 1)
        return np.sort(self._rng.choice(self._size, count, replace=False)).astype(np.int32)

    def by_spike(self, spikes: NDArray[np.int32]) -> None:
        weights, x = self._weights.ctypes.data, self._x
        convolve_by_spike(self.row, weights, spikes, x, spikes.size, False, x.ctypes.data, self._touched)

    def by_pixel(self, spikes: NDArray[np.int32]) -> None:
        weights, x = self._weights.ctypes.data, self._x.ctypes.data
        convolve_by_pixel(self.row, weights, spikes, spikes.size, x, self._touched, self._entries, self._starts)

    def check(self, spikes: NDArray[np.int32]) -> None:
        """Raise StreamsnnError unless both ways give the same."""
        sums = []
        for way in (self.by_spike, self.by_pixel):
            self._x[:] = 0
            way(spikes)
            sums.append(self._x.copy())
        if not np.array_equal(sums[0], sums[1]):
            raise StreamsnnError("the two convolutions differ", hint="report it, with what machine this is")


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """All geometries and densities, ready for JSON; times in microseconds."""
    found = []
    with undisturbed():
        for geometry in GEOMETRIES[:2] if quick else GEOMETRIES:
            progress(str(geometry))
            found.append(_measured(geometry, 3 if quick else 15))
    return {"convolutions": found}


def _measured(geometry: Geometry, rounds: int) -> dict[str, Any]:
    bench = _Bench(geometry)
    rows = []
    for density in DENSITIES:
        spikes = bench.spikes(density)
        bench.check(spikes)
        spike_us, pixel_us = _fastest(bench, spikes, rounds)
        chosen = bool(dense_is_cheaper(bench.row, spikes.size))
        rows.append(
            {
                "density": density,
                "spikes": int(spikes.size),
                "by_spike_us": spike_us,
                "by_pixel_us": pixel_us,
                "by_pixel_is_chosen": chosen,
                "chosen_over_best": (pixel_us if chosen else spike_us) / min(spike_us, pixel_us),
            }
        )
    return {
        "convolution": str(geometry),
        "measured_crossing": _crossing(DENSITIES, [row["by_pixel_us"] / row["by_spike_us"] for row in rows]),
        "rule_crossing": next((row["density"] for row in rows if row["by_pixel_is_chosen"]), None),
        "densities": rows,
    }


def _fastest(bench: _Bench, spikes: NDArray[np.int32], rounds: int) -> tuple[float, float]:
    """Microseconds of both ways, each the best of so many turns: what else the machine does must not count."""
    best = [np.inf, np.inf]
    for _ in range(rounds):
        for place, way in enumerate((bench.by_spike, bench.by_pixel)):
            began = time.perf_counter_ns()
            way(spikes)
            best[place] = min(best[place], (time.perf_counter_ns() - began) * 1e-3)
    return best[0], best[1]


def _crossing(densities: Sequence[float], ratios: Sequence[float]) -> float | None:
    """The density from which on the second way is the quicker one, between two measured; None: never."""
    if ratios[-1] >= 1:
        return None
    for place in range(len(ratios) - 1, 0, -1):
        if ratios[place - 1] >= 1:
            span = np.log(densities[place] / densities[place - 1])
            part = np.log(ratios[place - 1]) / np.log(ratios[place - 1] / ratios[place])
            return float(densities[place - 1] * np.exp(part * span))
    return densities[0]


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """What was measured, as one table."""
    rows = []
    for one in result["convolutions"]:
        ratios = [f"{row['by_spike_us'] / row['by_pixel_us']:.2f}" for row in one["densities"]]
        worst = max(row["chosen_over_best"] for row in one["densities"])
        crossings = [_percent(one["measured_crossing"]), _percent(one["rule_crossing"])]
        rows.append([one["convolution"], *ratios, *crossings, f"{worst:.2f}"])
    title = "how many times as quick it is to gather by pixel as to scatter by spike, by the share of inputs that fire"
    densities = [_percent(density) for density in DENSITIES]
    return [(title, ["convolution", *densities, "cross at", "rule", "rule / best, worst"], rows)]


def _percent(share: float | None) -> str:
    return "never" if share is None else f"{100 * share:.2g} %"
