"""Where in a file of fixed-size records a time stands, from a few looks at it: nothing before it need be decoded.

At most 4,096 places, all at least 1 MiB apart, are looked at, and their times followed around the clock's wraps. Where
these go back, or leap by more than an eighth of the clock's range, nothing is said, and all must be decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

_LOOKS = 4096
_APART_BYTES = 1 << 20
_LOOK_BYTES = 1 << 12
_EARLIER_US = 1_000_000
"""So much before the wanted time decoding begins: what is out of order around it gets its place."""


class Place(NamedTuple):
    """A byte of the file, the clock as stored there, and the time without wraps; both in us."""

    at: int
    stored: int
    t_us: int


def place_before(
    path: Path, begin: int, record_bytes: int, read_us: Callable[[bytes], int | None], wrap_us: int, from_us: int
) -> Place | None:
    """The last place looked at that is surely before `from_us`, or None where there is none or the clock is odd.

    `read_us` tells the stored time in some bytes that begin with a record, or None if there is none.
    """
    size = path.stat().st_size - begin
    step = max(_APART_BYTES, size // _LOOKS) // record_bytes * record_bytes
    found: Place | None = None
    before: Place | None = None
    with path.open("rb") as file:
        for at in range(begin, begin + size, step):
            file.seek(at)
            stored = read_us(file.read(_LOOK_BYTES))
            if stored is None:
                return None
            ahead = 0 if before is None else (stored - before.stored) % wrap_us
            if ahead > wrap_us // 8:
                return None
            before = Place(at, stored, stored if before is None else before.t_us + ahead)
            if before.t_us > from_us - _EARLIER_US:
                break
            found = before
    return found if found is not None and found.at > begin else None
