"""Bushy cells: the releases of 40 afferents become spikes.

Each afferent releases with the hair cell's probability P, at most once a millisecond. Synapse and cell, at 24 kHz:

    I <- I e^(-dt / 0.5 ms) + releases        V <- V e^(-dt / 1 ms) + 325 dt I        a spike where V >= 1

V is 0 for 1 ms after a spike; I runs on. As afferents are alike, their releases are one draw from a binomial
distribution of P and of 40 less those that released within the last 23 samples. It is drawn by inversion at a number
that is a hash of seed, cell and time: a stream can be repeated, and cut anywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.membrane import ROW, VELOCITY_HZ
from streamsnn.compiled import part
from streamsnn.intrinsics import LANES, int32s
from streamsnn.lanes import (
    choose_bit,
    choose_less,
    load_floats,
    load_words,
    mask_less,
    muladd,
    spread,
    spread_word,
    store_floats,
    units,
    whole,
)

AFFERENTS = 40
_AFFERENTS_BITS = AFFERENTS.bit_length()
_SURE = np.float32(0.9999)
_NOTHING = np.float32(2.0**-26)
"""Beyond their mean, more releases are not awaited that are less likely than this: no draw is as fine."""
_DEAD = VELOCITY_HZ // 1000
"""Samples of a refractory millisecond: an afferent is silent for the 23 after its release, a cell for 24."""
_WINDOW = _DEAD - 1
STATE_ROWS = 4 + _WINDOW
"""Of each cell: synapse, membrane, samples of silence left, releases in the window, and those of each sample in it."""

_SYNAPSE = np.float32(math.exp(-1 / (0.5e-3 * VELOCITY_HZ)))
_MEMBRANE = np.float32(math.exp(-1 / (1e-3 * VELOCITY_HZ)))
_WEIGHT = np.float32(325 / VELOCITY_HZ)
_ALL, _ZERO, _ONE, _SILENCE = np.float32(AFFERENTS), np.float32(0), np.float32(1), np.float32(_DEAD)

# Constants of a mixer of 32 bits that was found by search: "lowbias32" (Wellons 2018, hash-prospector).
_FIRST, _SECOND = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_S16, _S15 = np.uint32(16), np.uint32(15)


def keys(groups: int, cells: int, seed: int, ear: int) -> NDArray[np.uint32]:
    """A key for every cell (groups, cells, 16)."""
    return np.random.default_rng([seed, ear]).integers(0, 2**32, (groups, cells, LANES), np.uint32)


@part
def moment(sample: int) -> np.uint32:
    """What the draws of all cells at `sample` have in common."""
    low = np.uint32(sample & 0xFFFFFFFF) ^ (np.uint32((sample >> 32) & 0xFFFFFFFF) * np.uint32(0x9E3779B9))
    return low * np.uint32(0x9E3779B1)


@part
def released(u: Any, afferents: Any, p: Any) -> Any:
    """The numbers of releases whose probabilities to be reached or surpassed are just above `u`."""
    zero, one = spread(_ZERO), spread(_ONE)
    p = choose_less(p, spread(_SURE), p, spread(_SURE))
    chance, power, number = one, one - p, whole(afferents)
    for bit in range(_AFFERENTS_BITS):
        chance = choose_bit(number, spread_word(np.uint32(1 << bit)), chance * power, chance)
        power = power * power
    beyond, count, odds, mean = one - chance, zero, p / (one - p), afferents * p
    nothing = spread(_NOTHING)
    more = 0
    while more < AFFERENTS and mask_less(u, beyond) != 0:
        done = spread(np.float32(more))
        left = afferents - done
        chance = chance * odds * choose_less(zero, left, left, zero) / spread(np.float32(more + 1))
        # Rounding leaves something of `beyond` where nothing more can come.
        beyond = choose_less(chance, nothing, choose_less(done, mean, beyond, zero), beyond)
        count = choose_less(u, beyond, count + one, count)
        beyond = beyond - chance
        more += 1
    return count


@part
def fire(probability: int, strides: int, first: int, state: int, key: int, spikes: int, apart: int) -> None:
    """The spikes of 16 cells, one a place, that hear `probability` (strides, 16) from sample `first` on.

    The word (int32) of stride i, `apart` bytes after that of stride i - 1 from `spikes` on, is given a bit a place.
    """
    zero, one = spread(_ZERO), spread(_ONE)
    synapse_keeps, membrane_keeps, weight, silence = (
        spread(_SYNAPSE),
        spread(_MEMBRANE),
        spread(_WEIGHT),
        spread(_SILENCE),
    )
    first_factor, second_factor = spread_word(_FIRST), spread_word(_SECOND)
    by_16, by_15 = spread_word(_S16), spread_word(_S15)
    own = load_words(key)
    synapse, membrane = load_floats(state), load_floats(state + ROW)
    silent, recent = load_floats(state + 2 * ROW), load_floats(state + 3 * ROW)
    slot = first % _WINDOW
    for i in range(strides):
        word = own ^ spread_word(moment(first + i))
        word = (word ^ (word >> by_16)) * first_factor
        word = (word ^ (word >> by_15)) * second_factor
        u = units(word ^ (word >> by_16))
        p = load_floats(probability + ROW * i)
        ready = spread(_ALL) - recent
        place = state + ROW * (4 + slot)
        recent = recent - load_floats(place)
        store_floats(place, zero)
        # At least one release is at most this likely: nearly always nothing has to be worked out.
        likely = mask_less(u, ready * p)
        if likely != 0:
            here = released(u, ready, p)
            store_floats(place, here)
            recent = recent + here
            synapse = muladd(synapse, synapse_keeps, here)
        else:
            synapse = synapse * synapse_keeps
        membrane = muladd(membrane, membrane_keeps, weight * synapse)
        membrane = choose_less(zero, silent, zero, membrane)
        silent = silent - one
        fired = mask_less(membrane, one) ^ np.uint64(0xFFFF)
        int32s(spikes + apart * i, 1)[0] = fired
        silent = choose_less(membrane, one, silent, silence)
        membrane = choose_less(membrane, one, membrane, zero)
        slot = slot + 1 if slot + 1 < _WINDOW else 0
    store_floats(state, synapse)
    store_floats(state + ROW, membrane)
    store_floats(state + 2 * ROW, silent)
    store_floats(state + 3 * ROW, recent)
