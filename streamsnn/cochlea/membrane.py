"""The basilar membrane, streamed: each place a few taps and `POLES` pairs of resonators, sixteen places at a time.

Sound comes in at 48 kHz and the velocity goes out at 24 kHz, where the hair cells live, so that a resonator takes two
samples in one stride: s[n] = a^2 s[n-2] + a x[n-1] + x[n]. What the published model folds at 12 kHz is folded here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.design import POLES, RATE_HZ, TAPS
from streamsnn.compiled import part
from streamsnn.intrinsics import LANES, float32s
from streamsnn.lanes import load_floats, muladd, spread, store_floats

HISTORY = TAPS + 1
"""Samples of 48 kHz before a stride's own that it looks back at."""
ROW = 4 * LANES
"""Bytes of one number of sixteen places."""

_POLE_ROWS = 6
FILTER_ROWS = TAPS + _POLE_ROWS * POLES
STATE_ROWS = 2 * POLES
VELOCITY_HZ = RATE_HZ // 2
BLOCK = 24
"""Strides that are taken at a time, a millisecond."""


def work_size(groups: int, cells: int) -> int:
    """Bytes of work space that hearing with so many groups of places, and cells a place, takes."""
    return ROW * BLOCK + 4 * BLOCK * groups * cells


@dataclass(frozen=True)
class Places:
    """Chosen places of the membrane, the highest first, with the numbers of their filters (places, ...)."""

    best_hz: NDArray[np.float64]
    poles: NDArray[np.complex128]
    residues: NDArray[np.complex128]
    taps: NDArray[np.float64]

    def delay_us(self) -> NDArray[np.float64]:
        """When each place moves most after a click."""
        n = np.arange(RATE_HZ // 10)
        moved = [
            np.concatenate([taps, 2 * (residues[:, None] * poles[:, None] ** n).sum(0).real])
            for poles, residues, taps in zip(self.poles, self.residues, self.taps, strict=True)
        ]
        return np.array([np.abs(each).argmax() for each in moved]) / RATE_HZ * 1e6

    def packed(self) -> NDArray[np.float32]:
        """The filters as `vibrate` wants them: (groups of 16 places, FILTER_ROWS, 16), places that fill up silent."""
        poles, residues = self.poles.T, self.residues.T
        numbers = [part for each in (poles**2, poles, 2 * residues) for part in (each.real, each.imag)]
        rows = np.concatenate([self.taps.T, np.stack(numbers, 1).reshape(_POLE_ROWS * POLES, -1)])
        groups = -(-len(self.taps) // LANES)
        padded = np.zeros((FILTER_ROWS, groups * LANES), np.float32)
        padded[:, : rows.shape[1]] = rows
        return np.ascontiguousarray(padded.reshape(FILTER_ROWS, groups, LANES).transpose(1, 0, 2))


@cache
def all_places() -> Places:
    """All 700 places that there are filters for, the highest first."""
    from safetensors.numpy import load_file

    table = load_file(Path(__file__).with_name("membrane.safetensors"))
    poles, residues = (table[name][:, 0] + 1j * table[name][:, 1] for name in ("poles", "residues"))
    return Places(table["best_hz"], poles, residues, table["taps"])


def choose_places(channels: int, lowest_hz: float, highest_hz: float) -> Places:
    """`channels` places, evenly along the membrane from that of `highest_hz` to that of `lowest_hz`."""
    every = all_places()
    # The table falls from its first place to its last, but for ties at the resolution of its frequencies.
    first, last = (int(np.abs(np.log(every.best_hz / hz)).argmin()) for hz in (highest_hz, lowest_hz))
    chosen = np.rint(np.linspace(first, last, channels)).astype(np.int64)
    return Places(every.best_hz[chosen], every.poles[chosen], every.residues[chosen], every.taps[chosen])


@part
def vibrate(sound: int, first: int, strides: int, filters: int, state: int, velocity: int) -> None:
    """The velocity (strides, 16) of a group of places, whose `filters` and `state` lie at these addresses.

    Stride i ends with sample `first` + 2 i of the float32 at `sound`; `HISTORY` samples lie before the first.
    """
    x = float32s(sound, first + 2 * strides)
    for i in range(strides):
        total = load_floats(filters) * spread(x[first + 2 * i])
        for tap in range(1, TAPS):
            total = muladd(load_floats(filters + ROW * tap), spread(x[first + 2 * i - tap]), total)
        store_floats(velocity + ROW * i, total)
    for pole in range(POLES):
        place = filters + ROW * (TAPS + _POLE_ROWS * pole)
        twice_re, twice_im = load_floats(place), load_floats(place + ROW)
        once_re, once_im = load_floats(place + 2 * ROW), load_floats(place + 3 * ROW)
        out_re, out_im = load_floats(place + 4 * ROW), load_floats(place + 5 * ROW)
        minus = spread(np.float32(0))
        twice_minus, out_minus = minus - twice_im, minus - out_im
        re, im = load_floats(state + 2 * ROW * pole), load_floats(state + 2 * ROW * pole + ROW)
        for i in range(strides):
            before, now = spread(x[first + 2 * i - TAPS - 1]), spread(x[first + 2 * i - TAPS])
            next_re = muladd(twice_re, re, muladd(twice_minus, im, muladd(once_re, before, now)))
            im = muladd(twice_re, im, muladd(twice_im, re, once_im * before))
            re = next_re
            total = muladd(out_re, re, muladd(out_minus, im, load_floats(velocity + ROW * i)))
            store_floats(velocity + ROW * i, total)
        store_floats(state + 2 * ROW * pole, re)
        store_floats(state + 2 * ROW * pole + ROW, im)
