"""The rules that put decoded events right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.formats.rules import RULES
from streamsnn.formats.tidy import Counts, Tidy, joined
from streamsnn.types import EVENT, Events

SECOND = 1_000_000
RECORDINGS = Path(__file__).resolve().parents[2] / "recordings"


def tidied(events: Events, cuts: list[int] | None = None) -> tuple[Events, Counts]:
    """What comes out when the events come in blocks that end at `cuts`."""
    tidy = Tidy(SENSOR.width, SENSOR.height)
    blocks = np.split(events, sorted(cut % (len(events) + 1) for cut in cuts or []))
    out = [piece.copy() for block in blocks for piece in tidy.push(block)]
    return joined([*out, tidy.finish()]), tidy.counts


def steady(n: int, begin_us: int = 0, step_us: int = 100) -> Events:
    return make_events(begin_us + step_us * np.arange(n), np.arange(n) % SENSOR.width)


@given(sorted_events(), st.lists(st.integers(0, 40), max_size=5))
@settings(deadline=None, max_examples=150)
def test_good_events_pass_unchanged(events: Events, cuts: list[int]) -> None:
    out, counts = tidied(events, cuts)
    assert np.array_equal(out, events)
    assert counts == Counts(0, 0, 0, 0)


@given(
    st.lists(st.tuples(st.integers(0, 1 << 62), st.integers(0, 70)), max_size=80),
    st.lists(st.integers(0, 80), max_size=6),
)
@settings(deadline=None, max_examples=200)
def test_garbage_comes_out_in_order_and_is_accounted_for(garbage: list[tuple[int, int]], cuts: list[int]) -> None:
    events = make_events([t for t, _ in garbage], [x for _, x in garbage])
    out, counts = tidied(events, cuts)
    assert np.all(np.diff(out["t"]) >= 0)
    assert np.all(np.diff(out["t"]) <= RULES.silence_us)
    assert np.all(out["x"] < SENSOR.width)
    assert out.size + counts.outside + counts.misplaced == events.size
    whole, whole_counts = tidied(events)
    assert np.array_equal(out, whole)
    assert counts == whole_counts


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, RULES.window_us // 2)), max_size=80),
    st.lists(st.integers(0, 80), max_size=6),
)
@settings(deadline=None, max_examples=150)
def test_small_steps_back_are_a_stable_sort(steps: list[tuple[int, int]], cuts: list[int]) -> None:
    t_us = np.cumsum([step for step, _ in steps], dtype=np.int64) + [late for _, late in steps]
    events = make_events(t_us, np.arange(t_us.size) % SENSOR.width)
    out, counts = tidied(events, cuts)
    assert np.array_equal(out, events[np.argsort(t_us, kind="stable")])
    newest = np.maximum.accumulate(t_us) if t_us.size else t_us
    assert counts == Counts(0, int(np.count_nonzero(t_us < newest)), 0, 0)


def test_events_outside_the_sensor_are_dropped_whatever_their_time() -> None:
    events = steady(10)
    bad = make_events([55, 1 << 50, -5], [SENSOR.width, 65535, 0], [0, 0, SENSOR.height])
    out, counts = tidied(joined((events[:1], bad, events[1:])))
    assert np.array_equal(out, events)
    assert counts == Counts(3, 0, 0, 0)


@pytest.mark.parametrize("wrong_us", [-(1 << 40), -SECOND, 2 * SECOND, 3000 * SECOND, 1 << 45, 1 << 61, -(1 << 62)])
@pytest.mark.parametrize("step_us", [10, 1_000])
def test_one_wrong_time_costs_one_event(wrong_us: int, step_us: int) -> None:
    events = steady(1000, 10 * SECOND, step_us)
    broken = events.copy()
    broken["t"][500] = wrong_us if abs(wrong_us) > 1 << 41 else broken["t"][500] + wrong_us
    out, counts = tidied(broken)
    assert np.array_equal(out, np.delete(events, 500))
    assert counts == Counts(0, 0, 1, 0)


def test_a_wrong_last_time_does_not_make_hours() -> None:
    events = steady(1000)
    broken = joined((events, make_events([3000 * SECOND])))
    out, counts = tidied(broken)
    assert np.array_equal(out, events)
    assert counts.misplaced == 1


def test_a_silence_is_believed() -> None:
    events = joined((steady(500), steady(500, 1800 * SECOND)))
    out, counts = tidied(events)
    assert np.array_equal(out, events)
    assert counts == Counts(0, 0, 0, 0)


def test_a_few_last_events_after_a_pause_are_believed() -> None:
    events = joined((steady(5000), steady(3, 30 * SECOND)))
    assert np.array_equal(tidied(events)[0], events)


@pytest.mark.parametrize("step_us", [SECOND, 20 * SECOND, 500 * SECOND])
def test_a_sparse_recording_is_believed(step_us: int) -> None:
    events = steady(300, step_us=step_us)
    assert np.array_equal(tidied(events)[0], events)
    longer = steady(64 * 20 + 9, step_us=step_us)
    assert np.array_equal(tidied(longer)[0], longer)
    three = make_events([0, 1 << 31, (1 << 32) - 5])
    assert np.array_equal(tidied(three)[0], three)


@pytest.mark.parametrize("begin_us", [5 * 3600 * SECOND, 1 << 50])
def test_hours_of_silence_are_closed(begin_us: int) -> None:
    out, counts = tidied(joined((steady(500), steady(500, begin_us))), [123, 600])
    assert np.array_equal(out["t"], np.r_[np.arange(500) * 100, 49_900 + np.arange(500) * 100])
    assert counts == Counts(0, 0, 0, 1)


def test_a_busy_recording_has_no_hours_of_silence() -> None:
    thin = steady(100, 1800 * SECOND, 1800 * SECOND)
    out, counts = tidied(joined((steady(1000), thin)), [3, 1005])
    assert np.array_equal(out[["x", "y", "p"]], joined((steady(1000), thin))[["x", "y", "p"]])
    assert out["t"][-1] == 99_900
    assert counts == Counts(0, 0, 0, 100)


@pytest.mark.parametrize("noise", [0, 1, 40])
def test_a_camera_that_sees_nothing_for_long_and_then_something(noise: int) -> None:
    """Now and then an event of noise in between makes no difference."""
    waits = [
        joined((steady(noise, (1800 * i + 70) * SECOND, 10 * SECOND), steady(200, 1800 * (i + 1) * SECOND)))
        for i in range(10)
    ]
    events = joined((steady(1000), *waits))
    out, counts = tidied(events, [1100, 1300])
    assert np.array_equal(out, events)
    assert counts == Counts(0, 0, 0, 0)


def test_a_quiet_hour_after_a_busy_minute_is_believed_though_a_time_was_wrong_in_the_beginning() -> None:
    events = joined((steady(1000), steady(1800, 2 * SECOND, 2 * SECOND)))
    broken = events.copy()
    broken["t"][7] = 1 << 45
    assert np.array_equal(tidied(broken, [5, 1500])[0], np.delete(events, 7))


@pytest.mark.parametrize("what", ["outside", "misplaced"])
def test_a_silence_is_doubted_where_something_was_wrong(what: str) -> None:
    later = joined((steady(500), steady(500, 100 * SECOND)))
    assert tidied(later)[0]["t"][-1] == 100 * SECOND + 49_900
    if what == "outside":
        later["x"][480] = SENSOR.width
    else:
        later["t"][480] = 1 << 45
    out, counts = tidied(later)
    assert out["t"][-1] == 2 * 49_900
    assert counts.jumps == 1


def test_thin_events_in_the_wrong_order_are_no_time() -> None:
    thin = steady(300, 30 * SECOND, 30 * SECOND)
    assert tidied(joined((steady(1000), thin)))[0]["t"][-1] == 9000 * SECOND
    thin["t"][5::10] = thin["t"][4::10] - 5
    out, counts = tidied(joined((steady(1000), thin)), [1010, 1100])
    assert out["t"][-1] < SECOND
    assert counts.misplaced == 0


def held_bytes(tidy: Tidy) -> int:
    return sum(piece.nbytes for piece in tidy._held)


def test_suspects_without_an_end_take_no_memory() -> None:
    stuck = make_events(np.zeros(1 << 18, np.int64))
    tidy = Tidy(SENSOR.width, SENSOR.height, RULES._replace(hold_events=1 << 14))
    tidy.push(steady(1000))
    before, stuck["t"] = stuck.copy(), -SECOND
    for block in np.split(stuck, 64):
        tidy.push(block)
    assert held_bytes(tidy) < (1 << 15) * EVENT.itemsize
    assert tidy.finish()["t"][-1] == 99_900
    after = Tidy(SENSOR.width, SENSOR.height, RULES._replace(hold_events=1 << 14))
    before["t"] = 30 * SECOND
    blocks = (steady(1000), *np.split(before, 64))
    out = joined([piece for block in blocks for piece in after.push(block)] + [after.finish()])
    assert np.array_equal(out, joined((steady(1000), before)))


@pytest.mark.parametrize("backwards", [False, True])
def test_a_clock_that_stands_still_takes_no_memory(backwards: bool) -> None:
    """As in a file whose end is all zeros. Nor does it where a step back makes the rules look at each event."""
    stuck = make_events(np.full(1 << 17, 100))
    if backwards:
        stuck["t"][1000::1001] = 99
    tidy = Tidy(SENSOR.width, SENSOR.height, RULES._replace(hold_events=1 << 14))
    out = []
    for block in np.split(stuck, 64):
        out += tidy.push(block)
        assert held_bytes(tidy) <= (1 << 14) * EVENT.itemsize
    out.append(tidy.finish())
    times = joined(out)["t"]
    assert np.all(np.diff(times) >= 0)
    assert times.size + tidy.counts.misplaced == stuck.size
    assert (tidy.counts.misplaced > 0) == backwards  # Half of `hold_events` later, 99 is long ago.


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=120), st.lists(st.integers(0, 120), max_size=8)
)
@settings(deadline=None, max_examples=200)
def test_how_much_is_held_does_not_depend_on_blocks(steps: list[tuple[int, int]], cuts: list[int]) -> None:
    t_us = np.cumsum([step for step, _ in steps], dtype=np.int64) - [late for _, late in steps]
    rules = RULES._replace(hold_events=8)
    results = []
    for some in ([], sorted(cut % (t_us.size + 1) for cut in cuts)):
        tidy = Tidy(SENSOR.width, SENSOR.height, rules)
        blocks = np.split(make_events(t_us, np.arange(t_us.size) % SENSOR.width), some)
        out = [piece for block in blocks for piece in tidy.push(block)]
        results.append((joined([*out, tidy.finish()]), tidy.counts))
    assert np.array_equal(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert np.all(np.diff(results[0][0]["t"]) >= 0)


@pytest.mark.parametrize("deleted", range(1, 8))
def test_a_recording_that_lost_bytes_does_not_play_for_long(tmp_path: Path, deleted: int) -> None:
    data = (RECORDINGS / "digits" / "0-dejavusans.dat").read_bytes()
    seconds = []
    for begin in [360, *range(100, len(data), 1777)]:
        (tmp_path / "cut.dat").write_bytes(data[:begin] + data[begin + deleted :])
        events, _ = read_all(tmp_path / "cut.dat")
        seconds.append(int(events["t"][-1] - events["t"][0]) * 1e-6)
    assert max(seconds) < 30


def test_a_small_recording_without_a_stated_size_does_not_play_for_long(tmp_path: Path, shared_data: Path) -> None:
    data = (shared_data / "events" / "formats" / "sample_ncars.dat").read_bytes()
    for begin in (120, *range(len(data) - 600, len(data) - 60, 3)):
        for deleted in (3, 6, 7, 14):
            (tmp_path / "cut.dat").write_bytes(data[:begin] + data[begin + deleted :])
            events, _ = read_all(tmp_path / "cut.dat", 1 << 10)
            assert events["t"][-1] - events["t"][0] < 400 * SECOND


def test_a_clock_that_starts_again_is_carried_on() -> None:
    out, counts = tidied(joined((steady(500, 60 * SECOND), steady(500))), [7, 700])
    assert np.array_equal(out["t"] - 60 * SECOND, np.r_[np.arange(500) * 100, 49_900 + np.arange(500) * 100])
    assert counts == Counts(0, 0, 0, 1)


@pytest.mark.parametrize("late", [False, True])
def test_what_is_pushed_stays_as_it_is_and_is_handed_on_without_a_copy(late: bool) -> None:
    first, second = steady(1000, step_us=1000), steady(1000, SECOND, 1000)
    if late:
        second["t"][500] -= 1001
    before = second.copy()
    tidy = Tidy(SENSOR.width, SENSOR.height)
    tidy.push(first)
    pieces = tidy.push(second)
    assert np.array_equal(second, before)
    assert np.shares_memory(pieces[-1], second) != late
    assert tidy.push(np.empty(0, EVENT)) == []
    assert sum(piece.size for piece in pieces) + tidy.finish().size > 1000
