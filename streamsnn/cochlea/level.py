"""A gain that follows the sound: the loud is turned down within milliseconds, the quiet turned up slowly.

The power of the sharpened sound is followed by p += a (x^2 - p), where a belongs to `attack_ms` while x^2 > p and to
`release_ms` otherwise, and the sound is multiplied by level / sqrt(p). Both ears have one gain, or the difference
between them would be lost. Pauses that are shorter than the release stay quiet, and nothing is turned up beyond the
largest gain: silence stays silent.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.design import RATE_HZ
from streamsnn.compiled import compiled
from streamsnn.types import Hearing

_DC_MS = 8.0
"""Slower than with this time constant (20 Hz), nothing is heard: a constant offset has no level."""


class Leveller:
    """The gain of one stream of `ears` ears at 48 kHz, and the sharpening before it."""

    def __init__(self, hearing: Hearing, ears: int) -> None:
        self._settings = np.array(
            [
                hearing.pre_emphasis,
                math.exp(-1e3 / (_DC_MS * RATE_HZ)),
                1 - math.exp(-1e3 / (hearing.attack_ms * RATE_HZ)),
                1 - math.exp(-1e3 / (hearing.release_ms * RATE_HZ)),
                hearing.level,
                (hearing.level / 10 ** (hearing.most_gain_db / 20)) ** 2,
            ]
        )
        self._past = np.zeros((2, ears))
        self._power = np.array([(hearing.level / 10 ** (hearing.first_gain_db / 20)) ** 2])

    @property
    def gain(self) -> float:
        """The factor that the sound is multiplied by now."""
        return float(self._settings[4] / math.sqrt(self._power[0]))

    def push(self, samples: NDArray[np.float32]) -> None:
        """Sharpen and level `samples` (ears, n) in place."""
        _level(samples, self._settings, self._past, self._power)


@compiled()
def _level(
    samples: NDArray[np.float32],
    settings: NDArray[np.float64],
    past: NDArray[np.float64],
    power: NDArray[np.float64],
) -> None:
    """`past` (2, ears): the last sample, and the last without its constant part."""
    sharpen, keep, attack, release, level, least = settings
    ears = samples.shape[0]
    p = power[0]
    for n in range(samples.shape[1]):
        loudest = 0.0
        for ear in range(ears):
            x = np.float64(samples[ear, n])
            moving = x - past[0, ear] + keep * past[1, ear]
            sharp = moving - sharpen * past[1, ear]
            past[0, ear], past[1, ear] = x, moving
            samples[ear, n] = sharp
            loudest = max(loudest, sharp * sharp)
        p += (attack if loudest > p else release) * (loudest - p)
        p = max(p, least)
        gain = level / math.sqrt(p)
        for ear in range(ears):
            samples[ear, n] *= gain
    power[0] = p
