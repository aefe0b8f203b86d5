"""The cochlea beside lauscher, whose membrane runs forwards here: releases and spikes of speech; and its own levels.

Gain control, sharpening and resampling, which lauscher has not, are left out: what is compared is membrane, hair cell
and bushy cell. Three things of lauscher's membrane are known to differ, and why:
 - It evaluates the equations 1 Hz beside the frequencies of its transform. A place that answers 20 ms late turns by
   0.13 of a radian: the low channels agree with the equations, and with lauscher not quite.
 - It takes half its transform plus one number for 24,000 Hz, which stretches time by a sample over the sound.
 - The end of the sound runs into its beginning.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from parts import fired_of, probability_of, velocity_of
from plain_cochlea import VELOCITY_HZ, Float, equations_velocity, meddis, releases, sieroka, spike_counts, spikes
from scipy.signal import resample_poly

from streamsnn.cochlea.bushy_cells import keys
from streamsnn.cochlea.design import LAST_PLACE, RATE_HZ, TAPS, places, response
from streamsnn.cochlea.encoder import Cochlea
from streamsnn.cochlea.membrane import Places, all_places
from streamsnn.intrinsics import LANES
from streamsnn.types import Hearing, Sound

lauscher: Any = pytest.importorskip("lauscher.transformations")
soundfile: Any = pytest.importorskip("soundfile")

CHANNELS, CELLS, OUR_CELLS = 70, 8, 64
_CHOSEN = np.rint(np.linspace(0, len(places()) - 1, CHANNELS)).astype(np.int64)
CLIPS = {
    "48 kHz": "hd-sample/spoken_digit.flac",
    "16 kHz": "arabic-digits/clips/seven/00000001_NO_01.flac",
    "8 kHz": "fsdd/recordings/7_jackson_32.flac",
}
_LAG = TAPS // 2
"""Strides that the filters are late by."""


class Heard(NamedTuple):
    """One clip at 48 kHz as lauscher levels and windows it, the probabilities (strides, channels) of releases, and how
    often cells of each channel fire (channels, cells): ours, and plain ones that hear lauscher's."""

    sound: Float
    ours: Float
    equations: Float
    lauscher: Float
    our_spikes: NDArray[np.int64]
    plain_spikes: NDArray[np.int64]

    def spread(self, cells: int) -> Float:
        """The standard deviation of the difference between the means of so many cells and of the plain ones.

        As a cell varies is known of ours, which are many.
        """
        variance = np.maximum(self.our_spikes.var(1), 0.25)
        spread: Float = np.sqrt(variance * (1 / cells + 1 / CELLS))
        return spread


def levelled(path: Path) -> Float:
    """The sound at 48 kHz, at lauscher's level, in its window."""
    samples, rate_hz = soundfile.read(path)
    if rate_hz != RATE_HZ:
        samples = resample_poly(samples, RATE_HZ // rate_hz, 1)
    samples = samples[: len(samples) // 2 * 2]
    sound: Float = samples * (0.3 / np.sqrt((samples**2).mean())) * np.hanning(len(samples))
    return sound


@cache
def heard(path: Path) -> Heard:
    sound = levelled(path)
    every = all_places()
    chosen = Places(every.best_hz[_CHOSEN], every.poles[_CHOSEN], every.residues[_CHOSEN], every.taps[_CHOSEN])
    strides = len(sound) // 2
    ours = probability_of(velocity_of(chosen, sound)[:strides, :CHANNELS])
    along = places()[_CHOSEN]
    # The filters are late by TAPS samples and by what makes their response real at half the rate.
    late = TAPS + np.angle(response(RATE_HZ / 2, along)) / np.pi
    theirs = releases(sieroka(sound, along)[0][:strides])
    counts = np.array([spike_counts(theirs[:, channel], CELLS, 100 + channel) for channel in range(CHANNELS)])
    own = keys(1, OUR_CELLS // LANES, 11, 0)[0]
    spread = np.repeat(ours[:, :, None], LANES, 2)
    fired = [[fired_of(spread[:, channel], key)[0].sum(0) for key in own] for channel in range(CHANNELS)]
    our_counts = np.array(fired).reshape(CHANNELS, OUR_CELLS)
    return Heard(sound, ours, releases(equations_velocity(sound, along, late)), theirs, our_counts, counts)


@pytest.fixture(params=list(CLIPS.values()), ids=list(CLIPS), scope="module")
def clip(request: pytest.FixtureRequest, shared_data: Path) -> Heard:
    return heard(shared_data / "audio" / request.param)


def correlations(a: Float, b: Float) -> Float:
    """Of each channel of (strides, channels)."""
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(a.T, b.T, strict=True)])


def moving(probability: Float, share: float) -> NDArray[np.bool_]:
    """The channels whose probability varies by more than `share` of its mean: the others are as in silence."""
    moves: NDArray[np.bool_] = probability.std(0) > share * probability.mean(0)
    return moves


def test_releases_are_those_of_the_equations(clip: Heard) -> None:
    found = correlations(clip.ours, clip.equations)
    assert moving(clip.equations, 0.05).sum() > 55
    assert found[moving(clip.equations, 0.05)].min() > 0.99
    assert np.median(found) > 0.9995
    np.testing.assert_allclose(clip.ours.mean(0), clip.equations.mean(0), rtol=0.005)
    # Nor would a sample more or less do.
    shifted = correlations(clip.ours[:-1], clip.equations[1:])
    assert shifted[moving(clip.equations, 0.05)].min() < 0.99


def test_releases_are_those_of_lauscher(clip: Heard) -> None:
    found = correlations(clip.ours[_LAG:], clip.lauscher[:-_LAG])
    moves = moving(clip.lauscher, 0.1)
    assert moves.sum() > 50
    # Below 170 Hz lauscher's own frequencies are a matter of degrees, see above.
    low = all_places().best_hz[_CHOSEN] < 170
    assert found[moves & ~low].min() > 0.985
    assert (found[moves & ~low] > 0.99).mean() > 0.95
    assert found[moves & low].min() > 0.97
    np.testing.assert_allclose(clip.ours.mean(0), clip.lauscher.mean(0), rtol=0.006)


def test_spikes_come_as_often_as_lauschers(clip: Heard) -> None:
    mean, expected, spread = clip.our_spikes.mean(1), clip.plain_spikes.mean(1), clip.spread(OUR_CELLS)
    off = (mean - expected) / spread
    # Of normal numbers: 70 beyond 4.5 once in 2,000 times, and all together a chi-square of 70 +- 12.
    assert np.abs(off).max() < 4.5
    assert (off**2).sum() < 70 + 5 * 12
    assert mean.sum() == pytest.approx(expected.sum(), rel=0.015)
    # It would be seen if channels were confused with their neighbours.
    assert (((np.roll(mean, 1) - expected) / spread) ** 2).sum() > 200


def test_the_whole_cochlea_without_its_gain_control_spikes_as_often(clip: Heard) -> None:
    best_hz = all_places().best_hz
    # A level and a gain that the sound cannot move, and nothing sharpened.
    plain = Hearing(
        CHANNELS, best_hz[-1], best_hz[0], 5, pre_emphasis=0.0, level=10.0, first_gain_db=0.0, most_gain_db=0.0
    )
    counts = []
    for seed in range(4):
        cochlea = Cochlea(plain, RATE_HZ, seed=seed)
        events = cochlea.push(Sound(clip.sound[:, None].astype(np.float32), 0, 0)).events
        assert cochlea.gain == 1
        counts.append(np.bincount(events["x"], minlength=CHANNELS) / plain.cells)
    found, expected = np.mean(counts, 0), clip.plain_spikes.mean(1)
    assert found.sum() == pytest.approx(expected.sum(), rel=0.025)
    assert np.abs((found - expected) / clip.spread(20)).max() < 5


GOLDEN = {"hd": CLIPS["48 kHz"], "fsdd": CLIPS["8 kHz"]}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_outputs_of_lauscher(name: str, shared_data: Path, golden: Path) -> None:
    """What lauscher itself said: by the plain model bit for bit, by ours within what its direction of time allows."""
    with np.load(golden / "cochlea" / f"{name}_48000_70ch.npz") as file:
        theirs = {key: file[key] for key in file}
    one = heard(shared_data / "audio" / GOLDEN[name])
    published = sieroka(one.sound, np.linspace(0, LAST_PLACE, CHANNELS))[1]
    np.testing.assert_allclose(np.sqrt((published**2).mean(0)), theirs["bm_rms"], rtol=1e-6)
    p = releases(published)
    np.testing.assert_allclose(p.mean(0), theirs["p_mean"], rtol=1e-6)
    np.testing.assert_allclose(p[::24].T, theirs["p_every24"], rtol=1e-5)
    np.random.seed(0)  # noqa: NPY002 - as lauscher was seeded
    fired = np.stack([spikes(p[:, channel], np.random.rand(len(p), 40)) for channel in range(CHANNELS)])  # noqa: NPY002
    stride, channel = np.nonzero(fired.T)
    np.testing.assert_array_equal(stride / VELOCITY_HZ, theirs["spike_t"])
    np.testing.assert_array_equal(channel, theirs["spike_c"])

    # Forwards in time, the level of each place is the same, and so are the releases but for the adaptation to what came
    # before, which now is something else.
    every = all_places()
    chosen = Places(every.best_hz[_CHOSEN], every.poles[_CHOSEN], every.residues[_CHOSEN], every.taps[_CHOSEN])
    ours = velocity_of(chosen, one.sound)[:, :CHANNELS]
    off = np.sqrt((ours**2).mean(0)) / theirs["bm_rms"] - 1
    loud = theirs["bm_rms"] > 0.01 * theirs["bm_rms"].max()
    assert loud.sum() > 40
    # Where a channel is beside the loudest frequencies, 1 Hz (see above) makes a tenth.
    assert np.median(np.abs(off[loud])) < 0.006
    assert np.abs(off[loud]).max() < 0.12
    np.testing.assert_allclose(one.ours.mean(0), theirs["p_mean"], rtol=0.1)


def test_the_plain_model_is_lauschers_own_chain() -> None:
    """Its classes, on a short sound, with a membrane that runs backwards as theirs does."""
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.3, 2400) * np.hanning(2400)
    membrane, hair_cell, bushy_cell = lauscher.BasilarMembrane(8), lauscher.HairCell(), lauscher.BushyCell()
    spectrum = np.fft.fft(sound)[:1201]
    w = 2 * np.pi * np.linspace(1, VELOCITY_HZ, 1201)
    published = sieroka(sound, membrane.ch)[1]
    for channel, place in enumerate(membrane.ch):
        velocity = membrane.process_single_channel(place, w, spectrum)
        np.testing.assert_allclose(published[:, channel], velocity, atol=1e-9 * np.abs(velocity).max())
        p = hair_cell._meddis(velocity, VELOCITY_HZ)
        np.testing.assert_allclose(meddis(velocity), p, rtol=1e-9)
        # Louder, for spikes within so short a time.
        p = np.minimum(1, 5 * p)
        np.random.seed(3)  # noqa: NPY002 - as lauscher draws
        theirs = bushy_cell._lif(bushy_cell._sample(p, VELOCITY_HZ), VELOCITY_HZ)
        np.random.seed(3)  # noqa: NPY002
        own = spikes(p, np.random.rand(len(p), 40))  # noqa: NPY002
        np.testing.assert_array_equal(np.flatnonzero(own[:-1]), np.flatnonzero(theirs))
        assert own.sum() > 3
