"""How sure is sure enough: a temperature and a threshold for a model that listens, from words that it did not learn.

The words are put into passages with pauses and noise, which the model hears step by step. The temperature is the one
that makes the softmax of the evidence at the words' ends as likely as can be (Guo et al. 2017, "On Calibration of
Modern Neural Networks"): then a confidence of 0.8 means to be right four times in five. Of all thresholds at which the
labels that are shown where nothing is said, or once too often, are no more than so many an hour, that one is taken
which has the most hits, less what is wrong.

Neither changes which class has the most evidence, and thus no accuracy. False alarms are to be reported on yet other
words: those that a threshold was chosen by flatter it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.binning import Binner
from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_spec, save_card
from streamsnn.network import Network
from streamsnn.readout import ScoreReadout
from streamsnn.spotting import Report, Span, Spotting, spot
from streamsnn.training.checkpoint import write_whole
from streamsnn.training.voices import Voices, elsewhere
from streamsnn.training.words import Word, hear, place_words
from streamsnn.types import ModelCard, Output, Packet, ReadoutSettings

_PASSAGE_S = 30.0
_MEAN_PAUSE_S = 1.0
_NOISE = Voices(noise=1.0, least_snr_db=20.0, most_snr_db=45.0)
"""A quiet room: what is not said is not digital silence."""
_END_STEPS = 10
"""The evidence at a word's end is that of so many steps from there on."""
_TEMPERATURES = np.geomspace(0.05, 20, 241)
_THRESHOLDS = (*(round(0.3 + 0.025 * place, 3) for place in range(27)), 0.97, 0.98, 0.99)
_HEADING = "\n## Calibrated\n"


@dataclass(frozen=True)
class Passage:
    """What a readout gathered of some words with pauses: evidence (steps, classes), and what was said when."""

    evidence: NDArray[np.float32]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Counts:
    """What is shown of all passages together."""

    words: int
    hits: int
    wrong: int
    false_alarms: int
    duration_us: int

    @property
    def false_alarms_an_hour(self) -> float:
        return self.false_alarms * 3.6e9 / self.duration_us


@dataclass(frozen=True)
class Calibration:
    """Settings that were found, what is shown with them, and what was with the model's own before.

    `reached` is False where no threshold keeps to the false alarms that were asked for: the highest is taken.
    """

    readout: ReadoutSettings
    after: Counts
    before: Counts
    reached: bool


def calibrate(
    network: Network, words: Sequence[Word], most_an_hour: float, seed: int, watch: Callable[[int, int], None]
) -> Calibration:
    """The readout settings with which `network` shows at most `most_an_hour` false alarms on passages of `words`.

    `watch(done, all)` is told how many of the words were heard. Raises StreamsnnError for a model that does not listen,
    and where no word is left.
    """
    card = network.card
    passages = tuple(passages_of(network, words, seed, watch))
    if not passages:
        raise StreamsnnError("There are no words to calibrate with.", hint="Give recordings of single words.")
    temperature = best_temperature(passages, card)
    before = count(passages, card, card.readout)
    settings = [dataclasses.replace(card.readout, temperature=temperature, threshold=each) for each in _THRESHOLDS]
    tried = [Calibration(each, count(passages, card, each), before, True) for each in settings]
    kept = [each for each in tried if each.after.false_alarms_an_hour <= most_an_hour]
    if not kept:
        return dataclasses.replace(tried[-1], reached=False)
    # Of several that are as good, the highest is the one with the most in hand.
    return max(kept, key=lambda one: (one.after.hits - one.after.wrong, one.readout.threshold))


def passages_of(
    network: Network, words: Sequence[Word], seed: int, watch: Callable[[int, int], None]
) -> Iterator[Passage]:
    """Every word once, in an order that `seed` draws, heard and gathered as `streamsnn run` would, from a fresh state.

    A word that is longer than a passage is left out.
    """
    card = network.card
    if card.hearing is None:
        raise StreamsnnError(f"{card.name} does not listen.", hint="Only models of sound can be calibrated.")
    rng = np.random.default_rng(seed)
    left = [words[place] for place in rng.permutation(len(words))]
    while left:
        rate_hz = left[0].rate_hz
        alike = next((place for place, word in enumerate(left) if word.rate_hz != rate_hz), len(left))
        wave, said = place_words(left[:alike], rate_hz, _PASSAGE_S, rng, _MEAN_PAUSE_S)
        left = left[max(1, len(said)) :]
        watch(len(words) - len(left), len(words))
        if not said:
            continue
        take = hear(elsewhere(wave, rate_hz, _NOISE, rng), rate_hz, card.hearing, card.input, seed, said)
        binner, readout = Binner(card.step_us, take.fit), ScoreReadout(card.readout, card.labels, card.step_us)
        state = network.initial_state()
        packet = Packet(take.events, take.t_begin_us, take.t_end_us, 0)
        evidence = [readout(network.step(step, state)).scores for step in (*binner.push(packet), *binner.flush())]
        spans = tuple(Span(int(each.begin_us), int(each.end_us), card.labels[each.target]) for each in said)
        yield Passage(np.array(evidence, np.float32), spans)


def best_temperature(passages: Sequence[Passage], card: ModelCard) -> float:
    """The temperature at which the words' own classes are most likely at their ends."""
    place = {label: index for index, label in enumerate(card.labels)}
    rows, targets = [], []
    for passage in passages:
        for span in passage.spans:
            end = min(span.end_us // card.step_us, len(passage.evidence) - 1)
            own = passage.evidence[end : end + _END_STEPS]
            rows.append(own)
            targets += [place[span.label]] * len(own)
    evidence, wanted = np.concatenate(rows).astype(np.float64), np.array(targets)
    surprise = []
    for temperature in _TEMPERATURES:
        scaled = evidence / temperature
        scaled -= scaled.max(1, keepdims=True)
        surprise.append(np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(wanted.size), wanted]))
    return round(float(_TEMPERATURES[int(np.argmin(surprise))]), 4)


def count(passages: Sequence[Passage], card: ModelCard, settings: ReadoutSettings) -> Counts:
    """What a readout with `settings` shows of the passages: of them all its evidence, temperature and beyond."""
    found = [spot(each.spans, _reports(each, card, settings), _duration_us(each, card)) for each in passages]

    def total(of: Callable[[Spotting], int]) -> int:
        return sum(map(of, found))

    return Counts(
        total(lambda one: one.spans),
        total(lambda one: one.hits),
        total(lambda one: len(one.wrong)),
        total(lambda one: len(one.false_alarms)),
        total(lambda one: one.duration_us),
    )


def _duration_us(passage: Passage, card: ModelCard) -> int:
    return len(passage.evidence) * card.step_us


def _reports(passage: Passage, card: ModelCard, settings: ReadoutSettings) -> list[Report]:
    # The evidence is gathered already: the newest is all of it.
    readout = ScoreReadout(dataclasses.replace(settings, kind="last"), card.labels, card.step_us)
    reports, shown = [], None
    for step, evidence in enumerate(passage.evidence):
        label = readout(Output(evidence, {})).label
        if label is not None and label != shown:
            reports.append(Report((step + 1) * card.step_us, label))
        shown = label
    return reports


def write_calibration(folder: Path, found: Calibration, command: str) -> None:
    """Put what was found into the model.toml of `folder`, and a paragraph about it into its README.

    Raises StreamsnnError where the disk refuses.
    """
    card = load_spec(folder).card
    after = found.after
    figures = {
        "calibration_words": float(after.words),
        "calibration_hits": float(after.hits),
        "calibration_wrong": float(after.wrong),
        "calibration_false_alarms_an_hour": after.false_alarms_an_hour,
    }
    save_card(folder, dataclasses.replace(card, readout=found.readout, figures={**card.figures, **figures}))
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else f"# {card.name}\n"
    write_whole(readme, (text.partition(_HEADING)[0] + _HEADING + paragraph(found, command)).encode())


def paragraph(found: Calibration, command: str) -> str:
    """What a model's README says of its calibration."""
    readout, after = found.readout, found.after
    lines = [
        "",
        f"Temperature {readout.temperature:g} and threshold {readout.threshold:g} were found on {after.words} words",
        f"with pauses ({after.duration_us / 6e7:.0f} minutes): {after.hits} hits, {after.wrong} wrong,"
        f" {after.false_alarms} false alarms, which is {after.false_alarms_an_hour:.0f} an hour;",
        "on these very words, which flatters. Found with",
        "",
        f"    {command}",
        "",
    ]
    return "\n".join(lines)
