"""The loop: epochs over augmented recordings, validation after each, the best kept, a checkpoint after every one."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from streamsnn.errors import StreamsnnError
from streamsnn.layers import NetworkSpec
from streamsnn.network import Network
from streamsnn.neurons.base import Array
from streamsnn.sequence import SequenceNetwork
from streamsnn.training.batches import Batch, Take, augmented, lasting, make_batch, steps_of
from streamsnn.training.checkpoint import load_checkpoint, save_checkpoint
from streamsnn.training.config import Config
from streamsnn.training.objective import last_of, running_evidence
from streamsnn.training.objective import loss as loss_of
from streamsnn.training.optimiser import keep_in_range, make_optimiser, scale_currents, set_rates
from streamsnn.training.start import start_from


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to; `number` counts from 1. Without held-out recordings validation is that of training."""

    number: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float

    def better_than(self, other: Epoch | None) -> bool:
        """A smaller loss: it says more than how many of a few recordings were right."""
        return other is None or self.validation_loss < other.validation_loss


@dataclass(frozen=True)
class Material:
    """What to learn from: recordings in memory, their classes (n,), and which of them are held out.

    Of each there is at least one take: the first as it was recorded, the others variants, of which every epoch draws
    one. The class is -1 for what has more than one, or none.
    """

    takes: tuple[tuple[Take, ...], ...]
    targets: NDArray[np.int64]
    training: NDArray[np.int64]
    validation: NDArray[np.int64]


@dataclass(frozen=True)
class Trained:
    """The best epoch's exported weights, and how it came to them."""

    weights: dict[str, Array]
    best: Epoch
    history: tuple[Epoch, ...]


class Observer(Protocol):
    """Somebody who watches a training."""

    def preparing(self, done: int, total: int) -> None:
        """So many recordings of all are ready: to learn from, or afterwards to calibrate with."""
        ...

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None:
        """Training begins; `done` are the epochs that a checkpoint holds already."""
        ...

    def batch(self, number: int, batches: int, loss: float) -> None: ...

    def epoch(self, epoch: Epoch, best: bool) -> None: ...


class TrainingInterrupted(StreamsnnError):
    """Somebody pressed Ctrl-C; what the last whole epoch came to is kept."""


class Trainer:
    """Trains a network on `material` with one thread; the same config and material give the same weights."""

    def __init__(self, config: Config, spec: NetworkSpec, material: Material) -> None:
        self.config, self.material = config, material
        self._step_us = config.model.step_us
        self._network = SequenceNetwork(spec, config.training.seed)
        # Neurons that cannot stream are refused now, not after hours.
        Network(spec, self._network.export())
        scale_currents(self._network, config.training.current_gain)
        self._updates = 0
        self._history: list[Epoch] = []
        self._best: Epoch | None = None
        self._weights: dict[str, Array] = {}
        # Pieces with several words are longer than recordings of one: they have batches of their own.
        whole = material.targets[material.training] >= 0
        self._groups = [material.training[whole], material.training[~whole]]
        self._batches = sum(group.size // config.training.batch for group in self._groups)
        if self._batches < 1:
            raise StreamsnnError(
                f"{material.training.size} recordings to train on do not fill a batch of {config.training.batch}.",
                hint="Add recordings, or set a smaller [training] batch.",
            )
        if config.training.start_from is not None:
            first = self._batch(material.training[whole][: config.training.batch])
            start_from(self._network, config.training.start_from, torch.from_numpy(first.inputs))
        self._average = copy.deepcopy(self._network)
        self._optimiser = make_optimiser(self._network, config.training)

    def run(self, work: Path, fingerprint: str, observer: Observer, *, resume: bool) -> Trained:
        """Train until all epochs are done, with checkpoints in the folder `work`; go on from there if `resume`.

        Raises TrainingInterrupted on Ctrl-C, StreamsnnError if a checkpoint cannot be written or resumed, or if the
        loss is no number any more.
        """
        saved = load_checkpoint(work, fingerprint) if resume else None
        if saved is not None:
            self._restore(saved)
        kept = len(self._history)
        observer.begin(self.config.training.epochs, tuple(self._history))
        try:
            with _quiet_torch():
                for number in range(len(self._history) + 1, self.config.training.epochs + 1):
                    epoch = self._epoch(number, observer)
                    self._history.append(epoch)
                    best = epoch.better_than(self._best)
                    if best:
                        self._best, self._weights = epoch, self._average.export()
                    save_checkpoint(work, fingerprint, self._snapshot())
                    kept = number
                    observer.epoch(epoch, best)
        except KeyboardInterrupt as error:
            raise TrainingInterrupted(
                f"Interrupted after {kept} of {self.config.training.epochs} epochs.",
                hint="Add --resume to go on after the last whole epoch." if kept else "Nothing was kept.",
            ) from error
        assert self._best is not None
        return Trained(self._weights, self._best, tuple(self._history))

    def _epoch(self, number: int, observer: Observer) -> Epoch:
        settings = self.config.training
        # All that is random follows from seed and epoch, so that a resumed training needs no generator's state.
        rng = np.random.default_rng([settings.seed, number])
        torch.manual_seed(int(rng.integers(2**63)))
        began_s = time.perf_counter()
        batches = self._drawn_batches(rng)
        total_loss, right, known = 0.0, 0, 0
        self._network.train()
        for place, members in enumerate(batches):
            batch = self._batch(members, rng)
            loss, correct = self._update(batch)
            total_loss, right = total_loss + loss, right + correct
            known += int(np.count_nonzero(batch.targets >= 0))
            observer.batch(place + 1, self._batches, loss)
        held = self.material.validation if self.material.validation.size else self.material.training
        validation_loss, validation_accuracy = self._validate(held)
        seconds = time.perf_counter() - began_s
        return Epoch(number, total_loss / self._batches, right / known, validation_loss, validation_accuracy, seconds)

    def _drawn_batches(self, rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """All batches of an epoch; of each group what does not fill a batch is left out."""
        size = self.config.training.batch
        batches: list[NDArray[np.int64]] = []
        for group in self._groups:
            order = rng.permutation(group)[: group.size // size * size]
            batches += list(order.reshape(-1, size))
        if self._groups[1].size:
            rng.shuffle(batches)
        return batches

    def _batch(self, members: NDArray[np.int64], rng: np.random.Generator | None = None) -> Batch:
        """With draws from `rng` of variants and augmentation, or without as they were recorded."""
        if rng is None:
            takes = [self.material.takes[member][0] for member in members]
        else:
            takes = [self._drawn_take(member, rng) for member in members]
        data = self.config.data
        if data.duration_ms > 0:
            steps = max(1, round(data.duration_ms * 1000 / self._step_us))
            if data.pad:
                takes = [lasting(take, steps * self._step_us) for take in takes]
        else:
            steps = max(steps_of(take, self._step_us) for take in takes)
        return make_batch(takes, self.material.targets[members], self._step_us, steps)

    def _drawn_take(self, member: int, rng: np.random.Generator) -> Take:
        variants = self.material.takes[member]
        take = variants[int(rng.integers(len(variants)))] if len(variants) > 1 else variants[0]
        return augmented(take, self.config.augmentation, rng)

    def _update(self, batch: Batch) -> tuple[float, int]:
        """One step down the gradient: the loss before it, and how many recordings were right."""
        settings = self.config.training
        set_rates(self._optimiser, self._updates / (settings.epochs * self._batches), settings)
        scores = self._network(torch.from_numpy(batch.inputs), self._updates * settings.batch)
        evidence = running_evidence(scores, self.config.readout, self._step_us)
        loss = loss_of(scores, evidence, batch, self.config.objective, self._step_us)
        value = float(loss.detach())
        if not np.isfinite(value):
            raise StreamsnnError(
                f"The loss became {value} in epoch {len(self._history) + 1}.",
                hint="Lower [training] learning_rate, or current_gain.",
            )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm > 0:
            torch.nn.utils.clip_grad_norm_(self._network.parameters(), settings.clip_norm)
        self._optimiser.step()
        keep_in_range(self._network)
        self._updates += 1
        # A young average follows closely, or it would hold on to where training began.
        keep = min(settings.average, self._updates / (self._updates + 10)) if settings.average > 0 else 0.0
        with torch.no_grad():
            for mean, new in zip(self._average.state_dict().values(), self._network.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(new, 1 - keep)
                else:
                    mean.copy_(new)
        held = last_of(evidence.detach(), batch.lengths).argmax(1).numpy()
        return value, int((held == batch.targets).sum())

    def _validate(self, members: NDArray[np.int64]) -> tuple[float, float]:
        """Loss and accuracy of the averaged weights on `members` as they were recorded."""
        self._average.eval()
        total, right = 0.0, 0
        with torch.no_grad():
            for begin in range(0, members.size, 2 * self.config.training.batch):
                batch = self._batch(members[begin : begin + 2 * self.config.training.batch])
                scores = self._average(torch.from_numpy(batch.inputs), begin)
                held = last_of(running_evidence(scores, self.config.readout, self._step_us), batch.lengths)
                targets = torch.from_numpy(batch.targets)
                total += float(functional.cross_entropy(held, targets, reduction="sum"))
                right += int((held.argmax(1) == targets).sum())
        return total / members.size, right / members.size

    def _snapshot(self) -> dict[str, Any]:
        assert self._best is not None
        return {
            "network": self._network.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "updates": self._updates,
            "history": [dataclasses.asdict(epoch) for epoch in self._history],
            "best": self._best.number,
            "weights": {name: torch.from_numpy(np.asarray(value)) for name, value in self._weights.items()},
        }

    def _restore(self, saved: dict[str, Any]) -> None:
        self._network.load_state_dict(saved["network"])
        self._average.load_state_dict(saved["average"])
        self._optimiser.load_state_dict(saved["optimiser"])
        self._updates = saved["updates"]
        self._history = [Epoch(**epoch) for epoch in saved["history"]]
        self._best = self._history[saved["best"] - 1]
        self._weights = {name: value.numpy() for name, value in saved["weights"].items()}


@contextlib.contextmanager
def _quiet_torch() -> Iterator[None]:
    """One thread, which small networks are fastest with, and no denormal numbers; afterwards as before."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    flushing = torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if flushing:
            torch.set_flush_denormal(False)
