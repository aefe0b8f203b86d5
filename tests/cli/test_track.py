from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamsnn.cli import main

RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def test_tracking_a_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "boxes.csv"
    source = str(RECORDINGS / "shapes-easy.raw")
    assert main(["track", source, "--speed", "max", "--stop", "500ms", "--json", "--csv", str(table)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # It begins 61 us after a step does, and so its 500 ms end in the 51st.
    assert [line["t_us"] for line in lines[:-1]] == list(range(10_000, 520_000, 10_000))
    boxes = sum(len(line["tracks"]) for line in lines[:-1])
    assert boxes > 20
    rows = table.read_text().splitlines()
    assert rows[0] == "t_us,track_id,x,y,width,height"
    assert len(rows) == boxes + 1
    assert lines[-1]["summary"]["steps"] == 51


def test_holding_tracks_against_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trackeval")
    source, truth = str(RECORDINGS / "shapes-easy.raw"), str(RECORDINGS / "shapes-easy.csv")
    assert main(["evaluate", source, "--track", truth, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["HOTA"] > 0.8
    assert found["switches"] == 0


def test_several_scenes_with_boxes_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trackeval")
    command = ["evaluate", "synthetic:shapes:easy:101-102", "--track", "--duration", "800ms"]
    assert main([*command, "--json"]) == 0
    whole = json.loads(capsys.readouterr().out)
    first, second = whole["scenes"]
    assert [first["recording"], second["recording"]] == ["synthetic:shapes:easy:101", "synthetic:shapes:easy:102"]
    assert whole["HOTA"] == pytest.approx((first["HOTA"] + second["HOTA"]) / 2)
    assert whole["events"] == first["events"] + second["events"]
    assert whole["true_tracks"] == first["true_tracks"] + second["true_tracks"]
    assert main(command) == 0
    assert f"{whole['HOTA']:.3f}" in capsys.readouterr().out
    assert main(["evaluate", "synthetic:shapes:easy:101", "--track", "--duration", "800ms", "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["HOTA"] == first["HOTA"]


@pytest.mark.parametrize(
    ("source", "rest"),
    [
        ("synthetic:shapes:hard:9-0", []),
        ("synthetic:shapes:hrd:0-1", []),
        ("synthetic:disc", []),
        ("synthetic:shapes:hard", ["--step", "0ms"]),
        (str(RECORDINGS / "shapes-easy.raw"), []),
    ],
)
def test_what_has_no_true_boxes(source: str, rest: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trackeval")
    assert main(["evaluate", source, *rest, "--track"]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_tracks_are_classified(capsys: pytest.CaptureFixture[str]) -> None:
    source = str(RECORDINGS / "shapes-easy.raw")
    command = ["track", source, "--speed", "max", "--stop", "300ms", "--json", "--classify", "nmnist-sliding-psn"]
    assert main(command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    boxes = [box for line in lines[:-1] for box in line["tracks"]]
    assert boxes
    assert all(0.1 <= box["confidence"] <= 1 for box in boxes)
    assert main([*command, "--step", "5ms"]) == 2
    assert "10 ms" in capsys.readouterr().err
    assert main(["run", source, "--model", "nmnist-brf", "--classify", "nmnist-brf"]) == 2
    assert "--track" in capsys.readouterr().err


def test_the_camera_s_own_motion_is_taken_out(capsys: pytest.CaptureFixture[str]) -> None:
    source = "synthetic:shapes:shaking:1"
    boxes: list[list[Any]] = []
    lines: list[list[str]] = []
    for extra in ([], ["--ego-motion"]):
        assert main(["track", source, "--speed", "max", "--stop", "300ms", "--json", *extra]) == 0
        lines.append(capsys.readouterr().out.splitlines())
        boxes.append([json.loads(line).get("tracks") for line in lines[-1]])
    assert boxes[0] != boxes[1]
    told = [json.loads(line).get("background") for line in lines[1]]
    assert any(math.hypot(each["vx"], each["vy"]) > 10 for each in told if each)
    assert "background" not in "".join(lines[0])
    for command in (["run", source, "--model", "nmnist-brf"], ["evaluate", source, "--model", "nmnist-brf"]):
        assert main([*command, "--ego-motion"]) == 2
        assert "--track" in capsys.readouterr().err


def test_beside_a_model_the_camera_s_motion_is_taken_out_alike(capsys: pytest.CaptureFixture[str]) -> None:
    common = [str(RECORDINGS / "shapes-easy.raw"), "--speed", "max", "--stop", "600ms", "--json", "--ego-motion"]
    found = []
    for command in (
        ["track", *common],
        ["run", *common, "--track", "--model", "nmnist-sliding-psn", "--crop", "33,1,238,238", "--downsample", "7"],
    ):
        assert main(command) == 0
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        found.append([(line["t_us"], line["tracks"]) for line in lines if line.get("tracks")])
    assert len(found[0]) > 10
    assert found[0] == found[1]


def test_a_tracker_that_there_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", str(RECORDINGS / "shapes-easy.raw"), "--tracker", "region"]) == 2
    assert "regions" in capsys.readouterr().err


def test_what_is_heard_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(800), 16_000)
    for source in (str(tmp_path / "a.wav"), "mic", "mic:2"):
        assert main(["track", source]) == 2
        assert "only what is seen moves" in capsys.readouterr().err
