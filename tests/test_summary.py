"""A summary is the sum of what passed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from streamsnn.checks import assert_conforms, check_sink
from streamsnn.energy import Operations
from streamsnn.errors import StreamsnnError
from streamsnn.summary import Summary
from streamsnn.types import Decision, Output, Result, Stamps, Step


def result(index: int, label: str | None, *, events: int = 2, dropped: int = 0, start_ns: int = 0) -> Result:
    """Step `index` of 1 ms: arrived 1 ms after `start_ns`, waited 1 ms, took 2 ms; 3 + 1 spikes, 33 operations."""
    spikes = {"hidden": np.arange(3, dtype=np.int32), "last": np.arange(1, dtype=np.int32)}
    output = Output(np.zeros(2, np.float32), spikes, Operations(np.array([10, 20, 0]), np.array([0, 0, 3])))
    stamps = Stamps(start_ns + 1_000_000, start_ns + 2_000_000, start_ns + 4_000_000)
    decision = Decision(label, 0.9, np.zeros(2, np.float32))
    return Result(Step(index, np.zeros(events, np.int32), stamps.arrived_ns), output, decision, (), stamps, dropped)


def test_conforms() -> None:
    assert_conforms(check_sink(lambda: Summary(1_000)))


def test_a_summary_adds_everything_up() -> None:
    summary = Summary(1_000, ["hidden", "hidden", "last"])
    for index, label in enumerate([None, "a", "a", "b"]):
        summary.write(result(index, label, events=index, dropped=index, start_ns=index * 2_000_000))
    summary.close()
    found = json.loads(json.dumps(summary.as_dict(), allow_nan=False))
    latency = found.pop("latency")
    assert found == {
        "steps": 4,
        "events": 6,
        "dropped": 3,
        "duration_s": pytest.approx(0.004),
        "decisions": 2,
        "label": "b",
        "confidence": 0.9,
        "spikes": {"hidden": 12, "last": 4},
        "synaptic_operations": {
            "total": 132,
            "accumulates": 120,
            "multiplies": 12,
            "energy_uj": pytest.approx((120 * 0.9 + 12 * 4.6) * 1e-6),
            "layers": {"hidden": 120, "last": 12},
        },
        "real_time_factor": pytest.approx(4 / 8),  # 4 ms of stream between 2 ms and 10 ms of host time
        "load": pytest.approx(2.0),
    }
    assert latency["compute"]["max_ms"] == pytest.approx(2)
    assert latency["total"]["count"] == 4


def test_a_summary_of_nothing_is_still_a_summary() -> None:
    found = Summary(1_000).as_dict()
    assert (found["steps"], found["label"], found["real_time_factor"], found["load"]) == (0, None, None, None)
    assert found["synaptic_operations"] is None


def test_a_label_that_is_taken_back_is_a_change_and_then_there_is_none() -> None:
    summary = Summary(1_000)
    for index, label in enumerate(["a", "a", None, None]):
        summary.write(result(index, label))
    found = summary.as_dict()
    assert (found["decisions"], found["label"]) == (2, None)


def test_operations_without_names_are_a_total() -> None:
    summary = Summary(1_000)
    summary.write(result(0, None))
    found = summary.as_dict()["synaptic_operations"]
    assert (found["total"], found["layers"]) == (33, None)


def test_names_that_do_not_fit_the_operations_are_refused() -> None:
    with pytest.raises(StreamsnnError, match="of 3 layers and names 2"):
        Summary(1_000, ["hidden", "last"]).write(result(0, None))
