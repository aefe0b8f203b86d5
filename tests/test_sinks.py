"""Sinks write what was decided when it was decided, and say in words why they cannot."""

from __future__ import annotations

import csv
import errno
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamsnn.checks import assert_conforms, check_sink
from streamsnn.energy import Operations
from streamsnn.errors import StreamsnnError
from streamsnn.sinks import Csv, JsonLines, LiveText, PlainText, terminal
from streamsnn.types import Decision, Output, Result, Sink, Stamps, Step


def result(
    index: int, label: str | None, *, events: int = 2, confidence: float = 0.5, dropped: int = 0, start_ns: int = 0
) -> Result:
    """Step `index` of 1 ms: arrived 1 ms after `start_ns`, waited 1 ms, took 2 ms; 3 + 1 spikes, 10 + 20 operations."""
    spikes = {"hidden": np.arange(3, dtype=np.int32), "last": np.arange(1, dtype=np.int32)}
    output = Output(np.zeros(2, np.float32), spikes, Operations(np.array([10, 20]), np.zeros(2, np.int64)))
    stamps = Stamps(start_ns + 1_000_000, start_ns + 2_000_000, start_ns + 4_000_000)
    decision = Decision(label, confidence, np.zeros(2, np.float32))
    return Result(Step(index, np.zeros(events, np.int32), stamps.arrived_ns), output, decision, (), stamps, dropped)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    """A stream that fails with `error` on the third write."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error
        self._writes = 0

    def write(self, text: str) -> int:
        self._writes += 1
        if self._writes >= 3:
            raise self._error
        return super().write(text)

    def close(self) -> None:
        if self._writes >= 3:
            raise self._error
        super().close()


@pytest.fixture
def makers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], Sink]]:
    monkeypatch.setenv("TERM", "xterm")
    return {
        "json": lambda: JsonLines(tmp_path / "a.jsonl", 1_000),
        "json stream": lambda: JsonLines(io.StringIO(), 1_000),
        "csv": lambda: Csv(tmp_path / "a.csv", 1_000),
        "plain": lambda: PlainText(1_000, io.StringIO()),
        "live": lambda: LiveText(1_000, Terminal()),
    }


@pytest.mark.parametrize("name", ["json", "json stream", "csv", "plain", "live"])
def test_conforms(name: str, makers: dict[str, Callable[[], Sink]]) -> None:
    assert_conforms(check_sink(makers[name]))


def test_json_lines_has_one_object_a_change(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    sink = JsonLines(path, 1_000)
    for index, label in enumerate([None, None, "a", "a", "ü", None]):
        sink.write(result(index, label, confidence=index / 10, dropped=index))
    sink.write_object({"summary": {"steps": 6}})
    # Before it is closed: each line is in the file as soon as it is decided.
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    sink.close()
    common = {"rate_hz": 2_000.0, "lag_ms": 3.0}
    assert found == [
        {"t_us": 3_000, "label": "a", "confidence": 0.2, "step": 2, "dropped": 2} | common,
        {"t_us": 5_000, "label": "ü", "confidence": 0.4, "step": 4, "dropped": 4} | common,
        {"t_us": 6_000, "label": None, "confidence": 0.5, "step": 5, "dropped": 5} | common,
        {"summary": {"steps": 6}},
    ]


def test_numbers_for_programs_have_no_noise_behind_their_point() -> None:
    out = io.StringIO()
    late = result(0, "a", events=1)
    JsonLines(out, 3_000).write(late._replace(stamps=Stamps(0, 1, 1_234_567)))
    assert '"rate_hz": 333.3, "lag_ms": 1.235,' in out.getvalue()


def test_csv_has_one_row_a_step(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    sink = Csv(path, 1_000)
    for index, label in enumerate([None, 'a "b", c', None]):
        sink.write(result(index, label, events=index))
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
    sink.close()
    common = {"confidence": "0.500000", "spikes": "4", "lag_us": "3000.0", "dropped": "0"}
    assert rows == [
        {"t_us": "1000", "label": "", "events": "0"} | common,
        {"t_us": "2000", "label": 'a "b", c', "events": "1"} | common,
        {"t_us": "3000", "label": "", "events": "2"} | common,
    ]


def test_plain_text_says_time_label_confidence_rate_and_lag() -> None:
    out = io.StringIO()
    sink = PlainText(1_000, out)
    for index in range(400):
        sink.write(result(index, "seven" if index >= 200 else None, events=14, dropped=3 if index > 300 else 0))
    sink.write(result(400, None, events=14, dropped=3))
    assert out.getvalue().splitlines() == [
        "     0.201 s  seven         50 %   14.0k events/s  lag 3.0 ms",
        "     0.401 s  -             50 %   14.0k events/s  lag 3.0 ms  dropped 3",
    ]


def test_the_rate_forgets_what_was_long_ago() -> None:
    out = io.StringIO()
    sink = PlainText(1_000, out)
    for index in range(3_000):
        sink.write(result(index, "a" if index == 2_999 else None, events=5_000 if index < 1_000 else 2))
    assert "2.2k events/s" in out.getvalue()


def test_a_terminal_shows_the_newest_step_and_redraws_twenty_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    sink = terminal(1_000, out)
    assert isinstance(sink, LiveText)
    for index in range(1_000):  # one second of host time, one step a millisecond
        sink.write(result(index, "a" if index >= 500 else None, start_ns=index * 1_000_000))
    drawn = out.getvalue().count(" s  ")
    sink.close()
    assert 20 <= drawn <= 24
    assert "0.501 s  a " in out.getvalue()


def test_a_terminal_shows_that_a_label_was_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    out = Terminal()
    sink = terminal(1_000, out)
    sink.write(result(0, "a"))
    before = len(out.getvalue())
    sink.write(result(1, None, confidence=0.3))
    sink.close()
    assert "0.002 s  -             30 %" in out.getvalue()[before:]


def test_what_is_no_terminal_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    sink = terminal(1_000)
    assert isinstance(sink, PlainText)
    sink.write(result(0, "a"))
    sink.close()
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("make", [JsonLines, Csv, PlainText])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "Nobody reads"),
        (OSError(errno.ENOSPC, "No space left on device"), "cannot be written: No space left on device"),
    ],
)
def test_a_stream_that_fails_ends_in_words_and_closes_in_peace(
    make: Callable[..., Sink], error: OSError, message: str
) -> None:
    stream = Broken(error)
    sink = PlainText(1_000, stream) if make is PlainText else make(stream, 1_000)
    sink.write(result(0, "0"))
    if make is not Csv:  # whose header was the first write
        sink.write(result(1, "1"))
    with pytest.raises(StreamsnnError, match=message):
        sink.write(result(2, "2"))
    sink.close()
    sink.close()
    with pytest.raises(StreamsnnError, match="it is closed"):
        sink.write(result(9, "9"))


def test_a_full_disk_ends_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Broken(OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr("builtins.open", lambda *_, **__: file)
    sink = Csv(tmp_path / "out.csv", 1_000)
    sink.write(result(0, "a"))
    with pytest.raises(StreamsnnError, match=r"out.csv cannot be written: No space left"):
        sink.write(result(1, "a"))
    sink.close()


def test_a_file_that_cannot_be_opened_ends_in_words(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="cannot be written: No such file or directory"):
        Csv(tmp_path / "nowhere" / "out.csv", 1_000)
    with pytest.raises(StreamsnnError, match="cannot be written: Is a directory"):
        JsonLines(tmp_path, 1_000)


def test_a_borrowed_stream_is_not_closed() -> None:
    out = io.StringIO()
    sink = JsonLines(out, 1_000)
    sink.close()
    assert not out.closed
