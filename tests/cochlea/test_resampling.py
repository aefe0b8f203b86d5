"""Sound of any rate becomes 48 kHz: right in amplitude and time, without images, the same in any blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.resampling import Resampler
from streamsnn.errors import StreamsnnError

RATES = (8000, 11_025, 16_000, 22_050, 44_100, 96_000)
Single = NDArray[np.float32]


def resampled(sound: NDArray[np.floating], rate_hz: int, sizes: list[int] | None = None) -> Single:
    """All of `sound` in blocks of `sizes`, over and over again."""
    sizes = [1000] if sizes is None else sizes
    resampler = Resampler(rate_hz, max(sizes))
    given_ = sound.astype(np.float32)
    out = np.zeros(max(sizes) * RATE_HZ // rate_hz + 2, np.float32)
    pieces, at, turn = [], 0, 0
    while at < len(given_):
        size = sizes[turn % len(sizes)]
        made = resampler.push(given_[at : at + size], out)
        pieces.append(out[:made].copy())
        at, turn = at + size, turn + 1
    return np.concatenate(pieces)


def sine(hz: float, rate_hz: int, seconds: float) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def parts_of(sound: Single, hz: float) -> tuple[float, float, float]:
    """Of what is at `hz` the amplitude and the phase (of a sine that begins with the sound), and the rest's rms."""
    wave = 2 * np.pi * hz * np.arange(len(sound)) / RATE_HZ
    basis = np.stack([np.sin(wave), np.cos(wave)], 1)
    found = np.linalg.lstsq(basis, sound.astype(np.float64), rcond=None)[0]
    rest = sound - basis @ found
    return float(np.hypot(*found)), float(np.arctan2(found[1], found[0])), float(np.sqrt((rest**2).mean()))


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_sine_keeps_its_amplitude_and_comes_as_late_as_is_said(rate_hz: int) -> None:
    delay_us = Resampler(rate_hz, 100).delay_us
    assert 0 < delay_us < 2000
    half_hz = min(rate_hz, RATE_HZ) / 2
    for share in (0.02, 0.2, 0.5, 0.75):
        hz = round(share * half_hz)
        found = resampled(sine(hz, rate_hz, 0.3), rate_hz)
        skip = RATE_HZ // 20
        amplitude, phase, rest = parts_of(found[skip:], hz)
        assert amplitude == pytest.approx(1, abs=0.012), share
        # Everything else, images too: 55 dB below the sine.
        assert rest < 10 ** (-55 / 20) * np.sqrt(0.5), share
        expected = 2 * np.pi * hz * (skip / RATE_HZ - delay_us * 1e-6)
        turned = (phase - expected + np.pi) % (2 * np.pi) - np.pi
        assert abs(turned) / (2 * np.pi * hz) < 1e-6, share


def test_the_delay_of_each_rate() -> None:
    # In ms: what the encoder's users are told.
    told = {rate_hz: Resampler(rate_hz, 10).delay_us / 1000 for rate_hz in RATES}
    assert told[8000] == pytest.approx(1.5)
    assert told[16_000] == pytest.approx(0.75)
    assert told[44_100] == pytest.approx(12 / 44.1)
    assert Resampler(RATE_HZ, 10).delay_us == 0


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 22_050])
def test_above_the_old_half_rate_there_are_next_to_no_images(rate_hz: int) -> None:
    # Noise up to 0.76 of the old half rate has its images from 1.24 of it on.
    rng = np.random.default_rng(0)
    size = 16 * rate_hz // 10
    spectrum = rng.normal(size=size // 2 + 1) + 1j * rng.normal(size=size // 2 + 1)
    spectrum[round(0.76 * size / 2) :] = 0
    found = resampled(np.fft.irfft(spectrum, size), rate_hz)[RATE_HZ // 20 :]
    power = np.abs(np.fft.rfft(found * np.hanning(found.size))) ** 2
    frequency_hz = np.fft.rfftfreq(found.size, 1 / RATE_HZ)
    images = power[frequency_hz > 1.2 * rate_hz / 2].sum()
    assert 10 * np.log10(images / power.sum()) < -55


def test_what_48_khz_cannot_hold_is_taken_away() -> None:
    found = resampled(sine(31_000, 96_000, 0.3), 96_000)[RATE_HZ // 20 :]
    assert np.sqrt((found**2).mean()) < 10 ** (-55 / 20) * np.sqrt(0.5)


def test_48_khz_passes_as_it_is() -> None:
    sound = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    np.testing.assert_array_equal(resampled(sound, RATE_HZ, [7, 1000, 1]), sound)


@pytest.mark.parametrize("rate_hz", RATES)
def test_a_constant_stays_what_it_is(rate_hz: int) -> None:
    found = resampled(np.full(rate_hz // 10, 0.25), rate_hz)[RATE_HZ // 100 :]
    np.testing.assert_allclose(found, 0.25, rtol=1e-6)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(
    rate_hz=st.sampled_from([*RATES, 12_345, 384_000]),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=6),
    seed=st.integers(0, 100),
)
def test_blocks_change_nothing(rate_hz: int, sizes: list[int], seed: int) -> None:
    sound = np.random.default_rng(seed).normal(size=2000)
    whole, cut = resampled(sound, rate_hz, [2000]), resampled(sound, rate_hz, sizes)
    np.testing.assert_array_equal(cut, whole)
    # Sample j is there as soon as input sample floor(j rate / 48000) is.
    assert len(whole) == -(-2000 * RATE_HZ // rate_hz)


@pytest.mark.parametrize("rate_hz", [8000, 11_025, RATE_HZ])
def test_lost_samples_take_their_time(rate_hz: int) -> None:
    resampler = Resampler(rate_hz, 100)
    out = np.zeros(1000, np.float32)
    made = resampler.push(np.ones(100, np.float32), out)
    resampler.skip(57)
    assert resampler.made == -(-157 * RATE_HZ // rate_hz)
    assert made == -(-100 * RATE_HZ // rate_hz)
    now = resampler.made
    more = resampler.push(np.ones(100, np.float32), out)
    assert now + more == resampler.made == -(-257 * RATE_HZ // rate_hz)
    # What comes next follows on what came last: a constant stays one.
    np.testing.assert_allclose(out[:more], 1, rtol=1e-6)


@pytest.mark.parametrize("rate_hz", [0, -5, 3999, 384_001])
def test_rates_that_are_not_sounds_are_refused(rate_hz: int) -> None:
    with pytest.raises(StreamsnnError, match="cannot be heard"):
        Resampler(rate_hz, 100)
