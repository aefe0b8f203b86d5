"""Digits that pass by as a classifier of tracks sees them, to train one with:

    python apps/make_passing.py FOLDER TABLE FIRST LAST

The scenes `synthetic:passing:FIRST` to LAST, 20 s each, are tracked, and what is in each box becomes a recording in
FOLDER. FOLDER/TABLE.csv names three parts of each digit's, and what it is. Digits in the fonts of `UNSEEN` are left
out, so that there are some that nothing was trained on.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import write_recording
from streamsnn.labelling import Labelling
from streamsnn.registry import open_tracker
from streamsnn.sources.passing import make_passing
from streamsnn.sources.synthetic import open_synthetic
from streamsnn.tracking.following import follow, sensor_spec
from streamsnn.tracking.truth import overlaps
from streamsnn.types import EVENT, Events, InputSpec, ModelCard, Output, Sensor, Step

STEP_US = 10_000
LENGTH_US = 20_000_000
GRID = InputSpec(34, 34)
PARTS, PART_STEPS = 3, 30
UNSEEN = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta", "STIXGeneralItalic")

Seen = list[tuple[int, NDArray[np.int32]]]
"""What was in a track's box: each step's index and addresses."""


class Watcher:
    """A model that only keeps what it is given: a state for each track, in the order in which they come."""

    card = ModelCard("watcher", ("anything",), STEP_US, GRID, memory_us=LENGTH_US)

    def __init__(self) -> None:
        self.states: list[Seen] = []

    def initial_state(self) -> Seen:
        self.states.append([])
        return self.states[-1]

    def step(self, step: Step, state: Seen) -> Output:
        state.append((step.index, step.addresses.copy()))
        return Output(np.zeros(1, np.float32), {})


class Pass(NamedTuple):
    """Digit `label` of a scene, in a track's box: all that was `seen` there, and the steps, `first` to `last`, at which
    the digit is wholly inside and the box is its own."""

    track_id: int
    label: str
    first: int
    last: int
    seen: Seen


def main(folder: str, table: str, first: str, last: str) -> None:
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(int(first), int(last) + 1):
        for each in passes(seed):
            name = f"{seed}-{each.track_id}.dat"
            write_recording(place / name, as_events(each.seen), Sensor("box", GRID.width, GRID.height))
            rows += [(f"{name}@{k * STEP_US}-{(k + PART_STEPS) * STEP_US}", each.label) for k in parts(each)]
    with (place / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file, lineterminator="\n")
        written.writerow(("file", "label"))
        written.writerows(rows)
    print(f"{table}.csv: {len(rows)} parts of recordings")


def passes(seed: int) -> Iterator[Pass]:
    """Each digit of the scene that has a box of its own for long enough."""
    truth = make_passing(str(seed))
    source = open_synthetic(f"passing:{seed}", clock=ManualClock(), duration_us=LENGTH_US, packet_us=STEP_US)
    spec, watcher = sensor_spec(source.sensor), Watcher()
    tracker = Labelling(open_tracker("regions", spec, STEP_US), watcher, spec, STEP_US)
    watched: dict[int, Seen] = {}
    found: dict[tuple[int, int], list[int]] = {}
    for result in follow(source, tracker, STEP_US, clock=ManualClock()):
        for track in result.tracks:
            if track.id not in watched:
                watched[track.id] = watcher.states[len(watched)]
        boxes = np.array([track[1:5] for track in result.tracks], np.float64)
        for number, _, *box in truth.boxes(result.t_us):
            fits = overlaps(np.array([box]), boxes)[0]
            if len(fits) and fits.max() >= 0.5:
                found.setdefault((number, result.tracks[int(fits.argmax())].id), []).append(result.step.index)
    for (number, track_id), steps in found.items():
        sign = truth.signs[number - 1]
        if sign.face not in UNSEEN and steps[-1] - steps[0] >= PARTS * PART_STEPS:
            yield Pass(track_id, sign.digit, steps[0], steps[-1], watched[track_id])


def parts(each: Pass) -> list[int]:
    """The steps at which the parts of a pass begin, evenly spread over it."""
    return [round(k) for k in np.linspace(each.first, each.last + 1 - PART_STEPS, PARTS)]


def as_events(seen: Seen) -> Events:
    """What was seen, the events of a step evenly spread over it: within a step a model knows no times."""
    parts = []
    for index, addresses in seen:
        events = np.zeros(addresses.size, EVENT)
        events["p"], pixel = np.divmod(addresses, GRID.width * GRID.height)
        events["y"], events["x"] = np.divmod(pixel, GRID.width)
        events["t"] = index * STEP_US + np.arange(addresses.size) * STEP_US // max(1, addresses.size)
        parts.append(events)
    return np.concatenate(parts)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
