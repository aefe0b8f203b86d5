"""`Activity`: which pixels of a sensor were lately active, without noise that stands alone and without what
flickers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking.bits import extract, mark, recount, sift
from streamsnn.types import InputSpec, Step

_SLOT_US = 2_000
_SPELL_US = 10_000
_FLICKER_US = 300_000
"""Of the spells in so long it is counted in how many a pixel was active."""


class Activity:
    """The pixels that were active lately, each once, with its age and polarity.

    An event counts if one of the eight pixels around it was active in its slot or in the one before (Delbruck 2008,
    "Frame-free dynamic digital vision"), and if its own pixel has been busy for less than `flicker` of the last 300 ms:
    an edge passes, a lamp stays. A slot is a step, or as many short ones as make 2 ms; `longest_us` is how far back
    one can look. Everything is kept as bits, a pixel each: work is some cycles an event and 64 pixels.
    """

    def __init__(self, spec: InputSpec, *, step_us: int, longest_us: int, flicker: float = 0.6) -> None:
        self.spec, self.step_us = spec, step_us
        pixels = spec.width * spec.height
        self._plane = pixels if spec.polarity == "split" else 2 * pixels
        self._per_slot = max(1, _SLOT_US // step_us)
        self.slot_us = self._per_slot * step_us
        self._slots = max(2, math.ceil(longest_us / self.slot_us))
        self._per_spell = max(1, _SPELL_US // self.slot_us)
        spells = min(31, max(4, _FLICKER_US // (self._per_spell * self.slot_us)))
        self._limit = math.floor(flicker * spells) + 1
        # Nothing is left of what is older than so many steps.
        self._memory = self._per_slot * max(self._slots, (spells + 1) * self._per_spell)
        # A border of one row and one word all round, so that no neighbour needs a test.
        plane = (spec.height + 2, -(-spec.width // 64) + 2)
        self._raw = np.zeros((2, 2, *plane), np.uint64)
        self._kept = np.zeros((self._slots, 2, *plane), np.uint64)
        self._busy = np.zeros((spells + 1, *plane), np.uint64)
        self._counts = np.zeros((5, *plane), np.uint64)
        self._flickering = np.zeros(plane, np.uint64)
        self._covered = np.zeros(plane, np.uint64)
        self._x, self._y, self._age = (np.empty(pixels, np.int32) for _ in range(3))
        self._sign = np.empty(pixels, np.int8)
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        for each in (self._raw, self._kept, self._busy, self._counts, self._flickering):
            each.fill(0)
        self.count = 0
        self._now: int | None = None
        self._quiet = 0

    def push(self, step: Step) -> None:
        """Take a step in."""
        silent = len(step.addresses) == 0
        passed = 1 if self._now is None else step.index - self._now
        self._quiet += passed if silent else passed - 1
        if self._quiet > self._memory:
            if self.count or self._now is not None:
                self.reset()
            self._quiet = self._memory
            if silent:
                return
            passed = 1
        for now in range(step.index - passed + 1, step.index + 1):
            self._turn(now)
        self._now = step.index
        if silent:
            return
        self._quiet = 0
        slot = self._now // self._per_slot
        raw, before = self._raw[slot % 2], self._raw[(slot + 1) % 2]
        mark(step.addresses, self._plane, self.spec.width, raw)
        busy = self._busy[slot // self._per_spell % len(self._busy)]
        sift(raw, before, self._flickering, self._kept[slot % self._slots], busy)

    def look(self, enough: int, shortest_us: int) -> int:
        """Choose the newest `enough` active pixels, or all that are held, but those of the last `shortest_us` at least;
        whole slots. Returns how many they are."""
        self.count = 0
        if self._now is None or self._quiet > self._slots * self._per_slot:
            return 0
        self.count = extract(
            self._kept,
            self._now // self._per_slot % self._slots,
            max(1, math.ceil(shortest_us / self.slot_us)),
            enough,
            self._covered,
            self._x,
            self._y,
            self._age,
            self._sign,
        )
        return self.count

    @property
    def pixels(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
        """Columns, rows, ages in slots (0: now) and polarities (1 ON, -1 OFF, 0 both) of the pixels that were chosen,
        newest first; views until the next look."""
        n = self.count
        return self._x[:n], self._y[:n], self._age[:n], self._sign[:n]

    def _turn(self, now: int) -> None:
        """Begin the slot that begins with step `now`, if one does."""
        slot, within = divmod(now, self._per_slot)
        if within:
            return
        self._raw[slot % 2].fill(0)
        self._kept[slot % self._slots].fill(0)
        spell, within = divmod(slot, self._per_spell)
        if within == 0:
            over, oldest = self._busy[(spell - 1) % len(self._busy)], self._busy[spell % len(self._busy)]
            recount(over, oldest, self._counts, self._limit, self._flickering)
            oldest.fill(0)
