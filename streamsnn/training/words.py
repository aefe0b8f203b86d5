"""Recorded words: where in its recording each is said, what a cochlea makes of it, and several in one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.ears import make_ear
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.sources.sound_files import SoundFile
from streamsnn.training.batches import Said, Take
from streamsnn.training.dataset import Dataset
from streamsnn.training.voices import Voices, Wave, another_voice, elsewhere
from streamsnn.types import AnyHearing, InputSpec, Sound

_MARGIN_S = 0.08
"""So much before and after a word is cut out with it, and fades."""


@dataclass(frozen=True)
class Word:
    """One recorded word, its class, and from when to when it is said, counted in samples."""

    wave: Wave
    rate_hz: int
    target: int
    begin: int
    end: int


def read_words(dataset: Dataset) -> tuple[Word, ...]:
    """Every recording of a dataset of single words, one ear. Raises StreamsnnError for one that cannot be read."""
    words = []
    for sample, target in zip(dataset.samples, dataset.targets().tolist(), strict=True):
        wave, rate_hz = read_sound(sample.path)
        words.append(Word(wave, rate_hz, target, *find_word(wave, rate_hz)))
    return tuple(words)


def read_sound(path: Path) -> tuple[Wave, int]:
    """All of a sound file, its channels mixed, and its rate in Hz."""
    sound = SoundFile(path, mix=True)
    return np.concatenate([block.samples[:, 0] for block in sound]), sound.rate_hz


def find_word(wave: Wave, rate_hz: int) -> tuple[int, int]:
    """From where to where a word is said: where the level, in steps of 10 ms, is within 30 dB of the loudest.

    And at least three tenths of the way, in dB, from the quietest tenth to the loudest. High tones count more, as hiss
    belongs to words and hum does not: the sound is differentiated first.
    """
    block = rate_hz // 100
    count = max(1, wave.size // block)
    sharp = np.diff(wave, prepend=wave[:1])[: count * block]
    power = np.array([np.mean(part**2, dtype=np.float64) for part in np.array_split(sharp, count)])
    level_db = 10 * np.log10(power + 1e-10)
    level_db = np.convolve(np.pad(level_db, 1, mode="edge"), np.ones(3) / 3, "valid")
    loudest, floor = level_db.max(), np.percentile(level_db, 10)
    # Where all is about as loud, all of it is the word.
    least_db = min(max(loudest - 30, floor + 0.3 * (loudest - floor)), loudest - 3)
    said = np.flatnonzero(level_db >= least_db)
    return int(said[0]) * block, min(wave.size, int(said[-1] + 1) * block)


def hear(wave: Wave, rate_hz: int, hearing: AnyHearing, spec: InputSpec, seed: int, said: Sequence[Said]) -> Take:
    """What an ear, from the beginning, makes of `wave`, both ears alike."""
    ears = spec.height
    ear = make_ear(hearing, rate_hz, ears, seed)
    packet = ear.push(Sound(np.repeat(wave[:, None], ears, axis=1), 0, 0))
    fit: SensorFit = fit_sensor(ear.sensor, spec)
    return Take(packet.events, packet.t_begin_us, packet.t_end_us, fit, tuple(said))


def hear_words(
    words: Sequence[Word],
    learned: NDArray[np.int64],
    hearing: AnyHearing,
    spec: InputSpec,
    voices: Voices,
    seed: int,
    watch: Callable[[int, int], None],
) -> tuple[tuple[Take, ...], ...]:
    """The takes of every word: as it was recorded, and for those that are `learned` (indices) all variants.

    After the words come pieces of several learned words. `watch(done, all)` is told how far it is.
    """
    is_learned = np.zeros(len(words), bool)
    is_learned[learned] = True
    pool = [words[place] for place in learned]
    pieces = round(voices.pieces * len(pool))
    total = len(words) + len(pool) * voices.variants + pieces * max(1, voices.variants)
    done = 0
    takes = []

    def heard(wave: Wave, rate_hz: int, said: Sequence[Said], draw: int) -> Take:
        nonlocal done
        done += 1
        watch(done, total)
        return hear(wave, rate_hz, hearing, spec, draw, said)

    for place, word in enumerate(words):
        own = [heard(word.wave, word.rate_hz, (_said(word),), seed)]
        for variant in range(voices.variants if is_learned[place] else 0):
            rng = np.random.default_rng([seed, place, variant])
            changed = _changed(word, voices, rng)
            wave = elsewhere(changed.wave, word.rate_hz, voices, rng, _some(pool, rng))
            own.append(heard(wave, word.rate_hz, (_said(changed),), int(rng.integers(2**31))))
        takes.append(tuple(own))
    for piece in range(pieces):
        own = []
        for variant in range(max(1, voices.variants)):
            rng = np.random.default_rng([seed, len(words) + piece, variant])
            rate_hz = pool[rng.integers(len(pool))].rate_hz
            some = [
                word for word in (pool[place] for place in rng.integers(len(pool), size=8)) if word.rate_hz == rate_hz
            ]
            wave, said = place_words(
                [_changed(word, voices, rng) for word in some], rate_hz, voices.piece_ms / 1000, rng
            )
            wave = elsewhere(wave, rate_hz, voices, rng, _some(pool, rng))
            own.append(heard(wave, rate_hz, said, int(rng.integers(2**31))))
        takes.append(tuple(own))
    return tuple(takes)


def place_words(
    words: Sequence[Word], rate_hz: int, length_s: float, rng: np.random.Generator, mean_pause_s: float = 0.4
) -> tuple[Wave, tuple[Said, ...]]:
    """Words one after another in a piece of silence; what finds no room is left out.

    Pauses last 0.2 s, and on top of that an exponential deviate of mean `mean_pause_s`.
    """
    piece = np.zeros(round(length_s * rate_hz), np.float32)
    margin, fade = round(_MARGIN_S * rate_hz), round(0.01 * rate_hz)
    said = []
    free_s = 0.1 + rng.exponential(mean_pause_s)
    for word in words:
        first, last = max(0, word.begin - margin), min(word.wave.size, word.end + margin)
        part = word.wave[first:last].copy()
        rim = min(part.size // 4, fade)
        part[:rim] *= np.linspace(0, 1, rim, dtype=np.float32)
        part[part.size - rim :] *= np.linspace(1, 0, rim, dtype=np.float32)
        at = round(free_s * rate_hz)
        if at + part.size > piece.size:
            break
        piece[at : at + part.size] += part
        begin_us = (at + word.begin - first) * 1e6 / rate_hz
        end_us = begin_us + (word.end - word.begin) * 1e6 / rate_hz
        said.append(Said(word.target, begin_us, end_us))
        free_s = end_us * 1e-6 + _MARGIN_S + 0.2 + rng.exponential(mean_pause_s)
    return piece, tuple(said)


def _changed(word: Word, voices: Voices, rng: np.random.Generator) -> Word:
    wave = another_voice(word.wave, word.rate_hz, voices, rng)
    share = wave.size / word.wave.size
    return Word(wave, word.rate_hz, word.target, round(word.begin * share), round(word.end * share))


def _said(word: Word) -> Said:
    return Said(word.target, word.begin * 1e6 / word.rate_hz, word.end * 1e6 / word.rate_hz)


def _some(pool: Sequence[Word], rng: np.random.Generator) -> list[Wave]:
    return [pool[place].wave for place in rng.integers(len(pool), size=12)]
