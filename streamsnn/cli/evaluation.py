"""What is known of a model after it has been asked about a whole dataset."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.latency import Histogram
from streamsnn.training.dataset import Sample
from streamsnn.types import ModelCard

_CURVE_POINTS = 500


@dataclass(frozen=True)
class Answer:
    """What the model thought of one recording: the class with the most evidence after each step (steps,).

    `word_us` is when the word begins in a recording of sound; see `find_word`.
    """

    sample: Sample
    classes: NDArray[np.int64]
    spikes: int
    operations: int | None
    word_us: int | None = None


@dataclass(frozen=True)
class Flaw:
    """What is wrong with a recording."""

    file: str
    reason: str


@dataclass(frozen=True)
class Evaluation:
    """Answers to a dataset, at least one. Classes are the card's labels, in their order.

    `unreadable` recordings have no part in the figures; of `damaged` ones what could be read has.
    """

    dataset: str
    card: ModelCard
    answers: tuple[Answer, ...]
    unreadable: tuple[Flaw, ...]
    damaged: tuple[Flaw, ...]
    compute: Histogram

    @property
    def truth(self) -> NDArray[np.int64]:
        """The true class of each answer (n,)."""
        place = {label: index for index, label in enumerate(self.card.labels)}
        return np.array([place[answer.sample.label] for answer in self.answers], np.int64)

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The class answered at the end of each recording (n,)."""
        return np.array([answer.classes[-1] for answer in self.answers], np.int64)

    @property
    def right(self) -> int:
        return int(np.count_nonzero(self.truth == self.predicted))

    @property
    def accuracy(self) -> float:
        return self.right / len(self.answers)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """How often each class (row) was answered as each (column)."""
        classes = len(self.card.labels)
        pairs = np.bincount(self.truth * classes + self.predicted, minlength=classes * classes)
        return pairs.reshape(classes, classes)

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the accuracy on more such recordings lies with 95 % confidence."""
        return wilson(self.right, len(self.answers))

    def anytime(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Elapsed stream time in ms, and the accuracy of the answers that were held at it.

        A recording that is over keeps its last answer. There is a point a step, or of more than 500 steps every second,
        third, ..., and the last in any case.
        """
        longest = max(answer.classes.size for answer in self.answers)
        stride = -(-longest // _CURVE_POINTS)
        points = np.unique(np.append(np.arange(stride - 1, longest, stride), longest - 1))
        right = np.zeros(points.size, np.int64)
        for answer, truth in zip(self.answers, self.truth, strict=True):
            right += answer.classes[np.minimum(points, answer.classes.size - 1)] == truth
        return (points + 1) * (self.card.step_us / 1000), right / len(self.answers)

    def delays_ms(self) -> NDArray[np.float64]:
        """Of each right answer to recorded sound: how long after its word's beginning it was right and stayed so."""
        step_ms = self.card.step_us / 1000
        delays = []
        for answer, truth in zip(self.answers, self.truth, strict=True):
            if answer.word_us is not None and answer.classes[-1] == truth:
                wrong = np.flatnonzero(answer.classes != truth)
                steps = int(wrong[-1]) + 2 if wrong.size else 1
                delays.append(max(0.0, steps * step_ms - answer.word_us / 1000))
        return np.array(delays)

    @property
    def spikes_per_sample(self) -> float:
        return sum(answer.spikes for answer in self.answers) / len(self.answers)

    @property
    def operations_per_sample(self) -> float | None:
        """Synaptic operations a recording; None if the model does not count them."""
        counts = [answer.operations for answer in self.answers if answer.operations is not None]
        return sum(counts) / len(counts) if counts else None

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        labels = self.card.labels
        t_ms, accuracy = self.anytime()
        return {
            "accuracy": self.accuracy,
            "n": len(self.answers),
            "classes": list(labels),
            "confusion": self.confusion.tolist(),
            "anytime": {"t_ms": t_ms.tolist(), "accuracy": accuracy.tolist()},
            "delays_ms": self.delays_ms().tolist(),
            "spikes_per_sample": self.spikes_per_sample,
            "synaptic_operations_per_sample": self.operations_per_sample,
            "predictions": [
                {"file": answer.sample.file, "label": answer.sample.label, "predicted": labels[answer.classes[-1]]}
                for answer in self.answers
            ],
            "model": self.card.name,
            "dataset": self.dataset,
            "accuracy_interval_95": list(self.interval),
            "step_ms": self.card.step_us / 1000,
            "compute_per_step": self.compute.as_dict(),
            "unreadable": [{"file": each.file, "reason": each.reason} for each in self.unreadable],
            "damaged": [{"file": each.file, "reason": each.reason} for each in self.damaged],
        }


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of `right` in `n`, n above 0.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), z = 1.96 (Wilson 1927, "Probable inference, the law of
    succession, and statistical inference").
    """
    z = 1.959964
    share, spread = right / n, z * z / n
    middle = share + spread / 2
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))
