"""The whole comparison on a tiny network: who is wrong, broken or missing is named and not timed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from small_cases import small_case
from test_equality import Altered, flipped

from streamsnn.bench import entrants, report, steps
from streamsnn.bench.bars import bars
from streamsnn.bench.contender import Contender, Variant
from streamsnn.bench.entrants import OURS, Entrant
from streamsnn.bench.networks import Case
from streamsnn.bench.numpy_steps import NumpyStep
from streamsnn.bench.steps import Question, answer
from streamsnn.bench.timing import Effort


def wrong(case: Case) -> Contender:
    return Altered(case, {2}, lambda answers, _: flipped(flipped(answers, 0), 1))


def broken(case: Case) -> Contender:
    raise ValueError("no such thing\nhere")


class Raises(NumpyStep):
    def call(self) -> None:
        raise RuntimeError("it was too much")


def entrant(name: str, *variants: Variant, needs: str = "numpy") -> Entrant:
    return Entrant(name, needs, False, lambda case: variants)


@pytest.fixture(scope="module")
def result() -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield measured(monkeypatch)


def measured(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    field = (
        entrant("numpy", Variant("plain", NumpyStep), Variant("wrong", wrong), Variant("broken", broken)),
        entrant("liar", Variant("wrong", wrong)),
        entrant("failure", Variant("raises", Raises)),
        entrant("nobody", needs="no_such_module_anywhere"),
        entrant("idle"),
    )
    monkeypatch.setattr(entrants, "ENTRANTS", field)
    monkeypatch.setattr(steps, "CASES", {"small": small_case})
    tiny = Effort(rounds=2, budget_ms=0.1, fewest=3, most=5, warm=2, check=30, trial=3, silence=3, growth=20)
    monkeypatch.setattr(steps, "QUICK", tiny)
    told: list[str] = []
    # About four of twelve inputs a step, for a network of this size.
    monkeypatch.setattr(steps, "RATES", {"sparse": 1_000, "typical": 4_000, "busy": 40_000})
    found = answer(Question(rates=["typical"], quick=True), told.append)
    assert told[0] == "small: compiling our step"
    assert "small: typical: round 2 of 2" in told
    return found


def test_who_is_right_is_timed(result: dict[str, Any]) -> None:
    rows = result["networks"]["small"]["rates"]["typical"]["contenders"]
    assert rows.keys() == {OURS, "numpy", "liar", "failure"}
    for name in (OURS, "numpy"):
        assert rows[name]["equal"]
        assert rows[name]["steps"] == 10
        assert rows[name]["median_ns"] > 0
    assert rows[OURS]["ratio_to_ours"] == {"median": 1.0, "min": 1.0, "max": 1.0}
    assert rows["numpy"]["variant"] == "plain"
    assert rows["numpy"]["tried_ns"].keys() == {"plain"}


def test_who_is_wrong_is_named_and_not_timed(result: dict[str, Any]) -> None:
    rows = result["networks"]["small"]["rates"]["typical"]["contenders"]
    for name in ("liar", "failure"):
        assert not rows[name]["equal"]
        assert "median_ns" not in rows[name]
        assert "ratio_to_ours" not in rows[name]
    assert "neurons of hidden differ" in rows["liar"]["differs"]["wrong"]
    assert "neurons of hidden differ" in rows["numpy"]["differs"]["wrong"]
    assert rows["failure"]["differs"]["raises"] == "RuntimeError: it was too much"
    told = report.sentences(result)
    assert "not compared: small, typical, liar (wrong): step 2: 2 of 8 neurons of hidden differ" in told
    table = report.tables(result)[0]
    assert [row[2] for row in table[2] if row[1] == "liar"] == ["its outputs differ: not timed"]


def test_who_is_missing_or_does_not_work_is_named(result: dict[str, Any]) -> None:
    assert result["missing"] == ["nobody"]
    assert result["networks"]["small"]["do_not_work"] == {"numpy (broken)": "ValueError: no such thing"}
    told = report.sentences(result)
    assert "not installed: nobody (make peers, then .venv-peers/bin/streamsnn bench)" in told
    assert "does not work here: small, numpy (broken): ValueError: no such thing" in told


def test_everything_is_json_and_every_table_is_straight(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    for title, headings, rows in report.tables(result):
        assert title
        assert rows
        assert {len(row) for row in rows} == {len(headings)}
    network = result["networks"]["small"]
    assert network["weight_bytes"] == 4 * network["parameters"] == 4 * (12 * 8 + 8 * 8 + 8 * 3)
    rate = network["rates"]["typical"]
    assert 0 < rate["firing"]["hidden"] < 1
    assert rate["touched_bytes"] > 4 * 2 * 8
    assert len(bars(result)) == 5
