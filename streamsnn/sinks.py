"""Where results go: lines for people, and JSON Lines and CSV for programs."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from streamsnn.errors import StreamsnnError
from streamsnn.types import Result, Sink

_RATE_WINDOW_US = 200_000
_REDRAW_NS = 50_000_000

Target = str | os.PathLike[str] | TextIO


class JsonLines:
    """Writes one JSON object each time the decision changes, and whatever `write_object` is given.

    Keys: `t_us` (sensor time at the end of the step that decided), `label` (null while there is none, also once it was
    taken back), `confidence`, `step`, `rate_hz` (input events a second, averaged over about 200 ms), `lag_ms` (from the
    arrival of the step's last packet to the decision), `dropped` (events lost so far).
    """

    def __init__(self, target: Target, step_us: int) -> None:
        self._step_us = step_us
        self._change = _Change()
        self._rate = _Rate(step_us)
        self._lines = _Lines(target)

    def write(self, result: Result) -> None:
        self._rate.add(len(result.step.addresses))
        if not self._change.seen(result):
            return
        self.write_object(
            {
                "t_us": (result.step.index + 1) * self._step_us,
                "label": result.decision.label,
                "confidence": round(result.decision.confidence, 6),
                "step": result.step.index,
                "rate_hz": round(self._rate.per_second, 1),
                "lag_ms": round(_lag_ns(result) * 1e-6, 3),
                "dropped": result.dropped,
            }
        )

    def write_object(self, value: Mapping[str, Any]) -> None:
        """Write one more object on a line of its own, such as {"summary": ...}."""
        self._lines.write(json.dumps(value, ensure_ascii=False, allow_nan=False))

    def close(self) -> None:
        self._lines.close()


class Csv:
    """Writes one row a step: t_us,label,confidence,events,spikes,lag_us,dropped, under a header of these names.

    `t_us` is the sensor time at the end of the step, `label` is empty while there is none, `events` counts the step's
    input and `spikes` those of all layers.
    """

    def __init__(self, target: Target, step_us: int) -> None:
        self._step_us = step_us
        self._lines = _Lines(target)
        self._lines.write("t_us,label,confidence,events,spikes,lag_us,dropped")

    def write(self, result: Result) -> None:
        step, output, decision, _, _, dropped = result
        label = decision.label or ""
        if any(mark in label for mark in ',"\r\n'):
            label = '"' + label.replace('"', '""') + '"'
        spikes = sum(len(indices) for indices in output.spikes.values())
        self._lines.write(
            f"{(step.index + 1) * self._step_us},{label},{decision.confidence:.6f},{len(step.addresses)},{spikes}"
            f",{_lag_ns(result) * 1e-3:.1f},{dropped}"
        )

    def close(self) -> None:
        self._lines.close()


class PlainText:
    """Writes one line each time the decision changes: sensor time, label, confidence, input rate and lag."""

    def __init__(self, step_us: int, stream: TextIO | None = None) -> None:
        self._step_us = step_us
        self._change = _Change()
        self._rate = _Rate(step_us)
        self._lines = _Lines(sys.stdout if stream is None else stream)

    def write(self, result: Result) -> None:
        self._rate.add(len(result.step.addresses))
        if self._change.seen(result):
            self._lines.write(_sentence(result, self._step_us, self._rate.per_second))

    def close(self) -> None:
        self._lines.close()


class LiveText:
    """What `PlainText` writes, and below it one line that shows the newest step, redrawn at most 20 times a second."""

    def __init__(self, step_us: int, stream: TextIO | None = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._step_us = step_us
        self._change = _Change()
        self._rate = _Rate(step_us)
        self._console = Console(file=sys.stdout if stream is None else stream, highlight=False, markup=False)
        # No refreshing thread: what is on the screen is drawn by the loop, and never late by more than it is.
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._redraw_ns: int | None = None
        self._closed = False

    def write(self, result: Result) -> None:
        self._rate.add(len(result.step.addresses))
        changed = self._change.seen(result)
        finished_ns = result.stamps.finished_ns
        if not changed and self._redraw_ns is not None and finished_ns < self._redraw_ns:
            return
        self._redraw_ns = finished_ns + _REDRAW_NS
        sentence = _sentence(result, self._step_us, self._rate.per_second)
        with _mended("the terminal"):
            if not self._live.is_started:
                self._live.start()
            if changed:
                self._console.print(sentence)
            self._live.update(sentence, refresh=True)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            with _mended("the terminal"):
                self._live.stop()


def terminal(step_us: int, stream: TextIO | None = None) -> Sink:
    """The sink for people: `LiveText` where `stream` (stdout if left out) is a terminal, else `PlainText`."""
    out = sys.stdout if stream is None else stream
    return LiveText(step_us, out) if out.isatty() else PlainText(step_us, out)


class _Change:
    """Tells when the label differs from the one before; at first there is none."""

    def __init__(self) -> None:
        self._label: str | None = None

    def seen(self, result: Result) -> bool:
        label = result.decision.label
        changed = label != self._label
        self._label = label
        return changed


class _Rate:
    """Input events a second, averaged over about 200 ms of sensor time, and right from the first step on."""

    def __init__(self, step_us: int) -> None:
        self._step_us = step_us
        self._gain = 1 - math.exp(-step_us / _RATE_WINDOW_US)
        self._steps = 0
        self._per_step = 0.0

    def add(self, events: int) -> None:
        self._steps += 1
        self._per_step += max(self._gain, 1 / self._steps) * (events - self._per_step)

    @property
    def per_second(self) -> float:
        return self._per_step * 1e6 / self._step_us


class _Lines:
    """Writes lines to a file that it opens and closes, or to a stream that it only borrows; each line at once.

    Written straight to the file and flushed line by line, not to a file that gets its name in the end: when a stream
    that ran for hours is cut off, all that was decided until then must be there, under the name that was asked for.
    """

    def __init__(self, target: Target) -> None:
        self._owned = isinstance(target, str | os.PathLike)
        self._name = os.fspath(target) if isinstance(target, str | os.PathLike) else getattr(target, "name", "a stream")
        self._closed = False
        with _mended(self._name):
            self._file: TextIO = (
                open(target, "w", encoding="utf-8", newline="\n")  # noqa: SIM115
                if isinstance(target, str | os.PathLike)
                else target
            )

    def write(self, line: str) -> None:
        if self._closed:
            raise StreamsnnError(f"Nothing more can be written to {self._name}: it is closed.")
        try:
            with _mended(self._name):
                self._file.write(line + "\n")
                self._file.flush()
        except StreamsnnError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Give up after a failure, so that closing does not stumble over what could not be written."""
        self._closed = True
        if self._owned:
            with contextlib.suppress(OSError):
                self._file.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with _mended(self._name):
            if self._owned:
                self._file.close()
            else:
                self._file.flush()


@contextlib.contextmanager
def _mended(name: str) -> Iterator[None]:
    """Say in words why `name` cannot be written to."""
    try:
        yield
    except BrokenPipeError:
        raise StreamsnnError(
            f"Nobody reads {name} any more.", hint="The program that it was piped into ended."
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StreamsnnError(
            f"{name} cannot be written: {reason}.",
            hint="Free some space, or choose another place; what was written before is kept.",
        ) from None


def _lag_ns(result: Result) -> int:
    return result.stamps.finished_ns - result.stamps.arrived_ns


def _sentence(result: Result, step_us: int, rate_hz: float) -> str:
    t_s = (result.step.index + 1) * step_us * 1e-6
    label = "-" if result.decision.label is None else result.decision.label
    lost = f"  dropped {result.dropped}" if result.dropped else ""
    return (
        f"{t_s:10.3f} s  {label:<12} {result.decision.confidence * 100:3.0f} %"
        f"  {_si(rate_hz):>6} events/s  lag {_lag_ns(result) * 1e-6:.1f} ms{lost}"
    )


def _si(value: float) -> str:
    for factor, unit in ((1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.1f}{unit}"
    return f"{value:.0f}"
