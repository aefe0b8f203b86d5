"""From recorded words to a model that listens: what `streamsnn train` does with a [hearing] table."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamsnn.cli import main
from streamsnn.modelfolder import load_model
from streamsnn.types import AnyHearing, DeltaHearing, Hearing

RATE_HZ = 16_000
CONFIG = """
[model]
name = "tones"
step_us = 10000
labels = ["low", "high"]

[input]
width = 16
height = 1
polarity = "merge"
kind = "audio"

[hearing]
channels = 16
cells = 2

[readout]
tau_ms = 200.0

[[layers]]
type = "linear"
outputs = 12
batch_norm = true

[[layers]]
type = "neurons"
name = "spikes"
family = "sliding-psn"
k = 4

[[layers]]
type = "linear"
outputs = 2

[data]
folder = "sounds"
labels = "sounds/learn.csv"
held_out = "sounds/hold.csv"

[voices]
variants = 1
pieces = 0.5
piece_ms = 1500.0
noise = 0.5
gain_db = 6.0

[augmentation]
drop = 0.1
shift_px = 1.0
time_shift_ms = 50.0

[objective]
final = 0.5
early = 0.5
quiet = 0.1

[training]
epochs = 6
batch = 4
learning_rate = 0.02
"""


def write_tones(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    t = np.arange(RATE_HZ // 2) / RATE_HZ
    tables: dict[str, list[str]] = {"learn": [], "hold": []}
    for number in range(24):
        label = ("low", "high")[number % 2]
        tone_hz = {"low": 400, "high": 2500}[label] * np.exp(rng.uniform(-0.1, 0.1))
        said = (t > 0.1) & (t < rng.uniform(0.3, 0.45))
        sound = rng.normal(0, 1e-4, t.size) + 10 ** rng.uniform(-1.5, -0.5) * np.sin(2 * np.pi * tone_hz * t) * said
        soundfile.write(folder / f"{number}.wav", sound, RATE_HZ)
        tables["hold" if number >= 16 else "learn"].append(f"{number}.wav,{label}\n")
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text("file,label\n" + "".join(rows))


@pytest.mark.parametrize("hearing", [Hearing(channels=16, cells=2), DeltaHearing(channels=16, step_db=2.0)])
def test_a_model_learns_to_listen_and_streams_as_it_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hearing: AnyHearing
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "sounds")
    delta = isinstance(hearing, DeltaHearing)
    text = CONFIG.replace("cells = 2", 'encoder = "delta"\nstep_db = 2.0') if delta else CONFIG
    (tmp_path / "tones.toml").write_text(text.replace('"merge"', '"split"') if delta else text)
    assert main(["train", "tones.toml", "--out", "tones"]) == 0
    card = load_model("tones").card
    assert card.hearing == hearing
    assert card.labels == ("low", "high")
    assert card.figures["accuracy"] >= 0.85
    readme = (tmp_path / "tones" / "README.md").read_text()
    assert "16 recordings of `sounds`, as recorded and in 1 other voices" in readme
    assert "8 recordings (those of `sounds/hold.csv`)" in readme
    capsys.readouterr()
    assert main(["evaluate", "sounds", "--labels", "tones/held-out.csv", "--model", "./tones", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] == card.figures["accuracy"], "streamed from the files as from memory"
    assert found["n"] == 8
    assert len(found["delays_ms"]) == round(8 * found["accuracy"])
    assert max(found["delays_ms"]) <= 400
    assert main(["run", "sounds/1.wav", "--model", "./tones", "--speed", "max", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]
    assert summary["label"] in ("high", None)
    assert summary["hearing"]["resampling_ms"] == pytest.approx(0 if delta else 0.75)


def test_a_model_is_calibrated_after_its_training_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "sounds")
    text = CONFIG.replace("cells = 2", 'encoder = "delta"\nstep_db = 2.0').replace('"merge"', '"split"')
    text = text.replace("epochs = 6", "epochs = 2") + "\n[calibration]\nfalse_alarms_an_hour = 0.0\n"
    (tmp_path / "tones.toml").write_text(text)
    assert main(["train", "tones.toml", "--out", "tones"]) == 0
    card = load_model("tones").card
    assert card.readout.temperature != 1
    assert card.figures["calibration_words"] == 8
    assert "## Calibrated" in (tmp_path / "tones" / "README.md").read_text()
    calibrate = ["calibrate", "sounds", "--labels", "sounds/hold.csv", "--model", "./tones", "--seed", "1"]
    capsys.readouterr()
    assert main([*calibrate, "--false-alarms", "100", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert load_model("tones").card == card, "nothing was written"
    assert found["after"]["words"] == found["before"]["words"] == 8
    assert found["after"]["false_alarms_an_hour"] <= 100 or not found["reached"]
    assert main([*calibrate, "--false-alarms", "100"]) == 0
    told = capsys.readouterr().out
    assert f"threshold    {found['threshold']:g}" in told
    after = load_model("tones").card
    assert (after.readout.temperature, after.readout.threshold) == (found["temperature"], found["threshold"])
    assert after.figures["accuracy"] == card.figures["accuracy"]
    (tmp_path / "other.csv").write_text("file,label\n0.wav,middle\n")
    assert main(["calibrate", "sounds", "--labels", "other.csv", "--model", "./tones"]) == 2
    assert "does not know" in capsys.readouterr().err


def test_words_that_are_learned_are_not_calibrated_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tones(tmp_path / "sounds")
    (tmp_path / "tones.toml").write_text(CONFIG + '\n[calibration]\nlabels = "sounds/learn.csv"\n')
    assert main(["train", "tones.toml", "--out", "tones"]) == 2
    assert "is to be learned and to be calibrated with" in capsys.readouterr().err
    everything = CONFIG.replace('held_out = "sounds/hold.csv"', "holdout = 0.0")
    (tmp_path / "tones.toml").write_text(everything + "\n[calibration]\n")
    assert main(["train", "tones.toml", "--out", "tones"]) == 2
    assert "Nothing is held out" in capsys.readouterr().err
    assert not (tmp_path / "tones").exists()
