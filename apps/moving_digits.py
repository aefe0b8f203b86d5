"""Digits that pass by, each in its box:

    python apps/moving_digits.py MODEL [FIRST LAST]                   how many MODEL tells right
    python apps/moving_digits.py --record FOLDER TABLE FIRST LAST     what is in the boxes, to train a model with
    python apps/moving_digits.py --calibrate MODEL FIRST LAST         how sure MODEL must be to show a label

of the scenes `synthetic:passing:FIRST` to LAST (0 to 9), 20 s each. Digits in the fonts of `UNSEEN` are not recorded,
so that there are some that nothing was trained on.
"""

from __future__ import annotations

import csv
import dataclasses
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import write_recording
from streamsnn.labelling import Labelling
from streamsnn.modelfolder import save_card
from streamsnn.readout import ScoreReadout
from streamsnn.registry import find_model, open_model, open_tracker
from streamsnn.sources.passing import Sign, make_passing
from streamsnn.sources.synthetic import open_synthetic
from streamsnn.tracking.following import follow, sensor_spec
from streamsnn.tracking.truth import overlaps
from streamsnn.types import EVENT, Events, InputSpec, Model, ModelCard, Output, ReadoutSettings, Sensor, Step

STEP_US = 10_000
LENGTH_US = 20_000_000
GRID = InputSpec(34, 34)
PARTS, PART_STEPS = 3, 30
UNSEEN = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic")
THRESHOLDS = (*(round(0.3 + 0.025 * place, 3) for place in range(27)), 0.97, 0.98, 0.99)


@dataclass
class Seen:
    """What was in a track's box, step by step, and what the model said of it."""

    state: Any
    steps: list[Step] = field(default_factory=list)
    scores: list[NDArray[np.float32]] = field(default_factory=list)

    def reset(self) -> None:
        """Let the model forget, and keep what was seen."""
        if self.state is not None:
            self.state.reset()


class Watcher:
    """A model that keeps what it is given, and what `model`, where there is one, says of it: a state for each track, in
    the order in which they come."""

    def __init__(self, model: Model | None) -> None:
        self._model = model
        self.card = model.card if model else ModelCard("watcher", ("anything",), STEP_US, GRID, LENGTH_US)
        self.states: list[Seen] = []

    def initial_state(self) -> Seen:
        self.states.append(Seen(self._model.initial_state() if self._model else None))
        return self.states[-1]

    def step(self, step: Step, state: Seen) -> Output:
        output = self._model.step(step, state.state) if self._model else Output(np.zeros(1, np.float32), {})
        state.steps.append(step._replace(addresses=step.addresses.copy()))
        state.scores.append(output.scores.copy())
        return output


@dataclass
class Pass:
    """A digit that passed: its last track, what that had seen, and for each of its tracks the steps at which it was
    wholly inside the track's box. `verdict` is what became of it, "right", "wrong", "not sure" or "not tracked", when
    it was inside for the last time, and `verdicts` count all steps at which it was."""

    sign: Sign
    verdict: str = "not tracked"
    track_id: int = 0
    seen: Seen | None = None
    boxed: dict[int, list[int]] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)

    @property
    def inside(self) -> list[int]:
        """The steps at which it was wholly inside its last track's box."""
        return self.boxed.get(self.track_id, [])


def passes(seed: int, model: Model | None) -> list[Pass]:
    """The digits of a scene that were wholly inside."""
    truth = make_passing(str(seed))
    source = open_synthetic(f"passing:{seed}", clock=ManualClock(), duration_us=LENGTH_US, packet_us=STEP_US)
    spec, watcher = sensor_spec(source.sensor), Watcher(model)
    tracker = Labelling(open_tracker("regions", spec, STEP_US), watcher, spec, STEP_US)
    watched: dict[int, Seen] = {}
    found: dict[int, Pass] = {}
    for result in follow(source, tracker, STEP_US, clock=ManualClock()):
        for track in result.tracks:
            if track.id not in watched:
                watched[track.id] = watcher.states[len(watched)]
        boxes = np.array([track[1:5] for track in result.tracks], np.float64)
        for number, _, *box in truth.boxes(result.t_us):
            one = found.setdefault(number, Pass(truth.signs[number - 1]))
            fits = overlaps(np.array([box]), boxes)[0]
            one.verdict = "not tracked"
            if len(fits) and fits.max() >= 0.5:
                track = result.tracks[int(fits.argmax())]
                one.track_id, one.seen = track.id, watched[track.id]
                one.verdict = judged(track.label, one.sign.digit)
                one.boxed.setdefault(track.id, []).append(result.step.index)
            one.verdicts[one.verdict] += 1
    return list(found.values())


def judged(label: str | None, digit: str) -> str:
    return "not sure" if label is None else "right" if label == digit else "wrong"


def tell(name: str, first: str = "0", last: str = "9") -> None:
    """Asked is what a digit's track says in the end, the last time that the digit is wholly inside; then what those say
    whose fonts were left out, and what all of them say at every step at which the digit is wholly inside."""
    model = open_model(name)
    ends, ends_unseen, always = Counter[str](), Counter[str](), Counter[str]()
    for seed in range(int(first), int(last) + 1):
        scene = passes(seed, model)
        print(f"{seed:>4}  {dict(Counter(one.verdict for one in scene))}", flush=True)
        ends.update(one.verdict for one in scene)
        ends_unseen.update(one.verdict for one in scene if one.sign.face in UNSEEN)
        for one in scene:
            always.update(one.verdicts)
    for what, counts in (("", ends), ("in fonts that were left out: ", ends_unseen), ("at every step: ", always)):
        total = counts.total()
        print(f"{what}right {counts['right']} of {total} ({100 * counts['right'] / max(1, total):.1f} %),", end=" ")
        print(f"wrong {counts['wrong']}, not sure {counts['not sure']}, not tracked {counts['not tracked']}")


def record(folder: str, table: str, first: str, last: str) -> None:
    """Write each track's box as a recording, and FOLDER/TABLE.csv, which names parts of them, evenly spread over the
    time in which the digit is wholly inside."""
    place, rows = Path(folder), []
    place.mkdir(parents=True, exist_ok=True)
    for seed in range(int(first), int(last) + 1):
        for one in passes(seed, None):
            if one.seen is None or one.sign.face in UNSEEN or one.inside[-1] - one.inside[0] < PARTS * PART_STEPS:
                continue
            name = f"{seed}-{one.track_id}.dat"
            write_recording(place / name, as_events(one.seen.steps), Sensor("box", GRID.width, GRID.height))
            begins = np.linspace(one.inside[0], one.inside[-1] + 1 - PART_STEPS, PARTS).round().astype(int).tolist()
            rows += [(f"{name}@{k * STEP_US}-{(k + PART_STEPS) * STEP_US}", one.sign.digit) for k in begins]
    with (place / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("file", "label"), *rows])
    print(f"{table}.csv: {len(rows)} parts of recordings")


def as_events(steps: list[Step]) -> Events:
    """What was in a box, the events of a step evenly spread over it: within a step a model knows no times."""
    parts = []
    for step in steps:
        size = step.addresses.size
        events = np.zeros(size, EVENT)
        events["p"], pixel = np.divmod(step.addresses, GRID.width * GRID.height)
        events["y"], events["x"] = np.divmod(pixel, GRID.width)
        events["t"] = step.index * STEP_US + np.arange(size) * STEP_US // max(1, size)
        parts.append(events)
    return np.concatenate(parts)


def calibrate(name: str, first: str, last: str) -> None:
    """Write into MODEL the threshold with which the most digits are told right, less those told wrong, in the end; of
    several that are as good the highest, which has the most in hand."""
    folder, model = find_model(name), open_model(name)
    card = model.card
    seen = [one for seed in range(int(first), int(last) + 1) for one in passes(seed, model) if one.seen is not None]

    def counted(threshold: float) -> tuple[int, int]:
        readout = dataclasses.replace(card.readout, threshold=threshold)
        told = Counter(judged(shown(one, card, readout), one.sign.digit) for one in seen)
        return told["right"], told["wrong"]

    counts = {threshold: counted(threshold) for threshold in THRESHOLDS}
    best = max(THRESHOLDS, key=lambda threshold: (counts[threshold][0] - counts[threshold][1], threshold))
    save_card(folder, dataclasses.replace(card, readout=dataclasses.replace(card.readout, threshold=best)))
    for threshold, (right, wrong) in counts.items():
        print(f"{'written' if threshold == best else '':8}{threshold:<6} right {right} of {len(seen)}, wrong {wrong}")


def shown(one: Pass, card: ModelCard, settings: ReadoutSettings) -> str | None:
    """What a readout with these settings shows the last time that the digit is wholly inside its track's box."""
    assert one.seen is not None
    readout = ScoreReadout(settings, card.labels, card.step_us)
    label = None
    for step, scores in zip(one.seen.steps, one.seen.scores, strict=True):
        if step.index <= one.inside[-1]:
            label = readout(Output(scores, {})).label
    return label


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["--record"]:
            record(*sys.argv[2:])
        elif sys.argv[1:2] == ["--calibrate"]:
            calibrate(*sys.argv[2:])
        else:
            tell(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
