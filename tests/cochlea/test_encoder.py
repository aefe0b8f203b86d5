"""The cochlea as a whole: the same spikes whatever the blocks, packets that tile time, and clear refusals."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import assert_nothing_allocated, assert_tiling, events_of, voiced
from numpy.typing import NDArray
from parts import fired_of, probability_of, velocity_of

from streamsnn.cochlea import bushy_cells
from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.encoder import Cochlea
from streamsnn.cochlea.level import Leveller
from streamsnn.cochlea.membrane import choose_places
from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Hearing, Packet, Sound

SMALL = Hearing(channels=20, cells=2)
RATES = (8000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)
Single = NDArray[np.float32]


def heard(cochlea: Cochlea, sound: Single, cuts: list[int], begin: int = 0) -> list[Packet]:
    """The packets of `sound`, in blocks that end at `cuts`."""
    ends = [*cuts, len(sound)]
    return [
        cochlea.push(Sound(sound[first:last], begin + first, 10 * last))
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
    whole = heard(Cochlea(SMALL, rate_hz, ears, seed), sound, [])
    cut = heard(Cochlea(SMALL, rate_hz, ears, seed), sound, places)
    np.testing.assert_array_equal(events_of(cut), events_of(whole))
    assert_tiling(cut)
    assert_tiling(whole)
    assert (cut[0].t_begin_us, cut[-1].t_end_us) == (whole[0].t_begin_us, whole[0].t_end_us)
    assert whole[0].t_begin_us == 0
    assert abs(whole[0].t_end_us - 120_000) <= 1e6 / RATE_HZ * 2 + 1e6 / rate_hz


def test_sound_is_heard_in_the_tests_above() -> None:
    for rate_hz in RATES:
        events = events_of(heard(Cochlea(SMALL, rate_hz, 2, 1), voiced(rate_hz, 0.5, 2, 1), []))
        assert np.bincount(events["y"]).min() > 100
        assert np.unique(events["x"]).size > 12
        assert events["x"].max() < SMALL.channels
        assert events["p"].all()


def test_an_empty_block_is_an_empty_packet() -> None:
    cochlea = Cochlea(SMALL, 16_000)
    nothing = np.zeros((0, 1), np.float32)
    first = cochlea.push(Sound(nothing, 0, 5))
    assert (first.events.size, first.t_begin_us, first.t_end_us, first.arrived_ns) == (0, 0, 0, 5)
    sound = voiced(16_000, 0.3)
    packets = [*heard(cochlea, sound[:1000], []), cochlea.push(Sound(nothing, 1000, 7))]
    packets += heard(cochlea, sound[1000:], [], 1000)
    np.testing.assert_array_equal(events_of(packets), events_of(heard(Cochlea(SMALL, 16_000), sound, [])))
    assert_tiling(packets)


@pytest.mark.parametrize("ears", [1, 2])
def test_the_chain_is_its_parts(ears: int) -> None:
    hearing = Hearing(channels=37, cells=3)
    sound = voiced(RATE_HZ, 0.25, ears)
    found = events_of(heard(Cochlea(hearing, RATE_HZ, ears, seed=9), sound, [777, 5000]))
    sharp = np.ascontiguousarray(sound.T)
    Leveller(hearing, ears).push(sharp)
    places = choose_places(hearing.channels, hearing.lowest_hz, hearing.highest_hz)
    expected = []
    for ear in range(ears):
        velocity = velocity_of(places, sharp[ear].astype(np.float64))
        probability = probability_of(velocity)
        own = bushy_cells.keys(3, hearing.cells, 9, ear)
        for group in range(3):
            here = probability[:, 16 * group : 16 * (group + 1)]
            for cell in range(hearing.cells):
                fired, _ = fired_of(here, own[group, cell])
                stride, lane = np.nonzero(fired[:, : min(16, hearing.channels - 16 * group)])
                expected += [(n * 125 // 3, 16 * group + x, ear, True) for n, x in zip(stride, lane, strict=True)]
    order = ["t", "y", "x"]
    np.testing.assert_array_equal(np.sort(found, order=order), np.sort(np.array(expected, EVENT), order=order))
    assert found.size > 100


def test_no_spike_comes_from_places_that_fill_a_group_up() -> None:
    # Seventeen channels are two groups of sixteen; what is silent spikes at rest, too.
    cochlea = Cochlea(Hearing(channels=17, cells=5), 16_000)
    events = cochlea.push(Sound(np.zeros((16_000 * 20, 1), np.float32), 0, 0)).events
    assert events["x"].max() == 16
    assert events.size > 500


def test_digital_silence_rests_at_three_spikes_in_four_seconds() -> None:
    hearing = Hearing(channels=70, cells=5)
    cochlea = Cochlea(hearing, 16_000, seed=3)
    seconds = 20
    counts = np.zeros(70)
    for second in range(seconds):
        events = cochlea.push(Sound(np.zeros((16_000, 1), np.float32), 16_000 * second, 0)).events
        counts += np.bincount(events["x"], minlength=70)
    expected = 0.786 * seconds * hearing.cells
    # Spikes of different cells are independent, and a cell's nearly so: 4.6 standard deviations, for all and for each.
    assert abs(counts.sum() - 70 * expected) < 4.6 * np.sqrt(70 * expected) * 1.05
    assert np.abs(counts - expected).max() < 5.5 * np.sqrt(expected)
    # 3 % more or fewer would be noticed in ten times the time; a tenth is noticed here.
    assert 0.1 * 70 * expected > 4.6 * np.sqrt(70 * expected)


def test_a_long_stream_does_not_run_away() -> None:
    # Where draws go wrong, a cell may fire without end: in loud noise, nobody is far from its neighbours.
    cochlea = Cochlea(Hearing(channels=16, cells=20, pre_emphasis=0.0, level=2.0), 16_000, seed=1)
    rng = np.random.default_rng(0)
    counts = np.zeros(16)
    for second in range(40):
        block = rng.normal(0, 0.2, (16_000, 1)).astype(np.float32)
        events = cochlea.push(Sound(block, 16_000 * second, 0)).events
        if second >= 20:
            counts += np.bincount(events["x"], minlength=16)
    assert counts.min() > 1000
    smooth = (counts[:-2] + counts[2:]) / 2
    assert np.abs(counts[1:-1] / smooth - 1).max() < 0.1


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("ears", [1, 2])
def test_what_is_no_number_is_refused_with_its_place(wrong: float, ears: int) -> None:
    cochlea = Cochlea(SMALL, 16_000, ears)
    sound = voiced(16_000, 0.5, ears)
    heard(cochlea, sound[:4000], [])
    before = cochlea.copy()
    damaged = sound[4000:].copy()
    damaged[800, ears - 1] = wrong
    with pytest.raises(StreamsnnError, match=r"at 0\.3 s") as refused:
        heard(cochlea, damaged, [], 4000)
    assert refused.value.hint
    # Nothing of it was heard: the stream can go on with what is whole.
    np.testing.assert_array_equal(
        events_of(heard(cochlea, sound[4000:], [], 4000)), events_of(heard(before, sound[4000:], [], 4000))
    )


@pytest.mark.parametrize(
    ("shape", "begin", "message"),
    [((100,), 4000, "shape"), ((100, 2), 4000, "shape"), ((100, 1), 3999, "back in time"), ((0, 1), 0, "back in time")],
)
def test_sound_that_does_not_fit_is_refused(shape: tuple[int, ...], begin: int, message: str) -> None:
    cochlea = Cochlea(SMALL, 16_000)
    heard(cochlea, voiced(16_000, 0.25), [])
    with pytest.raises(StreamsnnError, match=message) as refused:
        cochlea.push(Sound(np.zeros(shape, np.float32), begin, 0))
    assert refused.value.hint


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 44_100, 48_000])
@pytest.mark.parametrize("lost", [1, 2, 3, 999, 1000, 44_100])
@pytest.mark.parametrize("before", [400, 401])
def test_a_hole_keeps_time(rate_hz: int, lost: int, before: int) -> None:
    sound = voiced(rate_hz, 0.2)
    cochlea = Cochlea(SMALL, rate_hz)
    first = cochlea.push(Sound(sound[:before], 0, 0))
    second = cochlea.push(Sound(sound[before:], before + lost, 0, lost))
    stride_us = 2e6 / RATE_HZ
    assert second.dropped == lost
    assert first.t_end_us <= second.t_begin_us
    # Packets end with the stride that the sound's end falls into, hole or not.
    slack = stride_us + 1e6 / rate_hz + 1
    assert abs(first.t_end_us - before / rate_hz * 1e6) < slack
    assert abs(second.t_begin_us - (before + lost) / rate_hz * 1e6) < slack
    assert abs(second.t_end_us - (len(sound) + lost) / rate_hz * 1e6) < slack
    assert_tiling([second])


@pytest.mark.parametrize("rate_hz", [11_025, 48_000])
@pytest.mark.parametrize("lost", [1, 1000, 1001])
def test_after_a_hole_blocks_change_nothing_either(rate_hz: int, lost: int) -> None:
    sound = voiced(rate_hz, 0.3)
    at = len(sound) // 3
    found = []
    for cuts in ([], [1, 2, 77, 78, 500]):
        cochlea = Cochlea(SMALL, rate_hz, seed=2)
        packets = heard(cochlea, sound[:at], [])
        packets += heard(cochlea, sound[at:], cuts, at + lost)
        found.append(events_of(packets))
        assert_tiling(packets[1:])
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].size > 50


def test_a_click_after_a_hole_comes_when_it_should() -> None:
    # Loud clicks are answered within a few milliseconds: which is when, whatever was lost before.
    hearing = Hearing(channels=16, cells=10, lowest_hz=1500, highest_hz=5000, first_gain_db=50)
    for lost in (0, 1, 7, 24_000, 48_001):
        answers = []
        for seed in range(6):
            cochlea = Cochlea(hearing, RATE_HZ, seed=seed)
            cochlea.push(Sound(np.zeros((4801, 1), np.float32), 0, 0))
            sound = np.zeros((4800, 1), np.float32)
            sound[960] = 0.9
            events = cochlea.push(Sound(sound, 4801 + lost, 0, lost)).events
            click_us = (4801 + lost + 960) / RATE_HZ * 1e6
            since_ms = (events["t"] - click_us) / 1000
            answers += list(since_ms)
        within = np.histogram(answers, np.arange(-15, 30, 5))[0]
        # From the click on, and hardly before.
        assert within[3] > 8 * max(within[:3].max(), 1), (lost, within)


def test_resetting_goes_back_to_the_beginning() -> None:
    sound = voiced(11_025, 0.4, 2)
    cochlea = Cochlea(SMALL, 11_025, 2, seed=4)
    first = events_of(heard(cochlea, sound, []))
    assert cochlea.gain != Cochlea(SMALL, 11_025, 2).gain
    cochlea.reset()
    assert cochlea.gain == Cochlea(SMALL, 11_025, 2).gain
    assert cochlea.clipped == 0
    np.testing.assert_array_equal(events_of(heard(cochlea, sound, [])), first)


def test_a_copy_goes_on_by_itself() -> None:
    sound = voiced(44_100, 0.4)
    cochlea = Cochlea(SMALL, 44_100)
    heard(cochlea, sound[:7777], [])
    other = cochlea.copy()
    later = events_of(heard(cochlea, sound[7777:], [500], 7777))
    assert later.size > 50
    np.testing.assert_array_equal(events_of(heard(other, sound[7777:], [], 7777)), later)


def test_packets_own_their_events() -> None:
    for ears in (1, 2):
        cochlea = Cochlea(SMALL, 16_000, ears)
        sound = voiced(16_000, 0.4, ears)
        for size in (160, 1600):
            packets = heard(Cochlea(SMALL, 16_000, ears), sound, list(range(size, len(sound), size)))
            kept = [packet.events.copy() for packet in packets]
            heard(cochlea, sound, [])
            cochlea.reset()
            for packet, copy in zip(packets, kept, strict=True):
                np.testing.assert_array_equal(packet.events, copy)


def test_a_seed_is_the_same_spikes_and_another_others() -> None:
    sound = voiced(16_000, 0.4)
    first, same, other = (events_of(heard(Cochlea(SMALL, 16_000, seed=seed), sound, [])) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    common = np.intersect1d(first[["t", "x"]], other[["t", "x"]]).size
    assert common < 0.2 * first.size
    assert other.size == pytest.approx(first.size, rel=0.25)


def test_ears_hear_one_sound_by_their_own_cells() -> None:
    one = voiced(16_000, 0.6)
    events = events_of(heard(Cochlea(SMALL, 16_000, 2), np.repeat(one, 2, 1), []))
    left, right = (events[events["y"] == ear] for ear in (0, 1))
    assert left.size == pytest.approx(right.size, rel=0.25)
    assert np.intersect1d(left[["t", "x"]], right[["t", "x"]]).size < 0.2 * left.size
    alone = events_of(heard(Cochlea(SMALL, 16_000, 1), one, []))
    np.testing.assert_array_equal(alone[["t", "x"]], left[["t", "x"]])


def test_louder_channels_spike_more() -> None:
    time_s = np.arange(16_000) / 16_000
    for hz in (300, 1000, 3000):
        cochlea = Cochlea(Hearing(pre_emphasis=0.0), 16_000)
        tone = (0.3 * np.sin(2 * np.pi * hz * time_s))[:, None].astype(np.float32)
        events = cochlea.push(Sound(tone, 0, 0)).events
        busiest = cochlea.best_hz[np.bincount(events["x"], minlength=70).argmax()]
        assert busiest == pytest.approx(hz, rel=0.25)


def test_clipping_is_counted() -> None:
    cochlea = Cochlea(SMALL, 16_000)
    sound = np.array([[0.0], [1.0], [0.99], [-1.0], [1.5], [-0.2]], np.float32)
    cochlea.push(Sound(sound, 0, 0))
    assert cochlea.clipped == 3
    cochlea.push(Sound(sound, 6, 0))
    assert cochlea.clipped == 6


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"channels": 0}, "channels is 0"),
        ({"channels": 701}, "channels is 701"),
        ({"cells": 0}, "cells is 0"),
        ({"cells": 41}, "cells is 41"),
        ({"lowest_hz": 20.0}, "lowest_hz is 20"),
        ({"lowest_hz": 8000.0}, "lowest_hz is 8000"),
        ({"highest_hz": 30_000.0}, "highest_hz is 30000"),
        ({"pre_emphasis": -0.1}, "pre_emphasis is -0.1"),
        ({"pre_emphasis": 1.1}, "pre_emphasis is 1.1"),
        ({"level": 0.0}, "level is 0"),
        ({"level": float("nan")}, "level is nan"),
        ({"attack_ms": 0.0}, "attack_ms is 0"),
        ({"release_ms": -1.0}, "release_ms is -1"),
        ({"first_gain_db": 60.0}, "most_gain_db is 50"),
        ({"most_gain_db": 130.0}, "most_gain_db is 130"),
        ({"first_gain_db": float("-inf")}, "first_gain_db is -inf"),
        ({"attack_ms": float("inf")}, "attack_ms is inf"),
    ],
)
def test_settings_that_cannot_be_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(StreamsnnError, match=message.replace(".", r"\.")) as refused:
        Cochlea(dataclasses.replace(Hearing(), **changed), 16_000)
    assert "[hearing]" in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(("rate_hz", "ears"), [(100, 1), (1_000_000, 1), (16_000, 0)])
def test_streams_that_cannot_be_heard_are_refused(rate_hz: int, ears: int) -> None:
    with pytest.raises(StreamsnnError) as refused:
        Cochlea(SMALL, rate_hz, ears)
    assert refused.value.hint


@pytest.mark.parametrize("ears", [1, 2])
def test_a_block_allocates_nothing_but_its_packet(ears: int) -> None:
    # Arrays that are given: 3 to resampling and 8 to hearing for each ear, 4 to levelling.
    assert_nothing_allocated(Cochlea(SMALL, 16_000, ears), handles=11 * ears + 4)
