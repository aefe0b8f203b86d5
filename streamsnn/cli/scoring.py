"""What `streamsnn evaluate` finds out: the answer to every recording after every step, and what follows from them."""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.cli import options
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.latency import Histogram
from streamsnn.readout import ScoreReadout
from streamsnn.registry import open_model, open_source
from streamsnn.training.dataset import Dataset, Sample, open_dataset
from streamsnn.types import Model, ModelCard, Packet, Sensor, Source

_CURVE_POINTS = 500
_PACKET_US = 1_000_000


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


def evaluate(arguments: argparse.Namespace, on_start: Callable[[], None]) -> Evaluation:
    """Stream the dataset that `arguments` name through their model; `on_start` is called before the first recording.

    Raises StreamsnnError for a dataset or a model that cannot be used, and if not one recording can be read.
    """
    dataset = open_dataset(arguments.dataset, arguments.labels)
    model = open_model(arguments.model)
    _refuse_strange_labels(dataset, model.card)
    options.start_engine(model)
    samples = _spread(dataset.samples, arguments.limit)
    answers: list[Answer] = []
    unreadable: list[Flaw] = []
    damaged: list[Flaw] = []
    compute = Histogram()
    on_start()
    for sample in _watched(samples):
        try:
            answer, damage = _answer(arguments, model, sample, compute)
        except _ReadingFailed as error:
            unreadable.append(Flaw(sample.file, error.message))
            continue
        answers.append(answer)
        if damage:
            damaged.append(Flaw(sample.file, "; ".join(damage)))
    if not answers:
        raise StreamsnnError(
            f"Not one of the {len(samples)} recordings in {arguments.dataset} can be read.",
            hint=f"The first: {unreadable[0].reason}.",
        )
    return Evaluation(arguments.dataset, model.card, tuple(answers), tuple(unreadable), tuple(damaged), compute)


def _refuse_strange_labels(dataset: Dataset, card: ModelCard) -> None:
    strange = [name for name in dataset.classes if name not in card.labels]
    if strange:
        raise StreamsnnError(
            f"The dataset has labels that {card.name} does not know, such as {strange[0]!r}.\n"
            f"dataset: {', '.join(dataset.classes)}; model: {', '.join(card.labels)}",
            hint="Spell them alike, or choose another model.",
        )


def _spread(samples: Sequence[Sample], limit: int | None) -> Sequence[Sample]:
    """At most `limit` of the samples at equal distances, so that all classes of a sorted dataset have their share."""
    if limit is None or limit >= len(samples):
        return samples
    return [samples[place * len(samples) // limit] for place in range(limit)]


def _answer(
    arguments: argparse.Namespace, model: Model, sample: Sample, compute: Histogram
) -> tuple[Answer, tuple[str, ...]]:
    """The answer to one recording, from a fresh state, and what was found to be damaged in it.

    Raises `_ReadingFailed` if the recording is to blame, and StreamsnnError if the model is, or does not fit it.
    """
    card = model.card
    with _reading():
        recording = open_source(
            str(sample.path),
            sensor=options.sensor_of(arguments),
            packet_us=_PACKET_US,
            strict=arguments.strict,
            hearing=card.hearing,
            ears=card.input.height,
        )
        sensor = recording.sensor
    with contextlib.closing(recording):
        try:
            fit = options.fit_of(arguments, sensor, model)
        except StreamsnnError as error:
            raise StreamsnnError(f"{sample.file}: {error.message}", hint=error.hint) from error
        classes: list[int] = []
        spikes = operations = 0
        counted = False
        for _, output, decision, _, stamps, _ in stream(
            _Read(recording),
            model,
            filters=options.filters_of(arguments, sensor),
            readout=ScoreReadout(card.readout, card.labels, card.step_us),
            state=options.fresh_state(arguments, model),
            fit=fit,
        ):
            classes.append(int(decision.scores.argmax()))
            spikes += sum(len(fired) for fired in output.spikes.values())
            if output.operations is not None:
                counted = True
                operations += output.operations.total
            compute.record(stamps.finished_ns - stamps.started_ns)
        answer = Answer(
            sample, np.array(classes, np.int64), spikes, operations if counted else None, _word_us(sample, recording)
        )
        return answer, options.damage_of(recording)


def _word_us(sample: Sample, recording: Source) -> int | None:
    """When the word of a sound begins; None for what is no sound."""
    from streamsnn.sources.hearing import Heard

    if not isinstance(recording, Heard):
        return None
    from streamsnn.training.words import find_word, read_sound

    wave, rate_hz = read_sound(sample.path)
    return find_word(wave, rate_hz)[0] * 1_000_000 // rate_hz


class _ReadingFailed(StreamsnnError):
    """A recording is to blame, not the model."""


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except StreamsnnError as error:
        raise _ReadingFailed(error.message, hint=error.hint) from error


class _Read:
    """A source whose own errors are told from those of whoever pulls it."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def sensor(self) -> Sensor:
        return self._source.sensor

    def __iter__(self) -> Iterator[Packet]:
        packets = iter(self._source)
        while True:
            with _reading():
                packet = next(packets, None)
            if packet is None:
                return
            yield packet

    def close(self) -> None:
        self._source.close()


def _watched(samples: Sequence[Sample]) -> Iterator[Sample]:
    """The samples, with a progress bar on stderr where that is a terminal."""
    if not sys.stderr.isatty():
        yield from samples
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(samples, "evaluating", console=Console(stderr=True), transient=True)
