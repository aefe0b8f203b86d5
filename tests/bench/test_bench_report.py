"""Goals are reached or not, and said so; times are readable."""

from __future__ import annotations

from typing import Any

import pytest

from streamsnn.bench import report
from streamsnn.bench.bars import Bar, bars
from streamsnn.bench.together import SIZES


def row(median_ns: float, ratio: float, **more: Any) -> dict[str, Any]:
    figures = {"p99_ns": 2 * median_ns, "p99_9_ns": 4 * median_ns, "steps_a_second": 1e9 / median_ns}
    about = {"equal": True, "variant": "plain", "differs": {}, "streams_in_true_time": 1e6 / median_ns}
    ratios = {"ratio_to_ours": {"median": ratio, "min": ratio, "max": ratio}, "ratio_to_bytes_limit": 2.5}
    return {"median_ns": median_ns, **figures, **about, **ratios, **more}


def network(kind: str, **contenders: dict[str, Any]) -> dict[str, Any]:
    rate = {
        "events_a_second": 200_000,
        "active_inputs": 174.2,
        "firing": {"hidden": 0.031},
        "touched_bytes": 96_000.0,
        "bytes_limit_ns": 1000.0,
        "contenders": contenders,
    }
    return {
        "title": f"a {kind} one",
        "kind": kind,
        "weight_bytes": 1000,
        "held_weight_bytes": 3000,
        "state_bytes": 2000,
        "empty_calls": {"compiled_ns": 100.0, "python_ns": 50.0},
        "reading_operations_ns": 600.0,
        "do_not_work": {},
        "rates": {"typical": rate},
        "together": {
            "alone": {"median_ns": 3000.0},
            "one_by_one": {"median_ns": 3100.0},
            "batches": [
                {
                    "streams": size,
                    "median_ns": 3000.0 - size,
                    "streams_a_core": 300.0 + size,
                }
                for size in SIZES
            ],
        },
        "silence": {"busy_ns": 9000.0, "after_busy_ns": 1000.0, "after_long_silence_ns": 900.0},
        "growth": {"steps": 100, "fresh_ns": 3000.0, "aged_ns": 3001.0, "ratio": 1.0},
    }


def result(**networks: dict[str, Any]) -> dict[str, Any]:
    machine = {"processor": "P", "cores": 2, "system": "S", "python": "3.11", "load": 0.5, "load_at_end": 3.0}
    return {
        "machine": machine,
        "versions": {"numpy": "2.0", "norse": None},
        "effort": "full",
        "timer_ns": 40.0,
        "missing": [],
        "install_missing_with": "make peers",
        "step_us": 1000,
        "networks": networks,
    }


def by_goal(found: list[Bar]) -> dict[str, tuple[str, bool | None]]:
    return {bar.goal: (bar.measured, bar.reached) for bar in found}


def test_goals_of_a_full_network() -> None:
    rows = {"streamsnn": row(3000, 1.0), "torch": row(75e3, 25.0), "norse": row(57e3, 19.0), "numpy": row(18e3, 6.0)}
    rows["sequence again"] = row(6e3, 2.0)
    goals = by_goal(bars(result(x=network("full", **rows))))
    assert goals["times faster than the fastest with torch"] == ("19.0 x (norse)", False)
    assert goals["times faster than numpy"] == ("6.0 x", True)
    assert goals["of what memory allows"] == ("2.5 x", True)
    assert goals["a silent step, of a busy one"] == ("1/9.0", False)
    assert goals["p99.9, of the median"] == ("4.0 x", True)


def test_goals_of_a_convolutional_network() -> None:
    rows = {"streamsnn": row(3000, 1.0), "torch": row(15e3, 5.0), "numpy": row(3e3, 1.0)}
    goals = by_goal(bars(result(x=network("convolutional", **rows))))
    assert goals["times faster than the fastest with torch"] == ("5.0 x (torch)", True)
    assert "times faster than numpy" not in goals
    assert "of what memory allows" not in goals


def test_what_was_not_measured_is_neither_reached_nor_not() -> None:
    goals = by_goal(bars(result(x=network("full", streamsnn=row(3000, 1.0, p99_9_ns=None)))))
    assert goals["times faster than the fastest with torch"] == ("-", None)
    assert goals["times faster than numpy"] == ("-", None)
    assert goals["p99.9, of the median"] == ("-", None)
    other = network("full")
    other["rates"] = {}
    assert by_goal(bars(result(x=other)))["of what memory allows"] == ("-", None)


def test_tables_say_it_all() -> None:
    titles = [title for title, _, _ in report.tables(result(x=network("full", streamsnn=row(3000, 1.0))))]
    assert titles[0].startswith("a full one: weights 1 kB, a stream 2 kB")
    assert titles[0].endswith("50 ns (Python); to read a step's energy 600 ns")
    _, headings, rows = report.tables(result(x=network("full", streamsnn=row(3000, 1.0), numpy=row(9e6, 3000.0))))[0]
    assert rows[0][:3] == ["typical (174 inputs; 3.1 % fire)", "streamsnn", "plain"]
    assert rows[0][3:] == ["3 us", "6 us", "12 us", "333,333", "333", ""]
    assert rows[1][headings.index("streams")] == "none"
    assert rows[1][-1] == "3e+03 x (3e+03 to 3e+03)"
    assert rows[2][1:4] == ["bytes limit", "96.0 kB", "1 us"]


def test_many_streams_have_a_table() -> None:
    _, headings, rows = report.tables(result(x=network("full", streamsnn=row(3000, 1.0))))[1]
    assert headings[3:] == ["alone", "one of 1", "one of 8", "one of 64", "in 64 calls", "streams a core"]
    assert rows == [["x", "3 kB", "2 kB", "3 us", "3 us", "2.99 us", "2.94 us", "3.1 us", "364"]]


def test_a_busy_machine_is_told() -> None:
    told = report.sentences(result())
    assert "P, 2 cores, S, Python 3.11" in told
    assert "numpy 2.0;" in told
    assert "norse" not in told
    assert "note: the machine was busy with other work (load 3.0 on 2 cores)" in told
    assert "quick" not in told
    assert "may be the fastest" in report.sentences(result() | {"effort": "quick"})


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [(None, "-"), (480.4, "480 ns"), (999.6, "1 us"), (12_345, "12.3 us"), (999_600, "1 ms"), (1_250_000, "1.25 ms")],
)
def test_times(nanoseconds: float | None, shown: str) -> None:
    assert report.time_of(nanoseconds) == shown
