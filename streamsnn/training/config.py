"""CONFIG.toml: everything that a training depends on, in frozen dataclasses.

[model]         ModelSettings         [data]            DataSettings
[input]         InputSpec             [augmentation]    Augmentation
[readout]       ReadoutSettings       [training]        TrainingSettings
[hearing]       Hearing,              [objective]     Objective
                DeltaHearing          [voices]        Voices
[calibration]   CalibrationSettings
[[layers]]      as in a model.toml, with batch norm and dropout
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Layer, NetworkSpec
from streamsnn.tables import build, choose, hearing_from_table, input_spec_from_table, layers_from_tables
from streamsnn.training.augment import Augmentation
from streamsnn.training.voices import Voices
from streamsnn.types import AnyHearing, InputSpec, ModelCard, ReadoutSettings


@dataclass(frozen=True)
class ModelSettings:
    """The model's name (of its folder, too), the length of a step, and what to tell people about it.

    `labels` are the data's classes in the order that the model is to have them; left out, the order is natural.
    """

    name: str
    step_us: int
    description: str = ""
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataSettings:
    """Where the recordings are (relative to the working directory), and how they are used.

    `folder` may be a file of many recordings, such as shd_train.h5, or one of tonic's sets, such as tonic:NMNIST or
    tonic:NMNIST/train@FOLDER (see `formats.tonic_sets`), and so may `held_out`. `labels` is a table to use in place of
    the folder's labels.csv, or a list of DVS128 Gesture's trials. The share `holdout` of every class is held out, drawn
    with `split_seed`; or in place of it all that `held_out_speakers` said, or what `held_out` names: a table or list,
    or many recordings. The best epoch is the best on what is held out. `also` are further folders, of which all is
    learned. Paths are relative to the working directory. Of each recording the first `duration_ms` are learned, 0 for
    all of the longest; with `pad` a shorter one lasts as long, in silence. `crop`, `downsample` and `letterbox` as in
    `fit_sensor`.
    """

    folder: str
    labels: str | None = None
    held_out: str | None = None
    held_out_speakers: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    holdout: float = 0.2
    split_seed: int = 0
    duration_ms: float = 0.0
    pad: bool = False
    crop: tuple[int, int, int, int] | None = None
    downsample: int | None = None
    letterbox: bool = False


@dataclass(frozen=True)
class Objective:
    """The weights of what is to be small, and from when to when it counts.

    final   the cross-entropy of what the readout holds after a recording's last step
    early   the same after every step of a span: from `early_from_ms` after its beginning on the weight rises, to full
            at `early_to_ms`, until `early_after_ms` after its end, when the answer may begin to fade
    quiet   from `quiet_after_ms` after a span's end (and before the first) the answer is to be that nothing is there:
            the cross-entropy with an equal share for every class, less what it is for a perfect answer
    every   the cross-entropy of the scores themselves after each step of a recording, summed over its steps

    Recordings of which it is not known what comes when have only the first part and the last. `label_smoothing` is the
    share of the target that all classes have in common.
    """

    final: float = 1.0
    early: float = 0.0
    quiet: float = 0.0
    every: float = 0.0
    early_from_ms: float = 150.0
    early_to_ms: float = 350.0
    early_after_ms: float = 200.0
    quiet_after_ms: float = 700.0
    label_smoothing: float = 0.05


@dataclass(frozen=True)
class TrainingSettings:
    """How weights are found: AdamW on what the objective says.

    The learning rate rises linearly over the share `warm_up` of all updates and falls to 0 as `fall` says. Neurons'
    own parameters have `neuron_learning_rate`, where given, and no weight decay. Neurons that scale their input down
    (resonators do, by dt_s) want a `current_gain`: the factor on the initial currents into them, from batch norm and
    recurrent weights, and on the learning rates of these. The gradient's norm is clipped to `clip_norm` (0: not).
    `average` is the decay of the running average of all weights that is validated and kept in their place (0: none).
    `start_from` is a model folder, relative to the working directory: layers whose names and sizes are those of its
    layers begin with what they have learned there, and without `current_gain`.
    """

    start_from: str | None = None
    epochs: int = 100
    batch: int = 20
    seed: int = 0
    learning_rate: float = 4e-3
    neuron_learning_rate: float | None = None
    current_gain: float = 1.0
    weight_decay: float = 0.01
    warm_up: float = 0.1
    fall: Literal["cosine", "linear"] = "cosine"
    clip_norm: float = 2.0
    average: float = 0.99


@dataclass(frozen=True)
class CalibrationSettings:
    """How sure a model that listens must be, found after its training as `streamsnn calibrate` does.

    `labels` is a table of words to find it with, relative to the working directory (its files to [data] folder), and
    none of them learned; left out, those that are held out. No more than `false_alarms_an_hour` are to be shown.
    """

    labels: str | None = None
    false_alarms_an_hour: float = 12.0


@dataclass(frozen=True)
class Config:
    """A parsed CONFIG.toml. `text` is the file as it stands."""

    model: ModelSettings
    input: InputSpec
    layers: tuple[tuple[str, Layer], ...]
    data: DataSettings
    readout: ReadoutSettings
    augmentation: Augmentation
    objective: Objective
    training: TrainingSettings
    voices: Voices
    hearing: AnyHearing | None = None
    calibration: CalibrationSettings | None = None
    text: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for equal settings, however they are spelled."""
        return hashlib.sha256(repr(dataclasses.replace(self, text="")).encode()).hexdigest()

    def of_dataset(self, folder: str) -> Config:
        """The same of other recordings: `folder` in place of all that [data] names, but for how they are used."""
        note = f"# Trained with --dataset {folder}: [data] folder, labels, held_out and the like do not count.\n"
        data = dataclasses.replace(self.data, folder=folder, labels=None, held_out=None, held_out_speakers=(), also=())
        return dataclasses.replace(self, data=data, text=note + self.text)

    def spec(
        self, labels: Sequence[str], memory_us: int = 1, figures: Mapping[str, float] | None = None
    ) -> NetworkSpec:
        """The network for these labels. Raises StreamsnnError where the layers do not fit them, or one another."""
        card = ModelCard(
            self.model.name,
            tuple(labels),
            self.model.step_us,
            self.input,
            memory_us,
            self.readout,
            self.model.description,
            figures or {},
            self.hearing,
        )
        return NetworkSpec(card, self.layers)


_TABLES = (
    *("model", "input", "hearing", "readout", "layers", "data", "voices", "augmentation", "objective", "training"),
    "calibration",
)
_REQUIRED = ("model", "input", "layers", "data")


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read CONFIG.toml. Raises StreamsnnError for what is missing, unknown (with the closest name), or nonsense."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StreamsnnError(f"There is no file {path}.", hint="Name a training's CONFIG.toml.") from error
    except IsADirectoryError as error:
        raise StreamsnnError(f"{path} is a folder.", hint="Name a training's CONFIG.toml.") from error
    except OSError as error:
        raise StreamsnnError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
    except UnicodeDecodeError as error:
        raise StreamsnnError(f"{path} is not a text in UTF-8.", hint="Name a training's CONFIG.toml.") from error
    return parse_config(text, str(path))


def parse_config(text: str, where: str) -> Config:
    """`text` as a Config; `where` names it in errors."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StreamsnnError(f"{where} is not valid TOML: {error}.", hint="Mend the line that it names.") from error
    for key, value in document.items():
        choose(dict.fromkeys(_TABLES), key, "table", where)
        if not isinstance(value, list if key == "layers" else dict):
            kind = "an array of tables: write [[layers]]" if key == "layers" else f"a table: write [{key}]"
            raise StreamsnnError(f"{where}: {key} is not {kind}.", hint="Mend the file.")
    for key in _REQUIRED:
        if key not in document:
            raise StreamsnnError(f"{where} has no [{key}].", hint=f"A training needs {', '.join(_REQUIRED)}.")
    if not all(isinstance(table, dict) for table in document["layers"]):
        raise StreamsnnError(f"{where}: layers is not an array of tables: write [[layers]].", hint="Mend the file.")

    def table(key: str, settings: type[Any]) -> Any:
        return build(settings, document.get(key, {}), f"{where}, [{key}]")

    grid = input_spec_from_table(document["input"], f"{where}, [input]")
    hears = "hearing" in document
    config = Config(
        model=table("model", ModelSettings),
        input=grid,
        hearing=hearing_from_table(document["hearing"], grid, f"{where}, [hearing]") if hears else None,
        layers=layers_from_tables(document["layers"], where),
        data=table("data", DataSettings),
        readout=table("readout", ReadoutSettings),
        augmentation=table("augmentation", Augmentation),
        voices=table("voices", Voices),
        objective=table("objective", Objective),
        training=table("training", TrainingSettings),
        calibration=table("calibration", CalibrationSettings) if "calibration" in document else None,
        text=text,
    )
    _refuse_nonsense(config, where)
    return config


def _refuse_nonsense(config: Config, where: str) -> None:
    model, data, training, objective = config.model, config.data, config.training, config.objective
    plain_name = model.name and not set(model.name) & set('/\\:*?"<>|') and not model.name.startswith(".")
    rules = (
        (plain_name, "[model]", f"name is {model.name!r}", "a name that a folder may have"),
        (model.step_us >= 1, "[model]", f"step_us is {model.step_us}", "1 or more"),
        (0 <= data.holdout < 1, "[data]", f"holdout is {data.holdout}", "a share from 0 to below 1"),
        (data.duration_ms >= 0, "[data]", f"duration_ms is {data.duration_ms}", "0 (all) or more"),
        (data.duration_ms > 0 or not data.pad, "[data]", "pad has no duration_ms", "duration_ms, too"),
        (
            data.held_out is None or not data.held_out_speakers,
            "[data]",
            "both held_out and held_out_speakers are given",
            "one of them",
        ),
        (
            config.calibration is None or config.hearing is not None,
            "[calibration]",
            "the model does not listen",
            "it to models with [hearing] only",
        ),
        (
            config.calibration is None or config.calibration.false_alarms_an_hour >= 0,
            "[calibration]",
            "false_alarms_an_hour is below 0",
            "0 or more",
        ),
        (data.split_seed >= 0, "[data]", f"split_seed is {data.split_seed}", "0 or more"),
        (training.epochs >= 1, "[training]", f"epochs is {training.epochs}", "1 or more"),
        (training.batch >= 2, "[training]", f"batch is {training.batch}", "2 or more"),
        (training.seed >= 0, "[training]", f"seed is {training.seed}", "0 or more"),
        (training.learning_rate > 0, "[training]", f"learning_rate is {training.learning_rate}", "more than 0"),
        (
            training.neuron_learning_rate is None or training.neuron_learning_rate >= 0,
            "[training]",
            f"neuron_learning_rate is {training.neuron_learning_rate}",
            "0 or more",
        ),
        (training.current_gain > 0, "[training]", f"current_gain is {training.current_gain}", "more than 0"),
        (training.weight_decay >= 0, "[training]", f"weight_decay is {training.weight_decay}", "0 or more"),
        (0 <= training.warm_up <= 1, "[training]", f"warm_up is {training.warm_up}", "a share from 0 to 1"),
        (
            0 <= objective.label_smoothing < 1,
            "[objective]",
            f"label_smoothing is {objective.label_smoothing}",
            "a share from 0 to below 1",
        ),
        (
            min(objective.final, objective.early, objective.quiet, objective.every) >= 0,
            "[objective]",
            "a weight is below 0",
            "weights of 0 or more",
        ),
        (
            config.voices.pieces == 0 or objective.early > 0 or objective.quiet > 0,
            "[objective]",
            "nothing is asked of pieces of several words",
            "early or quiet above 0, or no [voices] pieces",
        ),
        (training.clip_norm >= 0, "[training]", f"clip_norm is {training.clip_norm}", "0 (not clipped) or more"),
        (0 <= training.average < 1, "[training]", f"average is {training.average}", "a decay from 0 to below 1"),
    )
    for holds, table, what, wanted in rules:
        if not holds:
            raise StreamsnnError(f"{where}, {table}: {what}.", hint=f"Give {wanted}.")
