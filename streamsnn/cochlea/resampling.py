"""Sound of any rate at 48 kHz, with a delay of a few milliseconds: a windowed sinc, a phase at a time.

Sample j of the output is taken as soon as input sample floor(j rate / 48000) is there. It holds what the sound was
`delay_us` before: that is how long an interpolation must wait for what comes after.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.sounds import refuse_rate
from streamsnn.compiled import compiled

_TAPS = 24
"""Taps a phase where the rate rises: images lie 60 dB down from 1.24 of the old half rate on."""
_BETA = 5.65
"""Of the Kaiser window: 60 dB in the stop band (Kaiser 1974)."""


class Resampler:
    """A stream of sound at `rate_hz`, one ear, as a stream at 48 kHz, at most `most` samples at a time."""

    def __init__(self, rate_hz: int, most: int) -> None:
        refuse_rate(rate_hz)
        common = math.gcd(rate_hz, RATE_HZ)
        self._up, self._down = RATE_HZ // common, rate_hz // common
        self._coefficients = _phases(rate_hz, self._up) if self._up != self._down else np.ones((1, 1), np.float32)
        self._past = self._coefficients.shape[1] - 1
        self._sound = np.zeros(self._past + most, np.float32)
        self._taken = 0
        self.made = 0
        """Samples of 48 kHz until now."""
        self.delay_us: float = self._past / 2 / rate_hz * 1e6
        """How long after the sound its resampled form comes."""

    def push(self, samples: NDArray[np.float32], out: NDArray[np.float32]) -> int:
        """Write the samples of 48 kHz that `samples` (n,) complete to the beginning of `out`; returns their number."""
        size = samples.size
        self._sound[self._past : self._past + size] = samples
        first = self.made
        origin = self._taken - self._past
        self._pass(size)
        count = self.made - first
        _interpolate(self._sound, origin, self._coefficients, first, self._up, self._down, out[:count])
        self._sound[: self._past] = self._sound[size : size + self._past]
        return count

    def skip(self, samples: int) -> None:
        """Let the time of `samples` lost samples pass; what comes next follows on what came last."""
        self._pass(samples)

    def _pass(self, samples: int) -> None:
        self._taken += samples
        self.made = -(-self._taken * self._up // self._down)


def _phases(rate_hz: int, up: int) -> NDArray[np.float32]:
    """Taps (phases, taps): of phase f the newest sample first, each phase of gain 1 for a constant sound."""
    cutoff = min(1.0, RATE_HZ / rate_hz)
    taps = math.ceil(_TAPS / cutoff) + 1
    # How far (in input samples) what a tap is multiplied with lies before the middle of the window.
    age = np.arange(taps) + np.arange(up)[:, None] / up - (taps - 1) / 2
    window = np.i0(_BETA * np.sqrt(np.maximum(0, 1 - (2 * age / taps) ** 2)))
    taken = np.sinc(cutoff * age) * window
    return np.asarray(taken / taken.sum(1, keepdims=True), np.float32)


@compiled()
def _interpolate(
    sound: NDArray[np.float32],
    origin: int,
    coefficients: NDArray[np.float32],
    first: int,
    up: int,
    down: int,
    out: NDArray[np.float32],
) -> None:
    for j in range(out.size):
        position = (first + j) * down
        newest = position // up - origin
        phase = coefficients[position % up]
        total = np.float32(0)
        for tap in range(phase.size):
            total += phase[tap] * sound[newest - tap]
        out[j] = total
