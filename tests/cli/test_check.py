"""`streamsnn check`: a line a promise, exit code 1 for a broken one, for whatever can be plugged in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from toys import SENSOR, save_sides, write_side

from streamsnn.cli import main
from streamsnn.formats import write_recording
from streamsnn.types import EVENT

PLUG_INS = """
import numpy as np
from streamsnn.filters import Flip
from streamsnn.modelfolder import load_model
from streamsnn.readout import ScoreReadout
from streamsnn.summary import Summary
from streamsnn.sources.files import RecordingSource

def model(): return load_model("models/sides")
def source(): return RecordingSource("left.dat")
def mirror(sensor): return Flip(sensor, axes="x")
def readout(card): return ScoreReadout(card.readout, card.labels, card.step_us)
def sink(card): return Summary(card.step_us)
def number(): return 7
def strange(thing): return thing

class Shifted:
    # Breaks a promise: a filter must not touch the packet's time range.
    def __init__(self, sensor): pass
    def __call__(self, packet): return packet._replace(t_end_us=packet.t_end_us + 1)
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "checkables.py").write_text(PLUG_INS)
    save_sides(tmp_path / "models" / "sides")
    write_side(tmp_path / "left.dat", "left")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("sides", "model"),
        ("models/sides", "model"),
        ("left.dat", "source"),
        ("synthetic:bar", "source"),
        ("background", "filter"),
        ("refractory:1ms", "filter"),
        ("checkables:model", "model"),
        ("checkables:source", "source"),
        ("checkables:mirror", "filter"),
        ("checkables:readout", "readout"),
        ("checkables:sink", "sink"),
    ],
)
def test_what_keeps_its_promises(here: Path, capsys: pytest.CaptureFixture[str], text: str, role: str) -> None:
    assert main(["check", text]) == 0
    *findings, total = capsys.readouterr().out.splitlines()
    assert len(findings) >= 4
    assert all(line.startswith(f"ok      {role}: ") for line in findings if "recording" not in line)
    assert total == f"{len(findings)} promises, 0 broken"


def test_a_broken_promise_is_told_and_fails(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "checkables:Shifted"]) == 1
    assert "FAILED  filter: time range" in capsys.readouterr().out
    assert main(["check", "checkables:Shifted", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    assert any(not finding["passed"] and finding["detail"] for finding in found["findings"])


def test_a_damaged_recording_fails(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "cut.dat").write_bytes((here / "left.dat").read_bytes()[:-3])
    assert main(["check", "cut.dat"]) == 1
    assert "FAILED  recording: undamaged: the file is cut off" in capsys.readouterr().out


def test_where_there_is_nothing_it_is_said_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "header.dat", np.empty(0, EVENT), SENSOR)
    assert main(["check", "header.dat"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: There is nothing to check: header.dat holds a header and no events.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sidse", "There is no recording, model or filter sidse"),
        ("backgruond:tau=5ms", 'no filter "backgruond"'),
        ("flip:z", 'no axis "z"'),
        ("nosuchthing:build", 'no filter "nosuchthing"'),
        ("checkables:modle", 'checkables has no "modle"'),
        ("checkables:strange", 'wants a "thing"'),
        ("checkables:number", "built a int, which is neither a model nor a source"),
    ],
)
def test_what_cannot_be_checked(here: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    assert main(["check", text]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert len(told.err.splitlines()) <= 3
