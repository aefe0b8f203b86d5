"""A temperature that is recovered, a threshold that keeps its promise, and what is written of both."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from toys import save_sides

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_model, load_spec
from streamsnn.spotting import Span
from streamsnn.training import calibration
from streamsnn.training.calibration import Passage, best_temperature, calibrate, count, passages_of, write_calibration
from streamsnn.training.words import Word
from streamsnn.types import InputSpec, ModelCard, ReadoutSettings

READOUT = ReadoutSettings(kind="leaky", threshold=0.6, hysteresis=0.1, patience=2)
CARD = ModelCard("net", ("a", "b", "c"), 10_000, InputSpec(4, 1, kind="audio"), 1_000_000, READOUT)
SURE = 20.0


def passage(*shown: tuple[int, int, int, float], spans: tuple[Span, ...] = (), steps: int = 1000) -> Passage:
    """From step to step, a class has so much more evidence than the others."""
    evidence = np.zeros((steps, 3), np.float32)
    for begin, end, place, much in shown:
        evidence[begin:end, place] = much
    return Passage(evidence, spans)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_of_made_up_words_is_recovered(temperature: float) -> None:
    rng = np.random.default_rng(0)
    passages = []
    for _ in range(1500):
        evidence = rng.normal(0, 2, 3)
        chances = np.exp(evidence / temperature) / np.exp(evidence / temperature).sum()
        said = CARD.labels[rng.choice(3, p=chances)]
        rows = np.tile(evidence, (40, 1)).astype(np.float32)
        passages.append(Passage(rows, (Span(50_000, 250_000, said),)))
    assert best_temperature(passages, CARD) == pytest.approx(temperature, rel=0.12)


def test_what_is_shown_is_counted() -> None:
    spans = (Span(1_000_000, 1_300_000, "a"), Span(4_000_000, 4_300_000, "b"))
    first = passage((110, 140, 0, SURE), (410, 440, 2, SURE), (700, 710, 1, SURE), spans=spans)
    second = passage((110, 140, 0, SURE), spans=spans[:1])
    found = count([first, second], CARD, READOUT)
    assert (found.words, found.hits, found.wrong, found.false_alarms) == (3, 2, 1, 1)
    assert found.duration_us == 20_000_000
    assert found.false_alarms_an_hour == pytest.approx(180)


def listen(monkeypatch: pytest.MonkeyPatch, *passages: Passage) -> None:
    monkeypatch.setattr(calibration, "passages_of", lambda *_: iter(passages))
    monkeypatch.setattr(calibration, "best_temperature", lambda *_: 2.0)


class Net:
    card = CARD


def test_the_best_threshold_is_taken_that_keeps_to_the_false_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    words = tuple(Span(2_000_000 * k, 2_000_000 * k + 300_000, "a") for k in range(1, 5))
    said = tuple((200 * k + 10, 200 * k + 40, 0, SURE) for k in range(1, 5))
    # With temperature 2, evidence x has confidence e^(x/2) / (e^(x/2) + 2): 0.95 at 7.27, 0.75 at 3.58.
    said = (*said[:-1], (*said[-1][:3], 3.58))
    heard = passage(*said, (300, 330, 1, 1.5), (500, 530, 1, 7.27), spans=words)
    listen(monkeypatch, heard)
    for most_an_hour, threshold, hits in ((720.0, 0.725, 4), (360.0, 0.725, 4), (0.0, 0.99, 3)):
        found = calibrate(Net(), (), most_an_hour, 0, lambda done, total: None)  # type: ignore[arg-type]
        assert found.readout == dataclasses.replace(READOUT, temperature=2.0, threshold=threshold)
        assert found.after.false_alarms_an_hour <= most_an_hour
        assert found.after.hits == hits
        assert found.reached
        assert found.before.false_alarms == 2


def test_where_no_threshold_will_do_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    listen(monkeypatch, passage((300, 330, 1, 50.0)))
    found = calibrate(Net(), (), 1.0, 0, lambda done, total: None)  # type: ignore[arg-type]
    assert not found.reached
    assert found.readout.threshold == 0.99
    assert found.after.false_alarms == 1
    listen(monkeypatch)
    with pytest.raises(StreamsnnError, match="no words"):
        calibrate(Net(), (), 1.0, 0, lambda done, total: None)  # type: ignore[arg-type]


def test_a_model_that_sees_is_refused(tmp_path: Path) -> None:
    network = load_model(save_sides(tmp_path / "sides"))
    word = Word(np.zeros(100, np.float32), 16_000, 0, 10, 50)
    with pytest.raises(StreamsnnError, match="does not listen"):
        list(passages_of(network, [word], 0, lambda done, total: None))


def test_what_was_found_is_written_and_replaced(tmp_path: Path) -> None:
    folder = save_sides(tmp_path / "sides")
    before = load_spec(folder)
    (folder / "README.md").write_text("# sides\n\nWords.\n")
    counts = calibration.Counts(10, 8, 1, 1, 60_000_000)
    for threshold in (0.7, 0.8):
        readout = dataclasses.replace(before.card.readout, threshold=threshold, temperature=0.5)
        write_calibration(folder, calibration.Calibration(readout, counts, counts, True), f"calibrate {threshold}")
    card = load_model(folder).card
    assert card.readout == dataclasses.replace(before.card.readout, threshold=0.8, temperature=0.5)
    assert card.figures["accuracy"] == before.card.figures["accuracy"]
    assert card.figures["calibration_false_alarms_an_hour"] == 60
    assert load_spec(folder).layers == before.layers
    told = (folder / "README.md").read_text()
    assert told.startswith("# sides\n\nWords.\n\n## Calibrated\n")
    assert told.count("## Calibrated") == 1
    assert "calibrate 0.8" in told
    assert "calibrate 0.7" not in told
