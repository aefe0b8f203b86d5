"""Gammatone filters, the cheap ear: the energy of sound around each of some frequencies, a millisecond at a time.

A filter is four complex resonators in a row, each y[n] = a y[n-1] + x[n] with a = exp(2 pi (-b + i f) / rate) (Hohmann
2002, "Frequency analysis and synthesis using a Gammatone filterbank"), of bandwidth b = 1.019 ERB(f) (Patterson et al.
1992), where ERB(f) = 24.7 (4.37 f / 1000 + 1) Hz (Glasberg and Moore 1990). |y|^2 is the energy, which is smoothed by
e += k (|y|^2 - e). Sixteen filters are taken at a time, at the sound's own rate.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import part
from streamsnn.intrinsics import LANES, float32s
from streamsnn.lanes import load_floats, muladd, spread, store_floats

ORDER = 4
ROW = 4 * LANES
"""Bytes of one number of sixteen filters."""
FILTER_ROWS = 3
"""Of each filter: the real part of a, its imaginary part, and 1 where it hears anything."""
STATE_ROWS = 2 * ORDER + 1
HOPS_A_SECOND = 1000

_HIGHEST_SHARE = 0.45
"""Above this share of the sound's rate there is nothing to hear."""

Float = NDArray[np.float64]


def centres_hz(channels: int, lowest_hz: float, highest_hz: float) -> Float:
    """Frequencies (channels,), the highest first, evenly spaced in ERBs (Glasberg and Moore 1990)."""
    first, last = (21.4 * math.log10(1 + 0.00437 * hz) for hz in (highest_hz, lowest_hz))
    chosen: Float = (10 ** (np.linspace(first, last, channels) / 21.4) - 1) / 0.00437
    return chosen


def bandwidths_hz(centre_hz: Float) -> Float:
    """b of each filter."""
    wide: Float = 1.019 * 24.7 * (4.37 * centre_hz / 1000 + 1)
    return wide


def peak_gains(centre_hz: Float, rate_hz: int) -> Float:
    """|y|^2 of each filter for a tone of its own frequency and of amplitude 1."""
    shrink = 1 - np.exp(-2 * np.pi * bandwidths_hz(centre_hz) / rate_hz)
    gain: Float = 0.25 * shrink ** (-2 * ORDER)
    return gain


def packed(centre_hz: Float, rate_hz: int) -> NDArray[np.float32]:
    """The filters as `resound` wants them: (groups of 16, FILTER_ROWS, 16); what fills the last group up is deaf."""
    pole = np.exp(2 * np.pi * (-bandwidths_hz(centre_hz) + 1j * centre_hz) / rate_hz)
    heard = audible(centre_hz, rate_hz)
    groups = -(-centre_hz.size // LANES)
    rows = np.zeros((FILTER_ROWS, groups * LANES), np.float32)
    rows[:, : centre_hz.size] = np.where(heard, pole.real, 0), np.where(heard, pole.imag, 0), heard
    return np.ascontiguousarray(rows.reshape(FILTER_ROWS, groups, LANES).transpose(1, 0, 2))


def audible(centre_hz: Float, rate_hz: int) -> NDArray[np.bool_]:
    """Which of the filters sound at this rate can reach."""
    reached: NDArray[np.bool_] = centre_hz <= _HIGHEST_SHARE * rate_hz
    return reached


def delays_us(centre_hz: Float, smooth_ms: float) -> Float:
    """How long after a click each filter's smoothed energy is largest."""
    step_s = 5e-5
    time_s = np.arange(step_s, 0.15, step_s)
    decay = np.exp(-time_s / (smooth_ms / 1000))
    energy = (time_s ** (2 * ORDER - 2)) * np.exp(-4 * np.pi * bandwidths_hz(centre_hz)[:, None] * time_s)
    smoothed = [np.convolve(each, decay)[: time_s.size] for each in energy]
    latest: Float = time_s[np.argmax(smoothed, axis=1)] * 1e6
    return latest


@part
def resound(
    sound: int,
    samples: int,
    first: int,
    hop: int,
    rate_hz: int,
    smooth: np.float32,
    filters: int,
    state: int,
    energies: int,
    apart: int,
) -> None:
    """Let sixteen filters hear `samples` float32 at `sound`, number `first` and on of the stream.

    Where a hop is over, `hop` and on, their energies are written to `energies`, `apart` bytes from hop to hop.
    """
    x = float32s(sound, samples)
    end = -(-(hop + 1) * rate_hz // HOPS_A_SECOND)
    re_of, im_of, heard = load_floats(filters), load_floats(filters + ROW), load_floats(filters + 2 * ROW)
    minus_im = spread(np.float32(0)) - im_of
    one_re, one_im = load_floats(state), load_floats(state + ROW)
    two_re, two_im = load_floats(state + 2 * ROW), load_floats(state + 3 * ROW)
    three_re, three_im = load_floats(state + 4 * ROW), load_floats(state + 5 * ROW)
    four_re, four_im = load_floats(state + 6 * ROW), load_floats(state + 7 * ROW)
    energy, k = load_floats(state + 8 * ROW), spread(smooth)
    for n in range(samples):
        next_re = muladd(re_of, one_re, muladd(minus_im, one_im, heard * spread(x[n])))
        one_im = muladd(re_of, one_im, im_of * one_re)
        one_re = next_re
        next_re = muladd(re_of, two_re, muladd(minus_im, two_im, one_re))
        two_im = muladd(re_of, two_im, muladd(im_of, two_re, one_im))
        two_re = next_re
        next_re = muladd(re_of, three_re, muladd(minus_im, three_im, two_re))
        three_im = muladd(re_of, three_im, muladd(im_of, three_re, two_im))
        three_re = next_re
        next_re = muladd(re_of, four_re, muladd(minus_im, four_im, three_re))
        four_im = muladd(re_of, four_im, muladd(im_of, four_re, three_im))
        four_re = next_re
        energy = muladd(k, muladd(four_re, four_re, four_im * four_im) - energy, energy)
        if first + n + 1 == end:
            store_floats(energies, energy)
            energies += apart
            hop += 1
            end = -(-(hop + 1) * rate_hz // HOPS_A_SECOND)
    store_floats(state, one_re)
    store_floats(state + ROW, one_im)
    store_floats(state + 2 * ROW, two_re)
    store_floats(state + 3 * ROW, two_im)
    store_floats(state + 4 * ROW, three_re)
    store_floats(state + 5 * ROW, three_im)
    store_floats(state + 6 * ROW, four_re)
    store_floats(state + 7 * ROW, four_im)
    store_floats(state + 8 * ROW, energy)
