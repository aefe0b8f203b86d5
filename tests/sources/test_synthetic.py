"""A synthetic source is a source: contiguous, repeatable, and the same however it is cut."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.checks import assert_conforms, check_source
from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.sources.scenes import BouncingDisc
from streamsnn.sources.sensor_model import ATIS, CameraSettings
from streamsnn.sources.synthetic import SCENES, SyntheticSource, open_synthetic
from streamsnn.types import Events

SCENE = BouncingDisc(width=24, height=16, radius_px=3.0, speed_px_s=(150.0, 90.0))


def source(packet_us: int = 1000, *, duration_us: int | None = 60_000, seed: int = 5) -> SyntheticSource:
    return SyntheticSource(
        SCENE, ATIS, seed=seed, duration_us=duration_us, packet_us=packet_us, clock=ManualClock(start_ns=17)
    )


def all_events(made: SyntheticSource) -> Events:
    return np.concatenate([packet.events for packet in made])


@settings(deadline=None, max_examples=20)
@given(packet_us=st.integers(1, 70_000).filter(lambda us: us > 100))
def test_the_events_do_not_depend_on_the_packets(packet_us: int) -> None:
    whole = all_events(source(60_000))
    assert len(whole) > 500
    assert np.array_equal(all_events(source(packet_us)), whole)


def test_iterating_again_gives_the_same_and_another_seed_does_not() -> None:
    made = source()
    assert np.array_equal(all_events(made), all_events(made))
    assert not np.array_equal(all_events(made), all_events(source(seed=6)))


def test_packets_tile_the_duration_and_hold_their_own_events() -> None:
    packets = list(source(7_000))
    assert [(p.t_begin_us, p.t_end_us) for p in packets] == [
        (begin, min(begin + 7_000, 60_000)) for begin in range(0, 60_000, 7_000)
    ]
    for packet in packets:
        assert packet.arrived_ns == 17
        assert np.all((packet.events["t"] >= packet.t_begin_us) & (packet.events["t"] < packet.t_end_us))
        assert np.all((packet.events["x"] < 24) & (packet.events["y"] < 16))


def test_a_still_scene_without_noise_gives_empty_packets() -> None:
    still = BouncingDisc(width=24, height=16, radius_px=3.0, speed_px_s=(0.0, 0.0))
    quiet = CameraSettings(leak_hz=0.0, background_hz=0.0)
    packets = list(
        SyntheticSource(still, quiet, seed=0, duration_us=10_000, packet_us=1000, clock=ManualClock(start_ns=0))
    )
    assert [packet.events.size for packet in packets] == [0] * 10


def test_without_a_duration_it_goes_on_until_it_is_closed() -> None:
    made = source(10_000, duration_us=None)
    stream = iter(made)
    ends = [packet.t_end_us for packet in itertools.islice(stream, 30)]
    assert ends[-1] == 300_000
    made.close()
    assert next(stream, None) is None


@pytest.mark.parametrize("name", SCENES)
def test_every_named_scene_conforms_and_moves(name: str) -> None:
    assert_conforms(check_source(lambda: open_synthetic(name, clock=ManualClock(), packet_us=1_000)))
    made = open_synthetic(name, clock=ManualClock(), duration_us=700_000, packet_us=10_000)
    assert made.sensor.name == name
    assert len(all_events(made)) > 2000


def test_named_scenes_take_what_stands_behind_the_colon() -> None:
    counts = [
        len(all_events(open_synthetic(spec, clock=ManualClock(), duration_us=500_000, packet_us=10_000)))
        for spec in ("digit:1", "digit:8")
    ]
    assert counts[0] < counts[1]


@pytest.mark.parametrize(
    ("spec", "words"), [("digti:3", "digit"), ("nothing", "bar"), ("bar:up", "bar:45"), ("digits:3x", "digit")]
)
def test_a_wrong_scene_says_what_to_write(spec: str, words: str) -> None:
    with pytest.raises(StreamsnnError) as raised:
        open_synthetic(spec, clock=ManualClock())
    assert words in raised.value.hint


@pytest.mark.parametrize(("duration_us", "packet_us"), [(0, 1000), (1000, 0), (None, -1)])
def test_lengths_must_be_positive(duration_us: int | None, packet_us: int) -> None:
    with pytest.raises(StreamsnnError, match="packets of"):
        source(packet_us, duration_us=duration_us)
