"""Percentiles are within their promised error for any durations, in memory that does not grow."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.latency import Histogram, StageLatency
from streamsnn.types import Stamps

durations = st.one_of(st.integers(0, 300), st.integers(0, 10**7), st.integers(0, 2**48 - 1))


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@settings(deadline=None, max_examples=200)
@given(st.lists(durations, min_size=1, max_size=50), st.sampled_from([0, 10, 50, 90, 99, 99.9, 100]))
def test_percentiles_are_within_the_promised_error(values: list[int], percent: float) -> None:
    histogram = histogram_of(values)
    exact = sorted(values)[max(0, int(np.ceil(percent * len(values) / 100 - 1e-9)) - 1)]
    assert histogram.percentile_ns(percent) == pytest.approx(exact, rel=0.008, abs=0)
    assert histogram.max_ns == max(values)
    assert histogram.min_ns == min(values)
    assert histogram.count == len(values)
    assert histogram.mean_ns == pytest.approx(sum(values) / len(values))
    assert histogram.total_ns == sum(values)


def test_an_empty_histogram_says_zero() -> None:
    assert set(Histogram().as_dict().values()) == {0}


def test_absurd_durations_share_the_last_cell_and_keep_the_maximum() -> None:
    histogram = histogram_of([1, 2**60])
    assert histogram.max_ns == 2**60
    assert histogram.percentile_ns(100) <= 2**60


def test_a_negative_duration_names_its_cause() -> None:
    with pytest.raises(StreamsnnError, match="two different clocks"):
        Histogram().record(-1)


def test_a_percentile_beyond_100_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="lies in"):
        Histogram().percentile_ns(101)


def test_stages_are_told_apart() -> None:
    latency = StageLatency(2_000)
    latency.record(Stamps(1_000_000, 3_000_000, 10_000_000))
    latency.record(Stamps(1_000_000, 3_000_000, 10_000_000))
    found = json.loads(json.dumps(latency.as_dict()))
    assert found["bin"] == {"mean_ms": 1.0, "max_ms": 2.0}
    assert found["queue"]["max_ms"] == pytest.approx(2.0)
    assert found["compute"]["mean_ms"] == pytest.approx(7.0)
    assert found["total"]["p99_9_ms"] == pytest.approx(9.0)
    assert found["total"]["count"] == 2
