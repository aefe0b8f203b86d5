"""Host time, passed in wherever it is needed so that no test ever sleeps."""

import time
from typing import Protocol


class Clock(Protocol):
    """A source of host time in nanoseconds, and a way to wait for it."""

    def now_ns(self) -> int:
        """Host time in nanoseconds; never steps back."""
        ...

    def sleep_until_ns(self, deadline_ns: int) -> None:
        """Return once `now_ns()` has reached `deadline_ns`; at once if it has already."""
        ...


class HostClock:
    """The machine's monotonic clock."""

    def now_ns(self) -> int:
        return time.perf_counter_ns()

    def sleep_until_ns(self, deadline_ns: int) -> None:
        while (remaining_ns := deadline_ns - time.perf_counter_ns()) > 0:
            time.sleep(remaining_ns * 1e-9)


class ManualClock:
    """A clock that moves only when told to, and by exactly what is slept; for tests and simulations."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until_ns(self, deadline_ns: int) -> None:
        self._now_ns = max(self._now_ns, deadline_ns)

    def advance_ns(self, duration_ns: int) -> None:
        """Let `duration_ns` nanoseconds pass."""
        self._now_ns += duration_ns
