"""What a training makes small, held against the readout and against sums by hand."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch

from streamsnn.readout import ScoreReadout
from streamsnn.training.batches import Batch, SpanInSteps
from streamsnn.training.config import Objective
from streamsnn.training.objective import last_of, loss, running_evidence, step_targets
from streamsnn.types import Output, ReadoutSettings

STEP_US = 10_000


@pytest.mark.parametrize("kind", ["mean", "leaky", "last"])
def test_evidence_is_the_readouts(kind: Literal["mean", "leaky", "last"]) -> None:
    settings = ReadoutSettings(kind=kind, tau_ms=30.0, temperature=0.5)
    scores = np.random.default_rng(0).normal(size=(9, 3, 4)).astype(np.float32)
    lengths = np.array([9, 4, 1])
    running = running_evidence(torch.from_numpy(scores), settings, 7000)
    found = last_of(running, lengths).numpy()
    for column, length in enumerate(lengths):
        readout = ScoreReadout(settings, "abcd", 7000)
        for step in range(length):
            decision = readout(Output(scores[step, column], {}))
            assert running[step, column].numpy() * 0.5 == pytest.approx(decision.scores, abs=1e-5)
        assert found[column] * 0.5 == pytest.approx(decision.scores, abs=1e-5)


def batch(steps: int, spans: tuple[SpanInSteps, ...], target: int = 1) -> Batch:
    inputs = np.zeros((steps, 1, 1, 1, 2), np.float32)
    return Batch(inputs, np.array([target]), np.array([steps]), (spans,))


def test_each_step_is_asked_for_what_is_there() -> None:
    objective = Objective(early_from_ms=20, early_to_ms=40, early_after_ms=10, quiet_after_ms=50)
    wanted, weights = step_targets(
        batch(30, (SpanInSteps(1, 5.0, 10.0), SpanInSteps(0, 20.5, 24.0))), objective, STEP_US
    )
    assert wanted[:, 0].tolist() == [-1] * 7 + [1] * 5 + [-1] * 11 + [0] * 3 + [-1] * 4
    expected = (
        [1.0] * 5 + [0] * 2 + [0.5] + [1.0] * 4 + [0] * 3 + [1.0] * 5 + [0] * 3 + [0.5, 1.0, 1.0] + [0] * 3 + [1.0]
    )
    assert weights[:, 0].tolist() == expected


def test_a_word_gives_way_to_the_next_one() -> None:
    spans = (SpanInSteps(1, 2.0, 8.0), SpanInSteps(0, 8.0, 12.0))
    wanted, weights = step_targets(batch(14, spans), Objective(early_from_ms=0, early_to_ms=0), STEP_US)
    assert wanted[:, 0].tolist() == [-1, -1, *[1] * 6, *[0] * 6]
    assert weights[:, 0].tolist() == [1.0] * 14


def test_the_loss_is_the_sum_of_its_parts() -> None:
    evidence = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 1, 2)))
    data = batch(30, (SpanInSteps(1, 5.0, 12.0),))
    scores = torch.from_numpy(np.random.default_rng(1).normal(size=(30, 1, 2)))
    names = ("final", "early", "quiet", "every")
    parts = [Objective(**{"final": 0.0, name: 2.0}) for name in names]
    together = loss(scores, evidence, data, Objective(**dict.fromkeys(names, 2.0)), STEP_US)
    assert together == pytest.approx(float(sum(loss(scores, evidence, data, part, STEP_US) for part in parts)))
    log_p = torch.log_softmax(evidence[:, 0], 1)
    final = loss(scores, evidence, data, Objective(label_smoothing=0.0), STEP_US)
    assert final == pytest.approx(float(-log_p[29, 1]))
    wanted, weights = step_targets(data, Objective(), STEP_US)
    right = sum(-weights[k, 0] * log_p[k, 1] for k in range(30) if wanted[k, 0] == 1)
    early = loss(scores, evidence, data, Objective(final=0.0, early=1.0, label_smoothing=0.0), STEP_US)
    assert early == pytest.approx(float(right / weights[wanted == 1].sum()))


def test_every_step_of_a_recording_counts_for_itself() -> None:
    scores = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3, 2)))
    data = Batch(np.zeros((6, 3, 1, 1, 2), np.float32), np.array([1, 0, -1]), np.array([6, 2, 6]), ((), (), ()))
    log_p = torch.log_softmax(scores, 2)
    by_hand = -(log_p[:, 0, 1].sum() + log_p[:2, 1, 0].sum()) / 2
    every = Objective(final=0.0, every=1.0, label_smoothing=0.0)
    assert loss(scores, torch.zeros_like(scores), data, every, STEP_US) == pytest.approx(float(by_hand))


def test_silence_that_is_answered_with_nothing_costs_nothing() -> None:
    quiet, data = Objective(final=0.0, quiet=1.0), batch(9, (), -1)
    even, sure = torch.ones(9, 1, 2), torch.ones(9, 1, 1) * torch.tensor([0.0, 3.0])
    assert loss(even, even, data, quiet, STEP_US) == pytest.approx(0.0, abs=1e-6)
    assert loss(sure, sure, data, quiet, STEP_US) > 0.5
    assert loss(even, even, data, Objective(), STEP_US) == 0
