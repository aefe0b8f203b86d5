"""Scores become a decision: gathered evidence, a confidence, and a label that does not flicker."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numba import float32, float64, int64, types
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.types import Decision, Output, ReadoutSettings

_NONE = -1


class ScoreReadout:
    """Gathers a model's scores and decides which of `labels` to show.

    With e_n the evidence after n steps and s_n the scores, e_n = e_{n-1} + g_n (s_n - e_{n-1}), where the gain g_n is
    1/n for "mean", (1 - a) / (1 - a^n) with a = exp(-step / tau) for "leaky", and 1 for "last". The leaky gain is the
    exponential average with its start corrected (Kingma & Ba 2015, section 3), written without a division at the end:
    the first step's evidence is the first step's scores, not a small part of them.

    The confidences are softmax(e / temperature). A label is shown once it has been the best with a confidence above
    `threshold` for `patience` steps on end. It gives way to one that moreover leads it by more than `hysteresis`, and
    to None when its own confidence lies more than `hysteresis` below `threshold`, either for `patience` steps on end
    (two thresholds against flicker, as voice activity detectors do it).

    Raises `StreamsnnError` for settings that make no sense, for scores of another length than `labels`, and for
    scores that are not finite: from those no later evidence would recover.
    """

    def __init__(self, settings: ReadoutSettings, labels: Sequence[str], step_us: int) -> None:
        _refuse_nonsense(settings, labels)
        self.settings = settings
        self.labels = tuple(labels)
        self._decay = math.exp(-step_us / (1000 * settings.tau_ms)) if settings.kind == "leaky" else 0.0
        self._evidence = np.zeros(len(self.labels), np.float64)
        self._confidences = np.zeros(2, np.float64)
        self.reset()

    def reset(self) -> None:
        """Forget all evidence and the label shown."""
        self._evidence.fill(0)
        self._steps = 0
        self._left = 1.0
        self._shown = _NONE
        self._rival = _NONE
        self._rival_steps = 0

    def __call__(self, output: Output) -> Decision:
        """Add one step's scores (classes,) to the evidence and decide; the decision's scores are its own."""
        scores = np.asarray(output.scores, np.float32)
        if scores.shape != self._evidence.shape:
            raise StreamsnnError(
                f"The model gave scores of shape {scores.shape}, but there are {len(self.labels)} labels.",
                hint="The model's card must name one label for each score.",
            )
        evidence = np.empty(scores.size, np.float32)
        best = _gather(
            scores,
            self._gain(),
            self.settings.temperature,
            self._shown,
            self._confidences,
            self._evidence,
            evidence,
        )
        if best < 0:
            raise StreamsnnError(
                f"The model's scores are not finite: {scores.tolist()}.",
                hint="The model is damaged or was fed what it cannot digest; reset its state, or check its weights.",
            )
        confidence, shown_confidence = self._confidences.tolist()
        self._judge(best, confidence, shown_confidence)
        return Decision(None if self._shown == _NONE else self.labels[self._shown], confidence, evidence)

    def _gain(self) -> float:
        self._steps += 1
        if self.settings.kind == "mean":
            return 1 / self._steps
        self._left *= self._decay
        return (1 - self._decay) / (1 - self._left)

    def _judge(self, best: int, confidence: float, shown_confidence: float) -> None:
        candidate = self._candidate(best, confidence, shown_confidence)
        if candidate == self._shown:
            self._rival_steps = 0
            return
        self._rival_steps = self._rival_steps + 1 if candidate == self._rival else 1
        self._rival = candidate
        if self._rival_steps >= self.settings.patience:
            self._shown = candidate
            self._rival_steps = 0

    def _candidate(self, best: int, confidence: float, shown_confidence: float) -> int:
        """What this step alone would show."""
        settings = self.settings
        ahead = self._shown == _NONE or confidence - shown_confidence > settings.hysteresis
        if confidence > settings.threshold and ahead:
            return best
        return self._shown if shown_confidence >= settings.threshold - settings.hysteresis else _NONE


def _refuse_nonsense(settings: ReadoutSettings, labels: Sequence[str]) -> None:
    wrong = ""
    if not labels or len(set(labels)) != len(labels):
        wrong = f"labels must be at least one and all different, not {list(labels)}"
    elif settings.kind not in ("mean", "leaky", "last"):
        wrong = f'kind must be "mean", "leaky" or "last", not "{settings.kind}"'
    elif settings.kind == "leaky" and not 0 < settings.tau_ms < math.inf:
        wrong = f"tau_ms must be above 0, not {settings.tau_ms}"
    elif not 0 < settings.temperature < math.inf:
        wrong = f"temperature must be above 0, not {settings.temperature}"
    elif not 0 <= settings.threshold < 1:
        wrong = f"threshold must lie in [0, 1), not at {settings.threshold}"
    elif not 0 <= settings.hysteresis < 1:
        wrong = f"hysteresis must lie in [0, 1), not at {settings.hysteresis}"
    elif settings.patience < 1:
        wrong = f"patience must be 1 step or more, not {settings.patience}"
    if wrong:
        raise StreamsnnError(f"The readout's settings make no sense: {wrong}.", hint="Mend the model's [readout].")


@compiled(
    int64(types.Array(float32, 1, "A", readonly=True), float64, float64, int64, *[float64[::1]] * 2, float32[::1])
)
def _gather(
    scores: NDArray[np.float32],
    gain: float,
    temperature: float,
    shown: int,
    confidences: NDArray[np.float64],
    kept: NDArray[np.float64],
    evidence: NDArray[np.float32],
) -> int:
    """Move `kept` towards `scores` by `gain`, copy it to `evidence`, and return the best class.

    `confidences` (2,) becomes that of the best class and that of the class `shown` (0 for none). Where a score is not
    finite the answer is -1, and nothing has changed.
    """
    for i in range(scores.size):
        if not np.isfinite(scores[i]):
            return -1
    best = 0
    for i in range(scores.size):
        kept[i] += gain * (scores[i] - kept[i])
        evidence[i] = kept[i]
        if kept[i] > kept[best]:
            best = i
    total = 0.0
    for i in range(scores.size):
        total += math.exp((kept[i] - kept[best]) / temperature)
    confidences[0] = 1 / total
    confidences[1] = math.exp((kept[shown] - kept[best]) / temperature) / total if shown >= 0 else 0.0
    return best
