"""The short programs in apps/ run as they stand."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from toys import save_ears, save_sides, write_side

from streamsnn.types import Hearing

APPS = Path(__file__).resolve().parents[1] / "apps"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_sides(tmp_path / "models" / "sides")
    write_side(tmp_path / "left.dat", "left")
    return tmp_path


def run(app: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [app, *arguments])
    runpy.run_path(str(APPS / app), run_name="__main__")


def test_replay_prints_decisions(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("replay.py", monkeypatch, "left.dat", "sides", "1000")
    assert capsys.readouterr().out.split()[:3] == ["0.010", "s", "left"]


def test_latency_prints_every_stage(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("latency.py", monkeypatch, "left.dat", "sides", "1000")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["bin", "queue", "compute", "total"]
    assert lines[0].split()[1] == "2.500"


def test_a_sound_is_brought_to_level_as_a_whole(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_ears(here / "models" / "ears", Hearing(channels=8, cells=2))
    time_s = np.arange(8000) / 16_000
    for label, hz, loud in (("low", 250, 0.01), ("high", 4000, 0.3)):
        soundfile.write(here / f"{label}.wav", loud * np.sin(2 * np.pi * hz * time_s), 16_000)
    (here / "labels.csv").write_text("file,label\nlow.wav,low\nhigh.wav,high\n")
    run("whole_clip_level.py", monkeypatch, ".", "labels.csv", "ears")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "as recorded, a gain that follows",
        "at one level, a gain that follows",
        "at one level, a gain that stays",
    ]
    assert all("100.0% of 2" in line for line in lines)
    with pytest.raises(SystemExit) as end:
        run("whole_clip_level.py", monkeypatch, ".", "labels.csv", "sides")
    assert "no gain that follows the sound" in str(end.value.code)


@pytest.mark.parametrize("app", ["replay.py", "latency.py"])
@pytest.mark.parametrize("arguments", [[], ["lift.dat", "sides"], ["left.dat", "sides", "fast"]])
def test_a_mistake_ends_with_what_to_type(
    app: str, arguments: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as end:
        run(app, monkeypatch, *arguments)
    assert f"python apps/{app} SOURCE MODEL" in str(end.value.code)
