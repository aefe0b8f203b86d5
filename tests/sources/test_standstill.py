"""A recording whose clock stands still plays in bounded memory, and what is lost is counted."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.errors import StreamsnnError
from streamsnn.formats import write_recording
from streamsnn.formats.recording import CHUNK_BYTES
from streamsnn.sources import standstill
from streamsnn.sources.files import RecordingSource
from streamsnn.sources.standstill import Standstill
from streamsnn.types import EVENT, Events, Sensor

SENSOR = Sensor("test", 60, 40)
MOST, CROWD, AT_US = 1_000, 200_000, 5_000
HELD = MOST + 2 * CHUNK_BYTES // 8
"""What may wait for a packet's end: the most of one microsecond, and a chunk or two of a file with 8 bytes an event."""


def numbered(times: list[int]) -> Events:
    """Events at these times that one can tell apart."""
    events = np.zeros(len(times), EVENT)
    events["t"] = times
    events["x"], events["y"] = np.arange(len(times)) % 60, np.arange(len(times)) // 60 % 40
    return events


@pytest.fixture
def standing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven events, a crowd within one microsecond, and five more."""
    monkeypatch.setattr(standstill, "MOST_EVENTS", MOST)
    times = [*range(0, 700, 100), *[AT_US] * CROWD, *range(9_000, 9_500, 100)]
    write_recording(tmp_path / "standing.dat", numbered(times), SENSOR)
    return tmp_path / "standing.dat"


@pytest.mark.parametrize("packet_us", [1, 700, 10_000, 1_000_000])
def test_a_crowd_within_one_microsecond_is_bounded_and_counted(standing: Path, packet_us: int) -> None:
    source = RecordingSource(standing, packet_us=packet_us)
    packets = list(source)
    events = np.concatenate([packet.events for packet in packets])
    assert np.unique(events["t"], return_counts=True)[1].tolist() == [1] * 7 + [MOST] + [1] * 5
    assert sum(packet.dropped for packet in packets) == CROWD - MOST
    assert max(len(packet.events) for packet in packets) <= MOST + 12
    assert all(before.t_end_us == after.t_begin_us for before, after in itertools.pairwise(packets))
    assert (packets[0].t_begin_us, packets[-1].t_end_us) == (0, 9_401)
    assert source.damage.crowded_events == CROWD - MOST
    assert f"{CROWD - MOST:,} events" in source.damage.describe()[0]


def test_who_is_strict_refuses_it(standing: Path) -> None:
    with pytest.raises(StreamsnnError, match="the clock stood still"):
        list(RecordingSource(standing, strict=True))


def test_many_events_in_a_long_packet_go_in_shorter_ones_and_all_arrive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standstill, "MOST_EVENTS", MOST)
    events = numbered(np.sort(np.random.default_rng(1).integers(0, 300_000, 150_000)).tolist())
    write_recording(tmp_path / "fast.dat", events, SENSOR)
    packets = list(RecordingSource(tmp_path / "fast.dat", packet_us=1_000_000))
    assert max(len(packet.events) for packet in packets) <= HELD
    assert len(packets) > 2
    assert sum(packet.dropped for packet in packets) == 0
    assert np.array_equal(np.concatenate([packet.events for packet in packets]), events)
    assert all(before.t_end_us == after.t_begin_us for before, after in itertools.pairwise(packets))
    for packet in packets:
        assert packet.t_begin_us <= packet.events["t"][0]
        assert packet.events["t"][-1] < packet.t_end_us


@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=80).map(sorted),
    st.integers(1, 12),
    st.lists(st.integers(1, 79), max_size=8),
)
@settings(deadline=None, max_examples=200)
def test_the_same_are_lost_however_the_stream_is_cut(times: list[int], most: int, cuts: list[int]) -> None:
    events = numbered(times)
    thin = Standstill(most)
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    kept = np.concatenate([thin(events[begin:end]) for begin, end in itertools.pairwise(edges)])
    expected = np.concatenate([events[events["t"] == t_us][:most] for t_us in sorted(set(times))])
    assert np.array_equal(kept, expected)
    assert thin.lost == len(events) - len(expected)
