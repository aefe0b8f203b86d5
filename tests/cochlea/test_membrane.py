"""The compiled membrane is the filters of the table, in any cut; places are chosen evenly along it."""

from __future__ import annotations

import numpy as np
import pytest
from parts import velocity_of
from plain_cochlea import impulse_response

from streamsnn.cochlea.design import RATE_HZ, TAPS, fitted_response, places
from streamsnn.cochlea.membrane import BLOCK, FILTER_ROWS, Places, all_places, choose_places, work_size
from streamsnn.intrinsics import LANES


def some(*numbers: int) -> Places:
    every, chosen = all_places(), np.array(numbers)
    return Places(every.best_hz[chosen], every.poles[chosen], every.residues[chosen], every.taps[chosen])


NUMBERS = (0, 1, 50, 111, 222, 300, 350, 401, 444, 500, 555, 600, 620, 640, 660, 680, 690, 699)
"""More than one group, and no whole number of groups."""


@pytest.mark.parametrize("at", [0, 1, 30, 31])
def test_a_click_gives_the_impulse_response(at: int) -> None:
    chosen = some(*NUMBERS)
    sound = np.zeros(6000)
    sound[at] = 0.7
    found = velocity_of(chosen, sound)
    for place in range(len(NUMBERS)):
        whole = np.concatenate([np.zeros(at), impulse_response(chosen, place, 6000)])[:6000]
        expected = 0.7 * whole[::2]
        # The response rings at float32's grain of what was loudest.
        np.testing.assert_allclose(found[:, place], expected, rtol=0, atol=3e-5 * np.abs(whole).max())


def test_places_that_fill_a_group_up_are_silent() -> None:
    sound = np.random.default_rng(0).normal(size=2000)
    found = velocity_of(some(*NUMBERS), sound)
    assert found.shape[1] == 2 * LANES
    assert (found[:, len(NUMBERS) :] == 0).all()
    assert (np.abs(found[:, : len(NUMBERS)]).max(0) > 0).all()
    packed = some(*NUMBERS).packed()
    assert packed.shape == (2, FILTER_ROWS, LANES)
    assert packed.flags.c_contiguous


def test_a_sine_comes_out_as_the_response_says() -> None:
    chosen = some(222, 350, 500)
    time_s = np.arange(RATE_HZ // 2) / RATE_HZ
    for place in range(3):
        for hz in (chosen.best_hz[place], 0.8 * chosen.best_hz[place]):
            found = velocity_of(chosen, np.sin(2 * np.pi * hz * time_s))[6000:, place]
            answer = fitted_response(np.array([hz]), chosen.poles[place], chosen.residues[place], chosen.taps[place])
            expected = np.abs(answer) * np.sin(2 * np.pi * hz * time_s + np.angle(answer))
            np.testing.assert_allclose(found, expected[::2][6000:], rtol=0, atol=3e-5 * np.abs(answer)[0])


def test_above_12_khz_the_velocity_is_folded() -> None:
    # As in the published model: the velocity of a place above 12 kHz is taken at 24 kHz nevertheless.
    chosen = some(40)
    hz = float(chosen.best_hz[0])
    assert hz > 12_000
    velocity = velocity_of(chosen, np.sin(2 * np.pi * hz * np.arange(24_000) / RATE_HZ))[6000:, 0]
    spectrum = np.abs(np.fft.rfft(velocity * np.hanning(velocity.size)))
    assert np.fft.rfftfreq(velocity.size, 2 / RATE_HZ)[spectrum.argmax()] == pytest.approx(24_000 - hz, abs=8)


def test_cuts_change_nothing() -> None:
    sound = np.random.default_rng(1).normal(size=999)
    chosen = some(*NUMBERS)
    whole = velocity_of(chosen, sound)
    for cuts in ((1,), (7, 8, 31), (100, 101, 102, 103, 400), tuple(range(1, 500))):
        np.testing.assert_array_equal(velocity_of(chosen, sound, cuts), whole)


def test_channels_are_chosen_evenly_along_the_membrane() -> None:
    every = all_places()
    whole = choose_places(700, every.best_hz[-1], every.best_hz[0])
    np.testing.assert_array_equal(whole.best_hz, every.best_hz)
    chosen = choose_places(70, 110, 7000)
    assert chosen.best_hz[0] == pytest.approx(7000, rel=0.01)
    assert chosen.best_hz[-1] == pytest.approx(110, rel=0.01)
    numbers = [int(np.flatnonzero((every.poles == poles).all(1))[0]) for poles in chosen.poles]
    assert set(np.diff(numbers)) <= {int(np.diff(numbers).min()), int(np.diff(numbers).min()) + 1}
    assert min(np.diff(numbers)) >= 1
    for channel, number in enumerate(numbers):
        np.testing.assert_array_equal(chosen.residues[channel], every.residues[number])
        np.testing.assert_array_equal(chosen.taps[channel], every.taps[number])
        assert chosen.best_hz[channel] == every.best_hz[number]
    one = choose_places(1, 1000, 1000)
    assert one.best_hz.shape == (1,)
    assert one.best_hz[0] == pytest.approx(1000, rel=0.005)


def test_the_delay_is_when_a_click_moves_a_place_most() -> None:
    chosen = some(150, 350, 699)
    delay_us = chosen.delay_us()
    for place in range(3):
        heard = impulse_response(chosen, place, 5000)
        assert delay_us[place] == pytest.approx(np.abs(heard).argmax() / RATE_HZ * 1e6)
    assert (delay_us > TAPS / RATE_HZ * 1e6).all()
    assert (np.diff(delay_us) > 0).all()


def test_work_space_has_room_for_a_block() -> None:
    assert work_size(5, 3) == 4 * BLOCK * (LANES + 5 * 3)
    assert len(places()) == len(all_places().best_hz) == 700
