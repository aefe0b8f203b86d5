"""What a start is made of is parsed as it was printed, and whoever cannot start is named."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streamsnn.bench import startup
from streamsnn.bench.startup import Ran, Settings, measure_with, run_python, stages_ms, tables
from streamsnn.errors import StreamsnnError

SETTINGS = Settings(cold_rounds=2, warm_rounds=3)
STAGES = {"streamsnn": ("interpreter", "import numpy", "first step"), "torch": ("interpreter", "import torch")}


class Machine:
    """Runs nothing: each process takes 1 s of wall time, 0.5 s of CPU, and 100 ms a stage."""

    def __init__(self, failing: str = "") -> None:
        self.failing = failing
        self.now_ns = 0
        self.begun: list[tuple[tuple[str, ...], dict[str, str]]] = []

    def __call__(self, words: Sequence[str], variables: Mapping[str, str]) -> Ran:
        self.begun.append((tuple(words), dict(variables)))
        started_ns = self.now_ns
        self.now_ns += 1_000_000_000
        if self.failing and self.failing in words:
            return Ran(
                1, "", "Traceback ...\nModuleNotFoundError: No module named 'wheels'\n\n", started_ns, self.now_ns, 1
            )
        out = "usage: ..."
        if "streamsnn.bench.startup_probe" in words:
            names = STAGES.get(words[2], ("interpreter", "first step"))
            ends = [started_ns + 100_000_000 * place for place in range(1, len(names) + 1)]
            out = json.dumps(list(zip(names, ends, strict=True)))
        return Ran(0, out, "", started_ns, self.now_ns, 500_000_000)


def quiet(_: str) -> None:
    """Tells nobody."""


@pytest.fixture
def every_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "is_installed", lambda name: True)


def rows(result: dict[str, Any], name: str, cache: str) -> list[dict[str, Any]]:
    return [row for row in result["starts"] if (row["name"], row["cache"]) == (name, cache)]


def test_stages_begin_where_the_one_before_is_over() -> None:
    text = 'a warning that somebody prints\n[["interpreter", 3000000], ["import numpy", 10000000]]\n'
    assert stages_ms(Ran(0, text, "", 1_000_000, 0, 0)) == pytest.approx({"interpreter": 2, "import numpy": 7})


@pytest.mark.parametrize("text", ["", "\n", "no stages", "[1, 2]", '[["interpreter"]]', '{"interpreter": 3}'])
def test_what_is_no_list_of_stages_is_refused(text: str) -> None:
    with pytest.raises(StreamsnnError, match="printed no stages"):
        stages_ms(Ran(0, text, "", 0, 0, 0))


@pytest.mark.usefixtures("every_peer")
def test_figures_are_well_formed() -> None:
    told: list[str] = []
    machine = Machine()
    result = json.loads(json.dumps(measure_with(SETTINGS, told.append, machine), allow_nan=False))
    assert told
    assert (result["missing_peers"], result["failed_peers"]) == ([], {})
    (cold,), (warm,) = rows(result, "streamsnn", "cold"), rows(result, "streamsnn", "warm")[:1]
    for row in (cold, warm):
        assert row["until_ready_ms"]["median"] == pytest.approx(300)
        assert row["wall_ms"]["median"] == pytest.approx(1000)
        assert row["cpu_ms"]["median"] == pytest.approx(500)
        assert list(row["stages_ms"]) == list(STAGES["streamsnn"])
        assert row["stages_ms"]["import numpy"] == pytest.approx({"median": 100, "lowest": 100, "highest": 100})
    (bare,) = rows(result, "torch", "warm")
    assert bare["until_ready_ms"]["median"] == pytest.approx(200)
    (python,) = rows(result, "python", "warm")
    assert "stages_ms" not in python
    made = tables(result)
    assert len(made) == 2
    for _, headings, cells in made:
        assert cells
        assert all(len(row) == len(headings) and all(isinstance(cell, str) for cell in row) for row in cells)


@pytest.mark.usefixtures("every_peer")
def test_a_cold_start_has_an_empty_cache_and_a_warm_one_a_full_one() -> None:
    machine = Machine()
    measure_with(SETTINGS, quiet, machine)
    ours = [variables["NUMBA_CACHE_DIR"] for words, variables in machine.begun if words[2:3] == ("streamsnn",)]
    assert len(set(ours[:2])) == 2
    assert set(ours[2:]) == {ours[1]}
    assert len(ours) == 2 + 1 + SETTINGS.warm_rounds


@pytest.mark.usefixtures("every_peer")
def test_a_peer_that_cannot_start_is_named_and_not_timed() -> None:
    result = measure_with(SETTINGS, quiet, Machine(failing="norse"))
    assert result["failed_peers"] == {"norse": "ModuleNotFoundError: No module named 'wheels'"}
    assert rows(result, "norse", "warm") == []
    assert tables(result)[-1][2] == [["norse", "failed", "ModuleNotFoundError: No module named 'wheels'"]]


def test_missing_peers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "is_installed", lambda name: name != "snntorch")
    result = measure_with(SETTINGS, quiet, Machine())
    assert "snntorch" in result["missing_peers"]
    assert rows(result, "snntorch", "warm") == []
    assert ["snntorch", "missing", "not installed: make peers"] in tables(result)[-1][2]


def test_a_failure_of_our_own_is_told() -> None:
    with pytest.raises(StreamsnnError, match="exit code 1: ModuleNotFoundError"):
        measure_with(SETTINGS, quiet, Machine(failing="--help"))


def test_python_is_run_with_this_program() -> None:
    code = "import os, streamsnn; print(streamsnn.__file__, os.environ['A_VARIABLE'])"
    ran = run_python(["-c", code], {"A_VARIABLE": "seven"})
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.split() == [str(startup.__file__).replace("bench/startup.py", "__init__.py"), "seven"]
    assert ran.finished_ns > ran.started_ns
    assert run_python(["-c", "raise SystemExit(3)"], {}).code == 3


def test_the_probe_prints_its_stages() -> None:
    ran = run_python(["-m", "streamsnn.bench.startup_probe", "torch"], {})
    assert ran.code == 0, ran.stderr
    taken = stages_ms(ran)
    assert list(taken) == ["interpreter", "import torch"]
    assert all(stage_ms > 0 for stage_ms in taken.values())
    assert sum(taken.values()) <= (ran.finished_ns - ran.started_ns) * 1e-6
