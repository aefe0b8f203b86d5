"""`streamsnn bench`: what it measures is asked for by name, and comes as tables, JSON or a picture."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streamsnn.bench import steps, timing
from streamsnn.cli import bench, main
from streamsnn.cli.bench_picture import draw_steps
from streamsnn.errors import StreamsnnError


def test_one_network_beside_numpy_as_json() -> None:
    words = ["bench", "--quick", "--network", "brf", "--rate", "typical", "--against", "numpy", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "streamsnn", *words], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["networks"].keys() == {"brf"}
    network = found["networks"]["brf"]
    assert network["rates"].keys() == {"typical"}
    rows = network["rates"]["typical"]["contenders"]
    assert rows.keys() == {"streamsnn", "numpy"}
    assert all(row["equal"] and row["compared_steps"] >= 100 and row["median_ns"] > 0 for row in rows.values())
    assert network["reading_operations_ns"] > 0
    together = network["together"]
    assert [batch["streams"] for batch in together["batches"]] == [1, 8, 64]
    for batch in together["batches"]:
        assert batch["streams_a_core"] == pytest.approx(1e6 / batch["median_ns"])
        assert batch["ratio_to_alone"]["min"] > 0
    assert network["held_weight_bytes"] >= network["weight_bytes"] > 0
    assert found["versions"]["numpy"]
    assert found["machine"]["cores"] >= 1
    assert {goal["goal"] for goal in found["goals"]} >= {"times faster than numpy", "a silent step, of a busy one"}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["setps"], 'no benchmark "setps"', "Did you mean steps?"),
        (["--network", "conv-lfi"], 'no network "conv-lfi"', "Did you mean conv-lif?"),
        (["--rate", "tpyical"], 'no rate "tpyical"', "Did you mean typical?"),
        (["--against", "nmpy"], 'no contender "nmpy"', "Did you mean numpy?"),
        (["formats", "--rate", "busy"], "--rate is for steps, not for formats", "Leave out --rate"),
        (["startup", "--long"], "--long is not for startup", "Leave out --long"),
        (["--picture", "steps.txt"], "steps.txt is no name of a picture", ".png"),
    ],
)
def test_what_is_asked_for_must_exist(
    words: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert message in told.err
    assert hint in told.err


def result() -> dict[str, Any]:
    def row(median_ns: float) -> dict[str, Any]:
        return {"median_ns": median_ns, "p99_ns": 2 * median_ns}

    def network(title: str, **contenders: dict[str, Any]) -> dict[str, Any]:
        rate = {"contenders": contenders, "events_a_second": 200_000, "bytes_limit_ns": 900.0}
        batches = [{"streams": 64, "median_ns": 2e3}]
        return {"title": title, "rates": {"typical": rate}, "together": {"batches": batches}}

    one = network("recurrent BRF 700-128-20", streamsnn=row(3e3), numpy=row(2e4), norse={"equal": False})
    other = network("convolutional", streamsnn=row(1e5), torch=row(1e6))
    return {"machine": {"processor": "P"}, "networks": {"one": one, "other": other}}


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture(kind: str, tmp_path: Path) -> None:
    draw_steps(result(), tmp_path / f"steps.{kind}")
    head = (tmp_path / f"steps.{kind}").read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if kind == "png" else b"<?xml" in head
    assert [path.name for path in tmp_path.iterdir()] == [f"steps.{kind}"]


def test_no_picture_of_nothing(tmp_path: Path) -> None:
    nothing = result()
    for network in nothing["networks"].values():
        network["rates"]["typical"]["contenders"] = {}
    with pytest.raises(StreamsnnError, match="nothing to draw"):
        draw_steps(nothing, tmp_path / "steps.png")


def test_the_question_is_what_was_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[steps.Question] = []

    def answer(question: steps.Question, progress: Any) -> dict[str, Any]:
        asked.append(question)
        progress("[measuring]")
        return {"networks": {}}

    monkeypatch.setattr(steps, "answer", answer)
    words = ["--network", "brf", "--network", "lif", "--rate", "busy", "--against", "torch AOT", "--quick", "--long"]
    assert main(["bench", *words, "--json"]) == 0
    assert asked == [steps.Question(["brf", "lif"], ["busy"], ["torch AOT"], quick=True, long=True)]
    assert asked[0].effort.growth == 1_000_000
    assert asked[0].effort.rounds == timing.QUICK.rounds
    assert json.loads(capsys.readouterr().out) == {"networks": {}, "goals": []}


def test_other_topics_print_their_tables(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    topic = SimpleNamespace(
        measure=lambda quick, told: {"quick": quick}, tables=lambda found: [("Title", ["a", "b"], [[str(found), "2"]])]
    )
    monkeypatch.setattr(importlib, "import_module", lambda name: topic)
    assert bench.command(bench.parser().parse_args(["formats", "--quick"])) == 0
    assert capsys.readouterr().out == "\nTitle\na                b\n{'quick': True}  2\n"
