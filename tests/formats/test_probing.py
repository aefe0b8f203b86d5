"""Beginning in the middle of a file gives what reading it from its beginning gives from there on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_strategies import SENSOR, make_events
from format_files import davis240, evt21, evt21_legacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamsnn.formats import aedat4, aedat4_packets, open_recording, probing, write_recording
from streamsnn.sources.files import RecordingSource
from streamsnn.types import EVENT, Events


def written(path: Path, events: Events) -> Path:
    made = {".aedat": davis240, ".evt21": evt21, ".raw": evt21_legacy}.get(path.suffix)
    if made is not None:
        path.write_bytes(made(events))
    else:
        write_recording(path, events, SENSOR)
    return path


def long(first_us: int, n: int = 20_000, step_us: int = 50_000) -> Events:
    return make_events(first_us + step_us * np.arange(n), np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 2)


@pytest.mark.parametrize("name", ["a.dat", "a.evt2", "a.aedat", "a.evt21", "a.raw", "a.aedat4"])
@pytest.mark.parametrize("first_us", [0, (1 << 32) - 500_000_000])
def test_it_begins_late_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, first_us: int
) -> None:
    monkeypatch.setattr(probing, "_APART_BYTES", 4096)
    events = long(first_us)
    path = written(tmp_path / name, events)
    for from_us in (first_us, first_us + 400_000_000, first_us + 900_000_000, first_us + 2_000_000_000):
        recording = open_recording(path)
        out = np.concatenate([np.empty(0, EVENT), *recording.chunks(from_us=from_us)])
        assert np.array_equal(out[out["t"] >= from_us], events[events["t"] >= from_us])
        assert not recording.damage
        if first_us < from_us < events["t"][-1]:
            assert len(out) < len(events) - (from_us - first_us) // 50_000 * 0.9 + 1000


def test_an_odd_clock_is_read_from_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_APART_BYTES", 4096)
    events = long(0)
    data = bytearray(written(tmp_path / "a.dat", events).read_bytes())
    data[-8000 * 8 : -7999 * 8] = b"\xff" * 8  # A look may meet it, or not: what comes is right.
    (tmp_path / "a.dat").write_bytes(data)
    out = np.concatenate([*open_recording(tmp_path / "a.dat").chunks(from_us=700_000_000)])
    expected = np.delete(events, -8000)
    assert np.array_equal(out[out["t"] >= 700_000_000], expected[expected["t"] >= 700_000_000])


def test_a_source_starts_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "_APART_BYTES", 4096)
    path = written(tmp_path / "a.dat", long(7_000))
    read: list[int] = []
    source = RecordingSource(path, start_us=800_000_000, stop_us=801_000_000, packet_us=500_000)
    packets: list[Any] = list(source)
    read.append(source.damage.read_bytes)
    assert [len(packet.events) for packet in packets] == [10, 10]
    assert packets[0].t_begin_us == 800_007_000
    assert read[0] < 20_000 * 8 * 0.3


@pytest.mark.parametrize("name", ["a.dat", "a.evt2", "a.aedat", "a.evt21", "a.raw", "a.aedat4"])
@given(
    gaps=st.lists(st.integers(0, 90_000), min_size=50, max_size=400), share=st.floats(-0.1, 1.1), damaged=st.booleans()
)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_start_gives_what_a_full_read_gives_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, gaps: list[int], share: float, damaged: bool
) -> None:
    monkeypatch.setattr(probing, "_APART_BYTES", 64)
    monkeypatch.setattr(probing, "_LOOK_BYTES", 256)
    monkeypatch.setattr(aedat4, "_WRITE_EVENTS", 16)
    t_us = (1 << 32) - 10_000_000 + np.cumsum(gaps)
    path = written(tmp_path / name, make_events(t_us, np.arange(t_us.size) % 60))
    if damaged:
        data = bytearray(path.read_bytes())
        data[len(data) * 2 // 3] ^= 0x50
        path.write_bytes(data)
    whole = np.concatenate([np.empty(0, EVENT), *open_recording(path).chunks()])
    from_us = int(t_us[0] + share * (t_us[-1] - t_us[0]))
    some = np.concatenate([np.empty(0, EVENT), *open_recording(path).chunks(from_us=from_us)])
    if not damaged:
        assert np.array_equal(some[some["t"] >= from_us], whole[whole["t"] >= from_us])
    else:  # How a wrong time is judged depends on what was read before it.
        assert len(some) <= len(whole)


def test_of_aedat4_few_packets_are_decompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aedat4_packets, "_LOOKS", 10)
    path = written(tmp_path / "a.aedat4", long(0, 100_000, 1000))
    recording = open_recording(path)
    out = np.concatenate([*recording.chunks(from_us=80_000_000)])
    assert 79_000_000 - 12_000_000 < out["t"][0] < 79_000_000
    assert out["t"][-1] == 99_999_000
