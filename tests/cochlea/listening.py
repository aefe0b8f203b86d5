"""What the tests of both ears have in common: a sound, what came of it, and what hearing it may take."""

from __future__ import annotations

import itertools
import tracemalloc
from typing import Any

import numpy as np
from numba.core import runtime
from numpy.typing import NDArray

from streamsnn.cochlea.deltas import DeltaEar
from streamsnn.cochlea.encoder import Cochlea
from streamsnn.types import EVENT, Events, Packet, Sound

_runtime: Any = runtime


def voiced(rate_hz: int, seconds: float, ears: int = 1, seed: int = 0) -> NDArray[np.float32]:
    """Something like speech: a pulse train with noise that comes and goes, up to 4 kHz."""
    rng = np.random.default_rng(seed)
    there_s = np.arange(round(seconds * 8000) + 1) / 8000
    sound = 1.0 * (there_s * 130 % 1 < 0.05) + 0.3 * rng.normal(size=there_s.size)
    sound = 0.2 * sound * (np.sin(2 * np.pi * 4 * there_s + seed) > -0.3)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    late = [np.interp(time_s - 0.001 * ear, there_s, sound) for ear in range(ears)]
    return np.stack(late, 1).astype(np.float32)


def events_of(packets: list[Packet]) -> Events:
    return np.concatenate([packet.events for packet in packets])


def assert_tiling(packets: list[Packet]) -> None:
    for packet in packets:
        assert packet.events.dtype == EVENT
        assert packet.t_begin_us <= packet.t_end_us
        assert (packet.events["t"] >= packet.t_begin_us).all()
        assert (packet.events["t"] < packet.t_end_us).all()
        assert (np.diff(packet.events["t"]) >= 0).all()
    for one, following in itertools.pairwise(packets):
        assert one.t_end_us == following.t_begin_us


def assert_nothing_allocated(ear: Cochlea | DeltaEar, handles: int) -> None:
    """Hear two seconds: compiled code allocates but `handles` handles of numba's a block, Python but packets."""
    sound = voiced(16_000, 2.0, ear.sensor.height)
    blocks = [Sound(sound[at : at + 160], at, 0) for at in range(0, len(sound), 160)]

    def run() -> None:
        for block in blocks:
            ear.push(block)

    run()
    ear.reset()
    _runtime._nrt_python.memsys_enable_stats()
    try:
        before = _runtime.rtsys.get_allocation_stats()
        run()
        after = _runtime.rtsys.get_allocation_stats()
    finally:
        _runtime._nrt_python.memsys_disable_stats()
    assert after.alloc - before.alloc == handles * len(blocks)
    ear.reset()
    tracemalloc.start()
    try:
        run()
        ear.reset()
        start, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        run()
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left - start < 500, "something is left behind"
    # A packet's events, and a few arrays of the block's own size while it is checked.
    assert peak - start < 20_000, "something large is made and thrown away"
