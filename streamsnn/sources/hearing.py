"""Sound as a source of events: any `SoundSource`, heard by a cochlea or a cheaper ear."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from streamsnn.cochlea.ears import make_ear
from streamsnn.types import AnyHearing, Packet, Sensor, Sound, SoundSource

_SILENCE_DB = -120.0


class Heard:
    """What an ear with `hearing` makes of `sounds`: a packet a block, and as many rows as the sound has ears.

    Every iteration hears from the beginning, with the same spikes for the same sound, however it is cut into blocks. It
    ends where `stop_us` is reached. `live` says that the sound comes in true time by itself.
    """

    def __init__(
        self,
        sounds: SoundSource,
        hearing: AnyHearing,
        *,
        seed: int = 0,
        live: bool = False,
        stop_us: int | None = None,
    ) -> None:
        self.sounds = sounds
        self.live = live
        self.on_sound: Callable[[Sound], object] | None = None
        """Told of every block before it is heard: whoever wants to know the sound, too, need not read it again."""
        self._stop_us = stop_us
        self.level_db = _SILENCE_DB
        """How loud the newest block was, as the root of its mean square; full scale is 0, and digital zero -120."""
        self.ear = make_ear(hearing, sounds.rate_hz, sounds.ears, seed)

    @property
    def sensor(self) -> Sensor:
        return self.ear.sensor

    def __iter__(self) -> Iterator[Packet]:
        self.ear.reset()
        # What there is to compile is compiled before the first sound comes in, and hears a moment of silence.
        self.ear.copy().push(Sound(np.zeros((1, self.sounds.ears), np.float32), 0, 0))
        for sound in self.sounds:
            if self.on_sound is not None:
                self.on_sound(sound)
            flat = sound.samples.ravel()
            power = float(np.dot(flat, flat)) / max(1, flat.size)
            self.level_db = max(_SILENCE_DB, 10 * math.log10(power)) if power > 0 else _SILENCE_DB
            packet = self.ear.push(sound)
            yield packet
            if self._stop_us is not None and packet.t_end_us >= self._stop_us:
                return

    def delays_ms(self) -> dict[str, float]:
        """What comes before a step can: the resampling, and the quickest and the slowest channel."""
        resampling_us = self.ear.resampling_us
        membrane_us = self.ear.delay_us - resampling_us
        return {
            "resampling_ms": resampling_us / 1000,
            "membrane_least_ms": float(membrane_us.min()) / 1000,
            "membrane_most_ms": float(membrane_us.max()) / 1000,
        }

    @property
    def overruns(self) -> int | None:
        """How often its device lost sound before it reached this program; None where there is no device."""
        return getattr(self.sounds, "overruns", None)

    @property
    def damage(self) -> Any:
        """What was found to be wrong with the sound so far, where its source tells."""
        return getattr(self.sounds, "damage", None)

    def close(self) -> None:
        self.sounds.close()
