"""A network that needs no training, and recordings for it: events on the left half of the view, or on the right."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamsnn.formats import write_recording
from streamsnn.layers import Linear, NetworkSpec, Population
from streamsnn.modelfolder import save_model
from streamsnn.neurons import LIF
from streamsnn.types import EVENT, AnyHearing, DeltaHearing, Events, InputSpec, ModelCard, ReadoutSettings, Sensor

SENSOR = Sensor("toy", 8, 6)
STEP_US = 5_000
READOUT = ReadoutSettings(kind="mean", threshold=0.6, hysteresis=0.1, patience=2)


def sides_spec(labels: Sequence[str] = ("left", "right"), **card: Any) -> NetworkSpec:
    """Two spiking neurons, one a half, and a readout that hears one of them a label."""
    usual = {"description": "which half moves", "figures": {"accuracy": 0.975}, "readout": READOUT, "step_us": STEP_US}
    settings: dict[str, Any] = usual | card
    return NetworkSpec(
        ModelCard("sides", tuple(labels), input=InputSpec(8, 6), memory_us=50_000, **settings),
        (("halves", Linear(2)), ("spikes", Population(LIF())), ("scores", Linear(2))),
    )


def save_sides(folder: Path, labels: Sequence[str] = ("left", "right"), **card: Any) -> Path:
    """Write the model folder of the network that tells left from right; returns `folder`."""
    halves = np.zeros((2, 2, 6, 8))
    halves[0, :, :, :4] = 3.0
    halves[1, :, :, 4:] = 3.0
    spec = sides_spec(labels, **card)
    weights = {"halves.weight": halves.reshape(2, -1), "scores.weight": 4.0 * np.eye(2)}
    for name, shape in spec.parameter_shapes().items():
        if name not in weights:
            weights[name] = np.ones(shape)
    save_model(folder, spec, weights)
    return folder


EARS = DeltaHearing(channels=8, step_db=2.0)


def save_ears(folder: Path, hearing: AnyHearing = EARS) -> Path:
    """Write the model folder of a network that tells low sounds from high ones; returns `folder`.

    `hearing` has 8 channels, of whose ON events the upper half speaks for one, and the lower for the other.
    """
    grid = InputSpec(8, 1, kind="audio")
    card = ModelCard("ears", ("low", "high"), 10_000, grid, 50_000, READOUT, hearing=hearing)
    weight = np.zeros((2, 2, 8))
    weight[1, 1, :4] = weight[0, 1, 4:] = 1.0
    save_model(folder, NetworkSpec(card, (("scores", Linear(2)),)), {"scores.weight": weight.reshape(2, -1)})
    return folder


def side_events(side: str, *, count: int = 400, duration_us: int = 100_000, seed: int = 0) -> Events:
    """`count` events on the left or on the right half, spread over [0, duration_us), the first at 0."""
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["t"] = np.sort(rng.integers(0, duration_us, count))
    events["t"][0] = 0
    events["x"] = rng.integers(0, 4, count) + (4 if side == "right" else 0)
    events["y"] = rng.integers(0, 6, count)
    events["p"] = rng.integers(0, 2, count)
    return events


def changing_events(seconds: float, begin_us: int = 1_234) -> Events:
    """Events that change sides every 200 ms, with a beginning that is on no grid of steps."""
    parts = []
    for number in range(round(seconds / 0.2)):
        part = side_events("left" if number % 2 else "right", duration_us=200_000, seed=number)
        part["t"] += begin_us + number * 200_000
        parts.append(part)
    return np.concatenate(parts)


def write_side(path: Path, side: str, **settings: Any) -> Path:
    """Write one recording; returns `path`."""
    write_recording(path, side_events(side, **settings), SENSOR)
    return path


def write_dataset(folder: Path, labels: Sequence[str]) -> Path:
    """A dataset with labels.csv, one recording for each of `labels`, each of which is also what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "label"])
        for number, label in enumerate(labels):
            rows.writerow([f"{number}.dat", label])
            write_side(folder / f"{number}.dat", label, seed=number)
    return folder
