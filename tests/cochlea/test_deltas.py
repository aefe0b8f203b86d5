"""The delta ear as a whole: the same events whatever the blocks, what they say, silence, and clear refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import assert_nothing_allocated, assert_tiling, events_of, voiced
from scipy import signal

from streamsnn.cochlea import gammatone
from streamsnn.cochlea.deltas import DeltaEar
from streamsnn.cochlea.ears import make_ear
from streamsnn.cochlea.encoder import Cochlea
from streamsnn.errors import StreamsnnError
from streamsnn.types import DeltaHearing, Events, Hearing, Packet, Sound

SMALL = DeltaHearing(channels=20)
RATES = (8000, 11_025, 16_000, 44_100, 48_000, 96_000)


def heard(ear: DeltaEar, sound: Any, cuts: list[int], begin: int = 0) -> list[Packet]:
    """The packets of `sound`, in blocks that end at `cuts`."""
    ends = [*cuts, len(sound)]
    return [
        ear.push(Sound(sound[first:last], begin + first, 10 * last))
        for first, last in zip([0, *cuts], ends, strict=True)
    ]


@settings(deadline=None, max_examples=25, derandomize=True)
@given(
    rate_hz=st.sampled_from(RATES),
    ears=st.integers(1, 2),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
    fine=st.booleans(),
    seed=st.integers(0, 5),
)
def test_blocks_change_nothing(rate_hz: int, ears: int, cuts: list[int], fine: bool, seed: int) -> None:
    sound = voiced(rate_hz, 0.12, ears, seed)
    places = sorted({cut % len(sound) for cut in cuts} | ({1, 2, 3, 5, 8, 9, 10} if fine else set()))
    whole = heard(DeltaEar(SMALL, rate_hz, ears), sound, [])
    cut = heard(DeltaEar(SMALL, rate_hz, ears, seed), sound, places)
    np.testing.assert_array_equal(events_of(cut), events_of(whole))
    assert_tiling(cut)
    assert_tiling(whole)
    assert (whole[0].t_begin_us, whole[0].t_end_us) == (0, len(sound) * 1000 // rate_hz * 1000)
    assert cut[-1].t_end_us == whole[0].t_end_us
    assert whole[0].events.size > 100


def plain(sound: Any, hearing: DeltaHearing, rate_hz: int) -> list[tuple[int, int, bool]]:
    """Time in ms, channel and polarity of every event, in double precision and a sample at a time."""
    expected = []
    for channel, hz in enumerate(gammatone.centres_hz(hearing.channels, hearing.lowest_hz, hearing.highest_hz)):
        wide = 1.019 * (24.7 + 0.107939 * hz)
        pole = np.exp(2 * np.pi * (1j * hz - wide) / rate_hz)
        ringing = sound.astype(np.complex128)
        for _ in range(4):
            ringing = signal.lfilter([1 - abs(pole)], [1, -pole], ringing)
        k = 1 - np.exp(-1000 / hearing.smooth_ms / rate_hz)
        energy = signal.lfilter([k], [1, k - 1], 4 * np.abs(ringing) ** 2)
        ends = -(-np.arange(1, len(sound) * 1000 // rate_hz + 1) * rate_hz // 1000) - 1
        at = 0
        for hop, level_db in enumerate(10 * np.log10(energy[ends] + 1e-30)):
            stands_db = hearing.floor_db + hearing.step_db * at
            while level_db >= hearing.floor_db + hearing.step_db * (at + 1):
                at += 1
                expected.append((hop, channel, True))
            while at > 0 and level_db < stands_db and level_db < hearing.floor_db + hearing.step_db * (at - 1):
                at -= 1
                expected.append((hop, channel, False))
    return sorted(expected)


@pytest.mark.parametrize("rate_hz", [11_025, 16_000])
def test_the_events_are_those_of_the_equations(rate_hz: int) -> None:
    hearing = DeltaHearing(channels=17, highest_hz=4500.0)
    sound = voiced(rate_hz, 0.4, seed=3)
    events = events_of(heard(DeltaEar(hearing, rate_hz), sound, [777]))
    found = sorted((int(event["t"]) // 1000, int(event["x"]), bool(event["p"])) for event in events)
    expected = plain(sound[:, 0], hearing, rate_hz)
    assert len(expected) > 300
    # Single precision may cross a level a millisecond sooner or later.
    differing = set(found) ^ set(expected)
    assert len(differing) <= 0.01 * len(expected), differing
    assert abs(len(found) - len(expected)) <= 0.01 * len(expected)


def test_silence_and_what_is_below_the_floor_are_silent() -> None:
    rng = np.random.default_rng(0)
    for sound in (np.zeros(80_000), rng.normal(0, 1e-4, 80_000), np.full(80_000, 0.3)):
        events = DeltaEar(DeltaHearing(), 16_000).push(Sound(sound[:, None].astype(np.float32), 0, 0)).events
        # A constant is a step at its beginning, and nothing after it.
        assert np.all(events["t"] < 400_000)
        assert events.size == 0 or sound[0] > 0.1


def test_a_sound_that_has_died_away_leaves_as_many_offs_as_ons() -> None:
    sound = np.concatenate([voiced(16_000, 0.5), np.zeros((16_000, 1), np.float32)])
    events = DeltaEar(DeltaHearing(), 16_000).push(Sound(sound, 0, 0)).events
    for channel in range(40):
        own = events[events["x"] == channel]
        assert np.count_nonzero(own["p"]) == np.count_nonzero(~own["p"]) > 0
        assert own["p"][0]
        assert not own["p"][-1]


def test_another_gain_moves_all_levels_alike() -> None:
    sound = voiced(16_000, 0.6)
    louder, quieter = (
        DeltaEar(DeltaHearing(floor_db=floor_db), 16_000).push(Sound(gain * sound, 0, 0)).events
        for gain, floor_db in ((np.float32(1), -60.0), (np.float32(0.125), -60 + 20 * np.log10(0.125)))
    )
    np.testing.assert_array_equal(louder, quieter)


def test_a_tone_is_heard_where_it_is_and_as_loud_as_it_is() -> None:
    time_s = np.arange(16_000) / 16_000
    for hz, amplitude in ((300, 0.1), (1000, 0.5), (3000, 0.01)):
        ear = DeltaEar(DeltaHearing(), 16_000)
        tone = (amplitude * np.sin(2 * np.pi * hz * time_s) * np.minimum(1, 20 * time_s))[:, None].astype(np.float32)
        events = ear.push(Sound(tone, 0, 0)).events
        stands = np.bincount(events["x"], np.where(events["p"], 1, -1), minlength=40)
        assert ear.best_hz[stands.argmax()] == pytest.approx(hz, rel=0.1)
        level_db = -70 + 3 * stands.max()
        assert level_db == pytest.approx(20 * np.log10(amplitude), abs=4)


def test_a_click_is_answered_when_the_delay_says() -> None:
    ear = DeltaEar(DeltaHearing(step_db=1.0), 16_000)
    sound = np.zeros((8000, 1), np.float32)
    sound[1600] = 0.9
    events = ear.push(Sound(sound, 0, 0)).events
    for channel in range(40):
        rising = events[(events["x"] == channel) & events["p"]]
        # An event has the time at which its millisecond begins, and levels are a step apart.
        assert rising["t"][-1] / 1000 - 100 == pytest.approx(ear.delay_us[channel] / 1000, abs=2.5 + 0.1 * channel)
    assert np.all(np.diff(ear.delay_us) > 0)
    assert ear.resampling_us == 0


def test_what_lies_beyond_half_the_rate_is_not_heard() -> None:
    rng = np.random.default_rng(0)
    ear = DeltaEar(DeltaHearing(highest_hz=7000.0), 8000)
    events = ear.push(Sound(rng.normal(0, 0.1, (8000, 1)).astype(np.float32), 0, 0)).events
    there = np.bincount(events["x"], minlength=40) > 0
    np.testing.assert_array_equal(there, ear.best_hz <= 3600)


@pytest.mark.parametrize("rate_hz", [11_025, 48_000])
@pytest.mark.parametrize("lost", [1, 999, 44_100])
def test_a_hole_keeps_time_and_blocks_change_nothing_after_it(rate_hz: int, lost: int) -> None:
    sound = voiced(rate_hz, 0.3)
    at = len(sound) // 3
    found: list[Events] = []
    for cuts in ([], [1, 2, 77, 78, 500]):
        ear = DeltaEar(SMALL, rate_hz)
        packets = heard(ear, sound[:at], [])
        packets += heard(ear, sound[at:], cuts, at + lost)
        found.append(events_of(packets))
        assert_tiling(packets[1:])
        assert packets[0].t_end_us <= packets[1].t_begin_us
        assert packets[1].t_begin_us == (at + lost) * 1000 // rate_hz * 1000
    np.testing.assert_array_equal(found[0], found[1])


def test_resetting_and_copies() -> None:
    sound = voiced(11_025, 0.4, 2)
    ear = DeltaEar(SMALL, 11_025, 2)
    first = events_of(heard(ear, sound, []))
    ear.reset()
    assert ear.clipped == 0
    early = heard(ear, sound[:2000], [])
    other = ear.copy()
    late = [events_of(heard(each, sound[2000:], [100], 2000)) for each in (ear, other)]
    np.testing.assert_array_equal(late[0], late[1])
    np.testing.assert_array_equal(np.concatenate([events_of(early), late[0]]), first)
    assert {0, 1} == set(first["y"].tolist())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"lowest_hz": 10.0}, "lowest_hz is 10"),
        ({"lowest_hz": 8000.0}, "lowest_hz is 8000"),
        ({"highest_hz": 30_000.0}, "highest_hz is 30000"),
        ({"smooth_ms": 0.0}, "smooth_ms is 0"),
        ({"step_db": 0.0}, "step_db is 0"),
        ({"step_db": float("nan")}, "step_db is nan"),
        ({"floor_db": 1.0}, "floor_db is 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(StreamsnnError, match=message) as refused:
        DeltaEar(dataclasses.replace(DeltaHearing(), **changed), 16_000)
    assert "[hearing]" in str(refused.value)
    assert refused.value.hint


def test_sound_that_cannot_be_heard_is_refused() -> None:
    for rate_hz, ears in ((100, 1), (1_000_000, 1), (16_000, 0)):
        with pytest.raises(StreamsnnError):
            DeltaEar(SMALL, rate_hz, ears)
    ear = DeltaEar(SMALL, 16_000)
    ear.push(Sound(voiced(16_000, 0.1), 0, 0))
    for samples, begin in ((np.zeros((9, 2), np.float32), 1600), (np.zeros((9, 1), np.float32), 1599)):
        with pytest.raises(StreamsnnError):
            ear.push(Sound(samples, begin, 0))
    with pytest.raises(StreamsnnError, match=r"at 0\.1 s"):
        ear.push(Sound(np.full((9, 1), np.nan, np.float32), 1600, 0))


def test_settings_say_which_ear_it_is() -> None:
    assert isinstance(make_ear(SMALL, 16_000), DeltaEar)
    assert isinstance(make_ear(Hearing(channels=20, cells=2), 16_000), Cochlea)


@pytest.mark.parametrize("ears", [1, 2])
def test_a_block_allocates_nothing_but_its_packet(ears: int) -> None:
    # Seven arrays are given for each ear.
    assert_nothing_allocated(DeltaEar(SMALL, 16_000, ears), handles=7 * ears)
