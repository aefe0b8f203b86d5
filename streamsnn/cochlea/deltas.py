"""`DeltaEar`: blocks of sound in, packets of ON and OFF events out, the same events whatever the blocks."""

from __future__ import annotations

import copy
import math
from typing import Self

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea import gammatone
from streamsnn.cochlea.gammatone import HOPS_A_SECOND
from streamsnn.cochlea.sounds import checked_samples, refuse_rate
from streamsnn.errors import StreamsnnError
from streamsnn.intrinsics import LANES
from streamsnn.types import EVENT, DeltaHearing, Events, Packet, Sensor, Sound

_PIECES_A_SECOND = 100
"""Sound is heard in pieces of at most 10 ms, for which there is work space, however long a block is."""
_LOUDEST_DB = 20.0
_MOST_CHANNELS = 700
_LONGEST_MS = 1000


class DeltaEar:
    """What hears a stream of `ears` ears at `rate_hz` as `hearing` asks. Nothing in it is random: all seeds hear alike.

    An event's x is the channel, 0 the highest, its y the ear, and its p True where the energy rose, False where it
    fell. Its time is that of the millisecond of sound which completed it, counted from the stream's beginning. In
    silence nothing happens.

    Raises StreamsnnError for settings and rates that cannot be.
    """

    def __init__(self, hearing: DeltaHearing, rate_hz: int, ears: int = 1, seed: int = 0) -> None:
        _refuse_nonsense(hearing)
        refuse_rate(rate_hz, ears)
        self.hearing = hearing
        self.rate_hz = rate_hz
        self.sensor = Sensor("ear", hearing.channels, ears, "audio")
        self.best_hz = gammatone.centres_hz(hearing.channels, hearing.lowest_hz, hearing.highest_hz)
        """The frequency that each channel answers to most."""
        self.resampling_us = 0.0
        """There is none: filters are made for the sound's own rate."""
        self.clipped = 0
        """Samples so far that were at full scale or beyond."""
        self._filters = gammatone.packed(self.best_hz, rate_hz)
        self._levels = _levels(hearing, self.best_hz, rate_hz)
        self._smooth = np.float32(1 - math.exp(-1e3 / (hearing.smooth_ms * rate_hz)))
        groups = len(self._filters)
        self._piece = -(-rate_hz // _PIECES_A_SECOND)
        hops = self._piece * HOPS_A_SECOND // rate_hz + 2
        self._sound = np.zeros(self._piece, np.float32)
        self._energies = np.zeros((hops, groups * LANES), np.float32)
        self._state = np.zeros((ears, groups, gammatone.STATE_ROWS, LANES), np.float32)
        self._stands = np.zeros((ears, hearing.channels), np.int64)
        self._events = np.empty(ears * hops * self._levels.size, EVENT)
        self._taken = 0

    @property
    def delay_us(self) -> NDArray[np.float64]:
        """How long after a click each channel's energy is largest."""
        return gammatone.delays_us(self.best_hz, self.hearing.smooth_ms)

    def push(self, sound: Sound) -> Packet:
        """What `sound` brings: a packet that follows on the last one and ends with the last whole millisecond.

        A hole before `sound` leaves a hole between the packets; what comes after it is heard as if it had come at once.

        Raises StreamsnnError for what is no sound (NaN, infinities), has other ears, or lies in the past.
        """
        samples = checked_samples(sound, self.sensor.height, self._taken, self.rate_hz)
        self._taken = sound.begin
        begin_us = self._now_us()
        pieces = [self._hear(samples[at : at + self._piece]) for at in range(0, len(samples), self._piece)]
        events = pieces[0] if len(pieces) == 1 else np.concatenate([*pieces, self._events[:0]])
        return Packet(events, begin_us, self._now_us(), sound.arrived_ns, sound.dropped)

    def reset(self) -> None:
        """Go back to the beginning of a stream, in silence."""
        self._state.fill(0)
        self._stands.fill(0)
        self._taken = self.clipped = 0

    def copy(self) -> Self:
        """Another one that goes on from here and shares nothing with this one."""
        return copy.deepcopy(self)

    def _hear(self, samples: NDArray[np.float32]) -> Events:
        """The events of a piece of sound, in an array of their own."""
        # Compiled where it is first needed: settings can be looked at without.
        from streamsnn.cochlea.crossings import cross

        self.clipped += int(np.count_nonzero(np.abs(samples) >= 1))
        sound = self._sound[: len(samples)]
        hop = self._taken * HOPS_A_SECOND // self.rate_hz
        count = 0
        for ear in range(self.sensor.height):
            sound[:] = samples[:, ear]
            count += cross(
                sound,
                self._taken,
                hop,
                self.rate_hz,
                self._smooth,
                self._filters,
                self._state[ear],
                self._energies,
                self._levels,
                self._stands[ear],
                ear,
                self._events[count:],
            )
        self._taken += len(samples)
        events = self._events[:count]
        return events.copy() if self.sensor.height == 1 else events[np.argsort(events["t"], kind="stable")]

    def _now_us(self) -> int:
        return self._taken * HOPS_A_SECOND // self.rate_hz * (1_000_000 // HOPS_A_SECOND)


def _levels(hearing: DeltaHearing, centre_hz: NDArray[np.float64], rate_hz: int) -> NDArray[np.float32]:
    """The energies to cross (channels, levels), in the filters' own unit; out of reach where nothing is heard."""
    count = int((_LOUDEST_DB - hearing.floor_db) / hearing.step_db) + 1
    levels_db = hearing.floor_db + hearing.step_db * np.arange(count)
    levels = gammatone.peak_gains(centre_hz, rate_hz)[:, None] * 10 ** (levels_db / 10)
    levels[~gammatone.audible(centre_hz, rate_hz)] = np.inf
    return levels.astype(np.float32)


def _refuse_nonsense(hearing: DeltaHearing) -> None:
    rules = (
        (1 <= hearing.channels <= _MOST_CHANNELS, "channels", f"1 to {_MOST_CHANNELS}"),
        (20 <= hearing.lowest_hz <= hearing.highest_hz, "lowest_hz", "20 or more, below highest_hz"),
        (hearing.highest_hz <= 24_000, "highest_hz", "24000 or less"),
        (0 < hearing.smooth_ms <= _LONGEST_MS, "smooth_ms", f"a time above 0, up to {_LONGEST_MS}"),
        (0.1 <= hearing.step_db <= 40, "step_db", "0.1 to 40"),
        (-150 <= hearing.floor_db <= 0, "floor_db", "-150 to 0"),
    )
    for holds, name, wanted in rules:
        if not holds:
            raise StreamsnnError(f"[hearing]: {name} is {getattr(hearing, name)}.", hint=f"Give {wanted}.")
