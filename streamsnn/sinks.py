"""Where results go: lines for people, JSON Lines and CSV for programs, and a summary of the whole stream."""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from streamsnn.errors import StreamsnnError
from streamsnn.latency import StageLatency
from streamsnn.types import Result, Sink

_RATE_WINDOW_US = 200_000
_REDRAW_NS = 50_000_000

Target = str | os.PathLike[str] | TextIO


class JsonLines:
    """Writes one JSON object each time the decision changes, and whatever `write_object` is given.

    Keys: `t_us` (sensor time at the end of the step that decided), `label` (null while there is none), `confidence`,
    `step`, `lag_ms` (from the arrival of the step's last packet to the decision), `dropped` (events lost so far).
    """

    def __init__(self, target: Target, step_us: int) -> None:
        self._step_us = step_us
        self._change = _Change()
        self._lines = _Lines(target)

    def write(self, result: Result) -> None:
        if not self._change.seen(result):
            return
        self.write_object(
            {
                "t_us": (result.step.index + 1) * self._step_us,
                "label": result.decision.label,
                "confidence": round(result.decision.confidence, 6),
                "step": result.step.index,
                "lag_ms": _lag_ns(result) * 1e-6,
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


class Summary:
    """Adds up a stream as it passes; `as_dict` says at any time how it went so far."""

    def __init__(self, step_us: int) -> None:
        self.step_us = step_us
        self.steps = 0
        self.events = 0
        self.dropped = 0
        self.decisions = 0
        self.label: str | None = None
        self.confidence = 0.0
        self.spikes: dict[str, int] = {}
        self.operations: list[int] = []
        self.latency = StageLatency(step_us)
        self._change = _Change()
        self._began_ns = 0
        self._finished_ns = 0

    def write(self, result: Result) -> None:
        step, output, decision, _, stamps, dropped = result
        if self.steps == 0:
            self._began_ns = stamps.started_ns
        self._finished_ns = stamps.finished_ns
        self.steps += 1
        self.events += len(step.addresses)
        self.dropped = dropped
        self.decisions += self._change.seen(result)
        self.label, self.confidence = decision.label, decision.confidence
        for layer, indices in output.spikes.items():
            self.spikes[layer] = self.spikes.get(layer, 0) + len(indices)
        if output.operations is not None:
            counts = output.operations.tolist()
            self.operations = (
                [a + b for a, b in zip(self.operations, counts, strict=True)] if self.operations else counts
            )
        self.latency.record(stamps)

    def close(self) -> None:
        """Nothing to close; what was added up stays."""

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON.

        `steps`, `events` (what entered the network), `dropped`, `duration_s` (sensor time), `decisions` (how often the
        label changed), `label` and `confidence` (the last), `spikes` (a layer), `synaptic_operations` (`total` and by
        layer, null if the model does not count them), `latency` (see `StageLatency`), `real_time_factor` (seconds of
        stream a second of host time, waiting included), `load` (seconds of computing a second of stream: below 1 keeps
        up).
        """
        duration_ns = self.steps * self.step_us * 1000
        elapsed_ns = self._finished_ns - self._began_ns
        operations = {"total": sum(self.operations), "layers": self.operations} if self.operations else None
        return {
            "steps": self.steps,
            "events": self.events,
            "dropped": self.dropped,
            "duration_s": duration_ns * 1e-9,
            "decisions": self.decisions,
            "label": self.label,
            "confidence": self.confidence,
            "spikes": dict(self.spikes),
            "synaptic_operations": operations,
            "latency": self.latency.as_dict(),
            "real_time_factor": duration_ns / elapsed_ns if elapsed_ns else None,
            "load": self.latency.compute.total_ns / duration_ns if duration_ns else None,
        }


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
