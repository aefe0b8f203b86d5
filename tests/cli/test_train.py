"""`streamsnn train`: a config becomes a model that the other commands can use, or nothing at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from toys import write_dataset

from streamsnn.cli import main
from streamsnn.training.trainer import Trainer

CONFIG = """
[model]
name = "sides"
step_us = 20000

[input]
width = 8
height = 6

[readout]
kind = "mean"

[[layers]]
type = "linear"
outputs = 4

[[layers]]
type = "neurons"
name = "spikes"
family = "sliding-psn"
k = 2

[[layers]]
type = "linear"
outputs = 2

[data]
folder = "data"
holdout = 0.25

[training]
epochs = 3
batch = 4
learning_rate = 0.05
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "data", ["left", "right"] * 8)
    (tmp_path / "config.toml").write_text(CONFIG)
    return tmp_path


def test_what_was_trained_can_be_used(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "config.toml"]) == 0
    told = capsys.readouterr()
    assert "models/sides" in told.out
    assert "% right on what was held out" in told.out
    assert "epoch" in told.err
    assert "streamsnn train config.toml" in (here / "models" / "sides" / "README.md").read_text()
    assert main(["evaluate", "data", "--model", "sides", "--json"]) == 0
    assert main(["info", "./models/sides"]) == 0


def test_ctrl_c_says_how_to_go_on(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one_epoch = Trainer._epoch

    def interrupted(trainer: Trainer, number: int, observer: object) -> object:
        if number == 2:
            raise KeyboardInterrupt
        return one_epoch(trainer, number, observer)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch", interrupted)
        assert main(["train", "config.toml", "--out", "mine"]) == 130
    told = capsys.readouterr().err
    assert "Interrupted after 1 of 3 epochs." in told
    assert "--resume" in told
    assert "Traceback" not in told
    assert "note:" not in told
    assert not (here / "mine").exists()
    assert main(["train", "config.toml", "--out", "mine", "--resume"]) == 0
    told = capsys.readouterr().err
    assert "resumed after epoch 1" in told
    assert "note:" not in told
    assert (here / "mine" / "model.toml").is_file()


def test_a_checkpoint_that_is_not_there_or_not_used_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(trainer: Trainer, number: int, observer: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_epoch", interrupted)
        assert main(["train", "config.toml", "--resume"]) == 130
        assert "note: there is no checkpoint to resume from" in capsys.readouterr().err
        work = here / "models" / ".training" / "sides"
        work.mkdir(parents=True)
        (work / "checkpoint.pt").write_bytes(b"what another training left")
        assert main(["train", "config.toml"]) == 130
        told = capsys.readouterr().err
    assert "begins anew" in told
    assert "add --resume" in told


def test_a_disk_that_fills_up_leaves_nothing_under_the_final_name(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as file:
            file.write(content[:9])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["train", "config.toml", "--out", "mine"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert not (here / "mine").exists()
    assert not [path for path in here.rglob("*") if path.suffix in (".partial", ".pt")]


def test_a_config_that_is_not_there_needs_no_torch(here: Path) -> None:
    code = (
        "import sys; from streamsnn.cli import main\n"
        "assert main(['train', 'cnofig.toml']) == 2; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.startswith("error: There is no file cnofig.toml")
    assert "Traceback" not in done.stderr


def test_another_dataset_takes_the_place_of_the_recipes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(here / "other", ["left", "right"] * 6)
    assert main(["train", "config.toml", "--dataset", "other"]) == 0
    told = (here / "models" / "sides" / "README.md").read_text()
    assert "streamsnn train config.toml --dataset other" in told
    assert "streamsnn evaluate other --labels" in told
    assert main(["train", "config.toml", "--dataset", "tonic:Nothing/x/y"]) == 2
    assert "no name of one of tonic's" in capsys.readouterr().err
