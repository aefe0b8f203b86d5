from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import save_model
from streamsnn.training.augment import Augmentation
from streamsnn.training.batches import View, read_takes
from streamsnn.training.config import Config
from streamsnn.training.dataset import open_dataset, split
from streamsnn.training.trainer import Epoch, Material, Trained, Trainer, TrainingInterrupted


class Watcher:
    """Remembers what it is told, and presses Ctrl-C where it is asked to."""

    def __init__(self, interrupt_at: tuple[int, int] | None = None) -> None:
        self.done = 0
        self.epochs: list[Epoch] = []
        self.best: list[int] = []
        self._interrupt_at = interrupt_at

    def preparing(self, done: int, total: int) -> None:
        pass

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None:
        self.done = len(done)

    def batch(self, number: int, batches: int, loss: float) -> None:
        if self._interrupt_at == (self.done + len(self.epochs) + 1, number):
            raise KeyboardInterrupt

    def epoch(self, epoch: Epoch, best: bool) -> None:
        self.epochs.append(epoch)
        if best:
            self.best.append(epoch.number)


@pytest.fixture
def trainer(config: Config, sides: Path) -> Callable[..., Trainer]:
    """A trainer of `sides`, with some training settings replaced."""
    dataset = open_dataset(sides)
    takes = read_takes(dataset, config.input, View(config.data.crop, config.data.downsample))

    def make(holdout: float = 0.25, **settings: Any) -> Trainer:
        changed = dataclasses.replace(config, training=dataclasses.replace(config.training, **settings))
        parts = split(dataset.targets(), dataset.classes, holdout, 0)
        return Trainer(
            changed,
            changed.spec(dataset.classes),
            Material(tuple((take,) for take in takes), dataset.targets(), *parts),
        )

    return make


def _same(left: Trained, right: Trained) -> bool:
    return left.weights.keys() == right.weights.keys() and all(
        np.array_equal(left.weights[name], right.weights[name]) for name in left.weights
    )


def test_it_learns_left_from_right(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    watcher = Watcher()
    trained = trainer(epochs=8).run(tmp_path, "f", watcher, resume=False)
    assert trained.best.validation_accuracy == 1.0
    assert trained.history[-1].loss < trained.history[0].loss
    assert [epoch.number for epoch in watcher.epochs] == list(range(1, 9))
    assert list(trained.history) == watcher.epochs
    assert trained.best == watcher.epochs[watcher.best[-1] - 1]


def test_the_best_epoch_is_kept_not_the_last(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    # The second epoch wrecks what the first has learnt: the rate is absurd once it has risen.
    trained = trainer(epochs=3, learning_rate=30.0, warm_up=1.0, average=0.0).run(
        tmp_path, "f", Watcher(), resume=False
    )
    ranks = sorted(trained.history, key=lambda epoch: (-epoch.validation_accuracy, epoch.validation_loss))
    assert trained.best == ranks[0]
    assert trained.best.number < 3


def test_a_resumed_training_ends_with_the_same_bits(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    whole = trainer().run(tmp_path / "whole", "f", Watcher(), resume=False)
    with pytest.raises(TrainingInterrupted, match="after 2 of 4 epochs") as caught:
        trainer().run(tmp_path / "cut", "f", Watcher((3, 2)), resume=False)
    assert "--resume" in caught.value.hint
    assert [path.name for path in (tmp_path / "cut").iterdir()] == ["checkpoint.pt"]
    watcher = Watcher()
    resumed = trainer().run(tmp_path / "cut", "f", watcher, resume=True)
    assert watcher.done == 2
    assert [epoch.number for epoch in watcher.epochs] == [3, 4]
    assert _same(whole, resumed)
    plain = [dataclasses.replace(epoch, seconds=0) for epoch in whole.history]
    assert [dataclasses.replace(epoch, seconds=0) for epoch in resumed.history] == plain


def test_a_finished_training_resumes_to_its_result(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    first = trainer().run(tmp_path, "f", Watcher(), resume=False)
    watcher = Watcher()
    assert _same(first, trainer().run(tmp_path, "f", watcher, resume=True))
    assert watcher.epochs == []


def test_without_resume_training_begins_anew(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    trainer(epochs=1).run(tmp_path, "f", Watcher(), resume=False)
    watcher = Watcher()
    trainer(epochs=1).run(tmp_path, "other", watcher, resume=False)
    assert [epoch.number for epoch in watcher.epochs] == [1]


def test_an_interruption_in_the_first_epoch_says_that_nothing_was_kept(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    with pytest.raises(TrainingInterrupted, match="after 0 of 4") as caught:
        trainer().run(tmp_path, "f", Watcher((1, 1)), resume=False)
    assert caught.value.hint == "Nothing was kept."
    assert not any(tmp_path.iterdir())


def test_another_seed_gives_other_weights(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    first = trainer(epochs=1).run(tmp_path, "f", Watcher(), resume=False)
    second = trainer(epochs=1, seed=4).run(tmp_path, "f", Watcher(), resume=False)
    assert not _same(first, second)


def test_without_a_holdout_training_is_its_own_validation(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    trained = trainer(holdout=0.0, epochs=6).run(tmp_path, "f", Watcher(), resume=False)
    assert trained.best.validation_accuracy == 1.0


def test_a_loss_that_is_no_number_ends_the_training(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="loss became") as caught:
        trainer(learning_rate=1e30, warm_up=0.0, clip_norm=0.0).run(tmp_path, "f", Watcher(), resume=False)
    assert "learning_rate" in caught.value.hint


def test_too_few_recordings_for_a_batch_are_refused(trainer: Callable[..., Trainer]) -> None:
    with pytest.raises(StreamsnnError, match="18 recordings"):
        trainer(batch=19)


def test_torch_is_left_as_it_was(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        trainer(epochs=1).run(tmp_path, "f", Watcher(), resume=False)
        assert torch.get_num_threads() == 2
        assert torch.tensor([1e-40]).mul(0.5).item() > 0, "denormal numbers must not be flushed afterwards"
    finally:
        torch.set_num_threads(before)


def test_a_batch_is_as_long_as_its_longest_recording_or_as_asked(trainer: Callable[..., Trainer]) -> None:
    made = trainer()
    assert made._batch(made.material.training[:3]).inputs.shape[0] == 5
    for duration_ms, steps in ((40.0, 2), (1.0, 1)):
        data = dataclasses.replace(made.config.data, duration_ms=duration_ms)
        made.config = dataclasses.replace(made.config, data=data)
        assert made._batch(made.material.training[:3]).inputs.shape[0] == steps


def test_every_epoch_draws_one_variant_of_each_recording_and_none_of_what_is_held_out(
    trainer: Callable[..., Trainer],
) -> None:
    made = trainer()
    made.config = dataclasses.replace(made.config, augmentation=Augmentation())
    halves = [dataclasses.replace(take, events=take.events[::2]) for (take,) in made.material.takes]
    takes = tuple((take, half) for (take,), half in zip(made.material.takes, halves, strict=True))
    made.material = dataclasses.replace(made.material, takes=takes)
    whole = {float(made._batch(np.array([member])).inputs.sum()) for member in range(len(takes))}
    drawn = made._batch(made.material.training, np.random.default_rng(0)).inputs.sum(axis=(0, 2, 3, 4))
    assert 0 < sum(float(count) in whole for count in drawn) < drawn.size
    held = made._batch(made.material.validation).inputs.sum(axis=(0, 2, 3, 4))
    assert all(float(count) in whole for count in held)


def test_pieces_of_several_words_have_batches_of_their_own(trainer: Callable[..., Trainer]) -> None:
    made = trainer()
    targets = made.material.targets.copy()
    targets[made.material.training[::2]] = -1
    again = Trainer(
        made.config, made.config.spec(("left", "right")), dataclasses.replace(made.material, targets=targets)
    )
    batches = again._drawn_batches(np.random.default_rng(0))
    assert len(batches) == again._batches == 4
    assert all(len({bool(targets[member] < 0) for member in batch}) == 1 for batch in batches)


def test_it_starts_from_what_a_model_has_learned(trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    learned = trainer(epochs=6).run(tmp_path / "first", "", Watcher(), resume=False)
    spec = trainer().config.spec(("left", "right"))
    save_model(tmp_path / "model", spec, learned.weights)
    settled = {"epochs": 1, "learning_rate": 1e-9, "neuron_learning_rate": 0.0}
    again = trainer(start_from=str(tmp_path / "model"), **settled).run(tmp_path / "again", "", Watcher(), resume=False)
    anew = trainer(**settled).run(tmp_path / "anew", "", Watcher(), resume=False)
    assert again.best.validation_loss == pytest.approx(learned.best.validation_loss, rel=0.25)
    assert again.best.validation_loss < 0.7 * anew.best.validation_loss
