"""The compiled parts of the cochlea, one at a time, as functions of arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea import bushy_cells, membrane
from streamsnn.cochlea.bushy_cells import fire
from streamsnn.cochlea.hair_cells import release, resting
from streamsnn.cochlea.membrane import HISTORY, Places, vibrate
from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address, begin_flushing, end_flushing

Float = NDArray[np.float64]


@compiled()
def _vibrate(
    sound: NDArray[np.float32],
    filters: NDArray[np.float32],
    state: NDArray[np.float32],
    velocity: NDArray[np.float32],
    begin: int,
    strides: int,
) -> None:
    mode = begin_flushing()
    vibrate(address(sound), HISTORY + 2 * begin, strides, address(filters), address(state), address(velocity))
    end_flushing(mode)


def velocity_of(places: Places, sound: Float, cuts: tuple[int, ...] = ()) -> Float:
    """The velocity (strides, places) for `sound` at 48 kHz, taken in pieces that end at `cuts` strides."""
    strides = (len(sound) + 1) // 2
    padded = np.zeros(HISTORY + 2 * strides, np.float32)
    padded[HISTORY : HISTORY + len(sound)] = sound
    groups = []
    for filters in places.packed():
        state = np.zeros((membrane.STATE_ROWS, LANES), np.float32)
        velocity = np.zeros((strides, LANES), np.float32)
        for begin, end in zip((0, *cuts), (*cuts, strides), strict=True):
            _vibrate(padded, filters, state, velocity[begin:], begin, end - begin)
        groups.append(velocity)
    return np.concatenate(groups, 1).astype(np.float64)


@compiled()
def _release(velocity: NDArray[np.float32], state: NDArray[np.float32]) -> None:
    mode = begin_flushing()
    release(address(velocity), velocity.shape[0], address(state))
    end_flushing(mode)


def probability_of(velocity: Float, state: NDArray[np.float32] | None = None) -> Float:
    """The probability of a release (strides, places) for `velocity`; `state` (groups, rows, 16) goes on."""
    strides, count = velocity.shape
    groups = -(-count // LANES)
    padded = np.zeros((groups, strides, LANES), np.float32)
    for place in range(count):
        padded[place // LANES, :, place % LANES] = velocity[:, place]
    state = resting(groups) if state is None else state
    for group in range(groups):
        _release(padded[group], state[group])
    return np.concatenate(list(padded), 1)[:, :count].astype(np.float64)


@compiled()
def _fire(
    probability: NDArray[np.float32],
    first: int,
    state: NDArray[np.float32],
    key: NDArray[np.uint32],
    spikes: NDArray[np.int32],
    releases: NDArray[np.float32],
) -> None:
    row = 4 * LANES
    window = bushy_cells._WINDOW
    mode = begin_flushing()
    # A stride at a time, so that the releases of each can be read in the state.
    for i in range(probability.shape[0]):
        fire(address(probability) + row * i, 1, first + i, address(state), address(key), address(spikes) + 4 * i, 4)
        releases[i] = state[4 + (first + i) % window]
    end_flushing(mode)


def fired_of(probability: Float, key: NDArray[np.uint32], first: int = 0) -> tuple[NDArray[np.bool_], Float]:
    """Where 16 cells fire (strides, 16) that hear `probability` (strides, 16), and how many releases they hear."""
    given = np.ascontiguousarray(probability, np.float32)
    state = np.zeros((bushy_cells.STATE_ROWS, LANES), np.float32)
    words, releases = np.zeros(len(given), np.int32), np.zeros((len(given), LANES), np.float32)
    _fire(given, first, state, key, words, releases)
    fired = (words[:, None] >> np.arange(LANES)) & 1 == 1
    return fired, releases.astype(np.float64)
