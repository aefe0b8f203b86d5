"""How well a recipe does with speakers it never heard: python apps/leave_one_out.py RECIPE.toml [SPEAKER...]

For recordings whose file names say {digit}_{speaker}_{take}, as those of the Free Spoken Digit Dataset do, in the
folder that RECIPE.toml names; its tables are not used. For each SPEAKER (left out: all) a model learns from all others
and from the recipe's further folders, and all recordings of that speaker are the test. Takes 0 to 4 of the others
choose the epoch. Every recording is heard once, whoever is left out.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.network import Network
from streamsnn.training.batches import Take
from streamsnn.training.config import Config, load_config
from streamsnn.training.dataset import Dataset, Sample, open_dataset
from streamsnn.training.report import Streamed, stream_through
from streamsnn.training.trainer import Epoch, Material, Trainer
from streamsnn.training.words import hear_words, read_words

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CHOOSING_TAKES = 5


@dataclass(frozen=True)
class Group:
    """What one speaker says, or one of the recipe's further folders: takes, their classes, and who may choose."""

    takes: tuple[tuple[Take, ...], ...]
    targets: NDArray[np.int64]
    choosing: NDArray[np.bool_]

    @property
    def words(self) -> NDArray[np.int64]:
        """Which of the takes are single words."""
        return np.flatnonzero(self.targets >= 0)


class Quiet:
    """An observer that says nothing."""

    def preparing(self, done: int, total: int) -> None: ...

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None: ...

    def batch(self, number: int, batches: int, loss: float) -> None: ...

    def epoch(self, epoch: Epoch, best: bool) -> None: ...


def heard(config: Config, dataset: Dataset, choosing: Sequence[bool], seed: int) -> Group:
    """A group with all variants, and pieces of several words; babble is of its own voices only."""
    assert config.hearing is not None
    words = read_words(dataset)
    everything = np.arange(len(words))
    takes = hear_words(words, everything, config.hearing, config.input, config.voices, seed, lambda done, total: None)
    pieces = len(takes) - len(words)
    targets = np.concatenate([dataset.targets(), np.full(pieces, -1)])
    return Group(takes, targets, np.array([*choosing, *[False] * pieces], bool))


def groups_of(config: Config) -> tuple[dict[str, Group], list[Group]]:
    """Every speaker's recordings, and the further folders."""
    speakers: dict[str, list[tuple[Sample, bool]]] = {}
    folder = Path(config.data.folder)
    for path in sorted(folder.iterdir()):
        digit, speaker, take = path.stem.split("_")
        sample = Sample(path, path.name, WORDS[int(digit)])
        speakers.setdefault(speaker, []).append((sample, int(take) < CHOOSING_TAKES))
    own = {}
    for number, (speaker, rows) in enumerate(speakers.items()):
        dataset = Dataset(folder, tuple(sample for sample, _ in rows), config.model.labels or WORDS)
        own[speaker] = heard(config, dataset, [chooses for _, chooses in rows], number)
        print(f"heard {speaker}", file=sys.stderr)
    also = []
    for number, place in enumerate(config.data.also, len(speakers)):
        dataset = open_dataset(place).in_order(config.model.labels or WORDS)
        also.append(heard(config, dataset, [False] * len(dataset.samples), number))
        print(f"heard {place}", file=sys.stderr)
    return own, also


def without(config: Config, test: Group, others: Sequence[Group]) -> Streamed:
    """What a model that learned from `others` says, as a stream, of every word of `test`."""
    choosing = np.concatenate([group.choosing for group in others])
    material = Material(
        tuple(takes for group in others for takes in group.takes),
        np.concatenate([group.targets for group in others]),
        np.flatnonzero(~choosing),
        np.flatnonzero(choosing),
    )
    spec = config.spec(config.model.labels or WORDS)
    with tempfile.TemporaryDirectory() as place:
        trained = Trainer(config, spec, material).run(Path(place), "", Quiet(), resume=False)
    network = Network(spec, trained.weights)
    return stream_through(network, [test.takes[place][0] for place in test.words], test.targets[test.words])


def main(recipe: str, *chosen: str) -> None:
    config = load_config(recipe)
    if config.hearing is None:
        sys.exit(f"{recipe} has no [hearing]: its model does not listen.\n{__doc__}")
    own, also = groups_of(config)
    for speaker in chosen or own:
        others = [group for name, group in own.items() if name != speaker]
        streamed = without(config, own[speaker], [*others, *also])
        print(f"{speaker:12} {100 * streamed.accuracy:5.1f} % of {streamed.count} words", flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (KeyError, OSError, TypeError, ValueError):
        sys.exit(__doc__)
