"""The sliding parallel spiking neuron (PSN), which looks back k steps and streams for ever.

Fang et al. 2023, "Parallel Spiking Neurons with High Efficiency and Ability to Learn Long-term Dependencies":

    h_t = sum_{i=0}^{k-1} w_i x_{t-k+1+i} + bias                 z_t = [h_t >= 0]

Inputs before the start are 0 and the newest tap is the last. Surrogate: arctan, alpha = 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES, address, float32s, float64s, int32s, lowest_bit
from streamsnn.neurons.base import Array, Packed, Shape
from streamsnn.neurons.firing import append_bits
from streamsnn.registers import (
    add_lanes,
    judge_16,
    judge_32,
    judge_64,
    take_16,
    take_32,
    take_64,
    take_lanes_reaching,
)

if TYPE_CHECKING:
    from torch import Tensor

_ONE, _NONE = np.uint64(1), np.uint64(0)
_GROUP = 64
"""Pixels whose bits share a word."""

_ROUNDING = 2.0**-22
"""At least what rounding can take away from a sum of magnitudes in float32, a term: 4 times the unit roundoff."""


@dataclass(frozen=True)
class SlidingPSN:
    """A layer whose neurons share `k` taps and one bias: `weight` (k,), oldest first, and `bias` (), which is added."""

    family: ClassVar[str] = "sliding-psn"
    spiking: ClassVar[bool] = True
    recurrent: ClassVar[bool] = False
    k: int = 8

    def __post_init__(self) -> None:
        if self.k < 1:
            raise StreamsnnError(f"a sliding PSN needs at least one tap, not k = {self.k}", hint="set k to 1 or more")

    def initial(self, shape: Shape, step_ms: float, rng: np.random.Generator) -> dict[str, Array]:
        """The paper's exponential start: taps ..., 1/4, 1/2, 1 and bias -1."""
        return {"weight": 2.0 ** np.arange(1 - self.k, 1, dtype=np.float64), "bias": np.asarray(-1.0)}

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"weight": (self.k,), "bias": ()}

    def membrane(self, current: Tensor, p: Mapping[str, Tensor]) -> Tensor:
        """h (T, B, ...) of `current` (T, B, ...): one banded matrix over time, parallel in T."""
        import torch

        steps = current.shape[0]
        lag = torch.arange(steps)[:, None] - torch.arange(steps)
        tap = (self.k - 1 - lag).clamp(0, self.k - 1)
        band = torch.where((lag >= 0) & (lag < self.k), p["weight"][tap], 0.0)
        return (band @ current.reshape(steps, -1)).reshape(current.shape) + p["bias"]

    def sequence(self, current: Tensor, p: Mapping[str, Tensor], step_ms: float, seeds: NDArray[np.int64]) -> Tensor:
        """Spikes (T, B, ...) of `current` (T, B, ...)."""
        from streamsnn.neurons.surrogate import fires_at_or_above

        return fires_at_or_above(self.membrane(current, p))

    def pack(self, shape: Shape, step_ms: float, p: Mapping[str, Array]) -> Packed:
        """Constants: k taps newest first, bias. State: a ring of k inputs; marks say which slots hold some.

        The notes are a ring, too, of the next k steps: what all that has arrived can add to a membrane of the pixel at
        most. Where that does not reach the threshold no sum is taken, whether or not something has just arrived.
        """
        constants = np.concatenate([p["weight"][::-1], np.atleast_1d(p["bias"])])
        return Packed(
            constants,
            np.zeros(self.k * shape[0], np.float32),
            ring=self.k,
            memory_steps=self.k,
            restless=bool(p["bias"] >= 0),
        )

    def membrane_of(self, constants: Array, variables: Array, words: NDArray[np.int64], clock: int) -> Array:
        """h."""
        taps, bias = constants[:-1], constants[-1]
        slots = (clock - 1 - np.arange(self.k)) % self.k
        membrane: Array = bias + (taps[:, None] * words[slots] * variables[slots]).sum(0)
        return membrane


@compiled()
def _take_row(x: int, row: int, size: int) -> np.int32:
    """Move `size` float64 to a row of float32 and leave 0; returns the bits of the largest magnitude."""
    largest = np.int32(0)
    place = np.int64(0)
    while size - place >= 64:
        largest = max(largest, take_64(x + 8 * place, row + 4 * place))
        place += 64
    if size - place >= 32:
        largest = max(largest, take_32(x + 8 * place, row + 4 * place))
        place += 32
    if size - place >= 16:
        largest = max(largest, take_16(x + 8 * place, row + 4 * place))
        place += 16
    numbers, left, bits = float64s(x, size), float32s(row, size), int32s(row, size)
    for i in range(place, size):
        left[i] = numbers[i]
        numbers[i] = 0
        largest = max(largest, bits[i] & np.int32(0x7FFFFFFF))
    return largest


@compiled()
def _judge(
    bias: float,
    rows: int,
    weights: int,
    slots: int,
    n: int,
    pitch: int,
    ahead: int,
    size: int,
    fired: NDArray[np.int32],
    count: int,
    first: int,
) -> int:
    """Append `first` + i for each i whose sum of the n > 0 rows `slots` reaches 0; returns the new `count`.

    Rows that lie `ahead` of those of the same slots will soon be needed.
    """
    place = np.int64(0)
    while size - place >= 64:
        count = append_bits(
            judge_64(bias, rows + 4 * place, weights, slots, n, 4 * pitch, 4 * ahead), first + place, fired, count
        )
        place += 64
    if size - place >= 32:
        count = append_bits(
            judge_32(bias, rows + 4 * place, weights, slots, n, 4 * pitch, 4 * ahead), first + place, fired, count
        )
        place += 32
    while size - place > 0:
        # What lies behind the last neuron is summed, too, and nobody's.
        own = (_ONE << np.uint64(min(size - place, np.int64(16)))) - _ONE
        bits = judge_16(bias, rows + 4 * place, weights, slots, n, 4 * pitch, 4 * ahead) & own
        count = append_bits(bits, first + place, fired, count)
        place += 16
    return count


@compiled()
def step_sliding(
    current: int,
    constants: int,
    s: int,
    pitch: int,
    notes: int,
    span: int,
    touched: NDArray[np.uint64],
    awake: NDArray[np.uint64],
    marks: NDArray[np.uint64],
    pixels: int,
    size: int,
    taps: int,
    newest: int,
    restless: bool,
    numbers: NDArray[np.int32],
    values: NDArray[np.float64],
    fired: NDArray[np.int32],
) -> int:
    """One step of all pixels, `size` neurons each, whose inputs go to slot `newest` of the rings; how many fired.

    Each of the `taps` planes of the ring has `pitch` numbers, and each of those of notes `span`. `numbers` and `values`
    are room for twice as many numbers as there are taps, and `values` for 32 more.
    """
    groups = touched.size
    p = float32s(constants, taps + 1)
    bias = np.float64(p[taps])
    limit = np.float32(-bias * (1 - _ROUNDING * (taps + 1)))
    for j in range(taps):
        # The oldest first: in this order the sequence form adds.
        numbers[j] = newest + 1 + j if newest + 1 + j < taps else newest + 1 + j - taps
        values[j] = p[taps - 1 - j]
    some_slots, some_taps = address(numbers) + 4 * taps, address(values) + 8 * taps
    magnitudes = int32s(address(values) + 16 * taps, _GROUP)
    # Of one type from the start: numba would compile what takes it once for every type on the way.
    count: int = np.int64(0)  # type: ignore[assignment]
    for group in range(groups):
        news = touched[group]
        if news == _NONE and awake[group] == _NONE:
            continue
        touched[group] = _NONE
        marks[newest * groups + group] = news
        if not restless:
            heard = _NONE
            for slot in range(taps):
                heard |= marks[slot * groups + group]
            awake[group] = heard
        begin = _GROUP * group
        lanes = min(_GROUP, pixels - begin)
        if news != _NONE:
            magnitudes[:] = 0
            while news != _NONE:
                low = lowest_bit(news)
                news &= news - _ONE
                pixel = begin + low
                row = s + 4 * (newest * pitch + pixel * size)
                magnitudes[low] = _take_row(current + 8 * pixel * size, row, size)
            for lag in range(taps):
                slot = newest + lag if newest + lag < taps else newest + lag - taps
                for lane in range(0, lanes, LANES):
                    place = notes + 4 * (slot * span + begin + lane)
                    add_lanes(place, address(magnitudes) + 4 * lane, abs(p[lag]))
        todo = _NONE
        for lane in range(0, lanes, LANES):
            place = notes + 4 * (newest * span + begin + lane)
            todo |= take_lanes_reaching(place, limit) << np.uint64(lane)
        todo &= awake[group]
        while todo != _NONE:
            low = lowest_bit(todo)
            todo &= todo - _ONE
            pixel = begin + low
            n = np.int64(0)
            for j in range(taps):
                numbers[taps + n], values[taps + n] = numbers[j], values[j]
                n += np.int64((marks[numbers[j] * groups + group] >> np.uint64(low)) & _ONE)
            if n > 0:
                rows = s + 4 * pixel * size
                # The pixel after the next, which mostly wants the same slots.
                rest = todo & (todo - _ONE)
                ahead = (lowest_bit(rest) - low) * size if rest != _NONE else 0
                count = _judge(bias, rows, some_taps, some_slots, n, pitch, ahead, size, fired, count, pixel * size)
            else:
                # Nothing but a bias that reaches the threshold by itself.
                for i in range(size):
                    fired[count] = pixel * size + i
                    count += 1
    return count
