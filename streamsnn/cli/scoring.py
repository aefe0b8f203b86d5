"""What `streamsnn evaluate` finds out: the answer to every recording after every step, and what follows from them."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from streamsnn.cli import options
from streamsnn.cli.evaluation import Answer, Evaluation, Flaw
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.latency import Histogram
from streamsnn.readout import ScoreReadout
from streamsnn.registry import open_model, open_source
from streamsnn.sources.hearing import Heard
from streamsnn.training.dataset import Dataset, Sample, open_dataset
from streamsnn.types import Model, ModelCard, Packet, Sensor, Sound, Source

_PACKET_US = 1_000_000


def evaluate(arguments: argparse.Namespace, on_start: Callable[[], None]) -> Evaluation:
    """Stream the dataset that `arguments` name through their model; `on_start` is called before the first recording.

    Raises StreamsnnError for a dataset or a model that cannot be used, and if not one recording can be read.
    """
    dataset = open_dataset(arguments.dataset, arguments.labels)
    model = open_model(arguments.model)
    refuse_strange_labels(dataset, model.card)
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


def refuse_strange_labels(dataset: Dataset, card: ModelCard) -> None:
    """Raise StreamsnnError if a recording's label is none of the model's."""
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
        start_us, stop_us = _cut(sample, arguments.duration)
        recording = open_source(
            str(sample.path),
            sensor=options.sensor_of(arguments),
            start_us=start_us,
            stop_us=stop_us,
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
        sounds: list[Sound] = []
        if isinstance(recording, Heard):
            recording.on_sound = sounds.append
        classes: list[int] = []
        spikes = operations = 0
        counted = False
        for _, output, decision, _, stamps, _ in stream(
            _Read(recording, arguments.duration),
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
            sample, np.array(classes, np.int64), spikes, operations if counted else None, _word_us(recording, sounds)
        )
        return answer, options.damage_of(recording)


def _cut(sample: Sample, duration_us: int | None) -> tuple[int, int | None]:
    """From when to when, after the recording's beginning, the sample is in it."""
    if sample.span is None:
        return 0, duration_us
    begin_us, end_us = sample.span
    origin_us = open_recording(sample.path).t_begin_us
    stop_us = end_us if duration_us is None else min(end_us, begin_us + duration_us)
    return max(begin_us - origin_us, 0), max(stop_us - origin_us, 1)


def _word_us(recording: Source, sounds: Sequence[Sound]) -> int | None:
    """When the word of a sound begins, of which `sounds` were heard; None for what is no sound."""
    if not isinstance(recording, Heard):
        return None
    from streamsnn.training.words import find_word

    rate_hz = recording.sounds.rate_hz
    wave = np.concatenate([sound.samples.mean(1) for sound in sounds])
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
    """A source whose own errors are told from those of whoever pulls it. Silence follows on events that are over before
    `duration_us`."""

    def __init__(self, source: Source, duration_us: int | None) -> None:
        self._source = source
        self._duration_us = None if isinstance(source, Heard) else duration_us

    @property
    def sensor(self) -> Sensor:
        return self._source.sensor

    def __iter__(self) -> Iterator[Packet]:
        packets = iter(self._source)
        first: Packet | None = None
        last: Packet | None = None
        while True:
            with _reading():
                packet = next(packets, None)
            if packet is None:
                break
            first, last = first or packet, packet
            yield packet
        if self._duration_us is not None and first is not None and last is not None:
            end_us = first.t_begin_us + self._duration_us
            if end_us > last.t_end_us:
                yield Packet(last.events[:0], last.t_end_us, end_us, last.arrived_ns)

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
