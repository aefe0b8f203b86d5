"""EVT2 and EVT2.1: the clock's wrap, damage, round trips, and other readers."""

from __future__ import annotations

from pathlib import Path

import faery
import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from format_files import evt2, evt2_words, evt21, evt21_legacy, evt21_words
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import evt2 as module
from streamsnn.formats import open_recording
from streamsnn.types import Events

HEADER = b"% evt 2.0\n% geometry 60x40\n"
HIGH, TRIGGER, RESERVED, OTHERS = 8 << 28, 10 << 28, 3 << 28, 14 << 28


def steady(n: int = 200, begin_us: int = 0, step_us: int = 100) -> Events:
    return make_events(begin_us + step_us * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def words(*values: int) -> bytes:
    return np.array(values, "<u4").tobytes()


@given(sorted_events(max_gap_us=3_600_000_000, first_us=1 << 36), st.integers(1, 400))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back_modulo_the_clock(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.evt2.raw"
    module.write(path, events, SENSOR)
    out, damage = read_all(path, chunk_bytes)
    expected = events.copy()
    if events.size:
        expected["t"] -= events["t"][0] >> 34 << 34
    assert np.array_equal(out, expected)
    assert not damage
    assert open_recording(path).sensor[1:] == SENSOR[1:]


@pytest.mark.parametrize("encode", [evt2, evt21, evt21_legacy])
@pytest.mark.parametrize("before_us", [1, 63, 64, 50_000])
def test_the_clock_wraps(tmp_path: Path, encode: object, before_us: int) -> None:
    events = steady(400, (1 << 34) - before_us, 1_000)
    out, damage = read_all(written(tmp_path / "a.raw", encode(events)), 64)  # type: ignore[operator]
    assert np.array_equal(out, events)
    assert not damage


def test_the_clock_wraps_in_silence(tmp_path: Path) -> None:
    events = np.concatenate([steady(200), steady(200, (1 << 34) + 5_000)])
    events["t"][:200] += (1 << 34) - 3_000_000_000
    out, _ = read_all(written(tmp_path / "a.raw", evt2(events)))
    assert np.array_equal(out, events)


def test_without_a_beginning_events_have_no_time(tmp_path: Path) -> None:
    data = evt2_words(steady())
    out, damage = read_all(written(tmp_path / "a.raw", HEADER + data[4:]))
    kept = steady()[steady()["t"] >= 64]
    assert np.array_equal(out, kept)
    assert damage.undated_events == 200 - len(kept)


def test_triggers_are_passed_over_and_reserved_words_counted(tmp_path: Path) -> None:
    data = evt2_words(steady())
    cut = len(data) // 8 * 4
    strange = words(TRIGGER | 5, RESERVED | 1, OTHERS | 9, RESERVED)
    out, damage = read_all(written(tmp_path / "a.raw", HEADER + data[:cut] + strange + data[cut:]), 12)
    assert np.array_equal(out, steady())
    assert damage.reserved_words == 2


def test_a_single_wrong_word_of_time(tmp_path: Path) -> None:
    data = evt2_words(steady(2000))
    cut = len(data) // 8 * 4
    for wrong in (0, 0x7FFFFFF, 0xFFFFFFF, 1 << 20):
        out, damage = read_all(written(tmp_path / "a.raw", HEADER + data[:cut] + words(HIGH | wrong) + data[cut:]), 64)
        assert damage.misplaced_events + damage.stepped_back_events + damage.clock_jumps <= 3
        assert len(out) >= 1998
        assert np.isin(out["t"], steady(2000)["t"]).mean() > 0.99


def test_what_is_no_such_stream_is_given_up(tmp_path: Path) -> None:
    path = written(tmp_path / "a.raw", HEADER + evt2_words(steady()) + words(*[RESERVED] * 3000) + bytes(4000))
    out, damage = read_all(path)
    assert np.array_equal(out, steady())
    assert damage.unreadable_bytes > 4000
    assert read_all(path, 40)[1] == damage


@pytest.mark.parametrize("stated", [b"", b"endianness=little;", b"endianness=legacy;"])
@pytest.mark.parametrize("high_first", [True, False])
def test_words_tell_their_order(tmp_path: Path, stated: bytes, high_first: bool) -> None:
    data = b"% format EVT21;" + stated + b"height=40;width=60\n% end\n" + evt21_words(steady(), high_first)
    recording = open_recording(written(tmp_path / "a.raw", data))
    assert np.array_equal(np.concatenate(list(recording.chunks(24))), steady())
    assert ("legacy" in recording.notes[0]) == high_first


def test_vectors_hold_32_events(tmp_path: Path) -> None:
    events = make_events(np.repeat([100, 200, 300], 32), np.tile(np.arange(32), 3), 7, True)
    out, _ = read_all(written(tmp_path / "a.raw", evt21(events)), 8)
    assert np.array_equal(out, events)


def test_what_it_cannot_be_used_for(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="silence"):
        module.write(tmp_path / "a.evt2", make_events([0, 1 << 33]), SENSOR)
    assert list(tmp_path.iterdir()) == []


def test_others_read_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "a.raw"
    module.write(path, steady(5000, 5_000_000), SENSOR)
    theirs = np.concatenate(list(faery.events_stream_from_file(path)))
    assert np.array_equal(make_events(theirs["t"], theirs["x"], theirs["y"], theirs["p"]), steady(5000, 5_000_000))
