"""`streamsnn view` and `streamsnn demo` where there is no display."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import save_sides, write_side

from streamsnn.cli import demo, filming, main, view
from streamsnn.registry import recordings_folder


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")


@pytest.mark.usefixtures("no_display")
def test_without_a_display_the_window_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "recordings/sequence.dat"]) == 2
    told = capsys.readouterr().err
    assert "There is no display" in told
    assert "streamsnn run plays in the terminal" in told


@pytest.mark.usefixtures("no_display")
def test_without_a_display_the_tour_is_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_side(tmp_path / "left.dat", "left")
    write_side(tmp_path / "right.dat", "right")
    model = str(save_sides(tmp_path / "sides"))
    monkeypatch.setattr(demo, "STATIONS", (("left.dat", model), ("right.dat", model)))
    monkeypatch.setattr("streamsnn.registry.recordings_folder", lambda: tmp_path)
    assert main(["demo"]) == 0
    told = capsys.readouterr().out
    assert "The tour goes on in the terminal" in told
    assert told.index("left.dat") < told.index("  left  ") < told.index("right.dat") < told.index("  right  ")


def test_the_tour_finds_its_recordings_and_models() -> None:
    for name, model in demo.STATIONS:
        assert (recordings_folder() / name).is_file()
        assert (recordings_folder().parent / "models" / model / "model.toml").is_file()


def test_a_source_is_not_misread_as_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["view", "--sped", "2"]) == 2
    assert "--speed" in capsys.readouterr().err


def test_the_camera_s_own_motion_is_taken_out_of_boxes_only(capsys: pytest.CaptureFixture[str]) -> None:
    recording = str(recordings_folder() / "shapes-easy.raw")
    asked = filming.wanted(view.parser().parse_args([recording, "--track", "--ego-motion"]))
    assert (asked.track, asked.ego_motion) == ("regions", True)
    assert not filming.wanted(view.parser().parse_args([recording, "--track"])).ego_motion
    assert main(["view", recording, "--ego-motion"]) == 2
    assert "--track" in capsys.readouterr().err
