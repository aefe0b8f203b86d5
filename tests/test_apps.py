"""The short programs in apps/ run as they stand."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from toys import save_sides, write_side

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


@pytest.mark.parametrize("app", ["replay.py", "latency.py"])
@pytest.mark.parametrize("arguments", [[], ["lift.dat", "sides"], ["left.dat", "sides", "fast"]])
def test_a_mistake_ends_with_what_to_type(
    app: str, arguments: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as end:
        run(app, monkeypatch, *arguments)
    assert f"python apps/{app} SOURCE MODEL" in str(end.value.code)


def test_live_score_counts_right_and_wrong_labels(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "spans.csv").write_text("begin_us,end_us,label\n0,50000,left\n60000000,61000000,right\n")
    run("live_score.py", monkeypatch, "left.dat", "spans.csv", "sides")
    assert capsys.readouterr().out.splitlines() == [
        "left: left",
        "right: -",
        "1 of 2 had their right label shown, 0 a wrong one",
    ]
    (here / "spans.csv").write_text("begin_us,end_us,label\n0,50000,right\n")
    run("live_score.py", monkeypatch, "left.dat", "spans.csv", "sides")
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 1 had their right label shown, 1 a wrong one"
