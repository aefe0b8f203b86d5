"""What one hears in a film of a sound: the sound itself, mixed to one channel."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np

from streamsnn.sources.sound_files import SoundFile

CODECS = {".mp4": ("aac", {"b": "128k"}), ".webm": ("libopus", {"b": "96k"})}
"""The codec, and its options, of the sound in a film with an ending; a film with another one is silent."""
RATE_HZ = 48_000
"""What sound is encoded at: both codecs can."""


class FilmSound:
    """Frames of `sounds`, whose ears are mixed, in step with a film that is written picture by picture."""

    def __init__(self, sounds: SoundFile) -> None:
        self._sounds = sounds
        self._blocks = iter(sounds)
        self._given = 0

    def until(self, end_s: float) -> Iterator[av.AudioFrame]:
        """What belongs before `end_s` and was not given yet, in whole blocks; less where the sound is over."""
        rate_hz = self._sounds.rate_hz
        while self._given < end_s * rate_hz:
            block = next(self._blocks, None)
            if block is None:
                return
            mono = np.ascontiguousarray(block.samples.mean(axis=1, dtype=np.float32)[None])
            frame = av.AudioFrame.from_ndarray(mono, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), self._given
            self._given += mono.shape[1]
            if mono.shape[1]:
                yield frame

    def close(self) -> None:
        self._sounds.close()
