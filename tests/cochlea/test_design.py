"""The table of filters is the membrane's equations, at every place; the equations run forwards in time."""

from __future__ import annotations

import numpy as np
import pytest
from plain_cochlea import Float, impulse_response

from streamsnn.cochlea.design import (
    POLES,
    RATE_HZ,
    TAPS,
    Complex,
    best_frequency_hz,
    fit,
    fitted_response,
    places,
    response,
)
from streamsnn.cochlea.membrane import all_places

WORST_DB = -42.0


def error_db(frequency_hz: Float, place: float, number: int) -> float:
    """How far the magnitude of a place's filter is off at most, as a share of the place's peak."""
    table = all_places()
    wanted = np.abs(response(frequency_hz, place))
    found = np.abs(fitted_response(frequency_hz, table.poles[number], table.residues[number], table.taps[number]))
    peak = np.abs(response(table.best_hz[number], place))
    return float(20 * np.log10(np.abs(found - wanted).max() / peak))


def test_every_place_answers_as_the_equations_do() -> None:
    # Not the frequencies that the filters were fitted at.
    frequency_hz = np.geomspace(7, RATE_HZ / 2, 901)
    wanted = np.abs(response(frequency_hz[:, None], places()))
    table = all_places()
    found = np.stack(
        [
            np.abs(fitted_response(frequency_hz, *each))
            for each in zip(table.poles, table.residues, table.taps, strict=True)
        ],
        1,
    )
    worst = 20 * np.log10(np.abs(found - wanted).max(0) / wanted.max(0))
    assert worst.shape == (len(places()),)
    assert worst.max() < WORST_DB < -40
    assert np.median(worst) < -49


def test_the_neighbours_filter_is_not_good_enough() -> None:
    frequency_hz = np.geomspace(50, RATE_HZ / 2, 600)
    along = places()
    assert error_db(frequency_hz, along[350], 350) < WORST_DB
    assert error_db(frequency_hz, along[351], 350) > WORST_DB


def test_filters_are_stable_and_ring_no_longer_than_the_equations() -> None:
    table = all_places()
    assert table.poles.shape == table.residues.shape == (700, POLES)
    assert table.taps.shape == (700, TAPS)
    assert np.abs(table.poles).max() < 1
    # A resonator as wide as 2 % of the best frequency and more falls by 60 dB within 110 of its periods.
    periods = -np.log(1e-3) / -np.log(np.abs(table.poles).max(1)) / RATE_HZ * table.best_hz
    assert periods.max() < 111


def test_an_impulse_response_is_that_of_the_equations_later() -> None:
    # The filter is late by TAPS samples and the part of a sample that makes its response real at half its rate.
    size = 2**15
    frequency_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)[1:]
    table = all_places()
    for number in (20, 100, 350, 600, 699):
        place = places()[number]
        late = TAPS + np.angle(response(RATE_HZ / 2, place)) / np.pi
        wanted = response(frequency_hz, place) * np.exp(-2j * np.pi * frequency_hz / RATE_HZ * late)
        expected = np.fft.irfft(np.concatenate([[0], wanted]), size)
        found = impulse_response(table, number, size)
        assert np.corrcoef(found, expected)[0, 1] > 0.9998
        other = np.fft.irfft(np.concatenate([[0], wanted.conj()]), size)
        assert np.corrcoef(found, other)[0, 1] < 0.5


@pytest.mark.parametrize("place", [0.5, 1.0, 2.0, 3.0, 3.5])
def test_the_equations_answer_after_the_sound_and_as_published_before_it(place: float) -> None:
    size = 2**17
    frequency_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)[1:]

    def before(answer: Complex) -> float:
        energy = np.fft.irfft(np.concatenate([[0], answer]), size) ** 2
        return float(energy[size // 2 :].sum() / energy.sum())

    assert before(response(frequency_hz, place)) < 0.002
    assert before(response(frequency_hz, place).conj()) > 0.995


def test_places_fall_from_the_highest_to_the_lowest() -> None:
    best_hz = all_places().best_hz
    assert best_hz[0] == pytest.approx(22_500, rel=0.01)
    assert best_hz[-1] == pytest.approx(100, rel=0.01)
    assert (np.diff(best_hz) <= 0).all()
    for number in (0, 333, 699):
        assert best_frequency_hz(places()[number]) == best_hz[number]


@pytest.mark.parametrize("number", [150, 520])
def test_fitting_anew_gives_as_good_a_filter(number: int) -> None:
    place = places()[number]
    frequency_hz = np.geomspace(20, RATE_HZ / 2, 900)
    poles, residues, taps, error = fit(place)
    assert np.abs(poles).max() < 1
    wanted = np.abs(response(frequency_hz, place))
    found = np.abs(fitted_response(frequency_hz, poles, residues, taps))
    measured_db = 20 * np.log10(np.abs(found - wanted).max() / wanted.max())
    assert measured_db == pytest.approx(error_db(frequency_hz, place, number), abs=1.0)
    assert 20 * np.log10(error) < -45


def test_lauscher_has_the_same_equations_in_the_other_direction() -> None:
    membrane = pytest.importorskip("lauscher.transformations.basilar_membrane").BasilarMembrane()
    frequency_hz = np.geomspace(50, RATE_HZ / 2, 200)
    # Plain Hankel functions leave the range of numbers where high places are asked for low frequencies.
    for place in (0.0, 0.7, 2.1, 3.5):
        theirs = membrane._v(2 * np.pi * frequency_hz, place)
        fine = np.isfinite(theirs)
        assert fine.mean() > 0.8
        np.testing.assert_allclose(response(frequency_hz, place)[fine], theirs.conj()[fine], rtol=1e-6)
