"""The cochlea once more, slowly and in float64: equations of the docstrings, one place at a time, whole sounds."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from streamsnn.cochlea.design import RATE_HZ, TAPS, response
from streamsnn.cochlea.membrane import Places

Float = NDArray[np.float64]
# Made at run time, out of a type checker's sight.
_njit: Any = numba.njit
VELOCITY_HZ = RATE_HZ // 2
AFFERENTS, REFRACTORY = 40, 24


def impulse_response(places: Places, number: int, length: int) -> Float:
    """What a filter says to a one at 48 kHz."""
    n = np.arange(length - TAPS)
    powers = places.poles[number][:, None] ** n
    ringing = 2 * (places.residues[number][:, None] * powers).sum(0).real
    return np.concatenate([places.taps[number], ringing])


def equations_velocity(sound: Float, along: Float, late: Any = 0.0) -> Float:
    """The velocity (strides, places) that the equations give for a whole `sound` at 48 kHz, `late` samples later."""
    # With silence after it, into which the slowest place may ring; with as many samples as are quickly transformed.
    size = next_fast_len(len(sound) + RATE_HZ // 5, real=True)
    frequency_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)[1:, None]
    answer = response(frequency_hz, along) * np.exp(-2j * np.pi * frequency_hz * late / RATE_HZ)
    answer = np.concatenate([np.zeros((1, len(along))), answer])
    spectrum = np.fft.rfft(sound, size)[:, None]
    found: Float = np.fft.irfft(answer * spectrum, size, axis=0)[: len(sound)][::2]
    return found


def sieroka(sound: Float, along: Float) -> tuple[Float, Float]:
    """The same as lauscher makes it, from the spectrum of the sound itself: forwards in time, and as published."""
    count = len(sound) // 2 + 1
    spectrum = np.fft.fft(sound)[:count, None]
    answer = response(np.linspace(1, RATE_HZ // 2, count)[:, None], along)
    forwards: Float = np.fft.ifft(answer * spectrum, axis=0).real
    published: Float = np.fft.ifft(answer.conj() * spectrum, axis=0).real
    return forwards, published


def releases(velocity: Float) -> Float:
    """The probabilities of a release for velocities (strides, places)."""
    return np.stack([meddis(np.ascontiguousarray(each)) for each in velocity.T], 1)


@_njit  # type: ignore[untyped-decorator]
def meddis(velocity: Float) -> Float:
    """The probability of a release (n,) for the velocity (n,) at 24 kHz."""
    y, g, lost, r, x, a, b, h, m = 5.05, 2000.0, 2500.0, 6580.0, 66.3, 5.0, 300.0, 50000.0, 1.0
    dt = 1 / VELOCITY_HZ
    k = g * a / (a + b)
    c = m * y * k / (lost * k + y * (lost + r))
    q, w = c * (lost + r) / k, c * r / x
    out = np.zeros(velocity.size)
    for i in range(velocity.size):
        s = velocity[i]
        k = g * (s + a) / (s + a + b) if s + a > 0 else 0.0
        refill = y * (m - q) if q < m else 0.0
        dq, dc, dw = refill - k * q + x * w, k * q - (lost + r) * c, r * c - x * w
        q, c, w = max(q + dt * dq, 0.0), max(c + dt * dc, 0.0), max(w + dt * dw, 0.0)
        out[i] = h * c * dt
    return out


@_njit  # type: ignore[untyped-decorator]
def silenced(releases: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Releases (n, afferents) without those within a millisecond of the last one of their afferent."""
    out = releases.copy()
    for afferent in range(out.shape[1]):
        last = -REFRACTORY
        for i in range(out.shape[0]):
            if out[i, afferent]:
                if i - last < REFRACTORY:
                    out[i, afferent] = False
                else:
                    last = i
    return out


@_njit  # type: ignore[untyped-decorator]
def bushy(releases: Float) -> NDArray[np.bool_]:
    """Where a cell that hears so many releases (n,) fires."""
    dt = 1 / VELOCITY_HZ
    keep_i, keep_v, weight = np.exp(-dt / 0.5e-3), np.exp(-dt / 1e-3), 325.0
    current, v, silent = 0.0, 0.0, 0
    fired = np.zeros(releases.size, np.bool_)
    for n in range(releases.size):
        current = current * keep_i + releases[n]
        if silent > 0:
            silent -= 1
            continue
        v = v * keep_v + weight * dt * current
        if v >= 1:
            fired[n] = True
            v, silent = 0.0, REFRACTORY
    return fired


def spikes(probability: Float, random: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The spikes of one cell, whose afferents (n, 40) release where `random` is below `probability` (n,)."""
    fired: NDArray[np.bool_] = bushy(silenced(random < probability[:, None]).sum(1).astype(np.float64))
    return fired


@_njit  # type: ignore[untyped-decorator]
def _count(probability: Float, cells: int, seed: int) -> NDArray[np.int64]:
    np.random.seed(seed)  # noqa: NPY002 - the generator that numba has
    counts = np.zeros(cells, np.int64)
    for cell in range(cells):
        last = np.full(AFFERENTS, -REFRACTORY)
        heard = np.zeros(probability.size)
        for n in range(probability.size):
            for afferent in range(AFFERENTS):
                # An afferent that is silent draws, too, or draws would depend on what came before.
                if np.random.random() < probability[n] and n - last[afferent] >= REFRACTORY:  # noqa: NPY002
                    last[afferent] = n
                    heard[n] += 1
        counts[cell] = bushy(heard).sum()
    return counts


def spike_counts(probability: Float, cells: int, seed: int) -> NDArray[np.int64]:
    """How often each of `cells` cells fires that hear one hair cell."""
    counts: NDArray[np.int64] = _count(np.ascontiguousarray(probability), cells, seed)
    return counts
