"""What a stream was like at some steps, so that it can be taken up there again."""

from __future__ import annotations

import bisect
import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamsnn.types import Readout

_BUDGET_BYTES = 128 << 20
_MOST = 256
_UNKNOWN_BYTES = 4 << 20


@dataclass(frozen=True)
class Snapshot:
    """Everything between the source and the decision, before step `index` was taken. Nothing of it is shared."""

    index: int
    state: Any
    readout: Readout
    filters: tuple[Any, ...]
    dropped: int

    def copied(self) -> Snapshot:
        """The same once more, to be played on from."""
        return Snapshot(
            self.index, self.state.copy(), copy.deepcopy(self.readout), copy.deepcopy(self.filters), self.dropped
        )


class Snapshots:
    """Snapshots of one stream, every `every` steps; as they become too many, every other is let go of."""

    def __init__(self, every: int) -> None:
        self._first_every = every
        self.clear()

    def clear(self) -> None:
        """Forget all of them: the stream would not be the same again."""
        self._every = self._first_every
        self._kept: list[Snapshot] = []

    def wants(self, index: int) -> bool:
        """Whether one before step `index` should be kept."""
        if index % self._every:
            return False
        place = bisect.bisect_left(self._kept, index, key=lambda kept: kept.index)
        return place == len(self._kept) or self._kept[place].index != index

    def keep(self, snapshot: Snapshot) -> None:
        """Keep `snapshot`, which nobody changes any more."""
        bisect.insort(self._kept, snapshot, key=lambda kept: kept.index)
        room = max(4, min(_MOST, _BUDGET_BYTES // _size_bytes(snapshot)))
        if len(self._kept) > room:
            self._every *= 2
            self._kept = [kept for kept in self._kept if kept.index % self._every == 0]

    def before(self, index: int) -> Snapshot | None:
        """The last one that is not after step `index`."""
        place = bisect.bisect_right(self._kept, index, key=lambda kept: kept.index)
        return self._kept[place - 1] if place else None


def _size_bytes(snapshot: Snapshot) -> int:
    """About as much memory as it holds; a guess for states that do not show their arrays."""
    state = _array_bytes(snapshot.state, 1) or _UNKNOWN_BYTES
    return max(state + sum(_array_bytes(each, 2) for each in snapshot.filters), 1 << 14)


def _array_bytes(value: Any, depth: int) -> int:
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(_array_bytes(each, depth - 1) for each in vars(value).values()) if depth and _has_parts(value) else 0


def _has_parts(value: Any) -> bool:
    return hasattr(value, "__dict__")
