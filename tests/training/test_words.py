"""Recorded words: found in their recordings, heard by a cochlea, and several in a piece."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamsnn.training.dataset import open_dataset
from streamsnn.training.voices import Voices, Wave
from streamsnn.training.words import Word, find_word, hear, hear_words, place_words, read_words
from streamsnn.types import Hearing, InputSpec

RATE_HZ = 16_000
HEARING = Hearing(channels=16, cells=1)
SPEC = InputSpec(16, 1, polarity="merge", kind="audio")


def spoken(begin_s: float, end_s: float, seconds: float = 1.0, tone_hz: float = 1000.0, seed: int = 0) -> Wave:
    """A tone that is there from `begin_s` to `end_s`, in faint noise."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(seed).normal(0, 1e-4, t.size)
    return (noise + 0.2 * np.sin(2 * np.pi * tone_hz * t) * ((t >= begin_s) & (t < end_s))).astype(np.float32)


def word(target: int = 0, begin_s: float = 0.3, end_s: float = 0.5) -> Word:
    wave = spoken(begin_s, end_s, tone_hz=500.0 + 1000 * target)
    return Word(wave, RATE_HZ, target, *find_word(wave, RATE_HZ))


@pytest.mark.parametrize(("begin_s", "end_s"), [(0.0, 1.0), (0.25, 0.6), (0.0, 0.2), (0.9, 1.0)])
def test_a_word_is_found_in_its_recording(begin_s: float, end_s: float) -> None:
    begin, end = find_word(spoken(begin_s, end_s), RATE_HZ)
    assert begin / RATE_HZ == pytest.approx(begin_s, abs=0.021)
    assert end / RATE_HZ == pytest.approx(end_s, abs=0.021)


@pytest.mark.parametrize("size", [1, 3, 100, 16_000])
def test_silence_has_a_word_somewhere_and_no_error(size: int) -> None:
    begin, end = find_word(np.zeros(size, np.float32), RATE_HZ)
    assert 0 <= begin < end <= size


def test_words_are_read_whatever_their_rate(tmp_path: Path) -> None:
    for number, (rate_hz, label) in enumerate([(8000, "one"), (16_000, "two"), (44_100, "one")]):
        (tmp_path / label).mkdir(exist_ok=True)
        sound = np.repeat(spoken(0.2, 0.6)[:, None], 1 + number % 2, axis=1)
        soundfile.write(tmp_path / label / f"{number}.wav", sound, rate_hz)
    words = read_words(open_dataset(tmp_path))
    assert [(each.rate_hz, each.target) for each in words] == [(8000, 0), (44_100, 0), (16_000, 1)]
    assert all(each.wave.ndim == 1 and each.wave.size == RATE_HZ for each in words)


def test_a_cochlea_hears_a_word_when_and_where_it_is_said() -> None:
    take = hear(spoken(0.3, 0.5), RATE_HZ, HEARING, SPEC, 0, ())
    assert take.t_begin_us == 0
    assert take.t_end_us == pytest.approx(1_000_000, abs=42)
    inside = (take.events["t"] > 300_000) & (take.events["t"] < 520_000)
    assert inside.sum() > 3 * (~inside).sum(), "the tone lasts a fifth of the time"
    stereo = hear(spoken(0.3, 0.5), RATE_HZ, HEARING, InputSpec(16, 2, polarity="merge", kind="audio"), 0, ())
    assert set(stereo.events["y"].tolist()) == {0, 1}


def test_held_out_words_are_heard_once_and_learned_ones_in_all_variants() -> None:
    voices = Voices(variants=3, pieces=0.5, piece_ms=2000.0, pitch=0.1, noise=1.0)
    words = [word(place % 2) for place in range(5)]
    told: list[tuple[int, int]] = []
    takes = hear_words(words, np.array([0, 1, 3, 4]), HEARING, SPEC, voices, 7, lambda *done: told.append(done))
    assert [len(each) for each in takes] == [4, 4, 1, 4, 4, 3, 3]
    assert told == [(done, 23) for done in range(1, 24)]
    assert len({take.events.size for take in takes[0]}) > 1, "no two variants are alike"
    for take in takes[5]:
        assert take.t_end_us == pytest.approx(2_000_000, abs=42)
        assert len(take.said) >= 1
    again = hear_words(words, np.array([0, 1, 3, 4]), HEARING, SPEC, voices, 7, lambda *_: None)
    assert all(
        np.array_equal(left.events, right.events)
        for ours, theirs in zip(takes, again, strict=True)
        for left, right in zip(ours, theirs, strict=True)
    )


def test_a_changed_word_is_still_where_it_is_said_to_be() -> None:
    voices = Voices(variants=6, pitch=0.3)
    ((_, *variants),) = hear_words([word()], np.array([0]), HEARING, SPEC, voices, 0, lambda *_: None)
    for take in variants:
        (said,) = take.said
        counts = np.histogram(take.events["t"], bins=np.arange(0, take.t_end_us, 10_000))[0]
        loud = np.flatnonzero(counts > 0.4 * counts.max()) * 10_000
        assert loud[0] == pytest.approx(said.begin_us, abs=40_000)


def test_words_in_a_piece_follow_one_another_with_pauses() -> None:
    rng = np.random.default_rng(3)
    piece, said = place_words([word(place % 3) for place in range(12)], RATE_HZ, 4.0, rng)
    assert piece.size == 4 * RATE_HZ
    assert 2 <= len(said) < 12
    assert [each.target for each in said] == [place % 3 for place in range(len(said))]
    for each, then in itertools.pairwise(said):
        assert then.begin_us - each.end_us > 200_000
    for each in said:
        inside = piece[int(each.begin_us * 0.016) : int(each.end_us * 0.016)]
        assert np.std(inside) > 0.1
    assert np.abs(piece[: int(said[0].begin_us * 0.016) - 1500]).max() == 0
