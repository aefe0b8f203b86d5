"""Numbers with units, and plots that are as long as what they show."""

from __future__ import annotations

import pytest

from streamsnn.cli import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1 k"),
        (34_120, "34.1 k"),
        (999_999, "1 M"),
        (1_234_567, "1.23 M"),
        (2.5e9, "2.5 G"),
        (0.25123, "0.251"),
    ],
)
def test_numbers_have_three_figures_and_a_prefix(value: float, shown: str) -> None:
    assert text.number(value) == shown


@pytest.mark.parametrize(
    ("t_us", "shown"),
    [
        (0, "0 us"),
        (250, "250 us"),
        (2_500, "2.5 ms"),
        (305_870, "305.9 ms"),
        (1_250_000, "1.25 s"),
        (200_000_000, "3 min 20 s"),
    ],
)
def test_durations(t_us: float, shown: str) -> None:
    assert text.duration(t_us) == shown


def test_bytes() -> None:
    assert text.bytes_of(512) == "512 B"
    assert text.bytes_of(1_234_567) == "1.23 MB"


def test_a_bar_is_as_long_as_its_share() -> None:
    assert text.bar(0, 10) == " " * 10
    assert text.bar(0.5, 10) == "█" * 5 + " " * 5
    assert text.bar(1, 10) == text.bar(7, 10) == "█" * 10
    assert text.bar(1 / 16, 2) == "▏ "


def test_columns_stand_as_high_as_their_values() -> None:
    assert text.columns([0, 1, 2, 4], height=2) == ["   █", " ▄██"]
    assert text.columns([0, 0], height=1) == ["  "]
    assert text.columns([], height=2) == ["", ""]


def test_facts_are_in_two_columns() -> None:
    assert text.facts([("a", "1"), ("long", "x\ny")]) == "a     1\nlong  x\n      y"


def test_a_table_without_a_terminal_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    text.print_table(("name", "n"), [("a", "10"), ("bcdef", "2")], right=[1])
    assert capsys.readouterr().out == "name    n\na      10\nbcdef   2\n"
