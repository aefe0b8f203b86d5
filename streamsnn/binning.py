"""Packets become steps: a fixed grid in sensor time, and per step the model's input addresses that were active.

The grid is absolute. Step k covers [k * step_us, (k + 1) * step_us) whatever the packets' sizes, so the same recording
gives the same steps however it was cut up. No frame is built: work and memory follow the events.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numba import int32, int64, types
from numba.np.numpy_support import from_dtype
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.sensor_fit import SensorFit
from streamsnn.types import EVENT, Packet, Sensor, Step

_NEVER = np.iinfo(np.int64).min
# Writable, so that compiled models meet one type of array; it has no element that anybody could overwrite.
_SILENCE = np.empty(0, np.int32)
_ROOM_AT_FIRST = 4096
MOST_ADDRESSES = 1 << 22
"""Of one step, if it is short."""
MOST_PER_US = 2000
"""Addresses of a long step, per microsecond of it: twice what the fastest cameras' interfaces carry."""


class Binner:
    """Turns packets into all steps that they close, silent ones too, on the absolute grid of `step_us`.

    `push` refuses packets that overlap the one before, and events outside their packet or outside the sensor, with
    `StreamsnnError`: the source is broken, and what it says cannot be trusted. With `spec.value` "binary" an address is
    given once a step, where it occurred first; with "count" as often as it occurred, in the order of the events.

    Memory is bounded: of a step with more addresses than the largest of `MOST_ADDRESSES`, `MOST_PER_US` times its
    length, and `spec.size`, the first ones are given, and `dropped` counts the others.

    The addresses handed out stay valid and unchanged for ever. Those of one `push` share one block of memory, which
    lives as long as any of them is held: copy what is kept for hours.
    """

    def __init__(self, step_us: int, fit: SensorFit) -> None:
        if step_us < 1:
            raise StreamsnnError(f"A step of {step_us} us is impossible.", hint="A step lasts 1 us or more.")
        spec = fit.spec
        self.step_us = step_us
        self.fit = fit
        self._columns = fit.columns()
        rows = fit.rows()
        self._rows = np.where(rows >= 0, rows * spec.width, -1).astype(np.int32)
        self._plane = spec.height * spec.width if spec.polarity == "split" else 0
        # The step in which each address was last seen, so that telling a duplicate costs O(1) and no clearing.
        self._seen = np.full(spec.size if spec.value == "binary" else 0, _NEVER, np.int64)
        self._noted = np.zeros(2, np.int64)
        self._most = max(MOST_ADDRESSES, MOST_PER_US * step_us, spec.size)
        self.dropped = 0
        """Addresses that were too many for their steps, since it was made."""
        self._pending = np.empty(_ROOM_AT_FIRST, np.int32)
        self._busy = np.empty((2, _ROOM_AT_FIRST), np.int64)
        self.reset()

    @property
    def held(self) -> int:
        """Addresses of the step that is not over yet."""
        return self._count

    def reset(self) -> None:
        """Forget the stream: the next packet may begin anywhere."""
        self._started = False
        self._count = 0
        self._index = 0
        self._began_us = 0
        self._t_end_us = 0
        self._arrived_ns = 0
        self._seen.fill(_NEVER)

    def push(self, packet: Packet) -> Iterator[Step]:
        """Take a packet in, at once, and return the steps that it closes.

        An empty packet closes steps like any other. Time between two packets counts as silence. The first step is the
        one that holds the first packet's beginning.
        """
        events, t_begin_us, t_end_us, arrived_ns, _ = packet
        if self._started:
            if t_begin_us < self._t_end_us:
                raise StreamsnnError(
                    f"A packet begins at {t_begin_us} us, before the end of the one before it at {self._t_end_us} us.",
                    hint="The source must deliver packets in the order of time; reset before another recording.",
                )
        else:
            self._started = True
            self._began_us = t_begin_us
            self._index = t_begin_us // self.step_us
        if t_end_us < t_begin_us:
            raise StreamsnnError(f"A packet that begins at {t_begin_us} us ends before that, at {t_end_us} us.")
        self._t_end_us = t_end_us
        self._arrived_ns = arrived_ns

        first, last = self._index, t_end_us // self.step_us
        self._reserve(self._count + len(events), min(last - first, len(events) + 1))
        count = _bin(
            events,
            t_begin_us,
            t_end_us,
            self.step_us,
            first,
            self._columns,
            self._rows,
            self._plane,
            self._seen,
            self._pending,
            self._count,
            self._most,
            self._busy,
            self._noted,
        )
        if count < 0:
            raise _misplaced(events[-1 - count], packet, self.fit.sensor)
        self._count = count
        self.dropped += int(self._noted[1])
        if first == last:
            return iter(())
        self._index = last
        active, ends = self._busy[:, : self._noted[0]].tolist()
        end = ends[-1] if ends else 0
        block = self._pending[:end].copy()
        if count > end:
            self._pending[: count - end] = self._pending[end:count]
        self._count = count - end
        return _steps(first, last, active, ends, block, arrived_ns)

    def flush(self, arrived_ns: int | None = None) -> Iterator[Step]:
        """End the stream: return the last step if the stream covered only a part of it, and reset.

        `arrived_ns` is when the end became known; without it, when the last packet arrived.
        """
        partial = self._started and self._t_end_us > max(self._began_us, self._index * self.step_us)
        arrived_ns = self._arrived_ns if arrived_ns is None else arrived_ns
        step = Step(self._index, self._pending[: self._count].copy(), arrived_ns)
        self.reset()
        return iter((step,) if partial else ())

    def _reserve(self, addresses: int, steps: int) -> None:
        if addresses > self._pending.size:
            grown = np.empty(2 * addresses, np.int32)
            grown[: self._count] = self._pending[: self._count]
            self._pending = grown
        if steps > self._busy.shape[1]:
            self._busy = np.empty((2, 2 * steps), np.int64)


def _steps(
    first: int, last: int, busy: list[int], ends: list[int], block: NDArray[np.int32], arrived_ns: int
) -> Iterator[Step]:
    """Steps first, ..., last - 1. `busy` names those that are not silent, `ends` where each of them ends in `block`."""
    begin = 0
    index = first
    for active, end in zip(busy, ends, strict=True):
        while index < active:
            yield Step(index, _SILENCE, arrived_ns)
            index += 1
        yield Step(index, block[begin:end], arrived_ns)
        index += 1
        begin = end
    while index < last:
        yield Step(index, _SILENCE, arrived_ns)
        index += 1


_EVENTS = types.Array(from_dtype(EVENT), 1, "A", readonly=True)


@compiled(
    int64(
        _EVENTS,
        *[int64] * 4,
        int32[::1],
        int32[::1],
        int64,
        int64[::1],
        int32[::1],
        int64,
        int64,
        int64[:, ::1],
        int64[::1],
    )
)
def _bin(
    events: NDArray[np.void],
    t_begin_us: int,
    t_end_us: int,
    step_us: int,
    index: int,
    columns: NDArray[np.int32],
    rows: NDArray[np.int32],
    plane: int,
    seen: NDArray[np.int64],
    addresses: NDArray[np.int32],
    count: int,
    most: int,
    busy: NDArray[np.int64],
    noted: NDArray[np.int64],
) -> int:
    """Append the events' addresses at `count`; return the new count, or -1 - i when event i is out of place.

    The steps that close and are not silent are noted in `busy`: which ones, and where each ends in `addresses`;
    `noted` (2,) says how many, and how many addresses were left out because their step had `most` already. Explicit
    types, so that read-only and strided arrays of events cost no compilation in the middle of a stream.
    """
    closed = 0
    begin = 0
    lost = 0
    limit_us = (index + 1) * step_us
    previous_us = t_begin_us
    for i in range(events.shape[0]):
        event = events[i]
        t_us = event.t
        if t_us < previous_us or t_us >= t_end_us or event.x >= columns.size or event.y >= rows.size:
            return -1 - i
        previous_us = t_us
        if t_us >= limit_us:
            if count > begin:
                busy[0, closed] = index
                busy[1, closed] = count
                closed += 1
                begin = count
            index = t_us // step_us
            limit_us = (index + 1) * step_us
        column = columns[event.x]
        row = rows[event.y]
        if column < 0 or row < 0:
            continue
        address = row + column
        if event.p:
            address += plane
        if seen.size > 0:
            if seen[address] == index:
                continue
            seen[address] = index
        if count - begin == most:
            lost += 1
            continue
        addresses[count] = address
        count += 1
    if count > begin and t_end_us >= limit_us:
        busy[0, closed] = index
        busy[1, closed] = count
        closed += 1
    noted[0] = closed
    noted[1] = lost
    return count


def _misplaced(event: np.void, packet: Packet, sensor: Sensor) -> StreamsnnError:
    t_us, x, y = int(event["t"]), int(event["x"]), int(event["y"])
    if x >= sensor.width or y >= sensor.height:
        what = f'An event at ({x}, {y}) is outside the sensor "{sensor.name}", which is {sensor.width}x{sensor.height}.'
    elif not packet.t_begin_us <= t_us < packet.t_end_us:
        what = f"An event at {t_us} us is outside its packet, [{packet.t_begin_us}, {packet.t_end_us}) us."
    else:
        what = f"An event at {t_us} us follows a later one."
    return StreamsnnError(what, hint="The source breaks its promises: run `streamsnn check` on it.")
