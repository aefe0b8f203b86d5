"""Sound as a source of events: any `SoundSource`, heard by a cochlea."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from streamsnn.cochlea.encoder import Cochlea
from streamsnn.types import Hearing, Packet, Sensor, Sound, SoundSource


class Heard:
    """What a cochlea with `hearing` makes of `sounds`: a packet a block, and as many rows as the sound has ears.

    Every iteration hears from the beginning, with the same spikes for the same sound, however it is cut into blocks. It
    ends where `stop_us` is reached. `live` says that the sound comes in true time by itself.
    """

    def __init__(
        self,
        sounds: SoundSource,
        hearing: Hearing,
        *,
        seed: int = 0,
        live: bool = False,
        stop_us: int | None = None,
    ) -> None:
        self.sounds = sounds
        self.live = live
        self._stop_us = stop_us
        self._level = hearing.level
        self.cochlea = Cochlea(hearing, sounds.rate_hz, sounds.ears, seed)

    @property
    def sensor(self) -> Sensor:
        return self.cochlea.sensor

    def __iter__(self) -> Iterator[Packet]:
        self.cochlea.reset()
        # What there is to compile is compiled before the first sound comes in, and hears a moment of silence.
        self.cochlea.copy().push(Sound(np.zeros((1, self.sounds.ears), np.float32), 0, 0))
        for sound in self.sounds:
            packet = self.cochlea.push(sound)
            yield packet
            if self._stop_us is not None and packet.t_end_us >= self._stop_us:
                return

    def delays_ms(self) -> dict[str, float]:
        """What comes before a step can: the resampling, and the membrane of the quickest and of the slowest channel."""
        resampling_us = self.cochlea.resampling_us
        membrane_us = self.cochlea.delay_us - resampling_us
        return {
            "resampling_ms": resampling_us / 1000,
            "membrane_least_ms": float(membrane_us.min()) / 1000,
            "membrane_most_ms": float(membrane_us.max()) / 1000,
        }

    @property
    def level_db(self) -> float:
        """How loud the sound is now, as the gain follows it; full scale is 0."""
        return 20 * math.log10(self._level / self.cochlea.gain)

    @property
    def damage(self) -> Any:
        """What was found to be wrong with the sound so far, where its source tells."""
        return getattr(self.sounds, "damage", None)

    def close(self) -> None:
        self.sounds.close()
