"""Whoever computes something else is found out; what rounding decides is forgiven, counted, and no excuse."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from small_cases import small_case

from streamsnn.bench import equality
from streamsnn.bench.contender import Answers
from streamsnn.bench.equality import Reference, check
from streamsnn.bench.networks import Case, event_steps
from streamsnn.bench.numpy_steps import NumpyStep
from streamsnn.types import Step


class Altered(NumpyStep):
    """Answers that `alter` has had a hand in, at the steps with index `at`."""

    def __init__(self, case: Case, at: set[int], alter: Any) -> None:
        super().__init__(case)
        self._at, self._alter = at, alter

    def ready(self, step: Step) -> tuple[Any, ...]:
        self.index = step.index
        return super().ready(step)

    def answers(self, said: Any) -> Answers:
        answers = super().answers(said)
        return self._alter(answers, self.index) if self.index in self._at else answers


@pytest.fixture
def case() -> Case:
    return small_case()


@pytest.fixture
def reference(case: Case) -> Reference:
    return Reference(case, event_steps(case, 4_000, 40))


def flipped(answers: Answers, neuron: int) -> Answers:
    fired = answers.spikes["hidden"].copy()
    fired[neuron] = ~fired[neuron]
    return answers._replace(spikes={"hidden": fired})


def test_equal(case: Case, reference: Reference) -> None:
    assert check(NumpyStep(case), reference) == equality.Verdict(True, 40, 0)
    assert check(NumpyStep(case), reference, 7).steps == 7


def test_another_weight_is_found(case: Case, reference: Reference) -> None:
    weights = dict(case.weights)
    weights["hidden.recurrent_weight"] = weights["hidden.recurrent_weight"] + np.float32(0.2)
    verdict = check(NumpyStep(dataclasses.replace(case, weights=weights)), reference)
    assert not verdict.equal
    assert "neurons of hidden differ" in verdict.difference
    assert verdict.steps < 40


def test_one_spike_is_found(case: Case, reference: Reference) -> None:
    neuron = int(np.flatnonzero(~reference.at(0, 20).close["hidden"])[0])
    verdict = check(Altered(case, {20}, lambda answers, _: flipped(answers, neuron)), reference)
    what = "is silent" if reference.at(0, 20).fired["hidden"][neuron] else "fires"
    assert not verdict.equal
    assert verdict.difference == f"step 20: 1 of 8 neurons of hidden differ; neuron {neuron} {what}"


@pytest.mark.parametrize("off", [0.01, np.nan])
def test_a_score_is_found(case: Case, reference: Reference, off: float) -> None:
    verdict = check(Altered(case, {39}, lambda answers, _: answers._replace(scores=answers.scores + off)), reference)
    assert not verdict.equal
    assert "step 39: a score is off" in verdict.difference


def test_a_layer_that_is_missing_is_found(case: Case, reference: Reference) -> None:
    verdict = check(Altered(case, {3}, lambda answers, _: answers._replace(spikes={})), reference)
    assert verdict.difference == "step 3: layer hidden has no spikes to compare"


def test_what_rounding_decides_is_forgiven_and_begins_anew(
    case: Case, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equality, "CLOSE", 0.3)
    at = next(place for place in range(5, 30) if reference.at(0, place).close["hidden"].any())
    neuron = int(np.flatnonzero(reference.at(0, at).close["hidden"])[0])
    resets: list[int] = []

    class Counting(Altered):
        def reset(self) -> None:
            resets.append(len(resets))
            super().reset()

    verdict = check(Counting(case, {at}, lambda answers, _: flipped(answers, neuron)), reference)
    assert verdict == equality.Verdict(True, 40, 1)
    assert len(resets) == 3


def test_rounding_is_no_excuse_for_everything(
    case: Case, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(equality, "CLOSE", 100.0)
    verdict = check(Altered(case, set(range(40)), lambda answers, _: flipped(answers, 0)), reference)
    assert not verdict.equal
    assert "rounding decided 5 spikes" in verdict.difference
