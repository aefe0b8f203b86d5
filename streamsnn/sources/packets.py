"""Chunks of events, as a file is read, become packets of a stream."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from streamsnn.clock import Clock
from streamsnn.formats.tidy import joined
from streamsnn.types import EVENT, Events, Packet

_NO_EVENTS: Events = np.empty(0, EVENT)
_NO_EVENTS.flags.writeable = False


class Cutter:
    """Cuts events in order of time into packets of `packet_us` that tile time from `begin_us` on, silence included.

    Where more than `most` events wait for a packet's end, those before the newest microsecond go in a shorter one.
    """

    def __init__(self, begin_us: int, packet_us: int, clock: Clock, most: int) -> None:
        self._begin_us, self._end_us = begin_us, begin_us + packet_us
        self._packet_us, self._clock, self._most = packet_us, clock, most
        self._pieces: list[Events] = []
        self._held = self._lost = 0

    def push(self, chunk: Events, lost: int = 0) -> Iterator[Packet]:
        """The packets that end before the newest event. `lost` events beside these are told with the first of them."""
        self._lost += lost
        t_us = np.ascontiguousarray(chunk["t"])
        at = 0
        while at < len(t_us):
            next_us = int(t_us[at])
            while next_us >= self._end_us:
                yield self._packet(self._end_us)
            until = at + int(t_us[at:].searchsorted(self._end_us))
            self._pieces.append(chunk[at:until])
            self._held += until - at
            at = until
            if self._held > self._most and (last_us := int(t_us[until - 1])) > self._begin_us:
                crowd = joined(self._pieces)
                cut = int(crowd["t"].searchsorted(last_us))
                self._pieces = [crowd[:cut]]
                yield self._packet(last_us)
                # A copy: nobody holds the memory of what has gone.
                self._pieces = [crowd[cut:].copy()]
                self._held = len(crowd) - cut

    def finish(self, stop_us: int) -> Iterator[Packet]:
        """What is left, until `stop_us`."""
        while self._begin_us < stop_us:
            yield self._packet(min(self._end_us, stop_us))

    def _packet(self, end_us: int) -> Packet:
        pieces = self._pieces
        events = _NO_EVENTS if not pieces else pieces[0] if len(pieces) == 1 else joined(pieces)
        made = Packet(events, self._begin_us, end_us, self._clock.now_ns(), self._lost)
        self._pieces, self._held, self._lost = [], 0, 0
        self._begin_us = end_us
        if end_us == self._end_us:
            self._end_us += self._packet_us
        return made
