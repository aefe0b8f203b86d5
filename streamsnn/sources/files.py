"""A recording on disk as a source: packets that tile its time without a hole, silence included."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import closing

import numpy as np

from streamsnn.clock import Clock, HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import Damage, open_recording
from streamsnn.sources import standstill
from streamsnn.sources.packets import Cutter
from streamsnn.sources.standstill import Standstill
from streamsnn.types import Events, Packet, Sensor


class RecordingSource:
    """Packets of `packet_us` each, [begin, end), from the recording's beginning to 1 us after its last event; shorter
    ones where more than `MOST_EVENTS` events lie in one.

    Of one microsecond, `MOST_EVENTS` are given, and the others counted as dropped: memory is bounded even where the
    recording's clock stands still. The events are the same for every `packet_us`.

    `start_us` and `stop_us` (exclusive) are offsets from the recording's beginning; with `stop_us` inside the recording
    the last packet ends there. Iterating again begins again. `sensor`, `strict` and `columns` as in `open_recording`.
    Sensor times stay the file's own.

    Raises StreamsnnError when it is made if the file cannot be opened, and while it is read if it cannot be read, has
    no events, ends before `start_us`, or is damaged and `strict`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        packet_us: int = 10_000,
        start_us: int | None = None,
        stop_us: int | None = None,
        sensor: Sensor | None = None,
        clock: Clock | None = None,
        strict: bool = False,
        columns: str | None = None,
    ) -> None:
        if packet_us < 1:
            raise StreamsnnError(f"A packet of {packet_us} us holds nothing", hint="Make packets of 1 us or more.")
        if start_us is not None and start_us < 0:
            raise StreamsnnError(f"A recording cannot start at {start_us} us", hint="Start at 0 or later.")
        if stop_us is not None and stop_us <= (start_us or 0):
            raise StreamsnnError(
                f"Nothing lies between the start at {start_us or 0} us and the stop at {stop_us} us",
                hint="Stop later than you start.",
            )
        self._recording = open_recording(path, sensor=sensor, strict=strict, columns=columns)
        self._packet_us = packet_us
        self._start_us = start_us or 0
        self._stop_us = stop_us
        self._clock = clock or HostClock()
        self._duration_us: int | None = None
        self._closed = False

    @property
    def sensor(self) -> Sensor:
        return self._recording.sensor

    @property
    def damage(self) -> Damage:
        """What the latest pass has found to be wrong so far."""
        return self._recording.damage

    @property
    def duration_us(self) -> int | None:
        """From the recording's beginning to 1 us after its last event; None until it was read to its end."""
        return self._duration_us

    def close(self) -> None:
        """End every iteration at its next packet."""
        self._closed = True

    def events(self) -> Generator[Events, None, None]:
        """The same events without packets, and so without silence: as the file is read, in order, and never none.

        Raises StreamsnnError as iterating does.
        """
        origin_us = self._recording.t_begin_us
        start_us = origin_us + self._start_us
        stop_us = None if self._stop_us is None else origin_us + self._stop_us
        last_us: int | None = None
        with closing(self._recording.chunks(from_us=start_us if self._start_us else None)) as chunks:
            for chunk in chunks:
                t_us = np.ascontiguousarray(chunk["t"])
                last_us = int(t_us[-1])
                begin = int(t_us.searchsorted(start_us))
                end = len(t_us) if stop_us is None else int(t_us.searchsorted(stop_us))
                if begin < end:
                    yield chunk[begin:end]
                if stop_us is not None and last_us >= stop_us:
                    break
        if last_us is None:
            why = "holds a header and no events" if not self.damage else "holds no event that is sound"
            raise self._nothing(why)
        if stop_us is None or last_us < stop_us:
            self._duration_us = last_us + 1 - origin_us
            stop_us = last_us + 1
        if start_us >= stop_us:
            raise self._nothing(f"is over after {(stop_us - origin_us) * 1e-6:g} s, before the start", "Start earlier.")

    def __iter__(self) -> Iterator[Packet]:
        most = standstill.MOST_EVENTS
        cutter = Cutter(self._recording.t_begin_us + self._start_us, self._packet_us, self._clock, most)
        thin = Standstill(most)
        with closing(self.events()) as chunks:
            for chunk in chunks:
                before = thin.lost
                kept = thin(chunk)
                self._recording.count_crowded(thin.lost - before)
                for packet in cutter.push(kept, thin.lost - before):
                    if self._closed:
                        return
                    yield packet
        stop_us = self._recording.t_begin_us + min(
            each for each in (self._stop_us, self._duration_us) if each is not None
        )
        for packet in cutter.finish(stop_us):
            if self._closed:
                return
            yield packet

    def _nothing(self, why: str, hint: str = "") -> StreamsnnError:
        found = " ".join(self.damage.describe())
        return StreamsnnError(f"{self._recording.path} {why}", hint=f"It is damaged: {found}." if found else hint)
