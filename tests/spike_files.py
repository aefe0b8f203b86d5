"""Files in the layout of the Spiking Heidelberg Digits, as small as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

KEYS = tuple(
    f"{word} {language}" for language in ("de", "en") for word in ("zero", "one", "two", "three", "four", "five")
)
"""Names of classes whose order is not that of the alphabet."""


def write_spike_file(
    path: Path,
    labels: Sequence[int],
    speakers: Sequence[int] = (),
    keys: Sequence[str] = KEYS,
    *,
    spikes: int = 60,
    seed: int = 0,
) -> Path:
    """A sample of so many `spikes` in 0.3 to 1.2 s for each label, most of them in channels that tell the label.

    Without `speakers` there are neither speakers nor keys, as in SSC. Returns `path`.
    """
    rng = np.random.default_rng(seed)
    with h5py.File(path, "w") as file:
        times = file.create_dataset("spikes/times", (len(labels),), h5py.vlen_dtype(np.dtype("f2")))
        units = file.create_dataset("spikes/units", (len(labels),), h5py.vlen_dtype(np.dtype("u2")))
        for place, label in enumerate(labels):
            times[place] = np.sort(rng.uniform(0, rng.uniform(0.3, 1.2), spikes)).astype("f2")
            own = rng.integers(30 * label, 30 * label + 30, spikes)
            units[place] = np.where(rng.random(spikes) < 0.8, own, rng.integers(0, 700, spikes)).astype("u2")
        file["labels"] = np.array(labels, "u2")
        if speakers:
            file["extra/speaker"] = np.array(speakers, "u2")
            file["extra/keys"] = np.array([key.encode() for key in keys])
    return path
