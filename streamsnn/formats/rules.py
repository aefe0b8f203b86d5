"""How far a recording's times are believed: the numbers behind the rules of `tidy`."""

from __future__ import annotations

from typing import NamedTuple


class Rules(NamedTuple):
    """Spans of time in us, and numbers of events; what each decides stands in `tidy`."""

    window_us: int = 10_000
    jump_us: int = 100_000
    confirm_events: int = 64
    confirm_us: int = 5_000
    doubt_us: int = 60_000_000
    silence_us: int = 3_600_000_000
    hold_events: int = 1 << 20
    never_us: int = 1 << 60
    """No clock shows this; and differences of times below it cannot overflow."""


RULES = Rules()
