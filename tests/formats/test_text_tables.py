"""Tables as text: columns found or stated, units, separators, and lines that are no rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording, text
from streamsnn.types import Events, Sensor

ROWS: dict[str, tuple[str, Callable[[int, int, int, bool], str]]] = {
    "names": ("t,x,y,p\n", lambda t, x, y, p: f"{t},{x},{y},{p:d}"),
    "names behind #": ("# timestamp x y polarity\n", lambda t, x, y, p: f"{t} {x} {y} {p:d}"),
    "semicolons, ns": ("x;y;pol;time [ns]\r\n", lambda t, x, y, p: f"{x};{y};{2 * p - 1};{t * 1000}\r"),
    "commas and spaces, words": ('"ts_us", "x", "y", "p"\n', lambda t, x, y, p: f"{t}, {x}, {y}, {p}"),
    "values, s": ("", lambda t, x, y, p: f"{t / 1e6:.6f} {x} {y} {p:d}"),
    "values, x first": ("", lambda t, x, y, p: f"{x}\t{y}\t{p:d}\t{t}"),
    "values, polarity before time": ("", lambda t, x, y, p: f"{x},{y},{p:d},{t:.18e}"),
    "a size": ("60 40\n", lambda t, x, y, p: f"{t} {x} {y} {p:d}"),
    "no polarity": ("t,x,y\n", lambda t, x, y, p: f"{t},{x},{y}"),
    "more columns": ("t,x,y,p,track\n", lambda t, x, y, p: f"{t},{x},{y},{p:d},9"),
}


def steady(n: int = 300) -> Events:
    rng = np.random.default_rng(2)
    events = make_events(7_000 + np.cumsum(rng.integers(0, 200, n)), rng.integers(0, 60, n), rng.integers(0, 40, n))
    events["p"] = rng.integers(0, 2, n)
    return events


def table(path: Path, head: str, row: Callable[[int, int, int, bool], str], events: Events) -> Path:
    path.write_text(head + "".join(f"{row(*event)}\n" for event in events.tolist()), newline="")
    return path


@pytest.mark.parametrize(("head", "row"), ROWS.values(), ids=ROWS)
def test_columns_are_found(tmp_path: Path, head: str, row: Callable[[int, int, int, bool], str]) -> None:
    expected = steady()
    if head == "t,x,y\n":
        expected["p"] = True
    path = table(tmp_path / "a.csv", head, row, steady())
    for chunk_bytes in (1, 7, 64, 1 << 18):
        out, damage = read_all(path, chunk_bytes)
        assert np.array_equal(out, expected)
        assert not damage
    if head == "60 40\n":
        assert open_recording(path).sensor[1:3] == (60, 40)


def test_columns_can_be_stated(tmp_path: Path) -> None:
    path = table(tmp_path / "a.txt", "", lambda t, x, y, p: f"{p:d} 7 {y} {x} {t}", steady())
    recording = open_recording(path, columns="p,-,y,x,t:us", sensor=Sensor("mine", 60, 40))
    assert np.array_equal(np.concatenate(list(recording.chunks())), steady())
    for wrong in ("t,x", "t,x,y,q", "t:h,x,y", "t,t,x,y", "t,x,y,p,p"):
        with pytest.raises(StreamsnnError):
            open_recording(path, columns=wrong)
    with pytest.raises(StreamsnnError, match="which of its columns"):
        open_recording(path, columns="t,x,y,-,-,-,p")


def test_a_format_that_says_itself_is_not_told(tmp_path: Path) -> None:
    text_path = tmp_path / "a.dat"
    text_path.write_bytes(b"% Version 2\n\x0c\x08" + bytes(80))
    with pytest.raises(StreamsnnError, match="not for you"):
        open_recording(text_path, columns="t,x,y,p")


def test_lines_that_are_no_rows_are_counted(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "t,x,y,p\n", lambda t, x, y, p: f"{t},{x},{y},{p:d}", steady())
    lines = path.read_text().splitlines(keepends=True)
    lines[100:100] = ["nonsense\n", "\n", "# a remark\n", "1,2\n", "nan,1,1,1\n"]
    path.write_text("".join(lines)[:-5])
    out, damage = read_all(path, 50)
    assert np.array_equal(out[:299], steady()[:299])
    assert damage.unreadable_bytes == len("nonsense\n1,2\nnan,1,1,1\n")
    with pytest.raises(StreamsnnError, match="damaged"):
        list(open_recording(path, strict=True).chunks())


def test_addresses_that_no_sensor_has(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "60 40\n", lambda t, x, y, p: f"{t},{x},{y},{p:d}", steady())
    with path.open("a") as file:
        file.write("99999,-1,5,1\n99999,70000,5,1\n99999,3,1e30,1\n1e300,3,3,1\n")
    out, damage = read_all(path)
    assert np.array_equal(out, steady())
    assert (damage.outside_events, damage.misplaced_events) == (3, 1)


def test_a_line_without_an_end_is_not_kept(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv", "t,x,y,p\n", lambda t, x, y, p: f"{t},{x},{y},{p:d}", steady())
    with path.open("a") as file:
        file.write("5" * 300_000)
    out, damage = read_all(path, 10_000)
    assert np.array_equal(out, steady())
    assert damage.unreadable_bytes + damage.truncated_bytes >= 300_000 - 20


@given(sorted_events(), st.integers(1, 400))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    text.write(tmp_path / "a.csv", events, SENSOR)
    if events.size:
        assert np.array_equal(read_all(tmp_path / "a.csv", chunk_bytes, SENSOR)[0], events)


@pytest.mark.parametrize("content", ["class,begin,end\n1,2,3\n", "a text\nof words\n", "1 2\n3 4\n", "1,2,3,4\n\0\n"])
def test_other_texts_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.csv").write_text(content * 3)
    with pytest.raises(StreamsnnError):
        open_recording(tmp_path / "a.csv")


def test_quotes_zeros_and_a_line_of_names_alone(tmp_path: Path) -> None:
    rows = [(2000 + 100 * place, place % 60, place % 40, place % 2) for place in range(300)]
    expected = make_events(*(np.array(column) for column in zip(*rows, strict=True)))
    quoted = '"t","x","y","p"\n' + "".join('"{}","{}","{}","{}"\n'.format(*row) for row in rows)
    (tmp_path / "quoted.csv").write_text(quoted)
    out, damage = read_all(tmp_path / "quoted.csv")
    assert np.array_equal(out, expected)
    assert not damage
    lines = [",".join(map(str, row)) + "\n" for row in rows]
    (tmp_path / "zeros.csv").write_text("t,x,y,p\n" + "".join(lines[:150]) + "\0" * 5000 + "\n" + "".join(lines[150:]))
    out, damage = read_all(tmp_path / "zeros.csv")
    assert np.array_equal(out, expected)
    assert damage.unreadable_bytes == 5001
    (tmp_path / "names.csv").write_text("t,x,y,p\n")
    assert list(open_recording(tmp_path / "names.csv").chunks()) == []


def test_columns_left_of_the_sensor_do_not_make_it_wide(tmp_path: Path) -> None:
    rows = "".join(f"{2000 + place},{-(place % 60)},{place % 40},1\n" for place in range(300))
    (tmp_path / "a.csv").write_text("t,x,y,p\n" + rows)
    assert open_recording(tmp_path / "a.csv").sensor[1:3] == (304, 240)
    out, damage = read_all(tmp_path / "a.csv")
    assert damage.outside_events == 295
    assert len(out) == 5
