"""What a training makes small: wrong answers at the end of a recording, and on the way there; see `Objective`."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from streamsnn.neurons.through_time import leaky_integral
from streamsnn.training.batches import Batch, SpanInSteps
from streamsnn.training.config import Objective
from streamsnn.types import ReadoutSettings


def running_evidence(scores: Tensor, readout: ReadoutSettings, step_us: int) -> Tensor:
    """What `ScoreReadout` holds after each step, (T, B, classes) as `scores` are.

    Divided by the readout's temperature, so that its softmax is the readout's confidence.
    """
    count = torch.arange(1, scores.shape[0] + 1, dtype=scores.dtype).reshape(-1, 1, 1)
    if readout.kind == "mean":
        held = scores.cumsum(0) / count
    elif readout.kind == "last":
        held = scores
    else:
        decay = torch.exp(torch.tensor(-step_us / (1000 * readout.tau_ms), dtype=scores.dtype))
        held = leaky_integral(scores, decay) * ((1 - decay) / (1 - decay**count))
    return held / readout.temperature


def last_of(evidence: Tensor, lengths: NDArray[np.int64]) -> Tensor:
    """What is held after the last step of each recording: (B, classes) of (T, B, classes)."""
    return evidence[torch.as_tensor(lengths) - 1, torch.arange(evidence.shape[1])]


def loss(scores: Tensor, evidence: Tensor, batch: Batch, objective: Objective, step_us: int) -> Tensor:
    """The mean over the batch of what `objective` asks for, of scores and evidence (T, B, classes)."""
    classes = evidence.shape[2]
    held = last_of(evidence, batch.lengths)
    targets = torch.as_tensor(batch.targets)
    total = evidence.new_zeros(())
    known = targets >= 0
    if objective.final > 0 and known.any():
        total = total + objective.final * functional.cross_entropy(
            held[known], targets[known], label_smoothing=objective.label_smoothing
        )
    if objective.every > 0 and known.any():
        total = total + objective.every * _every(scores, batch, objective.label_smoothing)
    if objective.early > 0 or objective.quiet > 0:
        wanted, weights = step_targets(batch, objective, step_us)
        surprise = -functional.log_softmax(evidence, dim=2)
        even = surprise.mean(2)
        kept = 1 - objective.label_smoothing
        right = surprise.gather(2, wanted.clamp(min=0).unsqueeze(2)).squeeze(2)
        said = wanted >= 0
        for share, wrong, chosen in (
            (objective.early, kept * right + (1 - kept) * even, said),
            (objective.quiet, even - np.log(classes), ~said),
        ):
            weight = weights * chosen
            total = total + share * (wrong * weight).sum() / weight.sum().clamp(min=1)
    return total


def _every(scores: Tensor, batch: Batch, label_smoothing: float) -> Tensor:
    """The cross-entropy after each step, summed over a recording's steps: the mean over those whose class is known."""
    steps, classes = scores.shape[0], scores.shape[2]
    known = torch.as_tensor(batch.targets >= 0)
    wanted = torch.as_tensor(batch.targets).expand(steps, -1)[:, known]
    there = torch.as_tensor(np.arange(steps)[:, None] < batch.lengths)[:, known]
    wrong = functional.cross_entropy(
        scores[:, known].reshape(-1, classes), wanted.reshape(-1), label_smoothing=label_smoothing, reduction="none"
    )
    return (wrong.reshape(wanted.shape) * there).sum() / wanted.shape[1]


def step_targets(batch: Batch, objective: Objective, step_us: int) -> tuple[Tensor, Tensor]:
    """Each step's class, -1 for nothing, and how much it weighs, 0 where any answer will do; (T, B) both."""
    steps, count = batch.inputs.shape[:2]
    wanted = np.full((steps, count), -1, np.int64)
    weights = np.zeros((steps, count), np.float32)
    scale = 1000 / step_us
    for place, (spans, length) in enumerate(zip(batch.spans, batch.lengths, strict=True)):
        quiet_from = 0.0
        for span in (*spans, SpanInSteps(-1, float(length), float(length))):
            weights[int(np.ceil(quiet_from)) : int(span.begin), place] = 1
            quiet_from = span.end + objective.quiet_after_ms * scale
        for span, then in itertools.zip_longest(spans, spans[1:]):
            first = int(np.ceil(span.begin + objective.early_from_ms * scale))
            last = min(int(span.end + objective.early_after_ms * scale) + 1, int(length))
            if then is not None:
                last = min(last, int(then.begin))
            rise = (objective.early_to_ms - objective.early_from_ms) * scale
            run = np.arange(first, max(first, last))
            weights[run, place] = np.clip((run + 1 - first) / max(rise, 1), 0, 1)
            wanted[run, place] = span.target
    return torch.from_numpy(wanted), torch.from_numpy(weights)
