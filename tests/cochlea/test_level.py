"""The gain holds the level, turns down at once and up slowly, and lets silence be."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.level import Leveller
from streamsnn.types import Hearing

PLAIN = Hearing(pre_emphasis=0.0)
Single = NDArray[np.float32]


def levelled(sound: NDArray[np.floating], hearing: Hearing = PLAIN, leveller: Leveller | None = None) -> Single:
    """`sound` (ears, n) or (n,) after the gain, in an array of the same shape."""
    out = np.array(sound, np.float32)
    (leveller or Leveller(hearing, np.atleast_2d(out).shape[0])).push(np.atleast_2d(out))
    return out


def rms(sound: NDArray[np.floating]) -> float:
    return float(np.sqrt((sound.astype(np.float64) ** 2).mean()))


def noise(seconds: float, loudness: float, seed: int = 0) -> NDArray[np.float64]:
    return loudness * np.random.default_rng(seed).normal(size=round(seconds * RATE_HZ))


def reference(sound: NDArray[np.float64], hearing: Hearing) -> NDArray[np.float64]:
    """The docstring's equations, for one ear or more (ears, n)."""
    sharp = np.zeros_like(sound)
    keep = math.exp(-1 / (8e-3 * RATE_HZ))
    for ear, one in enumerate(sound):
        last, moving = 0.0, 0.0
        for n, x in enumerate(one):
            was, moving = moving, x - last + keep * moving
            last = x
            sharp[ear, n] = moving - hearing.pre_emphasis * was
    power = (hearing.level / 10 ** (hearing.first_gain_db / 20)) ** 2
    least = (hearing.level / 10 ** (hearing.most_gain_db / 20)) ** 2
    attack, release = (1 - math.exp(-1e3 / (ms * RATE_HZ)) for ms in (hearing.attack_ms, hearing.release_ms))
    for n in range(sound.shape[1]):
        now = float((sharp[:, n] ** 2).max())
        power = max(power + (attack if now > power else release) * (now - power), least)
        sharp[:, n] *= hearing.level / math.sqrt(power)
    return sharp


@pytest.mark.parametrize("hearing", [Hearing(), PLAIN, Hearing(attack_ms=2, release_ms=80, level=0.1, most_gain_db=40)])
def test_the_equations(hearing: Hearing) -> None:
    sound = np.stack([noise(0.1, 0.2), np.concatenate([noise(0.05, 0.001, 1), noise(0.05, 0.6, 2)])])
    np.testing.assert_allclose(
        levelled(sound, hearing), reference(sound.astype(np.float32).astype(float), hearing), rtol=2e-5, atol=1e-7
    )


def test_blocks_change_nothing() -> None:
    sound = np.stack([noise(0.05, 0.2), noise(0.05, 0.01, 1)])
    whole = levelled(sound, Hearing())
    leveller = Leveller(Hearing(), 2)
    cuts = [0, 1, 2, 500, 501, 1700, 2400]
    pieces = [levelled(sound[:, begin:end], leveller=leveller) for begin, end in itertools.pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(pieces, 1), whole)


@pytest.mark.parametrize("loudness", [0.01, 0.05, 0.3, 0.9])
def test_loud_and_quiet_come_to_one_level(loudness: float) -> None:
    found = levelled(noise(6, loudness))[-RATE_HZ:]
    other = levelled(noise(6, 0.1))[-RATE_HZ:]
    # Whatever the loudness, noise comes out alike: above the ceiling of the gain, by 1 %.
    assert rms(found) == pytest.approx(rms(other), rel=0.01)
    # The follower of a fast attack and a slow release lies above the mean power.
    assert 0.2 * PLAIN.level < rms(found) < PLAIN.level


def test_silence_stays_silent_and_the_gain_stays_below_its_ceiling() -> None:
    leveller = Leveller(Hearing(), 1)
    assert 20 * math.log10(leveller.gain) == pytest.approx(Hearing().first_gain_db)
    assert (levelled(np.zeros(20 * RATE_HZ), leveller=leveller) == 0).all()
    assert 20 * math.log10(leveller.gain) == pytest.approx(Hearing().most_gain_db)
    # What is below the floor is turned up by the ceiling, not to the level: 16 bits' own noise is no speech.
    faint = levelled(noise(1, 2.0**-16), PLAIN, None)
    assert rms(faint) < 10 ** (PLAIN.most_gain_db / 20) * 2.0**-16 * 1.01


@pytest.mark.parametrize("hearing", [Hearing(), PLAIN])
def test_a_constant_is_not_heard(hearing: Hearing) -> None:
    with_offset = levelled(noise(2, 0.05) + 0.4, hearing)
    without = levelled(noise(2, 0.05), hearing)
    begin = RATE_HZ
    assert rms(with_offset[begin:] - without[begin:]) < 0.15 * rms(without[begin:])
    assert abs(levelled(np.full(RATE_HZ, 0.7), hearing)[-100:]).max() < 1e-6


def test_low_tones_pass_from_20_hz_on() -> None:
    time_s = np.arange(2 * RATE_HZ) / RATE_HZ

    def passed(hz: float) -> float:
        # A gain of 1 throughout: the power is pinned at its floor.
        fixed = Hearing(pre_emphasis=0, level=10, first_gain_db=0, most_gain_db=0)
        return rms(levelled(np.sin(2 * np.pi * hz * time_s), fixed)[RATE_HZ:]) / math.sqrt(0.5)

    assert passed(20) == pytest.approx(math.sqrt(0.5), rel=0.02)
    assert passed(100) == pytest.approx(0.98, abs=0.005)
    assert passed(1000) == pytest.approx(1, abs=0.002)


def test_sharpening_is_what_is_said() -> None:
    fixed = Hearing(pre_emphasis=0, level=10, first_gain_db=0, most_gain_db=0)
    sound = noise(0.2, 0.1)
    plain, sharp = levelled(sound, fixed), levelled(sound, dataclasses.replace(fixed, pre_emphasis=0.95))
    np.testing.assert_allclose(sharp[1:], plain[1:] - 0.95 * plain[:-1], atol=2e-7)


def test_loud_is_turned_down_within_the_attack_and_quiet_up_within_the_release() -> None:
    hearing = Hearing(pre_emphasis=0, attack_ms=20, release_ms=500)
    # A square wave at 1 kHz has the same power all the time.
    square = np.sign(np.sin(2 * np.pi * 1000 * (np.arange(4 * RATE_HZ) + 0.5) / RATE_HZ))
    quiet, loud = 0.02, 0.2
    leveller = Leveller(hearing, 1)
    levelled(quiet * square, leveller=leveller)
    settled = leveller.gain
    assert settled * quiet == pytest.approx(hearing.level, rel=0.05)

    def gains(loudness: float, seconds: float) -> NDArray[np.float64]:
        """The gain at each millisecond."""
        found = []
        for number in range(round(seconds * 1000)):
            levelled(loudness * square[48 * number : 48 * (number + 1)], leveller=leveller)
            found.append(leveller.gain)
        return np.array(found)

    down = gains(loud, 0.3)
    # The power goes up by a factor 100 as 1 - e^(-t / 20 ms): 20 dB down, all but 1 dB after 30 ms.
    final = settled * quiet / loud
    assert down[-1] == pytest.approx(final, rel=0.02)
    within_1_db = int(np.flatnonzero(down < final * 10 ** (1 / 20))[0]) + 1
    assert within_1_db == pytest.approx(-20 * math.log(1 - 10 ** (-1 / 10)), abs=6)
    up = gains(quiet, 4)
    # The power falls as e^(-t / 500 ms): 10 dB up takes 1.15 s.
    by_10_db = int(np.flatnonzero(up > final * 10 ** (10 / 20))[0]) + 1
    assert by_10_db == pytest.approx(1000 * 0.5 * math.log(100 / (10 - 1) * 0.99), rel=0.1)
    assert up[-1] == pytest.approx(settled, rel=0.03)


def test_a_pause_between_words_stays_quiet() -> None:
    word, pause = noise(0.4, 0.1), noise(0.2, 0.0005, 1)
    found = levelled(np.concatenate([word, pause, word]))
    within = found[len(word) + 100 : len(word) + len(pause)]
    assert 20 * math.log10(rms(within) / rms(found[-len(word) :])) < -40


def test_both_ears_have_one_gain() -> None:
    left = noise(1, 0.3)
    right = 0.25 * left
    found = levelled(np.stack([left, right]))
    np.testing.assert_allclose(found[1], 0.25 * found[0], rtol=1e-5, atol=1e-7)
    # The louder ear alone gives the gain, whichever it is.
    np.testing.assert_array_equal(levelled(np.stack([right, left]))[1], found[0])
    np.testing.assert_array_equal(levelled(left), found[0])


def test_what_is_clipped_is_neither_infinite_nor_loud() -> None:
    clipped = np.clip(noise(2, 3.0), -1, 1)
    found = levelled(clipped)
    assert np.isfinite(found).all()
    assert np.abs(found[RATE_HZ:]).max() < 4 * PLAIN.level
