"""What a step should reach, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamsnn.bench.entrants import ENTRANTS, OURS

_RATE = "typical"


@dataclass(frozen=True)
class Bar:
    """One goal for one network: `measured` against `wanted`, and whether it is reached (None: not measured)."""

    network: str
    goal: str
    wanted: str
    measured: str
    reached: bool | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "goal": self.goal,
            "wanted": self.wanted,
            "measured": self.measured,
            "reached": self.reached,
        }


def bars(result: dict[str, Any]) -> list[Bar]:
    """Every goal for every network that was measured."""
    return [bar for name, network in result["networks"].items() for bar in _of(name, network)]


def _of(name: str, network: dict[str, Any]) -> Iterator[Bar]:
    full = network["kind"] == "full"
    rate = network["rates"].get(_RATE)
    rows = {} if rate is None else rate["contenders"]
    torch_based = [entrant.name for entrant in ENTRANTS if entrant.torch_based and not entrant.stands_in]
    yield _times_faster(name, rows, torch_based, "than the fastest with torch", 20 if full else 5)
    if full:
        yield _times_faster(name, rows, ["numpy"], "than numpy", 5)
        measured = rows.get(OURS, {}).get("ratio_to_bytes_limit")
        shown = "-" if measured is None else f"{measured:.1f} x"
        yield Bar(name, "of what memory allows", "<= 3 x", shown, None if measured is None else measured <= 3)
    silence = network["silence"]
    share = silence["after_busy_ns"] / silence["busy_ns"]
    yield Bar(name, "a silent step, of a busy one", "<= 1/10", f"1/{1 / share:.1f}", share <= 0.1)
    tail, median = rows.get(OURS, {}).get("p99_9_ns"), rows.get(OURS, {}).get("median_ns")
    if tail is None or median is None:
        yield Bar(name, "p99.9, of the median", "<= 5 x", "-", None)
    else:
        yield Bar(name, "p99.9, of the median", "<= 5 x", f"{tail / median:.1f} x", tail <= 5 * median)


def _times_faster(name: str, rows: dict[str, Any], rivals: list[str], words: str, wanted: float) -> Bar:
    measured = {
        rival: rows[rival]["ratio_to_ours"]["median"] for rival in rivals if "ratio_to_ours" in rows.get(rival, {})
    }
    if not measured:
        return Bar(name, f"times faster {words}", f">= {wanted:g} x", "-", None)
    rival = min(measured, key=lambda key: measured[key])
    shown = f"{measured[rival]:.1f} x" + (f" ({rival})" if len(rivals) > 1 else "")
    return Bar(name, f"times faster {words}", f">= {wanted:g} x", shown, measured[rival] >= wanted)
