"""Changes to sound that leave a word true: another voice, another room, another line.

Sound is float32 (n,), full scale at 1. Every function draws from the `rng` that it is given and from nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from streamsnn.errors import StreamsnnError

Wave = NDArray[np.float32]

_LONGEST_TAP_S = 0.003
"""In a room nothing comes back sooner."""
_BABBLERS = 6


@dataclass(frozen=True)
class Voices:
    """How often words are said anew for a training, and how far each change may go; 0 turns it off.

    Every word is heard as it was recorded and `variants` times changed. Further pieces of `piece_ms`, `pieces` of them
    for each word and variant, hold several words with pauses.
    """

    variants: int = 0
    pieces: float = 0.0
    piece_ms: float = 2500.0
    pitch: float = 0.0
    """Pitch is scaled by between exp(-pitch) and exp(pitch), the length by the inverse."""
    tract: float = 0.0
    """Formants are scaled by between exp(-tract) and exp(tract): a longer or shorter vocal tract."""
    tilt_db: float = 0.0
    """Each octave above 1 kHz has up to so many dB more or less: another microphone, or a softer voice."""
    colour_db: float = 0.0
    """And every octave has a normal deviate of so many dB more or less."""
    room: float = 0.0
    """This share is said in a room."""
    noise: float = 0.0
    """This share is said in noise, `least_snr_db` to `most_snr_db` below the loudest 300 ms."""
    least_snr_db: float = 5.0
    most_snr_db: float = 35.0
    line: float = 0.0
    """This share is heard through a narrow band, as of a telephone."""
    gain_db: float = 0.0
    """Up to so much louder or quieter."""

    def __post_init__(self) -> None:
        for name in (
            "variants",
            "pieces",
            "pitch",
            "tract",
            "tilt_db",
            "colour_db",
            "room",
            "noise",
            "line",
            "gain_db",
        ):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise StreamsnnError(f"Voices: {name} is {value}.", hint="Give 0 (off) or a size above 0.")
        if self.piece_ms < 500:
            raise StreamsnnError(f"Voices: piece_ms is {self.piece_ms}.", hint="A word needs 500 ms or more.")
        if self.least_snr_db > self.most_snr_db:
            raise StreamsnnError("Voices: least_snr_db is above most_snr_db.", hint="Swap them.")


def another_voice(wave: Wave, rate_hz: int, voices: Voices, rng: np.random.Generator) -> Wave:
    """The word as somebody else might say it, into another microphone."""
    pitch, tract = np.exp(rng.uniform(-1, 1, 2) * (voices.pitch, voices.tract))
    changed = _faster(wave, pitch) if voices.pitch > 0 else wave
    if voices.tract > 0:
        changed = _scale_formants(changed, rate_hz, tract / pitch)
    if voices.tilt_db > 0:
        changed = _tilt(changed, rng.uniform(-1, 1) * voices.tilt_db, rate_hz)
    return _colour(changed, voices.colour_db, rate_hz, rng) if voices.colour_db > 0 else changed


def elsewhere(wave: Wave, rate_hz: int, voices: Voices, rng: np.random.Generator, others: Sequence[Wave] = ()) -> Wave:
    """A whole piece in another room, noise and level; `others` are the voices that noise may be made of."""
    if rng.random() < voices.room:
        wave = _reverberate(wave, rate_hz, rng)
    if rng.random() < voices.noise:
        size = max(1, int(0.3 * rate_hz))
        loudest = np.sqrt(np.convolve(wave.astype(np.float64) ** 2, np.ones(size) / size, "same").max())
        snr_db = rng.uniform(voices.least_snr_db, voices.most_snr_db)
        babbling = len(others) > 0 and rng.random() < 0.3
        noise = _babble(wave.size, others, rng) if babbling else _coloured_noise(wave.size, rng, rng.uniform(0, 2))
        wave = wave + noise * np.float32(loudest * 10 ** (-snr_db / 20))
    if rng.random() < voices.line:
        wave = _narrow(wave, rate_hz, rng.uniform(100, 400), rng.uniform(2800, 4000))
    gain = np.float32(10 ** (rng.uniform(-1, 1) * voices.gain_db / 20))
    clipped: Wave = np.clip(wave * gain, -0.999, 0.999)
    return clipped


def _faster(wave: Wave, factor: float) -> Wave:
    """Played `factor` times as fast, pitch and formants with it."""
    if factor > 1:
        # What would fold back is taken away first.
        wave = signal.sosfiltfilt(signal.butter(6, 0.95 / factor, output="sos"), wave)
    size = max(2, round(wave.size / factor))
    return np.interp(np.linspace(0, wave.size - 1, size), np.arange(wave.size), wave).astype(np.float32)


def _scale_formants(wave: Wave, rate_hz: int, factor: float) -> Wave:
    """The spectral envelope moved up by `factor`; pitch and time stay.

    The envelope is what the cepstrum has below 2 ms, which is shorter than a period of the voice.
    """
    size = 1 << int(np.ceil(np.log2(0.03 * rate_hz)))
    _, _, spectrum = signal.stft(wave, rate_hz, nperseg=size, noverlap=3 * size // 4)
    cepstrum = np.fft.irfft(np.log(np.abs(spectrum) + 1e-7), axis=0)
    keep = max(2, int(0.002 * rate_hz))
    cepstrum[keep : 1 - keep] = 0
    envelope = np.fft.rfft(cepstrum, axis=0).real
    source = np.minimum(np.arange(len(envelope)) / factor, len(envelope) - 1)
    low = source.astype(np.int64)
    part = (source - low)[:, None]
    moved = envelope[low] * (1 - part) + envelope[np.minimum(low + 1, len(envelope) - 1)] * part
    _, changed = signal.istft(spectrum * np.exp(moved - envelope), rate_hz, nperseg=size, noverlap=3 * size // 4)
    whole = np.zeros(wave.size, np.float32)
    whole[: changed.size] = changed[: wave.size]
    return whole


def _tilt(wave: Wave, octave_db: float, rate_hz: int) -> Wave:
    octaves = np.log2(np.maximum(np.fft.rfftfreq(wave.size, 1 / rate_hz), 50) / 1000)
    spectrum = np.fft.rfft(wave) * 10 ** (np.clip(octave_db * octaves, -12, 12) / 20)
    return np.fft.irfft(spectrum, wave.size).astype(np.float32)


def _colour(wave: Wave, octave_db: float, rate_hz: int, rng: np.random.Generator) -> Wave:
    octaves = np.log2(np.maximum(np.fft.rfftfreq(wave.size, 1 / rate_hz), 50) / 50)
    # A random phase, so that no frequency is always at a knot.
    knots_db = rng.normal(0, octave_db, int(octaves[-1]) + 3)
    gain_db = np.interp(octaves + rng.random(), np.arange(knots_db.size), knots_db)
    return np.fft.irfft(np.fft.rfft(wave) * 10 ** (gain_db / 20), wave.size).astype(np.float32)


def _reverberate(wave: Wave, rate_hz: int, rng: np.random.Generator) -> Wave:
    """The direct sound and a tail of noise, which dies away by 60 dB within 0.1 to 0.6 s."""
    size = int(rng.uniform(0.1, 0.6) * rate_hz)
    tail = rng.standard_normal(size) * 10 ** (-3 * np.arange(size) / size)
    tail[: int(_LONGEST_TAP_S * rate_hz)] = 0
    tail *= np.sqrt(rng.uniform(0.05, 0.6) / np.sum(tail**2))
    tail[0] = 1
    heard: Wave = signal.fftconvolve(wave, tail)[: wave.size].astype(np.float32)
    return heard


def _narrow(wave: Wave, rate_hz: int, low_hz: float, high_hz: float) -> Wave:
    edges_hz = (low_hz, min(high_hz, 0.45 * rate_hz))
    narrow = signal.sosfilt(signal.butter(2, edges_hz, "band", fs=rate_hz, output="sos"), wave)
    return np.asarray(narrow, np.float32)


def _coloured_noise(size: int, rng: np.random.Generator, slope: float) -> Wave:
    """Noise of root mean square 1 whose power falls as f^-slope, and that swells at times."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    spectrum[1:] *= np.arange(1, spectrum.size) ** (-slope / 2)
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, size)
    if rng.random() < 0.3:
        noise *= np.interp(np.arange(size), np.linspace(0, size, 9), rng.uniform(0.2, 1.5, 9))
    return _unit(noise)


def _babble(size: int, others: Sequence[Wave], rng: np.random.Generator) -> Wave:
    """Several people at once, backwards, so that nobody says a word; root mean square 1."""
    crowd = np.zeros(size)
    for _ in range(_BABBLERS):
        at = 0
        while at < size:
            voice = others[int(rng.integers(len(others)))][::-1]
            heard = voice[: size - at]
            crowd[at : at + heard.size] += heard / (np.std(heard) + 1e-6)
            at += voice.size
    return _unit(crowd)


def _unit(noise: NDArray[np.float64]) -> Wave:
    unit: Wave = (noise / (np.sqrt(np.mean(noise**2)) + 1e-12)).astype(np.float32)
    return unit
