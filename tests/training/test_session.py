from __future__ import annotations

import contextlib
import dataclasses
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_model
from streamsnn.training.batches import View, read_takes
from streamsnn.training.config import Config, load_config
from streamsnn.training.dataset import open_dataset, split
from streamsnn.training.progress import TerminalObserver
from streamsnn.training.report import Streamed, stream_through
from streamsnn.training.session import train_model, work_folder
from streamsnn.training.trainer import Epoch, TrainingInterrupted

FILES = ["README.md", "held-out.csv", "learning-curve.png", "model.toml", "recipe.toml", "weights.safetensors"]


class Quiet:
    """Watches and may press Ctrl-C after an epoch, or fill the disk after it."""

    def __init__(self, interrupt_after: int = 0, fill_disk_after: int = 0) -> None:
        self.done = 0
        self._interrupt_after, self._fill_disk_after = interrupt_after, fill_disk_after

    def preparing(self, done: int, total: int) -> None:
        pass

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None:
        self.done = len(done)

    def batch(self, number: int, batches: int, loss: float) -> None:
        pass

    def epoch(self, epoch: Epoch, best: bool) -> None:
        if epoch.number == self._interrupt_after:
            raise KeyboardInterrupt
        if epoch.number == self._fill_disk_after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextlib.contextmanager
def disk_emptied_afterwards() -> Iterator[None]:
    """Lets what is inside fill the disk. No longer: the test runner may write to a file, too."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture(scope="module")
def trained(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model folder of a whole training."""
    folder = tmp_path_factory.mktemp("models") / "sides"
    train_model(config, folder, Quiet(), command="streamsnn train config.toml")
    return folder


def test_a_training_leaves_a_whole_model_folder_and_nothing_else(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == FILES
    assert [path.name for path in trained.parent.iterdir()] == ["sides"]
    assert (trained / "learning-curve.png").read_bytes().startswith(b"\x89PNG")


def test_the_model_does_what_its_card_and_its_readme_say(trained: Path, config: Config, sides: Path) -> None:
    network = load_model(trained)
    card = network.card
    assert card.labels == ("left", "right")
    # The slowest layer of neurons looks back three steps of 20 ms.
    assert card.memory_us >= 3 * 20_000
    dataset = open_dataset(sides)
    takes = read_takes(dataset, config.input, View(config.data.crop, config.data.downsample))
    _, held = split(dataset.targets(), dataset.classes, 0.25, 0)
    streamed = stream_through(network, [takes[index] for index in held], dataset.targets()[held])
    assert card.figures["accuracy"] == streamed.accuracy == 1.0
    assert card.figures["held_out"] == 6
    assert card.figures["spikes_per_sample"] == pytest.approx(streamed.spikes)
    assert card.figures["synaptic_operations_per_sample"] == pytest.approx(streamed.operations)
    assert streamed.spikes > 0
    assert streamed.operations > 0
    text = (trained / "README.md").read_text()
    assert "**100.0%**" in text
    assert "streamsnn train config.toml" in text
    assert "| **left** | 3 |  |" in text
    listed = open_dataset(sides, trained / "held-out.csv")
    assert [sample.file for sample in listed.samples] == [dataset.samples[index].file for index in held]
    assert f"--labels {trained / 'held-out.csv'}" in text


def test_the_recipe_is_the_config(trained: Path, config: Config) -> None:
    assert load_config(trained / "recipe.toml").fingerprint == config.fingerprint


def test_accuracy_counts_the_diagonal() -> None:
    assert Streamed(np.array([[3, 1], [2, 4]]), 0.0, 0.0).accuracy == 0.7


def test_an_interrupted_training_resumes_to_the_same_model(trained: Path, config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "sides"
    with pytest.raises(TrainingInterrupted):
        train_model(config, folder, Quiet(interrupt_after=2), command="")
    assert not folder.exists()
    assert [path.name for path in work_folder(folder).iterdir()] == ["checkpoint.pt"]
    watcher = Quiet()
    train_model(config, folder, watcher, command="streamsnn train config.toml", resume=True)
    assert watcher.done == 2
    assert (folder / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()
    assert (folder / "model.toml").read_bytes() == (trained / "model.toml").read_bytes()


@pytest.mark.parametrize("after", [2, 4])
def test_a_full_disk_leaves_nothing_half_written(config: Config, tmp_path: Path, after: int) -> None:
    """Full while training goes on (the next checkpoint fails), and full when the model is to be written."""
    folder = tmp_path / "sides"
    with disk_emptied_afterwards(), pytest.raises(StreamsnnError, match="cannot be written"):
        train_model(config, folder, Quiet(fill_disk_after=after), command="")
    assert [path.name for path in tmp_path.iterdir()] == [".training"]
    assert [path.name for path in work_folder(folder).iterdir()] == ["checkpoint.pt"]
    watcher = Quiet()
    train_model(config, folder, watcher, command="", resume=True)
    assert watcher.done == after
    assert sorted(path.name for path in folder.iterdir()) == FILES


def test_an_interruption_while_the_model_is_written_loses_nothing(
    trained: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    folder = tmp_path / "sides"
    with monkeypatch.context() as patch:
        patch.setattr("streamsnn.training.report.learning_curve", interrupted)
        with pytest.raises(TrainingInterrupted, match="being written"):
            train_model(config, folder, Quiet(), command="")
    assert [path.name for path in tmp_path.iterdir()] == [".training"]
    watcher = Quiet()
    train_model(config, folder, watcher, command="", resume=True)
    assert watcher.done == 4
    assert (folder / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()


def test_a_checkpoint_of_other_settings_is_not_resumed(config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "sides"
    with pytest.raises(TrainingInterrupted):
        train_model(config, folder, Quiet(interrupt_after=1), command="")
    other = dataclasses.replace(config, training=dataclasses.replace(config.training, learning_rate=0.5))
    with pytest.raises(StreamsnnError, match="other settings"):
        train_model(other, folder, Quiet(), command="", resume=True)


def test_an_older_model_is_replaced_whole(trained: Path, config: Config, tmp_path: Path) -> None:
    folder = tmp_path / "sides"
    folder.mkdir()
    (folder / "model.toml").write_text("old")
    (folder / "notes").write_text("old")
    train_model(config, folder, Quiet(), command="")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert (folder / "weights.safetensors").read_bytes() == (trained / "weights.safetensors").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["sides"]


def test_what_is_no_model_is_never_replaced(config: Config, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("work of years")
    with pytest.raises(StreamsnnError, match="not a model folder"):
        train_model(config, tmp_path / "thesis", Quiet(), command="")
    with pytest.raises(StreamsnnError, match="not a model folder"):
        train_model(config, tmp_path / "thesis" / "chapter1.tex", Quiet(), command="")
    assert (tmp_path / "thesis" / "chapter1.tex").read_text() == "work of years"


def test_without_a_holdout_there_is_no_accuracy(config: Config, tmp_path: Path) -> None:
    everything = dataclasses.replace(config, data=dataclasses.replace(config.data, holdout=0.0))
    train_model(everything, tmp_path / "sides", Quiet(), command="")
    assert "accuracy" not in load_model(tmp_path / "sides").card.figures
    assert "Nothing was held out" in (tmp_path / "sides" / "README.md").read_text()


def test_a_training_can_be_watched(config: Config, tmp_path: Path) -> None:
    console = Console(record=True, width=120, file=(tmp_path / "log").open("w"))
    short = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=2))
    with pytest.raises(TrainingInterrupted), TerminalObserver(console) as observer:
        train_model(short, tmp_path / "sides", _InterruptAfterOne(observer), command="")
    with TerminalObserver(console) as observer:
        train_model(short, tmp_path / "sides", observer, command="", resume=True)
    text = console.export_text()
    assert "epoch   1  loss" in text
    assert "resumed after epoch 1" in text
    assert "epoch   2  loss" in text
    console.file.close()


class _InterruptAfterOne:
    def __init__(self, observer: TerminalObserver) -> None:
        self._observer = observer

    def preparing(self, done: int, total: int) -> None:
        pass

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None:
        self._observer.begin(epochs, done)

    def batch(self, number: int, batches: int, loss: float) -> None:
        self._observer.batch(number, batches, loss)

    def epoch(self, epoch: Epoch, best: bool) -> None:
        self._observer.epoch(epoch, best)
        raise KeyboardInterrupt


def test_datasets_and_configs_need_no_torch() -> None:
    code = (
        "import sys, streamsnn.training.dataset, streamsnn.training.batches, streamsnn.training.config;"
        "print([name for name in ('torch', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
