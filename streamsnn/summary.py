"""What a stream came to: its steps, its decisions, its work, and how far it kept up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.energy import Operations, energy_pj
from streamsnn.errors import StreamsnnError
from streamsnn.latency import StageLatency
from streamsnn.types import Result


class Summary:
    """A sink that adds up a stream as it passes; `as_dict` says at any time how it went so far.

    `operation_names` are the layers that the entries of `Output.operations` count for (`Network.operation_names`);
    entries of one name add up. Left out, only the total is known.
    """

    def __init__(self, step_us: int, operation_names: Sequence[str] = ()) -> None:
        self.step_us = step_us
        self.steps = 0
        self.events = 0
        self.dropped = 0
        self.decisions = 0
        self.label: str | None = None
        self.confidence = 0.0
        self.spikes: dict[str, int] = {}
        self.accumulates: NDArray[np.int64] | None = None
        self.multiplies: NDArray[np.int64] | None = None
        self.latency = StageLatency(step_us)
        self._names = tuple(operation_names)
        self._began_ns = 0
        self._finished_ns = 0

    def write(self, result: Result) -> None:
        """Add one step. Raises StreamsnnError if it counts operations of more or of fewer layers than have names."""
        step, output, decision, _, stamps, dropped = result
        if self.steps == 0:
            self._began_ns = stamps.started_ns
        self._finished_ns = stamps.finished_ns
        self.steps += 1
        self.events += len(step.addresses)
        self.dropped = dropped
        self.decisions += decision.label != self.label
        self.label, self.confidence = decision.label, decision.confidence
        for layer, indices in output.spikes.items():
            self.spikes[layer] = self.spikes.get(layer, 0) + len(indices)
        if output.operations is not None:
            self._count(output.operations)
        self.latency.record(stamps)

    def _count(self, operations: Operations) -> None:
        if self.accumulates is None or self.multiplies is None:
            counted = len(operations.accumulates)
            if self._names and counted != len(self._names):
                raise StreamsnnError(
                    f"The model counts the operations of {counted} layers and names {len(self._names)}.",
                    hint="Its operation_names must have one name for each entry of Output.operations.",
                )
            self.accumulates, self.multiplies = operations.accumulates.copy(), operations.multiplies.copy()
        else:
            self.accumulates += operations.accumulates
            self.multiplies += operations.multiplies

    def close(self) -> None:
        """Nothing to close; what was added up stays."""

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON.

        `steps`, `events` (what entered the network), `dropped`, `duration_s` (sensor time), `decisions` (how often the
        label changed, also to none), `label` and `confidence` (the last), `spikes` (a layer), `synaptic_operations`
        (`total`, of which `accumulates` and `multiplies`, `energy_uj` as `energy` estimates it, and `layers`, name ->
        count, null where the model names none; all of it null where it counts none),
        `latency` (see `StageLatency`), `real_time_factor` (seconds of stream a second of host time, waiting included),
        `load` (seconds of computing a second of stream: below 1 keeps up).
        """
        duration_ns = self.steps * self.step_us * 1000
        elapsed_ns = self._finished_ns - self._began_ns
        return {
            "steps": self.steps,
            "events": self.events,
            "dropped": self.dropped,
            "duration_s": duration_ns * 1e-9,
            "decisions": self.decisions,
            "label": self.label,
            "confidence": self.confidence,
            "spikes": dict(self.spikes),
            "synaptic_operations": self._operations(),
            "latency": self.latency.as_dict(),
            "real_time_factor": duration_ns / elapsed_ns if elapsed_ns else None,
            "load": self.latency.compute.total_ns / duration_ns if duration_ns else None,
        }

    def _operations(self) -> dict[str, Any] | None:
        if self.accumulates is None or self.multiplies is None:
            return None
        layers: dict[str, int] = {}
        for name, count in zip(self._names, (self.accumulates + self.multiplies).tolist(), strict=False):
            layers[name] = layers.get(name, 0) + count
        accumulates, multiplies = int(self.accumulates.sum()), int(self.multiplies.sum())
        return {
            "total": accumulates + multiplies,
            "accumulates": accumulates,
            "multiplies": multiplies,
            "energy_uj": energy_pj(accumulates, multiplies) * 1e-6,
            "layers": layers or None,
        }
