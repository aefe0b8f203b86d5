"""A tiny dataset: recordings of a dot on the left or on the right, and a training of it that takes a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsnn.training.config import Config, parse_config
from streamsnn.types import EVENT, Events

CONFIG = """
[model]
name = "sides"
step_us = 20000
description = "Left or right"

[input]
width = 8
height = 8

[readout]
kind = "mean"

[[layers]]
type = "linear"
outputs = 6
batch_norm = true

[[layers]]
type = "neurons"
name = "spikes"
family = "sliding-psn"
k = 3

[[layers]]
type = "dropout"
rate = 0.2

[[layers]]
type = "linear"
outputs = 2
bias = true

[data]
folder = "FOLDER"
holdout = 0.25
crop = [1, 1, 32, 32]
downsample = 4

[augmentation]
shift_px = 2.0
drop = 0.2

[training]
epochs = 4
batch = 4
seed = 3
learning_rate = 0.02
"""


def dots(rng: np.random.Generator, right: bool, count: int = 200) -> Events:
    """Events of 100 ms in one half of a 34x34 sensor."""
    events = np.empty(count, EVENT)
    events["t"] = np.sort(rng.integers(0, 100_000, count))
    events["x"] = rng.integers(0, 12, count) + (20 if right else 2)
    events["y"] = rng.integers(2, 32, count)
    events["p"] = rng.random(count) < 0.5
    return events


def write_bin(path: Path, events: Events) -> None:
    """Write events as N-MNIST does: x, y, polarity and 23 bits of time."""
    word = events["t"] | (events["p"].astype(np.int64) << 23)
    columns = [events["x"], events["y"], word >> 16, (word >> 8) & 255, word & 255]
    path.write_bytes(np.stack(columns, axis=1).astype(np.uint8).tobytes())


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of two classes, 12 recordings each, with a labels.csv."""
    folder = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    lines = ["file,label"]
    for number in range(24):
        right = number % 2 == 1
        write_bin(folder / f"{number:02d}.bin", dots(rng, right))
        lines.append(f"{number:02d}.bin,{'right' if right else 'left'}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def config(sides: Path) -> Config:
    """A training on `sides`."""
    return parse_config(CONFIG.replace("FOLDER", sides.as_posix()), "config.toml")
