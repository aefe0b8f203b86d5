"""What a gain that follows the sound costs: python apps/whole_clip_level.py RECORDINGS LABELS.csv MODEL

Every recording of the table LABELS.csv (file,label; files are relative to RECORDINGS) is heard three times by a MODEL
with a cochlea: through the gain that its settings ask for; through the same after it was brought to level as a whole,
which nobody can do who hears it while it comes; and brought to level as a whole, through a gain that stays.
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np

from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.level import Leveller
from streamsnn.cochlea.resampling import Resampler
from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_model
from streamsnn.registry import find_model
from streamsnn.training.dataset import open_dataset
from streamsnn.training.report import stream_through
from streamsnn.training.voices import Wave
from streamsnn.training.words import hear, read_sound
from streamsnn.types import Hearing

STILL_MS = 600_000.0


def still(hearing: Hearing, gain_db: float) -> Hearing:
    """The same ear with a gain that stays at `gain_db`."""
    return dataclasses.replace(
        hearing, attack_ms=STILL_MS, release_ms=STILL_MS, first_gain_db=gain_db, most_gain_db=gain_db
    )


def whole_clip_gain_db(wave: Wave, rate_hz: int, hearing: Hearing) -> float:
    """The gain that brings the root mean square of the whole sharpened sound to the level."""
    resampler = Resampler(rate_hz, wave.size)
    sharp = np.zeros((1, wave.size * RATE_HZ // rate_hz + 1), np.float32)
    sharp = sharp[:, : resampler.push(wave, sharp[0])]
    Leveller(still(dataclasses.replace(hearing, level=1.0), 0.0), 1).push(sharp)
    return float(20 * np.log10(hearing.level) - 10 * np.log10(np.mean(sharp.astype(np.float64) ** 2) + 1e-20))


def main(recordings: str, labels: str, name: str) -> None:
    network = load_model(find_model(name))
    card = network.card
    if not isinstance(card.hearing, Hearing):
        raise StreamsnnError(f"{card.name} has no gain that follows the sound.", hint="Name a model with a cochlea.")
    dataset = open_dataset(recordings, labels).in_order(card.labels)
    sounds = [read_sound(sample.path) for sample in dataset.samples]
    first_db = card.hearing.first_gain_db
    level: list[tuple[Wave, int]] = [
        (wave * np.float32(10 ** ((whole_clip_gain_db(wave, rate_hz, card.hearing) - first_db) / 20)), rate_hz)
        for wave, rate_hz in sounds
    ]
    for what, heard, hearing in (
        ("as recorded, a gain that follows", sounds, card.hearing),
        ("at one level, a gain that follows", level, card.hearing),
        ("at one level, a gain that stays", level, still(card.hearing, first_db)),
    ):
        takes = [hear(*sound, hearing, card.input, 0, ()) for sound in heard]
        found = stream_through(network, takes, dataset.targets())
        print(f"{what}: {found.accuracy:.1%} of {found.count}, {found.spikes:.0f} spikes a recording", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (OSError, TypeError):
        sys.exit(__doc__)
