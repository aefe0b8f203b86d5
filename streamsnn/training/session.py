"""From CONFIG.toml to a model folder: what `streamsnn train` does."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_model
from streamsnn.network import Network
from streamsnn.training.batches import View, lasting, read_takes
from streamsnn.training.calibration import calibrate, write_calibration
from streamsnn.training.config import Config
from streamsnn.training.dataset import Dataset, open_dataset, open_divided, said_by, split
from streamsnn.training.report import figures, stream_through, write_report
from streamsnn.training.trainer import Material, Observer, Trained, Trainer, TrainingInterrupted
from streamsnn.training.words import hear_words, read_words

_FOREVER_US = 3_600_000_000
"""The memory that a card states for a network that never forgets: after an hour's gap a stream begins anew."""


def train_model(config: Config, folder: Path, observer: Observer, *, command: str, resume: bool = False) -> Network:
    """Train what `config` asks for and put the model into `folder`, whose name is free or that of an older model.

    Checkpoints are kept in `work_folder(folder)` until the model is written, and `resume` goes on from there. `command`
    is what the model's README tells people to type. The older model is replaced only at the end, by a whole new one.

    Raises TrainingInterrupted on Ctrl-C, and StreamsnnError for data, settings or a disk that do not do.
    """
    _refuse_foreign(folder)
    dataset, training, validation = _divided(config)
    spec = config.spec(dataset.classes)
    calibrating = _calibrating(config, dataset, training, validation)
    material = _material(config, dataset, training, validation, observer)
    trainer = Trainer(config, spec, material)
    work = work_folder(folder)
    trained = trainer.run(work, _fingerprint(config, dataset, material), observer, resume=resume)
    try:
        network = _finish(config, folder, dataset, material, trained, command)
        if config.calibration is not None and calibrating is not None:
            rate = config.calibration.false_alarms_an_hour
            found = calibrate(network, read_words(calibrating), rate, config.training.seed, observer.preparing)
            write_calibration(folder, found, command)
            network = load_model(folder)
    except KeyboardInterrupt as error:
        raise TrainingInterrupted(
            "Interrupted while the trained model was being written.", hint="Add --resume to write it."
        ) from error
    shutil.rmtree(work, ignore_errors=True)
    with contextlib.suppress(OSError):
        # Another training may still have its checkpoints there.
        work.parent.rmdir()
    return network


def _divided(config: Config) -> tuple[Dataset, NDArray[np.int64], NDArray[np.int64]]:
    """The data, and which of its samples to learn from and to hold out."""
    data = config.data
    if data.held_out is not None:
        dataset, held = open_divided(data.folder, data.labels, data.held_out)
    else:
        dataset = open_dataset(data.folder, data.labels)
        if data.held_out_speakers:
            held = said_by(dataset, data.held_out_speakers)
        else:
            _, held = split(dataset.targets(), dataset.classes, data.holdout, data.split_seed)
    training = np.setdiff1d(np.arange(len(dataset.samples)), held)
    own = len(dataset.samples)
    for folder in data.also:
        dataset = dataset.with_more(folder)
    training = np.concatenate([training, np.arange(own, len(dataset.samples))])
    return dataset.in_order(config.model.labels) if config.model.labels else dataset, training, held


def _calibrating(
    config: Config, dataset: Dataset, training: NDArray[np.int64], validation: NDArray[np.int64]
) -> Dataset | None:
    """The words to calibrate with, where that is asked for. Raises StreamsnnError where one of them is learned."""
    if config.calibration is None:
        return None
    if config.calibration.labels is None:
        samples = tuple(dataset.samples[place] for place in validation)
    else:
        samples = open_dataset(config.data.folder, config.calibration.labels).samples
    if not samples:
        raise StreamsnnError(
            "Nothing is held out that could be calibrated with.", hint="Hold words out, or name a table of others."
        )
    learned = {dataset.samples[place].path for place in training}
    for sample in samples:
        if sample.path in learned:
            raise StreamsnnError(
                f"{sample.file} is to be learned and to be calibrated with.",
                hint="Name a table of other words in [calibration] labels.",
            )
        if sample.label not in dataset.classes:
            raise StreamsnnError(f"{sample.file} is to be calibrated with, and nobody learns {sample.label!r}.")
    return dataclasses.replace(dataset, samples=samples)


def _material(
    config: Config,
    dataset: Dataset,
    training: NDArray[np.int64],
    validation: NDArray[np.int64],
    observer: Observer,
) -> Material:
    """The data in memory: events as they were recorded, or what a cochlea makes of recorded words."""
    targets = dataset.targets()
    if config.hearing is None:
        view = View(config.data.crop, config.data.downsample, config.data.letterbox)
        return Material(
            tuple((take,) for take in read_takes(dataset, config.input, view)), targets, training, validation
        )
    words = read_words(dataset)
    takes = hear_words(
        words, training, config.hearing, config.input, config.voices, config.training.seed, observer.preparing
    )
    pieces = np.arange(len(words), len(takes))
    targets = np.concatenate([targets, np.full(pieces.size, -1, np.int64)])
    return Material(takes, targets, np.concatenate([training, pieces]), validation)


def work_folder(folder: Path) -> Path:
    """Where checkpoints are kept while the model for `folder` is trained: beside it, hidden."""
    return folder.parent / ".training" / folder.name


def has_checkpoint(folder: Path) -> bool:
    """Whether a training of the model for `folder` was interrupted and left something to resume from."""
    return any(work_folder(folder).glob("*.pt"))


def _finish(
    config: Config, folder: Path, dataset: Dataset, material: Material, trained: Trained, command: str
) -> Network:
    """Write the model folder; the network as it streams."""
    remembered = Network(config.spec(dataset.classes), trained.weights).memory_steps
    memory_us = _FOREVER_US if remembered is None else remembered * config.model.step_us
    network = Network(config.spec(dataset.classes, memory_us), trained.weights)
    held_out = None
    if material.validation.size:
        takes = [material.takes[member][0] for member in material.validation]
        if config.data.pad:
            takes = [lasting(take, round(1000 * config.data.duration_ms)) for take in takes]
        held_out = stream_through(network, takes, material.targets[material.validation])
    network = Network(config.spec(dataset.classes, memory_us, figures(trained, held_out)), trained.weights)
    held = [dataset.samples[member] for member in material.validation]
    write_report(
        folder,
        network,
        trained,
        config,
        held_out,
        held,
        int(np.count_nonzero(material.targets[material.training] >= 0)),
        command,
    )
    return network


def _fingerprint(config: Config, dataset: Dataset, material: Material) -> str:
    """Equal for equal settings and data."""
    digest = hashlib.sha256(config.fingerprint.encode())
    for sample in dataset.samples:
        digest.update(f"{sample.file}\0{sample.label}\n".encode())
    for takes in material.takes:
        digest.update(" ".join(str(take.events.size) for take in takes).encode())
    return digest.hexdigest()


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace what is no model."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / "model.toml").is_file()):
        raise StreamsnnError(
            f"{folder} exists and is not a model folder; it is left alone.", hint="Choose another output folder."
        )
