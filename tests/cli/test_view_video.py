"""`streamsnn view --video`: films from the command line, without a display."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import pytest
from toys import SENSOR, save_sides, side_events

from streamsnn.cli import main
from streamsnn.formats import write_recording
from streamsnn.player.wiring import Wiring

SMALL = ("--size", "320x180", "--fps", "10")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model and a recording of a second, and no display."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    save_sides(tmp_path / "models" / "sides")
    events = side_events("left", count=2_000, duration_us=1_000_000)
    events["t"][-1] = 999_999
    write_recording(tmp_path / "left.dat", events, SENSOR)
    return tmp_path


def view(*arguments: str) -> int:
    return main(["view", *arguments])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said on stderr when this is refused: an error and a hint, and nothing on stdout."""
    assert view(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    error, hint = told.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert hint.startswith("hint:  ")
    return told.err


def pictures(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_film_of_a_part_in_slow_motion(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part = ("--start", "0.5s", "--stop", "800ms", "--speed", "0.5")
    assert view("left.dat", "--model", "sides", "--video", "left.mp4", *SMALL, *part, "--threshold", "90%") == 0
    told = capsys.readouterr()
    assert told.out.startswith("wrote left.mp4: 6 pictures, 600 ms, ")
    assert told.err.splitlines()[-1] == "Filming left.mp4  100 %"
    assert pictures(here / "left.mp4") == 6
    assert sorted(each.name for each in here.iterdir()) == ["left.dat", "left.mp4", "models"]


def test_without_a_display_and_without_a_model_that_was_named(here: Path) -> None:
    bare = {name: value for name, value in os.environ.items() if name != "QT_QPA_PLATFORM"}
    command = [sys.executable, "-m", "streamsnn", "view", "left.dat", "--video", "left.webm", *SMALL, "--stop", "200ms"]
    made = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert pictures(here / "left.webm") == 2


def test_what_is_misspelt_is_refused_before_anything_is_compiled(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Wiring, "warm_up", lambda _: pytest.fail("it was not refused before"))
    film = ("left.dat", "--model", "sides", "--video", "left.mp4", *SMALL)
    assert 'no tracker "regons"' in refused(capsys, *film, "--track", "regons")
    assert "takes steps of" in refused(capsys, *film, "--track", "--classify", "nmnist-brf")
    assert "There is: spikes:0 to 1." in refused(capsys, *film, "--probe", "spikes:7")


def test_what_cannot_be_a_film_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = ("left.dat", "--model", "sides", "--video")
    assert ".mp4, .webm or .gif" in refused(capsys, *film, "left.avi")
    assert "Make it first" in refused(capsys, *film, "no/left.mp4")
    assert "has a speed" in refused(capsys, *film, "left.mp4", "--speed", "max")
    assert "--loop" in refused(capsys, *film, "left.mp4", "--loop")
    assert "before it begins" in refused(capsys, *film, "left.mp4", "--start", "2s", "--stop", "1s")
    assert "no size of a film" in refused(capsys, *film, "left.mp4", "--size", "large")
    assert "names no neuron" in refused(capsys, *film, "left.mp4", "--probe", "spikes")
    assert "no neuron 7 in a layer spikes" in refused(capsys, *film, "left.mp4", *SMALL, "--probe", "spikes:7")
    assert "is for a film" in refused(capsys, "left.dat", "--probe", "spikes:1")
    assert "nothing to film" in refused(capsys, "--video", "left.mp4")
    assert "is for a film" in refused(capsys, "left.dat", "--fps", "10")
    assert not (here / "left.mp4").exists()
