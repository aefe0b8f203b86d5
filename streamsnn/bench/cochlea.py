"""How much faster than the sound itself the ears hear it, on one core, in blocks of 10 ms; and how late the cochlea is.

Speed is seconds of sound for one second of processor time. Speech is made here: a voice of pulses that go through three
resonances, with pauses and hiss. lauscher, where it is installed, takes the same sound as a whole, in one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.machine import machine
from streamsnn.bench.timing import undisturbed
from streamsnn.cochlea import bushy_cells, hair_cells, membrane
from streamsnn.cochlea.chain import hear
from streamsnn.cochlea.design import RATE_HZ
from streamsnn.cochlea.ears import make_ear
from streamsnn.cochlea.encoder import Cochlea
from streamsnn.cochlea.hair_cells import release
from streamsnn.cochlea.level import Leveller
from streamsnn.cochlea.membrane import BLOCK, HISTORY, ROW, choose_places, vibrate, work_size
from streamsnn.cochlea.resampling import Resampler
from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address, begin_flushing, end_flushing
from streamsnn.types import EVENT, AnyHearing, DeltaHearing, Hearing, Sound

RIGHT = tuple(range(1, 8))
_SOUND_HZ = 16_000
_BLOCK = _SOUND_HZ // 100
_SIZES: tuple[tuple[str, AnyHearing, float], ...] = (
    ("70 x 1", Hearing(channels=70, cells=1), 20.0),
    ("70 x 5", Hearing(channels=70, cells=5), 20.0),
    ("700 x 1", Hearing(channels=700, cells=1, lowest_hz=101.0, highest_hz=7900.0), 3.0),
    ("delta, 40", DeltaHearing(channels=40), 200.0),
    ("delta, 70", DeltaHearing(channels=70), 200.0),
)
"""Places x bushy cells, or the cheaper ear's channels, and how many times as fast as the sound they should be."""

Single = NDArray[np.float32]


def speech(seconds: float) -> Single:
    """Something like speech at 16 kHz: two syllables a second and a half, voiced at 120 Hz, and hiss."""
    rng = np.random.default_rng(0)
    time_s = np.arange(round(seconds * _SOUND_HZ)) / _SOUND_HZ
    phase = np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * time_s)) / _SOUND_HZ
    voice = np.diff(np.floor(phase), prepend=0.0)
    sound = 0.02 * rng.normal(size=time_s.size) * (np.sin(2 * np.pi * 1.9 * time_s) > 0.8)
    for hz, width_hz in ((600, 80), (1300, 100), (2500, 150)):
        n = np.arange(_SOUND_HZ // 50)
        ringing = np.exp(-np.pi * width_hz * n / _SOUND_HZ) * np.sin(2 * np.pi * hz * n / _SOUND_HZ)
        sound += 0.2 * np.convolve(voice, ringing)[: time_s.size]
    sound *= np.clip(2 * np.sin(2 * np.pi * 1.4 * time_s), 0, 1)
    return sound.astype(np.float32)


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Speeds of all sizes, shares of the stages, lauscher's speed, and delays; ready for JSON."""
    seconds, rounds = (2.0, 2) if quick else (10.0, 7)
    sounds = {"speech": speech(seconds), "silence": np.zeros(round(seconds * _SOUND_HZ), np.float32)}
    sizes = []
    with undisturbed():
        for name, hearing, wanted in _SIZES:
            progress(name)
            speeds = {kind: _speed(hearing, sound, rounds) for kind, sound in sounds.items()}
            reached = bool(speeds["speech"]["times_real_time"] >= wanted)
            stages = _stages(hearing, sounds["speech"], rounds) if isinstance(hearing, Hearing) else {}
            sizes.append({"size": name, "wanted": wanted, "reached": reached, "stages_ms": stages, **speeds})
        progress("lauscher")
        lauscher = _lauscher_speed(speech(1.0))
    progress("delays")
    return {
        "machine": machine(),
        "sound_hz": _SOUND_HZ,
        "block_ms": 1000 * _BLOCK / _SOUND_HZ,
        "sizes": sizes,
        "lauscher_times_real_time": lauscher,
        "delays": _delays(8 if quick else 60),
    }


def _speed(hearing: AnyHearing, sound: Single, rounds: int) -> dict[str, float]:
    """Seconds of sound a second of processor time, the best round; the slowest 1 % of its blocks; events a second."""
    ear = make_ear(hearing, _SOUND_HZ)
    blocks = [Sound(sound[at : at + _BLOCK, None], at, 0) for at in range(0, sound.size, _BLOCK)]
    best, spikes, slow_us = np.inf, 0, 0.0
    for _ in range(rounds):
        ear.reset()
        times = np.zeros(len(blocks))
        spikes = 0
        for number, block in enumerate(blocks):
            began = time.thread_time_ns()
            packet = ear.push(block)
            times[number] = time.thread_time_ns() - began
            spikes += packet.events.size
        if times.sum() < best:
            best, slow_us = float(times.sum()), float(np.percentile(times, 99)) / 1000
    length_s = sound.size / _SOUND_HZ
    return {"times_real_time": float(length_s * 1e9 / best), "p99_us": slow_us, "spikes_a_second": spikes / length_s}


@compiled()
def _move(
    releases: bool,
    sound: Single,
    strides: int,
    filters: Single,
    vibrating: Single,
    releasing: Single,
    work: NDArray[np.uint8],
) -> None:
    """The membrane and, where there are `releases`, the hair cells, in blocks as they are heard."""
    mode = begin_flushing()
    velocity = address(work)
    for at in range(0, strides - BLOCK + 1, BLOCK):
        for group in range(filters.shape[0]):
            vibrate(
                address(sound),
                HISTORY + 2 * at,
                BLOCK,
                address(filters) + ROW * membrane.FILTER_ROWS * group,
                address(vibrating) + ROW * membrane.STATE_ROWS * group,
                velocity,
            )
            if releases:
                release(velocity, BLOCK, address(releasing) + ROW * hair_cells.STATE_ROWS * group)
    end_flushing(mode)


def _stages(hearing: Hearing, sound: Single, rounds: int) -> dict[str, float]:
    """Milliseconds of processor time that a second of sound takes in each stage: the best of so many rounds."""
    length_s = sound.size / _SOUND_HZ
    best: dict[str, float] = {}

    def took(name: str, call: Callable[[], object]) -> None:
        call()
        times = []
        for _ in range(rounds):
            began = time.thread_time_ns()
            call()
            times.append(time.thread_time_ns() - began)
        best[name] = min(times) * 1e-6 / length_s

    resampler = Resampler(_SOUND_HZ, sound.size)
    heard = np.zeros((1, HISTORY + sound.size * RATE_HZ // _SOUND_HZ), np.float32)
    took("resampling", lambda: resampler.push(sound, heard[0, HISTORY:]))
    leveller, copy = Leveller(hearing, 1), heard.copy()
    took("level", lambda: leveller.push(copy[:, HISTORY:]))
    # What the membrane hears is levelled once.
    Leveller(hearing, 1).push(heard[:, HISTORY:])
    groups, cells = -(-hearing.channels // LANES), hearing.cells
    filters = choose_places(hearing.channels, hearing.lowest_hz, hearing.highest_hz).packed()
    strides = (heard.shape[1] - HISTORY) // 2
    work = np.empty(work_size(groups, cells), np.uint8)
    keys = bushy_cells.keys(groups, cells, 0, 0)
    vibrating = np.zeros((groups, membrane.STATE_ROWS, LANES), np.float32)
    firing = np.zeros((groups, cells, bushy_cells.STATE_ROWS, LANES), np.float32)
    releasing = hair_cells.resting(groups)
    out = np.empty(groups * LANES * cells * (strides // BLOCK + 2), EVENT)
    state = (filters, vibrating, releasing)
    took("membrane", lambda: _move(False, heard[0], strides, *state, work))
    took("hair cells", lambda: _move(True, heard[0], strides, *state, work))
    took("bushy cells", lambda: hear(heard[0], strides, 0, *state, firing, keys, work, hearing.channels, 0, out))
    # Each was measured with those before it.
    best["bushy cells"] -= best["hair cells"]
    best["hair cells"] -= best["membrane"]
    return best


def _lauscher_speed(sound: Single) -> float | None:
    """Seconds of sound a second of processor time for lauscher's own chain with 70 channels, without its processes."""
    try:
        from lauscher.transformations import BasilarMembrane, BushyCell, HairCell
    except ImportError:
        return None
    membrane_, hair_cell, bushy_cell = BasilarMembrane(channels=70), HairCell(), BushyCell()
    wave = np.interp(np.arange(3 * sound.size) / 3, np.arange(sound.size), sound).astype(np.float64)
    wave *= 0.3 / np.sqrt((wave**2).mean()) * np.hanning(wave.size)
    bushy_cell._sample(np.zeros(100), 24_000)
    began = time.thread_time_ns()
    spectrum = np.fft.fft(wave)[: wave.size // 2 + 1]
    w = 2 * np.pi * np.linspace(1, RATE_HZ // 2, spectrum.size)
    # Every tenth place: they take alike long.
    for place in membrane_.ch[5::10]:
        velocity = membrane_.process_single_channel(place, w, spectrum)
        bushy_cell._lif(bushy_cell._sample(hair_cell._meddis(velocity, 24_000), 24_000), 24_000)
    return sound.size / _SOUND_HZ * 1e9 / (10 * (time.thread_time_ns() - began))


def _delays(clicks: int) -> list[dict[str, float | None]]:
    """Of some channels: how long after a loud click the membrane moves most, as stated, and a quarter of its cells have
    fired; None where they do not."""
    hearing = Hearing(cells=40, pre_emphasis=0.0, level=10.0, first_gain_db=40.0, most_gain_db=40.0)
    first_ms: list[list[float]] = [[] for _ in range(hearing.channels)]
    at = _SOUND_HZ // 10
    sound = np.zeros((2 * at, 1), np.float32)
    sound[at] = 0.99
    click_us = 1e6 * at / _SOUND_HZ
    for seed in range(clicks):
        events = Cochlea(hearing, _SOUND_HZ, seed=seed).push(Sound(sound, 0, 0)).events
        since_ms = (events["t"] - click_us) / 1000
        for channel in range(hearing.channels):
            # A single spike may be one of those that come in silence, too; half of the cells do not fire by chance.
            own = np.sort(since_ms[(events["x"] == channel) & (since_ms >= 0)])
            if own.size > hearing.cells // 4:
                first_ms[channel].append(float(own[hearing.cells // 4]))
    cochlea = Cochlea(hearing, _SOUND_HZ)
    return [
        {
            "channel": channel,
            "best_hz": float(cochlea.best_hz[channel]),
            "stated_ms": float(cochlea.delay_us[channel]) / 1000,
            "spikes_ms": float(np.median(first_ms[channel])) if first_ms[channel] else None,
        }
        for channel in range(0, hearing.channels, 6)
    ]


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """Speeds, stages and delays."""
    speeds, stages = [], []
    for one in result["sizes"]:
        speech_, silence = one["speech"], one["silence"]
        reached = "yes" if one["reached"] else "no"
        speeds.append(
            [
                one["size"],
                f"{speech_['times_real_time']:.1f} x",
                f"{silence['times_real_time']:.1f} x",
                f"{one['wanted']:g} x",
                reached,
                f"{speech_['p99_us']:.0f}",
                f"{speech_['spikes_a_second']:.0f}",
                f"{silence['spikes_a_second']:.0f}",
            ]
        )
        if one["stages_ms"]:
            stages.append([one["size"], *(f"{ms:.2f}" for ms in one["stages_ms"].values())])
    if result["lauscher_times_real_time"] is not None:
        whole = f"{result['lauscher_times_real_time']:.3f} x"
        speeds.append(["lauscher, 70 x 1", whole, "", "", "", "", "", ""])
    headings = ["places x cells", "speech", "silence", "wanted", "reached", "p99 us", "events/s", "in silence"]
    delays = [
        [
            f"{row['channel']}",
            f"{row['best_hz']:.0f}",
            f"{row['stated_ms']:.2f}",
            "-" if row["spikes_ms"] is None else f"{row['spikes_ms']:.2f}",
        ]
        for row in result["delays"]
    ]
    return [
        (f"times as fast as the sound, one core, blocks of {result['block_ms']:g} ms", headings, speeds),
        ("ms of processor time for a second of speech", ["places x cells", *result["sizes"][0]["stages_ms"]], stages),
        ("delay after a click, ms", ["channel", "Hz", "stated", "a quarter of the cells"], delays),
    ]
