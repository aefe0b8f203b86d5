"""Reports of a stream held against what was there: cases that can be checked by hand, and rules that always hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.spotting import Report, Span, read_spans, spot

SPANS = (Span(1_000_000, 1_500_000, "one"), Span(3_000_000, 3_400_000, "two"), Span(3_600_000, 4_000_000, "one"))
HOUR_US = 3_600_000_000


def test_each_report_is_a_hit_or_wrong_or_a_false_alarm() -> None:
    reports = [
        Report(500_000, "one"),  # before anything
        Report(1_300_000, "one"),  # a hit
        Report(1_900_000, "one"),  # once more
        Report(3_200_000, "one"),  # while two is said
        Report(3_590_000, "two"),  # late, and before the next word
        Report(4_500_000, "one"),  # as late as it may come
        Report(9_000_000, "two"),  # nothing is there
    ]
    found = spot(SPANS, reports, HOUR_US)
    assert found.hits == 3
    assert found.delays_us == (300_000, 590_000, 900_000)
    assert found.missed == ()
    assert found.wrong == (reports[3],)
    assert found.false_alarms == (reports[0], reports[2], reports[6])
    assert found.false_alarms_an_hour == 4


def test_a_late_report_does_not_count_once_the_next_word_has_begun() -> None:
    found = spot(SPANS[1:], [Report(3_700_000, "two")], HOUR_US)
    assert found.hits == 0
    assert found.missed == SPANS[1:]
    assert len(found.wrong) == 1


def test_nothing_said_and_nothing_reported() -> None:
    assert spot((), (), 1_000_000).as_dict()["hits"] == 0
    assert spot((), [Report(5, "one")], HOUR_US).false_alarms_an_hour == 1


words = st.sampled_from(["one", "two", "three"])


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50), words), max_size=8),
    st.lists(st.tuples(st.integers(1, 60), words), max_size=12),
)
def test_spans_and_reports_are_all_accounted_for(
    lengths: list[tuple[int, int, str]], gaps: list[tuple[int, str]]
) -> None:
    spans, at = [], 0
    for pause, length, label in lengths:
        spans.append(Span(at + pause, at + pause + length, label))
        at += pause + length
    reports, at = [], 0
    for gap, label in gaps:
        at += gap
        reports.append(Report(at, label))
    found = spot(spans, reports, 1000, late_us=20)
    assert found.hits + len(found.missed) == found.spans == len(spans)
    assert found.hits + len(found.wrong) + len(found.false_alarms) == len(reports)
    assert all(delay_us > 0 for delay_us in found.delays_us)


def test_spans_are_read_in_order_of_time(tmp_path: Path) -> None:
    table = tmp_path / "spans.csv"
    table.write_text("label, begin_us,end_us\ntwo,5,6\none,1,2\n")
    assert read_spans(table) == (Span(1, 2, "one"), Span(5, 6, "two"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("begin_us,label\n1,one\n", "no column end_us"),
        ("begin_us,end_us,label\n1,soon,one\n", "line 2: a time is no whole number"),
        ("begin_us,end_us,label\n1\n", "line 2: a time is no whole number"),
        ("begin_us,end_us,label\n2,1,one\n", "one from 2 to 1 us"),
        ("begin_us,end_us,label\n1,2,\n", "nothing from 1 to 2 us"),
    ],
)
def test_a_table_that_says_something_else_is_refused(tmp_path: Path, text: str, what: str) -> None:
    table = tmp_path / "spans.csv"
    table.write_text(text)
    with pytest.raises(StreamsnnError, match=what):
        read_spans(table)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spans.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StreamsnnError, match="not a text in UTF-8"):
        read_spans(tmp_path / "spans.csv")
    with pytest.raises(StreamsnnError, match="There is no file"):
        read_spans(tmp_path / "none.csv")
    with pytest.raises(StreamsnnError, match="cannot be read"):
        read_spans(tmp_path)
