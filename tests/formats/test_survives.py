"""What recordings go through in the wild, and every format with it: clocks that wrap, and each usual kind of damage.

| case | formats |
|---|---|
| the clock wraps, busy or in silence | DAT 2^32 us, EVT2 and EVT2.1 2^34, EVT3 2^24, AEDAT 2 2^32, AEDAT 3 2^31 |
| a record that is cut off | all |
| a header without its `% end`, or with CRLF | DAT, EVT2, EVT2.1, EVT3 |
| reserved words | EVT2, EVT2.1, EVT3 |
| external triggers among the events | EVT2, EVT2.1, EVT3 |
| a start without TIME_HIGH | EVT2, EVT2.1, EVT3 |
| times that step back, a little or far | all that can tell so |
| events outside the sensor | all |
| zeros to the end of the file | all |
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from event_strategies import make_events, read_all
from format_files import SAMPLES, Encode, aedat3, dat, davis240, dvs128, evt2, evt3, evt21, evt21_legacy

from streamsnn.errors import StreamsnnError
from streamsnn.formats import Damage, open_recording
from streamsnn.types import Events, Sensor

SECOND = 1_000_000
every = pytest.mark.parametrize(("form", "extension", "encode"), SAMPLES.values(), ids=SAMPLES)
WRAPS: dict[str, tuple[Encode, int, int]] = {
    "DAT": (dat, 32, 500),
    "EVT2": (evt2, 34, 500),
    "EVT2.1": (evt21, 34, 500),
    "EVT2.1, legacy": (evt21_legacy, 34, 500),
    "EVT3": (evt3, 24, 40),
    "AEDAT2, DVS128": (dvs128, 32, 500),
    "AEDAT2, DAVIS": (davis240, 32, 500),
    "AEDAT3": (aedat3, 31, 500),
}
"""Name: how a file is made, the clock's bits, and so many seconds of silence may hold a wrap."""
WORDS = {"EVT2": (evt2, "<I"), "EVT2.1": (evt21, "<Q"), "EVT2.1, legacy": (evt21_legacy, "<Q"), "EVT3": (evt3, "<H")}
word_formats = pytest.mark.parametrize("name", WORDS)


def steady(n: int = 300, begin_us: int = 2_000, step_us: int = 100) -> Events:
    return make_events(begin_us + step_us * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


def read(path: Path, data: bytes, chunk_bytes: int = 100) -> tuple[Events, Damage]:
    path.write_bytes(data)
    whole, damage = read_all(path)
    pieces, same = read_all(path, chunk_bytes)
    assert np.array_equal(whole, pieces)
    assert damage == same
    return whole, damage


@pytest.mark.parametrize("name", WRAPS)
@pytest.mark.parametrize("silent", [False, True])
def test_the_clock_wraps(tmp_path: Path, name: str, silent: bool) -> None:
    encode, bits, silence_s = WRAPS[name]
    events = steady(1000, (1 << bits) - 50_000)
    if silent:
        events["t"] = (1 << bits) - 30_000
        events["t"][:500] += 50 * np.arange(500)
        events["t"][500:] += silence_s * SECOND + 50 * np.arange(500)
    out, damage = read(tmp_path / "a", encode(events))
    assert np.array_equal(out, events)
    assert not damage


def test_evt3_wraps_often_in_a_sparse_stream(tmp_path: Path) -> None:
    """As a camera writes it, TIME_HIGH goes on where nothing happens."""
    out, damage = read(tmp_path / "a.raw", evt3(events := steady(40, 5_000, 30 * SECOND)))
    assert np.array_equal(out, events)
    assert not damage


@every
def test_the_last_record_is_cut_off(tmp_path: Path, form: str, extension: str, encode: Encode) -> None:
    data = encode(steady())
    if data.startswith(b"PK"):  # Without the list at its end there is no archive.
        (tmp_path / "a.npz").write_bytes(data[:-1])
        with pytest.raises(StreamsnnError, match="not a zip file"):
            read_all(tmp_path / "a.npz")
        return
    out, damage = read(tmp_path / f"a{extension}", data[: -4 if form == "CSV" else -2 if form == "ES" else -1])
    assert 290 <= len(out) <= 300
    assert np.array_equal(out[:290], steady()[:290])
    assert damage


@pytest.mark.parametrize("name", ["DAT", *WORDS])
@pytest.mark.parametrize("change", ["end", "no end", "CRLF"])
def test_headers_end_in_many_ways(tmp_path: Path, name: str, change: str) -> None:
    encode = dat if name == "DAT" else WORDS[name][0]
    data = encode(steady()).replace(b"% end\n", b"")
    lines = [line for line in data.split(b"\n", 6) if line.startswith(b"% ")]
    body = data[sum(len(line) + 1 for line in lines) :]
    newline = b"\r\n" if change == "CRLF" else b"\n"
    head = newline.join([*lines, *([b"% end"] if change != "no end" else []), b""])
    out, damage = read(tmp_path / "a.raw", head + body)
    assert np.array_equal(out, steady())
    assert not damage


def with_word(name: str, kind: int, at: int) -> bytes:
    """A file of three hundred events into which a word of `kind` was put."""
    encode, layout = WORDS[name]
    data = encode(steady())
    begin = len(encode(steady()[:0]))
    size = struct.calcsize(layout)
    word = kind << (8 * size - 4)
    if name == "EVT2.1":
        word = kind << 28 << 32
    elif name == "EVT2.1, legacy":
        word = kind << 28
    place = begin + size * at
    return data[:place] + struct.pack(layout, word) + data[place:]


@word_formats
@pytest.mark.parametrize("at", [0, 9, 150])
def test_reserved_words(tmp_path: Path, name: str, at: int) -> None:
    out, damage = read(tmp_path / "a.raw", with_word(name, 0xB, at))
    assert np.array_equal(out, steady())
    assert damage == Damage(reserved_words=1)


@word_formats
@pytest.mark.parametrize("at", [0, 9, 150])
def test_external_triggers(tmp_path: Path, name: str, at: int) -> None:
    out, damage = read(tmp_path / "a.raw", with_word(name, 0xA, at))
    assert np.array_equal(out, steady())
    assert not damage


@word_formats
def test_a_start_without_time_high(tmp_path: Path, name: str) -> None:
    encode, layout = WORDS[name]
    data = encode(steady())
    begin = len(encode(steady()[:0]))
    skipped = struct.calcsize(layout)
    out, damage = read(tmp_path / "a.raw", data[:begin] + data[begin + skipped :])
    assert damage.undated_events > 0
    assert len(out) + damage.undated_events == 300
    assert np.array_equal(out, steady()[damage.undated_events :])


BACK = [name for name in SAMPLES if not name.startswith(("es", "evt3"))]


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize("late_us", [1, 1_000, 9_000])
def test_times_step_back_a_little(tmp_path: Path, name: str, late_us: int) -> None:
    _, extension, encode = SAMPLES[name]
    events = steady(begin_us=100_000)
    events["t"][150:160] -= late_us + 64
    out, damage = read(tmp_path / f"a{extension}", encode(events))
    assert np.array_equal(out, events[np.argsort(events["t"], kind="stable")])
    assert damage.stepped_back_events == np.count_nonzero(events["t"] < np.maximum.accumulate(events["t"]))


@pytest.mark.parametrize("name", [name for name in BACK if not name.startswith("evt")])
def test_times_that_step_far_back_and_return_are_left_out(tmp_path: Path, name: str) -> None:
    _, extension, encode = SAMPLES[name]
    events = steady(begin_us=60 * SECOND)
    events["t"][150:160] -= 50 * SECOND
    out, damage = read(tmp_path / f"a{extension}", encode(events))
    assert np.array_equal(out, np.delete(events, np.s_[150:160]))
    assert damage == Damage(misplaced_events=10)


@every
def test_events_outside_the_sensor(tmp_path: Path, form: str, extension: str, encode: Encode) -> None:
    events = steady()
    events["x"][7::10] = 59
    path = tmp_path / f"a{extension}"
    path.write_bytes(encode(events))
    out, damage = read_all(path, sensor=Sensor("narrow", 59, 40))
    if open_recording(path).sensor.name.startswith("DAVIS"):  # It counts its columns from the other side.
        return
    assert np.array_equal(out, events[events["x"] < 59])
    assert damage == Damage(outside_events=int(np.count_nonzero(events["x"] == 59)))


@every
def test_the_file_ends_in_zeros(tmp_path: Path, form: str, extension: str, encode: Encode) -> None:
    """As where a disk was full or a download stopped: what is good plays, and nothing takes for ever."""
    data = encode(steady()) + bytes(100_003)
    if data.startswith(b"PK"):
        return
    out, _ = read(tmp_path / f"a{extension}", data, 1 << 12)
    assert len(out) >= 290
    assert np.array_equal(out[:290], steady()[:290])
