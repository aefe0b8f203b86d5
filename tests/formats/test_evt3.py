"""Prophesee EVT3, against words made by hand, a slow decoder, two other readers, and a real recording."""

from __future__ import annotations

import hashlib
from pathlib import Path

import faery
import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all, sorted_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import evt3, open_recording
from streamsnn.types import EVENT, Events, Sensor

HEADER = b"% evt 3.0\n% geometry 60x40\n"
WRAP_US = 1 << 24


def row(y: int) -> int:
    return y


def x(x: int, p: int = 0) -> int:
    return 0x2000 | p << 11 | x


def base(x: int, p: int = 0) -> int:
    return 0x3000 | p << 11 | x


def v12(bits: int) -> int:
    return 0x4000 | bits


def v8(bits: int) -> int:
    return 0x5000 | bits


def low(t_us: int) -> int:
    return 0x6000 | t_us & 0xFFF


def high(t_us: int) -> int:
    return 0x8000 | t_us >> 12 & 0xFFF


def at(t_us: int) -> list[int]:
    return [high(t_us), low(t_us)]


def written(path: Path, words: list[int] | np.ndarray, header: bytes = HEADER, rest: bytes = b"") -> Path:
    path.write_bytes(header + np.array(words, "<u2").tobytes() + rest)
    return path


def decode(tmp_path: Path, words: list[int], chunk_bytes: int = 1 << 18) -> Events:
    return read_all(written(tmp_path / "a.raw", words), chunk_bytes)[0]


@given(sorted_events(max_gap_us=2_000_000), st.integers(1, 60))
@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_written_events_come_back_modulo_the_clock(tmp_path: Path, events: Events, chunk_bytes: int) -> None:
    path = tmp_path / "a.raw"
    evt3.write(path, events, SENSOR)
    out, damage = read_all(path, chunk_bytes)
    expected = events.copy()
    if events.size:
        expected["t"] -= events["t"][0] >> 24 << 24
    assert np.array_equal(out, expected)
    assert not damage
    assert open_recording(path).sensor[1:] == SENSOR[1:]
    assert [each.name for each in tmp_path.iterdir()] == ["a.raw"]


def slow_decoder(words: list[int]) -> list[tuple[int, int, int, bool]]:
    """Well-formed words to (t, x, y, p); written apart from the compiled one."""
    events = []
    t_high = t_low = loops = y = x0 = 0
    p0 = False
    for word in words:
        kind, value = divmod(word, 4096)
        if kind == 8:
            loops += value < t_high
            t_high = value
        elif kind == 6:
            t_low = value
        elif kind == 0:
            y = value % 2048
        elif kind == 3:
            x0, p0 = value % 2048, value >= 2048
        elif kind == 2:
            events.append((loops * WRAP_US + t_high * 4096 + t_low, value % 2048, y, value >= 2048))
        elif kind in (4, 5):
            size = 12 if kind == 4 else 8
            events += [
                (loops * WRAP_US + t_high * 4096 + t_low, x0 + bit, y, p0) for bit in range(size) if value >> bit & 1
            ]
            x0 += size
    return events


def good_words(seed: int) -> list[int]:
    """A stream as a camera sends it: time never goes back, TIME_HIGH moves on by little, vectors, triggers and more."""
    rng = np.random.default_rng(seed)
    t_us = int(rng.integers(0, WRAP_US))
    words = [high(t_us), low(t_us), row(3), base(5, 1)]
    for _ in range(rng.integers(0, 60)):
        new = t_us + int(rng.choice([0, 0, 3, 900, 5000, 200_000]))
        words += [high(new)] * (new >> 12 != t_us >> 12) + [low(new)] * (new & 0xFFF != t_us & 0xFFF)
        t_us = new
        for _ in range(rng.integers(0, 4)):
            bits, p = int(rng.integers(0, 1 << 12)), int(rng.integers(0, 2))
            words += [
                [row(int(rng.integers(0, 40)))],
                [x(int(rng.integers(0, 60)), p)],
                [base(int(rng.integers(0, 45)), p), v12(bits), v8(bits & 0x7F)],
                [v8(bits & 0xFF)],
                [int(rng.choice([0x7003, 0xA101, 0xE123, 0xFABC, high(t_us)]))],
            ][rng.integers(0, 5)]
    return words


@given(st.integers(0, 1 << 30), st.integers(1, 300))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_equals_a_slow_decoder(tmp_path: Path, seed: int, chunk_bytes: int) -> None:
    words = good_words(seed)
    out, damage = read_all(written(tmp_path / "a.raw", words), chunk_bytes, Sensor("wide", 2048, 40))
    assert out.tolist() == slow_decoder(words)
    assert not damage


def test_vectors_go_on_where_the_last_one_ended(tmp_path: Path) -> None:
    words = [*at(5000), row(7), base(10, 1), v12(0x801), v8(0x81), v12(0x001), base(3), v8(0xFF)]
    expected = [(5000, i, 7, True) for i in (10, 21, 22, 29, 30)] + [(5000, i, 7, False) for i in range(3, 11)]
    assert decode(tmp_path, words).tolist() == expected


@pytest.mark.parametrize("chunk_bytes", [2, 6, 1 << 10])
def test_many_full_vectors(tmp_path: Path, chunk_bytes: int) -> None:
    words = at(0)
    for y in range(40):
        words += [row(y), base(0, 1), v12(0xFFF), v12(0xFFF), v12(0xFFF), v12(0xFFF), v12(0xFFF)]
    assert decode(tmp_path, words, chunk_bytes).tolist() == [(0, x, y, True) for y in range(40) for x in range(60)]


def test_the_clock_goes_round_also_when_nothing_happens(tmp_path: Path) -> None:
    """100 s of nothing but TIME_HIGH, six rounds of the clock."""
    words = [*at(0), row(0), x(1), *(high(t_us) for t_us in range(0, 100_000_000, 4096)), low(7), x(2)]
    last_us = (100_000_000 - 1) // 4096 * 4096 + 7
    assert decode(tmp_path, words)["t"].tolist() == [0, last_us]


@pytest.mark.parametrize("step_us", [300_000, 5_000_000, 8_500_000, 10_000_000, 16_000_000])
def test_a_sparse_clock(tmp_path: Path, step_us: int) -> None:
    """TIME_HIGH only where there are events, as simple encoders write it: right while it moves by less than a round."""
    times = [11 + step_us * i for i in range(100)]
    words = [row(0)]
    for t_us in times:
        words += [*at(t_us), x(1)]
    assert decode(tmp_path, words, 50)["t"].tolist() == times


@pytest.mark.parametrize("loops", [0, 1])
def test_late_time_high_is_no_wrap(tmp_path: Path, loops: int) -> None:
    words = [row(0)]
    times = [loops * WRAP_US + t_us for t_us in (8192, 8200, 8190, 8300, 20_000)]
    round_trip = list(range(0, loops * WRAP_US, 1 << 20))
    for t_us in round_trip + times:
        words += [*at(t_us), x(1)]
    out, damage = read_all(written(tmp_path / "a.raw", words))
    assert out["t"].tolist() == round_trip + sorted(times)
    assert damage.stepped_back_events == 1


@pytest.mark.parametrize("wrong", [1, 2, 60, 70, 500, 2047, 2048, 2100, 4000, 4090])
@pytest.mark.parametrize("begin_us", [1 << 20, WRAP_US - 100_000])
def test_a_wrong_time_high_costs_little(tmp_path: Path, wrong: int, begin_us: int) -> None:
    """A camera repeats TIME_HIGH every 16 us; one of them is off by `wrong` units of 4096 us."""
    words, times = [row(0)], list(range(begin_us, begin_us + 200_000, 16))
    for i, t_us in enumerate(times):
        words += [high(t_us + 4096 * wrong) if i == 5000 else high(t_us), low(t_us), x(1)]
    out, damage = read_all(written(tmp_path / "a.raw", words))
    kept = set(out["t"].tolist())
    assert len(set(times) - kept) == 1
    assert damage.misplaced_events + damage.stepped_back_events > 0
    assert damage.clock_jumps == 0


def test_events_before_time_or_row_are_left_out(tmp_path: Path) -> None:
    words = [x(1), row(3), x(2), low(5), v12(0xFFF), high(4096), v8(0xFF), x(3)]
    out, damage = read_all(written(tmp_path / "a.raw", words))
    assert out.tolist() == [(4101, 3, 3, False)]
    assert damage.undated_events == 2 + 12 + 8


def test_cut_off_in_a_word_and_reserved_words(tmp_path: Path) -> None:
    words = [*at(4096), row(3), 0x1FFF, x(2), 0x9000, 0xB123, 0xC000, 0xDFFF, x(3)]
    out, damage = read_all(written(tmp_path / "a.raw", words, rest=b"\x05"))
    assert out["x"].tolist() == [2, 3]
    assert damage.reserved_words == 5
    assert damage.truncated_bytes == 1
    with pytest.raises(StreamsnnError, match="damaged"):
        list(open_recording(tmp_path / "a.raw", strict=True).chunks())


def test_noise_after_a_good_beginning_is_given_up(tmp_path: Path) -> None:
    good = [row(0), *(word for t_us in range(0, 50_000, 10) for word in (*at(t_us), x(1)))]
    noise = np.random.default_rng(0).integers(0, 1 << 16, 1 << 18)
    path = written(tmp_path / "a.raw", np.r_[good, noise])
    out, damage = read_all(path)
    assert np.array_equal(out["t"][:5000], np.arange(0, 50_000, 10))
    assert damage.unreadable_bytes > (1 << 19) - 20_000
    assert out["t"][-1] < 3_600_000_000
    pieces, _ = read_all(path, 997)
    assert np.array_equal(pieces, out)


@pytest.mark.parametrize(
    "header",
    [
        b"% evt 3.0\n% geometry 60x40\n% end\n",
        b"% format EVT3;height=40;width=60\n% end\n",
        b"% evt 3.0\n% format EVT3\n% width 60\n% height 40\n",
    ],
)
def test_headers(tmp_path: Path, header: bytes) -> None:
    recording = open_recording(written(tmp_path / "a.raw", [*at(9), row(1), x(59)], header))
    assert recording.sensor[1:3] == (60, 40)
    assert [chunk.tolist() for chunk in recording.chunks()] == [[(9, 59, 1, False)]]


def test_a_header_without_a_size(tmp_path: Path) -> None:
    recording = open_recording(written(tmp_path / "a.raw", [*at(9), row(1), x(600)], b"% evt 3.0\n"))
    assert recording.sensor[1:3] == (640, 480)
    assert "no size" in recording.notes[0]


def test_header_only_is_a_recording_without_events(tmp_path: Path) -> None:
    assert list(open_recording(written(tmp_path / "a.raw", [])).chunks()) == []


@given(st.data())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path, data: st.DataObject) -> None:
    path = written(tmp_path / "a.raw", good_words(data.draw(st.integers(0, 1 << 30))))
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 20))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(1, len(raw)))])
    try:
        whole, damage = read_all(path)
    except StreamsnnError:
        return
    pieces, same = read_all(path, data.draw(st.integers(1, 100)))
    assert np.array_equal(pieces, whole)
    assert same == damage


@given(st.binary(max_size=3000), st.integers(1, 100))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words(tmp_path: Path, data: bytes, chunk_bytes: int) -> None:
    path = written(tmp_path / "a.raw", [], rest=data)
    whole, damage = read_all(path)
    pieces, same = read_all(path, chunk_bytes)
    assert np.array_equal(pieces, whole)
    assert same == damage


def test_what_it_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="2048"):
        evt3.write(tmp_path / "a.raw", make_events([0]), Sensor("huge", 4000, 10))
    assert list(tmp_path.iterdir()) == []


def test_faery_reads_what_we_write(tmp_path: Path) -> None:
    n = 5000
    rng = np.random.default_rng(3)
    t_us = np.cumsum(rng.integers(0, 30_000, n))
    events = make_events(t_us, rng.integers(0, 60, n), rng.integers(0, 40, n), rng.integers(0, 2, n))
    evt3.write(tmp_path / "a.raw", events, SENSOR)
    out = np.concatenate(list(faery.events_stream_from_file(tmp_path / "a.raw")))
    assert np.array_equal(make_events(out["t"], out["x"], out["y"], out["p"]), events)


def test_a_real_recording(shared_data: Path) -> None:
    folder = shared_data / "events" / "formats"
    events, damage = read_all(folder / "evt3.raw")
    same, _ = read_all(folder / "gen4.dat")
    # SHA3-224 of the column, from the tests of faery (github.com/aestream/faery, tests/assets.py).
    assert hashlib.sha3_224(events["t"].tobytes()).hexdigest()[:16] == "5844f7335f33b609"
    same["t"] += 11_194_368
    assert events.dtype == EVENT
    assert np.array_equal(events, same)
    assert not damage


def test_a_real_recording_without_its_first_time(shared_data: Path, tmp_path: Path) -> None:
    raw = (shared_data / "events" / "formats" / "evt3.raw").read_bytes()
    begin = raw.index(b"% system_ID 49\n") + len(b"% system_ID 49\n")
    path = tmp_path / "a.raw"
    path.write_bytes(raw[:begin] + raw[begin + 2 : begin + 200_001])
    out, damage = read_all(path)
    whole, _ = read_all(shared_data / "events" / "formats" / "evt3.raw")
    assert damage.undated_events > 0
    assert damage.truncated_bytes == 1
    lost = damage.undated_events
    assert np.array_equal(out, whole[lost : lost + out.size])
