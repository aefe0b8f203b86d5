"""Changes to sound: each does what its name says, and nothing where it is turned off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.training.voices import Voices, Wave, another_voice, elsewhere

RATE_HZ = 16_000


def vowel(pitch_hz: float = 120.0, formant_hz: float = 1200.0, seconds: float = 0.5) -> Wave:
    """A pulse train through one resonance."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    harmonics = np.arange(1, int(RATE_HZ / 2 / pitch_hz))
    strength = 1 / (1 + ((harmonics * pitch_hz - formant_hz) / 200) ** 2)
    tones = strength[:, None] * np.cos(2 * np.pi * harmonics[:, None] * pitch_hz * t)
    return np.asarray(0.1 * tones.sum(0), np.float32)


def spectrum_of(wave: Wave) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    return np.fft.rfftfreq(wave.size, 1 / RATE_HZ), np.abs(np.fft.rfft(wave * np.hanning(wave.size)))


def pitch_hz(wave: Wave) -> float:
    power = np.fft.irfft(np.abs(np.fft.rfft(wave, 2 * wave.size)) ** 2)
    first, last = RATE_HZ // 300, RATE_HZ // 60
    return RATE_HZ / (first + int(power[first:last].argmax()))


def test_nothing_is_changed_where_all_is_off() -> None:
    wave = vowel()
    rng = np.random.default_rng(0)
    assert np.array_equal(another_voice(wave, RATE_HZ, Voices(), rng), wave)
    assert np.array_equal(elsewhere(wave, RATE_HZ, Voices(), rng), wave)


@pytest.mark.parametrize("seed", range(4))
def test_another_voice_has_another_pitch_and_other_formants(seed: int) -> None:
    voices = Voices(pitch=0.3, tract=0.3)
    pitch, tract = np.exp(np.random.default_rng(seed).uniform(-1, 1, 2) * 0.3)
    changed = another_voice(vowel(), RATE_HZ, voices, np.random.default_rng(seed))
    assert changed.size == pytest.approx(8000 / pitch, abs=1)
    assert pitch_hz(changed) == pytest.approx(120 * pitch, rel=0.03)
    frequency_hz, level = spectrum_of(changed)
    near = (frequency_hz > 400) & (frequency_hz < 3500)
    centre_hz = (frequency_hz * level**2)[near].sum() / (level**2)[near].sum()
    assert centre_hz == pytest.approx(1200 * tract, rel=0.1)


def test_noise_is_as_loud_as_it_may_be() -> None:
    wave = vowel()
    power = np.mean(wave[1600:6400].astype(np.float64) ** 2)
    ratios_db = []
    for seed in range(60):
        voices = Voices(noise=1.0, least_snr_db=0.0, most_snr_db=20.0)
        noise = elsewhere(wave, RATE_HZ, voices, np.random.default_rng(seed), [wave]) - wave
        ratios_db.append(10 * np.log10(power / np.mean(noise**2)))
    assert min(ratios_db) > -1
    assert max(ratios_db) < 21
    assert 7 < np.mean(ratios_db) < 13


def test_a_line_is_narrow_and_a_room_rings() -> None:
    rng = np.random.default_rng(1)
    click = np.zeros(RATE_HZ, np.float32)
    click[0] = 0.5
    frequency_hz, level = spectrum_of(np.roll(elsewhere(click, RATE_HZ, Voices(line=1.0), rng), RATE_HZ // 2))
    assert level[frequency_hz < 50].max() < 0.3 * level.max()
    assert level[frequency_hz > 7000].max() < 0.2 * level.max()
    rung = elsewhere(click, RATE_HZ, Voices(room=1.0), rng)
    assert rung[0] == 0.5
    assert np.abs(rung[1:40]).max() < 1e-9, "nothing comes back at once"
    assert 0.02 < np.sum(rung[48:] ** 2) / 0.25 < 0.7
    assert np.sum(rung[800:1600] ** 2) > 10 * np.sum(rung[8000:8800] ** 2)


def test_gain_stays_within_its_bounds_and_never_clips() -> None:
    levels_db = [
        20
        * np.log10(
            np.std(elsewhere(vowel(), RATE_HZ, Voices(gain_db=6.0), np.random.default_rng(seed))) / np.std(vowel())
        )
        for seed in range(40)
    ]
    assert -6.01 < min(levels_db) < -3
    assert 3 < max(levels_db) < 6.01
    assert np.abs(elsewhere(10 * vowel(), RATE_HZ, Voices(), np.random.default_rng(0))).max() < 1


def test_another_microphone_changes_the_spectrum_smoothly_and_nothing_else() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE_HZ).astype(np.float32)
    changed = another_voice(noise, RATE_HZ, Voices(colour_db=6.0), np.random.default_rng(3))
    assert changed.shape == noise.shape
    assert changed.dtype == np.float32
    before, after = np.fft.rfft(noise), np.fft.rfft(changed)
    heard = slice(100, RATE_HZ // 2)
    gain_db = 20 * np.log10(np.abs(after[heard]) / np.abs(before[heard]))
    assert np.std(gain_db) > 2
    assert np.abs(np.diff(gain_db)).max() < 1, "one hertz is as the next"
    assert np.abs(np.angle(after[heard] / before[heard])).max() < 0.01, "nothing moves in time"


def test_the_same_draws_change_the_same() -> None:
    voices = Voices(pitch=0.2, tract=0.2, tilt_db=3.0, colour_db=3.0, room=0.5, noise=0.5, line=0.5, gain_db=9.0)
    first, second = (
        elsewhere(another_voice(vowel(), RATE_HZ, voices, rng), RATE_HZ, voices, rng, [vowel()])
        for rng in (np.random.default_rng(5), np.random.default_rng(5))
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pitch": -0.1},
        {"colour_db": -1.0},
        {"noise": float("nan")},
        {"piece_ms": 100.0},
        {"least_snr_db": 9.0, "most_snr_db": 3.0},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(StreamsnnError):
        Voices(**wrong)  # type: ignore[arg-type]
