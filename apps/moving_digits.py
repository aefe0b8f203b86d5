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
WRONG_SHARE = 0.05
THRESHOLDS = (*(round(0.3 + 0.025 * place, 3) for place in range(27)), 0.97, 0.98, 0.99)
TEMPERATURES = np.geomspace(0.05, 20, 241)


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
    """A digit that passed: its last track, what that had seen and said, and for each of its tracks the steps at which
    it was wholly inside the track's box. `tracked` says whether it had one when it was inside for the last time."""

    sign: Sign
    tracked: bool = False
    track_id: int = 0
    seen: Seen | None = None
    label: str | None = None
    boxed: dict[int, list[int]] = field(default_factory=dict)

    @property
    def inside(self) -> list[int]:
        """The steps at which it was wholly inside its last track's box."""
        return self.boxed.get(self.track_id, [])

    @property
    def verdict(self) -> str:
        """ "right", "wrong", "not sure" or "not tracked"."""
        if not self.tracked:
            return "not tracked"
        return "not sure" if self.label is None else "right" if self.label == self.sign.digit else "wrong"


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
            one.tracked = bool(len(fits) and fits.max() >= 0.5)
            if one.tracked:
                track = result.tracks[int(fits.argmax())]
                one.track_id, one.label, one.seen = track.id, track.label, watched[track.id]
                one.boxed.setdefault(track.id, []).append(result.step.index)
    return list(found.values())


def tell(name: str, first: str = "0", last: str = "9") -> None:
    """Asked is what a digit's track says in the end, the last time that the digit is wholly inside."""
    model, told = open_model(name), Counter[tuple[bool, str]]()
    for seed in range(int(first), int(last) + 1):
        scene = Counter((one.sign.face in UNSEEN, one.verdict) for one in passes(seed, model))
        told.update(scene)
        print(f"{seed:>4}  {dict(Counter(verdict for _, verdict in scene.elements()))}", flush=True)
    for unseen, what in ((None, ""), (True, "in fonts that were left out: ")):
        counts = Counter(verdict for left_out, verdict in told.elements() if unseen in (None, left_out))
        total = max(1, counts.total())
        print(f"{what}right {counts['right']} of {counts.total()} ({100 * counts['right'] / total:.1f} %),", end=" ")
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
    """Write into MODEL the temperature that makes the digits' own labels the most likely at the last, and the lowest
    threshold with which no more than one in twenty of the labels that are shown then is wrong."""
    folder, model = find_model(name), open_model(name)
    card = model.card
    seen = [one for seed in range(int(first), int(last) + 1) for one in passes(seed, model) if one.tracked]
    evidence = np.array([gathered(one, card, card.readout)[0] for one in seen])
    wanted = np.array([card.labels.index(one.sign.digit) for one in seen])

    def surprise(temperature: float) -> float:
        scaled = (evidence - evidence.max(1, keepdims=True)) / temperature
        return float(np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(wanted.size), wanted]))

    temperature = round(float(min(TEMPERATURES, key=surprise)), 4)
    for threshold in THRESHOLDS:
        readout = dataclasses.replace(card.readout, temperature=temperature, threshold=threshold)
        shown = [(gathered(one, card, readout)[1], one.sign.digit) for one in seen]
        right = sum(label == digit for label, digit in shown)
        wrong = sum(label is not None for label, _ in shown) - right
        if wrong <= WRONG_SHARE * (right + wrong):
            break
    save_card(folder, dataclasses.replace(card, readout=readout))
    print(f"temperature {temperature}, threshold {threshold}: right {right} of {len(seen)}, wrong {wrong}")


def gathered(one: Pass, card: ModelCard, settings: ReadoutSettings) -> tuple[NDArray[np.float32], str | None]:
    """What a readout with these settings holds, and shows, the last time that the digit is wholly inside."""
    assert one.seen is not None
    readout = ScoreReadout(settings, card.labels, card.step_us)
    for step, scores in zip(one.seen.steps, one.seen.scores, strict=True):
        if step.index <= one.inside[-1]:
            decision = readout(Output(scores, {}))
    return decision.scores, decision.label


if __name__ == "__main__":
    try:
        what = {"--record": record, "--calibrate": calibrate}
        if sys.argv[1:2] and sys.argv[1] in what:
            what[sys.argv[1]](*sys.argv[2:])
        else:
            tell(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
