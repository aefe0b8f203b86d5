"""`Cochlea`: blocks of sound in, packets of spikes out, the same spikes whatever the blocks."""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea import bushy_cells, hair_cells, membrane
from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.level import Leveller
from streamsnn.cochlea.membrane import BLOCK, HISTORY, all_places, choose_places, work_size
from streamsnn.cochlea.resampling import Resampler
from streamsnn.cochlea.sounds import checked_samples, refuse_rate
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES
from streamsnn.types import EVENT, Events, Hearing, Packet, Sensor, Sound

_PIECES_A_SECOND = 100
"""Sound is heard in pieces of at most 10 ms, for which there is work space, however long a block is."""
_MOST_CHANNELS, _MOST_CELLS = 700, 40
_LONGEST_MS = 600_000


class Cochlea:
    """What hears a stream of `ears` ears at `rate_hz` as `hearing` asks; two of one `seed` hear the same.

    An event's x is the channel, 0 the highest, its y the ear, its p True. Its time is that of the sound which completed
    it, counted from the stream's beginning: `delay_us` after the sound that it stands for.

    Raises StreamsnnError for settings and rates that cannot be.
    """

    def __init__(self, hearing: Hearing, rate_hz: int, ears: int = 1, seed: int = 0) -> None:
        _refuse_nonsense(hearing)
        refuse_rate(rate_hz, ears)
        places = choose_places(hearing.channels, hearing.lowest_hz, hearing.highest_hz)
        piece = -(-rate_hz // _PIECES_A_SECOND)
        strides = piece * RATE_HZ // rate_hz // 2 + 2
        groups, cells = -(-hearing.channels // LANES), hearing.cells
        self.hearing = hearing
        self.rate_hz = rate_hz
        self.sensor = Sensor("cochlea", hearing.channels, ears, "audio")
        self.clipped = 0
        """Samples so far that were at full scale or beyond."""
        self._seed = seed
        self._places = places
        self._resamplers = [Resampler(rate_hz, piece) for _ in range(ears)]
        self._leveller = Leveller(hearing, ears)
        self._filters = places.packed()
        self._vibrating = np.zeros((ears, groups, membrane.STATE_ROWS, LANES), np.float32)
        self._releasing = np.stack([hair_cells.resting(groups)] * ears)
        self._firing = np.zeros((ears, groups, cells, bushy_cells.STATE_ROWS, LANES), np.float32)
        self._keys = np.stack([bushy_cells.keys(groups, cells, seed, ear) for ear in range(ears)])
        # Stride m of the membrane ends with sample 2 m of 48 kHz; before the first sample it was silent.
        self._sound = np.zeros((ears, HISTORY + 2 * strides), np.float32)
        self._work = np.empty(work_size(groups, cells), np.uint8)
        self._spikes = np.empty(ears * groups * LANES * cells * (strides // BLOCK + 2), EVENT)
        self._piece = piece
        self._held = HISTORY
        self._stride = 0
        self._taken = 0

    @property
    def best_hz(self) -> NDArray[np.float64]:
        """The frequency that each channel answers to most."""
        return self._places.best_hz

    @property
    def delay_us(self) -> NDArray[np.float64]:
        """How long after a click each channel's membrane moves most, resampling included."""
        delay_us: NDArray[np.float64] = self.resampling_us + self._places.delay_us()
        return delay_us

    @property
    def resampling_us(self) -> float:
        """What of `delay_us` is the resampling's."""
        return self._resamplers[0].delay_us

    @property
    def gain(self) -> float:
        """The factor that the sharpened sound is multiplied by now."""
        return self._leveller.gain

    def push(self, sound: Sound) -> Packet:
        """What `sound` brings: a packet that follows on the last one and ends with the membrane's last stride.

        A hole before `sound` leaves a hole between the packets; what comes after it is heard as if it had come at once.

        Raises StreamsnnError for what is no sound (NaN, infinities), has other ears, or lies in the past.
        """
        samples = checked_samples(sound, self.sensor.height, self._taken, self.rate_hz)
        if sound.begin > self._taken:
            self._skip(sound.begin - self._taken)
        begin_us = self._now_us()
        pieces = [self._hear(samples[at : at + self._piece]) for at in range(0, len(samples), self._piece)]
        events = pieces[0] if len(pieces) == 1 else np.concatenate([*pieces, self._spikes[:0]])
        return Packet(events, begin_us, self._now_us(), sound.arrived_ns, sound.dropped)

    def reset(self) -> None:
        """Go back to the beginning of a stream, in silence."""
        self.__dict__.update(Cochlea(self.hearing, self.rate_hz, self.sensor.height, self._seed).__dict__)

    def copy(self) -> Self:
        """Another one that goes on from here and shares nothing with this one."""
        return copy.deepcopy(self)

    def _hear(self, samples: NDArray[np.float32]) -> Events:
        """The spikes of a piece of sound, in an array of their own."""
        # Compiled where it is first needed: settings can be looked at without.
        from streamsnn.cochlea.chain import hear

        self._taken += len(samples)
        self.clipped += int(np.count_nonzero(np.abs(samples) >= 1))
        made = 0
        for ear, resampler in enumerate(self._resamplers):
            made = resampler.push(samples[:, ear], self._sound[ear, self._held :])
        self._leveller.push(self._sound[:, self._held : self._held + made])
        self._held += made
        strides = (self._held - HISTORY + 1) // 2
        count = 0
        for ear in range(self.sensor.height):
            count += hear(
                self._sound[ear],
                strides,
                self._stride,
                self._filters,
                self._vibrating[ear],
                self._releasing[ear],
                self._firing[ear],
                self._keys[ear],
                self._work,
                self.hearing.channels,
                ear,
                self._spikes[count:],
            )
        self._stride += strides
        left = self._held - 2 * strides
        self._sound[:, :left] = self._sound[:, 2 * strides : self._held].copy()
        self._held = left
        spikes = self._spikes[:count]
        return spikes.copy() if self.sensor.height == 1 else spikes[np.argsort(spikes["t"], kind="stable")]

    def _skip(self, samples: int) -> None:
        self._taken += samples
        for resampler in self._resamplers:
            resampler.skip(samples)
        made = self._resamplers[0].made
        self._stride = (made + 1) // 2
        held = HISTORY - (made & 1)
        past = self._sound[:, self._held - HISTORY + 1 : self._held].copy()
        self._sound[:, held - HISTORY + 1 : held] = past
        self._held = held

    def _now_us(self) -> int:
        return self._stride * 125 // 3


def _refuse_nonsense(hearing: Hearing) -> None:
    lowest_hz, highest_hz = all_places().best_hz[[-1, 0]]
    rules = (
        (1 <= hearing.channels <= _MOST_CHANNELS, "channels", f"1 to {_MOST_CHANNELS}"),
        (1 <= hearing.cells <= _MOST_CELLS, "cells", f"1 to {_MOST_CELLS}"),
        (
            lowest_hz <= hearing.lowest_hz <= hearing.highest_hz,
            "lowest_hz",
            f"{lowest_hz:.0f} or more, below highest_hz",
        ),
        (hearing.highest_hz <= highest_hz, "highest_hz", f"{highest_hz:.0f} or less"),
        (0 <= hearing.pre_emphasis <= 1, "pre_emphasis", "0 to 1"),
        (0 < hearing.level <= 10, "level", "a level above 0, up to 10"),
        (0 < hearing.attack_ms <= _LONGEST_MS, "attack_ms", f"a time above 0, up to {_LONGEST_MS}"),
        (0 < hearing.release_ms <= _LONGEST_MS, "release_ms", f"a time above 0, up to {_LONGEST_MS}"),
        (hearing.first_gain_db >= -120, "first_gain_db", "-120 or more"),
        (hearing.first_gain_db <= hearing.most_gain_db <= 120, "most_gain_db", "first_gain_db or more, up to 120"),
    )
    for holds, name, wanted in rules:
        if not holds:
            raise StreamsnnError(f"[hearing]: {name} is {getattr(hearing, name)}.", hint=f"Give {wanted}.")
