"""Evidence follows its definition, and a label does not flicker."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.checks import assert_conforms, check_readout
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.types import Output, ReadoutSettings

LABELS = ("a", "b", "c")


def said(*scores: float) -> Output:
    return Output(np.array(scores, np.float32), {})


def labels_of(readout: ScoreReadout, confidences: list[tuple[float, float, float]]) -> list[str | None]:
    """Labels shown when the confidences of a step are as given (readout kind "last", temperature 1)."""
    return [readout(said(*(math.log(value) for value in step))).label for step in confidences]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(*[st.floats(-50, 50, width=32)] * 3), min_size=1, max_size=30),
    st.sampled_from(["mean", "leaky", "last"]),
    st.floats(0.5, 200),
    st.floats(0.1, 10),
)
def test_evidence_and_confidence_follow_the_definition(
    scores: list[tuple[float, float, float]], kind: Any, tau_ms: float, temperature: float
) -> None:
    settings_ = ReadoutSettings(kind=kind, tau_ms=tau_ms, temperature=temperature)
    readout = ScoreReadout(settings_, LABELS, 2_000)
    for n in range(1, len(scores) + 1):
        decision = readout(said(*scores[n - 1]))
        past = np.array(scores[:n], np.float64)
        weights = {
            "mean": np.ones(n),
            "leaky": np.exp(-2.0 / tau_ms * np.arange(n)[::-1]),
            "last": np.eye(n)[-1],
        }[kind]
        evidence = weights @ past / weights.sum()
        confidence = np.exp((evidence - evidence.max()) / temperature)
        confidence /= confidence.sum()
        np.testing.assert_allclose(decision.scores, evidence, rtol=1e-5, atol=1e-4)
        assert decision.confidence == pytest.approx(confidence.max(), abs=1e-4)
        assert decision.scores.dtype == np.float32


@pytest.mark.parametrize("kind", ["mean", "leaky", "last"])
def test_conforms(kind: Any) -> None:
    settings_ = ReadoutSettings(kind=kind)
    assert_conforms(check_readout(lambda: ScoreReadout(settings_, [str(k) for k in range(10)], 1_000), 10))


def test_the_first_step_counts_in_full() -> None:
    readout = ScoreReadout(ReadoutSettings(kind="leaky", tau_ms=1_000), LABELS, 1_000)
    np.testing.assert_allclose(readout(said(4, 1, -2)).scores, [4, 1, -2])


def test_a_label_shows_after_patience_steps_above_the_threshold() -> None:
    settings_ = ReadoutSettings(kind="last", threshold=0.5, patience=3)
    sure, unsure, other = (0.8, 0.1, 0.1), (0.45, 0.30, 0.25), (0.1, 0.8, 0.1)
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [sure, sure, sure]) == [None, None, "a"]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [unsure] * 5) == [None] * 5
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [sure, sure, unsure, sure, sure]) == [None] * 5
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [sure, sure, other, sure, sure, sure]) == [None] * 5 + ["a"]


def test_a_shown_label_gives_way_only_to_a_lead_that_lasts() -> None:
    settings_ = ReadoutSettings(kind="last", threshold=0.5, hysteresis=0.2, patience=2)
    a, narrow, wide, third = (0.8, 0.1, 0.1), (0.40, 0.55, 0.05), (0.2, 0.7, 0.1), (0.2, 0.1, 0.7)
    start = [a, a]
    shown: list[str | None] = [None, "a"]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [*start, *[narrow] * 9]) == shown + ["a"] * 9
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [*start, wide, wide, a]) == [*shown, "a", "b", "b"]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [*start, wide, narrow, wide, wide]) == [*shown, *"aaab"]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [*start, wide, third, third]) == [*shown, *"aac"]


def test_a_shown_label_is_taken_back_when_it_has_become_weak() -> None:
    settings_ = ReadoutSettings(kind="last", threshold=0.5, hysteresis=0.2, patience=2)
    a, weak, faint, other = (0.8, 0.1, 0.1), (0.36, 0.33, 0.31), (0.29, 0.36, 0.35), (0.1, 0.8, 0.1)
    shown: list[str | None] = [None, "a"]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [a, a, *[weak] * 4]) == shown + ["a"] * 4
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [a, a, faint, weak, faint, weak]) == shown + ["a"] * 4
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [a, a, faint, faint, weak]) == [*shown, "a", None, None]
    assert labels_of(ScoreReadout(settings_, LABELS, 1), [a, a, faint, other, other]) == [*shown, "a", "a", "b"]


def test_reset_takes_the_label_away() -> None:
    readout = ScoreReadout(ReadoutSettings(kind="mean", patience=1), LABELS, 1_000)
    assert readout(said(9, 0, 0)).label == "a"
    readout.reset()
    decision = readout(said(0, 0, 0))
    assert decision.label is None
    assert decision.confidence == pytest.approx(1 / 3)
    assert decision.scores.tolist() == [0, 0, 0]


def test_confidence_survives_scores_beyond_the_range_of_exp() -> None:
    readout = ScoreReadout(ReadoutSettings(kind="last", temperature=0.01, patience=1), LABELS, 1_000)
    assert readout(said(3e38, -3e38, 0))[:2] == ("a", 1.0)


def test_a_leaky_readout_does_not_age() -> None:
    readout = ScoreReadout(ReadoutSettings(kind="leaky", tau_ms=1), LABELS, 1_000)
    for _ in range(3_000):  # far beyond where exp(-n) underflows
        readout(said(1, 2, 3))
    readout(said(0, 0, 0))
    np.testing.assert_allclose(readout(said(0, 0, 0)).scores, np.array([1, 2, 3]) * math.exp(-2), rtol=1e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused_and_do_no_harm(bad: float) -> None:
    readout = ScoreReadout(ReadoutSettings(kind="last"), LABELS, 1_000)
    with pytest.raises(StreamsnnError, match="not finite"):
        readout(said(1, bad, 0))
    assert readout(said(1, 2, 3)).scores.tolist() == [1, 2, 3]


def test_scores_of_another_length_are_refused() -> None:
    with pytest.raises(StreamsnnError, match=r"shape \(2,\), but there are 3 labels"):
        ScoreReadout(ReadoutSettings(), LABELS, 1_000)(said(1, 2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "median"}, 'not "median"'),
        ({"tau_ms": 0.0}, "tau_ms must be above 0"),
        ({"tau_ms": math.nan}, "tau_ms must be above 0"),
        ({"temperature": 0.0}, "temperature must be above 0"),
        ({"threshold": 1.0}, "threshold must lie in"),
        ({"threshold": -0.1}, "threshold must lie in"),
        ({"hysteresis": -0.1}, "hysteresis must lie in"),
        ({"patience": 0}, "patience must be 1"),
    ],
)
def test_settings_without_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(StreamsnnError, match=message):
        ScoreReadout(ReadoutSettings(**wrong), LABELS, 1_000)


@pytest.mark.parametrize("labels", [(), ("a", "a")])
def test_labels_without_sense_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(StreamsnnError, match="labels must be"):
        ScoreReadout(ReadoutSettings(), labels, 1_000)
