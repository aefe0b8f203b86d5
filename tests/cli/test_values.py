"""What options are given as: every spelling that is meant to work does, and every other is refused with a hint."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.cli import values
from streamsnn.errors import StreamsnnError


@pytest.mark.parametrize(
    ("text", "t_us"),
    [
        ("2s", 2_000_000),
        ("500ms", 500_000),
        ("1m30s", 90_000_000),
        ("250000us", 250_000),
        ("2.5", 2_500_000),
        ("1h2m3s4ms5us", 3_723_004_005),
        (".5s", 500_000),
        ("0", 0),
    ],
)
def test_durations(text: str, t_us: int) -> None:
    assert values.duration_us(text) == t_us


@given(
    st.tuples(st.integers(0, 40), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999), st.integers(0, 999)).map(
        lambda parts: (parts, "{}h{}m{}s{}ms{}us".format(*parts))
    )
)
@settings(max_examples=60, deadline=None)
def test_all_parts_of_a_duration_add_up(case: tuple[tuple[int, ...], str]) -> None:
    (hours, minutes, seconds, ms, us), text = case
    assert values.duration_us(text) == ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + ms * 1_000 + us


@pytest.mark.parametrize(("text", "factor"), [("1", 1.0), ("0.25", 0.25), ("4x", 4.0), ("max", None)])
def test_speeds(text: str, factor: float | None) -> None:
    assert values.speed(text) == factor


def test_sizes_and_rectangles() -> None:
    assert values.size("640x480") == (640, 480)
    assert values.rectangle("10,20,34,34") == (10, 20, 34, 34)


def test_shares_and_numbers() -> None:
    assert values.share("0.5") == 0.5
    assert values.share("50%") == 0.5
    assert values.whole_number("0") == 0
    assert values.count("12") == 12


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (values.duration_us, "2x"),
        (values.duration_us, "-2s"),
        (values.duration_us, ""),
        (values.duration_us, "30s1m"),
        (values.duration_us, "1s1s"),
        (values.duration_us, "nan"),
        (values.speed, "0"),
        (values.speed, "-1"),
        (values.speed, "fast"),
        (values.size, "640"),
        (values.size, "0x480"),
        (values.size, "99999x1"),
        (values.rectangle, "1,2,3"),
        (values.rectangle, "a,b,c,d"),
        (values.whole_number, "-1"),
        (values.whole_number, "1.5"),
        (values.count, "0"),
        (values.number, "-1"),
        (values.number, "many"),
        (values.share, "1"),
        (values.share, "150%"),
        (values.share, "half"),
    ],
)
def test_nonsense_is_refused_with_the_right_spelling(read: Callable[[str], Any], text: str) -> None:
    with pytest.raises(StreamsnnError) as refusal:
        read(text)
    assert f'"{text}"' in refusal.value.message
    assert refusal.value.hint


@given(st.text(max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (
        values.duration_us,
        values.speed,
        values.size,
        values.rectangle,
        values.count,
        values.number,
        values.share,
    ):
        with contextlib.suppress(StreamsnnError):
            read(text)
