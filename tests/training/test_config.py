from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Linear, Population
from streamsnn.neurons import SlidingPSN
from streamsnn.training.config import Config, load_config, parse_config
from streamsnn.types import InputSpec


def test_everything_is_read(config: Config) -> None:
    assert (config.model.name, config.model.step_us, config.model.description) == ("sides", 20_000, "Left or right")
    assert config.input == InputSpec(8, 8)
    assert config.readout.kind == "mean"
    assert config.layers[0] == ("linear0", Linear(6, batch_norm=True))
    assert config.layers[1] == ("spikes", Population(SlidingPSN(3)))
    assert config.data.crop == (1, 1, 32, 32)
    assert config.augmentation.shift_px == 2.0
    assert config.augmentation.rotate_deg == 0.0
    assert (config.training.epochs, config.training.average) == (4, 0.99)
    card = config.spec(("left", "right"), 5, {"accuracy": 1.0}).card
    assert (card.labels, card.memory_us, card.figures) == (("left", "right"), 5, {"accuracy": 1.0})


def test_layers_that_do_not_fit_the_labels_are_refused(config: Config) -> None:
    with pytest.raises(StreamsnnError, match="3 labels"):
        config.spec(("a", "b", "c"))


def test_the_fingerprint_is_that_of_the_settings(config: Config) -> None:
    assert parse_config("# a remark\n" + config.text, "x").fingerprint == config.fingerprint
    assert parse_config(config.text.replace("seed = 3", "seed = 4"), "x").fingerprint != config.fingerprint


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("[training]", "[trainign]", "no table 'trainign'", "did you mean 'training'"),
        ("epochs", "epoch", "no setting 'epoch'", "did you mean 'epochs'"),
        ("shift_px", "shift", "no setting 'shift'", "did you mean 'shift_px'"),
        ("holdout", "hold_out", "no setting 'hold_out'", "did you mean 'holdout'"),
        ('"sliding-psn"', '"slidingpsn"', "no family of neurons", "did you mean 'sliding-psn'"),
        ("epochs = 4", 'epochs = "four"', "epochs is 'four'", "type int"),
        ("epochs = 4", "epochs = 0", "epochs is 0", "1 or more"),
        ("batch = 4", "batch = 1", "batch is 1", "2 or more"),
        ("seed = 3", "seed = -1", "seed is -1", "0 or more"),
        ("learning_rate = 0.02", "learning_rate = 0", "learning_rate is 0", "more than 0"),
        ("learning_rate = 0.02", "average = 1.0", "average is 1.0", "below 1"),
        ("holdout = 0.25", "holdout = 1.0", "holdout is 1.0", "below 1"),
        ("holdout = 0.25", "pad = true", "pad has no duration_ms", "duration_ms, too"),
        ("holdout = 0.25", 'held_out = "a"\nheld_out_speakers = ["b"]', "both held_out", "one of them"),
        ("[training]", "[calibration]\n[training]", "does not listen", "hearing"),
        ("learning_rate = 0.02", 'fall = "linaer"', "'linaer'", "did you mean 'linear'"),
        ("[training]", "[voices]\npieces = 0.1\n[training]", "nothing is asked of pieces", "early or quiet"),
        ("shift_px = 2.0", "shift_px = -2.0", "shift_px is -2.0", "0 \\(off\\)"),
        ('name = "sides"', 'name = "a/b"', "name is 'a/b'", "folder"),
        ('name = "sides"', 'name = ""', "name is ''", "folder"),
        ("step_us = 20000", "step_us = 0", "step_us is 0", "1 or more"),
        ("step_us = 20000", "", "step_us is missing", "add step_us"),
        ('folder = "', 'directory = "', "no setting 'directory'", "folder"),
    ],
)
def test_mistakes_are_named_with_what_to_do(config: Config, old: str, new: str, message: str, hint: str) -> None:
    assert old in config.text
    with pytest.raises(StreamsnnError, match=message) as caught:
        parse_config(config.text.replace(old, new, 1), "config.toml")
    assert "config.toml" in caught.value.message or "Augmentation" in caught.value.message
    assert re.search(hint, caught.value.hint)


@pytest.mark.parametrize("table", ["model", "input", "data"])
def test_a_missing_table_is_named(config: Config, table: str) -> None:
    text = config.text.replace(f"[{table}]", "[training.x]", 1)
    with pytest.raises(StreamsnnError, match=rf"no \[{table}\]"):
        parse_config(text, "config.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = 3", "write \\[model\\]"),
        ("[layers]", "write \\[\\[layers\\]\\]"),
        ("[model", "not valid TOML"),
    ],
)
def test_other_shapes_are_refused(text: str, message: str) -> None:
    with pytest.raises(StreamsnnError, match=message):
        parse_config(text, "config.toml")


def test_layers_must_be_tables() -> None:
    with pytest.raises(StreamsnnError, match="layers is not an array of tables"):
        parse_config("layers = [1]\n[model]\n[input]\n[data]", "config.toml")


def test_files_that_cannot_be_read_are_named(tmp_path: Path, config: Config) -> None:
    with pytest.raises(StreamsnnError, match="There is no file"):
        load_config(tmp_path / "nowhere.toml")
    with pytest.raises(StreamsnnError, match="is a folder"):
        load_config(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StreamsnnError, match="not a text"):
        load_config(tmp_path / "bytes.toml")
    (tmp_path / "good.toml").write_text(config.text)
    assert load_config(tmp_path / "good.toml") == config


def test_other_recordings_take_the_place_of_all_that_data_names(config: Config) -> None:
    split = dataclasses.replace(config.data, labels="a.csv", held_out="b.csv", also=("c",))
    other = dataclasses.replace(config, data=split).of_dataset("tonic:NMNIST")
    assert other.data == dataclasses.replace(config.data, folder="tonic:NMNIST")
    assert other.text.startswith("# Trained with --dataset tonic:NMNIST")
    assert parse_config(other.text, "recipe.toml").data == config.data
