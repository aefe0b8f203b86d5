"""A clock that stands still: no more events of one microsecond than can be held."""

from __future__ import annotations

import numpy as np

from streamsnn.types import Events

MOST_EVENTS = 1 << 22
"""Of one microsecond; twice what a sensor of 1280x720 could say if every pixel fired with both polarities."""


class Standstill:
    """Passes chunks of events in order of time on, but of each microsecond the first `most` events only.

    Which events these are does not depend on how the stream is cut into chunks. `lost` counts the others.
    """

    def __init__(self, most: int = MOST_EVENTS) -> None:
        self._most = most
        self._last_us: int | None = None
        self._count = 0
        self.lost = 0

    def __call__(self, chunk: Events) -> Events:
        """What is kept of a chunk that is not empty; nothing may be."""
        most, first_us, last_us = self._most, int(chunk["t"][0]), int(chunk["t"][-1])
        # What came before of the first event's microsecond counts as if it were here.
        before = self._count if first_us == self._last_us else 0
        if before + len(chunk) > most:
            t_us = np.ascontiguousarray(chunk["t"])
            kept = np.ones(len(chunk), np.bool_)
            kept[most:] = t_us[most:] != t_us[:-most]
            kept[max(0, most - before) : t_us.searchsorted(first_us, side="right")] = False
            self.lost += len(chunk) - int(kept.sum())
            begin = int(t_us.searchsorted(last_us))
            kept_last = int(kept[begin:].sum())
            chunk = chunk[kept]
        elif first_us != last_us:
            kept_last = len(chunk) - int(chunk["t"].searchsorted(last_us))
        else:
            kept_last = len(chunk)
        self._count = kept_last + (before if last_us == first_us else 0)
        self._last_us = last_us
        return chunk
