"""How long things took: histograms of fixed memory, one for each stage between the sensor and the decision."""

from __future__ import annotations

from streamsnn.errors import StreamsnnError
from streamsnn.types import Stamps

_CELL_BITS = 6
_CELLS = 1 << _CELL_BITS
_LARGEST_NS = (1 << 48) - 1


class Histogram:
    """Durations in nanoseconds, kept in 2,752 counters however many are recorded.

    A duration below 128 ns is kept exactly; above, each power of two is split into 64 equal cells and a percentile
    answers with a cell's middle: it is wrong by less than 0.8 %. `max_ns`, `min_ns` and `mean_ns` are exact. Beyond 3.2
    days everything shares the last cell. The layout is that of HdrHistogram (Tene 2012) with its middle as the answer.
    """

    __slots__ = ("_cells", "_total_ns", "count", "max_ns", "min_ns")

    def __init__(self) -> None:
        self._cells = [0] * (_cell(_LARGEST_NS) + 1)
        self._total_ns = 0
        self.count = 0
        self.max_ns = 0
        self.min_ns = 0

    def record(self, duration_ns: int) -> None:
        """Count one duration; a negative one is refused, because then two different clocks were compared."""
        if duration_ns < 0:
            raise StreamsnnError(
                f"A stage of the stream took {duration_ns} ns: its stamps come from two different clocks.",
                hint="Give the source and the engine the same clock.",
            )
        self._cells[_cell(duration_ns if duration_ns < _LARGEST_NS else _LARGEST_NS)] += 1
        self._total_ns += duration_ns
        if duration_ns > self.max_ns:
            self.max_ns = duration_ns
        if duration_ns < self.min_ns or not self.count:
            self.min_ns = duration_ns
        self.count += 1

    @property
    def mean_ns(self) -> float:
        """The exact mean; 0 before the first record."""
        return self._total_ns / self.count if self.count else 0.0

    @property
    def total_ns(self) -> int:
        """The exact sum."""
        return self._total_ns

    def percentile_ns(self, percent: float) -> float:
        """The smallest recorded duration that `percent` % of all do not exceed, within 0.8 %; 0 before the first."""
        if not 0 <= percent <= 100:
            raise ValueError(f"a percentile lies in [0, 100], not at {percent}")
        rank = max(1.0, percent * self.count / 100)
        seen = 0
        for cell, count in enumerate(self._cells):
            seen += count
            if count and seen >= rank:
                return min(max(_middle_ns(cell), float(self.min_ns)), float(self.max_ns))
        return 0.0

    def as_dict(self) -> dict[str, float]:
        """Count, and mean, percentiles 50, 99 and 99.9 and maximum in milliseconds, ready for JSON."""
        return {
            "count": self.count,
            "mean_ms": self.mean_ns * 1e-6,
            "p50_ms": self.percentile_ns(50) * 1e-6,
            "p99_ms": self.percentile_ns(99) * 1e-6,
            "p99_9_ms": self.percentile_ns(99.9) * 1e-6,
            "max_ms": self.max_ns * 1e-6,
        }


class StageLatency:
    """Where the time of each step went: `queue` (arrived to started), `compute` (to finished), `total` (both).

    The stage before those, `bin`, is the wait of an event for its step to close. It needs no measuring: events that
    fall evenly into a step of `step_us` wait half of it on average and all of it at most.
    """

    def __init__(self, step_us: int) -> None:
        self.step_us = step_us
        self.queue = Histogram()
        self.compute = Histogram()
        self.total = Histogram()

    def record(self, stamps: Stamps) -> None:
        """Count one step."""
        arrived_ns, started_ns, finished_ns = stamps
        self.queue.record(started_ns - arrived_ns)
        self.compute.record(finished_ns - started_ns)
        self.total.record(finished_ns - arrived_ns)

    def as_dict(self) -> dict[str, dict[str, float]]:
        """One entry a stage, in milliseconds, ready for JSON."""
        return {
            "bin": {"mean_ms": self.step_us * 0.5e-3, "max_ms": self.step_us * 1e-3},
            "queue": self.queue.as_dict(),
            "compute": self.compute.as_dict(),
            "total": self.total.as_dict(),
        }


def _cell(duration_ns: int) -> int:
    """Which counter a duration belongs to: cells 0..127 are 1 ns wide, the next 64 are 2 ns wide, then 4 ns, ..."""
    shift = duration_ns.bit_length() - _CELL_BITS - 1
    return (shift << _CELL_BITS) + (duration_ns >> shift) if shift > 0 else duration_ns


def _middle_ns(cell: int) -> float:
    """The middle of a cell's durations; inverse of `_cell`."""
    shift = max(0, (cell >> _CELL_BITS) - 1)
    first_ns = (cell - (shift << _CELL_BITS)) << shift
    return first_ns + ((1 << shift) - 1) / 2
