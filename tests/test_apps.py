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
