"""The basilar membrane's equations, and the filters that stand for them: `python -m streamsnn.cochlea.design`.

The membrane is that of Sieroka, Dosch, Rupp 2006 ("Semirealistic models of the cochlea"), with the parameters that made
the Heidelberg sets (Cramer et al. 2020). A place c lies between 0, which answers to 22.5 kHz, and 3.5, which answers to
100 Hz. The closed form is known for each frequency only; to stream it, each place's response is fitted by `POLES` pairs
of resonators and a few taps before them (vector fitting, Gustavsen and Semlyen 1999). The result is a table that comes
with the program: only making it anew, and testing it, needs scipy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 48_000
"""The rate that the filters run at."""
PLACES = 700
"""How many places the table has, evenly from `FIRST_PLACE` to `LAST_PLACE`: the channels of the Heidelberg sets."""
FIRST_PLACE, LAST_PLACE = 0.0, 3.5
POLES = 8
TAPS = 16
"""So many samples the fitted response lags behind the equations'. They answer a little before they are asked (98 to
100 % of the energy is causal), which no filter can; the taps hold what this delay uncovers."""

_NARROWEST = 0.02
"""The least bandwidth of a resonator, as a share of the best frequency: nothing rings where nobody looked."""

_ALPHA, _C0, _A = 3.0, 1e9, 3500.0
_RHO, _HEIGHT, _MASS = 1.0, 0.1, 0.05
_DAMPING = 0.15 * np.sqrt(_C0 * _MASS)

Complex = NDArray[np.complex128]
Float = NDArray[np.float64]


def places() -> Float:
    """The places of the table (PLACES,)."""
    return np.linspace(FIRST_PLACE, LAST_PLACE, PLACES)


def response(frequency_hz: Any, place: Any) -> Complex:
    """The velocity of the membrane at `place` for sound of `frequency_hz` (above 0; they broadcast), forwards in time.

    It is the complex conjugate of the published form, whose sign convention, used with the usual transform, lets the
    membrane move before the sound arrives. The magnitude is the same.
    """
    from scipy.special import hankel1e, jv, yv

    w = 2 * np.pi * np.asarray(frequency_hz, np.complex128)

    def impedance(c: Any) -> Complex:
        xi: Complex = _C0 * np.exp(-_ALPHA * c) - _A - _MASS * w**2 - 1j * w * _DAMPING * np.exp(-_ALPHA * c / 2)
        return xi

    def wave_number(c: Any) -> Complex:
        g: Complex = w * np.sqrt(_RHO / (_HEIGHT * impedance(c)))
        return g

    root = np.sqrt(_A + _MASS * w**2)
    base = -_ALPHA * np.sqrt(_C0 - _A - w * (_MASS * w + 1j * _DAMPING))
    base = base + 1j * _ALPHA * (2 * _A + w * (2 * _MASS * w + 1j * _DAMPING)) / (2 * root)

    def phase(c: Any) -> Complex:
        damping = _DAMPING * np.exp(-_ALPHA * c / 2)
        there = -2 * np.sqrt(impedance(c)) + 1j * (2 * _A + w * (2 * _MASS * w + 1j * damping)) / root
        there = _ALPHA / 2 * np.exp(_ALPHA * c / 2) * there
        travelled: Complex = 2j * np.sqrt(2) * w * np.log(base / there)
        between: Complex = 2 * wave_number(0.0) / _ALPHA - travelled / (_ALPHA * np.sqrt(2 * _HEIGHT) * root)
        return between

    here, start = phase(place), phase(0.0)
    # Scaled Hankel functions: for low frequencies at high places the plain ones leave the range of numbers.
    pressure = np.sqrt(here / wave_number(place)) * hankel1e(0, here)
    pressure = pressure / (np.sqrt(start / wave_number(0.0)) * hankel1e(0, start)) * np.exp(1j * (here - start))
    k = 2 * w / _ALPHA * np.sqrt(2 / (_HEIGHT * _C0))
    ear = np.sqrt(2 * _C0 / _HEIGHT) * (1j * jv(0, k) + yv(0, k)) / (jv(1, k) - 1j * yv(1, k))
    velocity: Complex = 2 * w / impedance(place) * pressure * ear
    forwards: Complex = np.conj(velocity)
    return forwards


def best_frequency_hz(place: float) -> float:
    """The frequency that moves `place` most."""
    grid = np.geomspace(50, RATE_HZ / 2, 4000)
    return float(grid[np.abs(response(grid, place)).argmax()])


def fitted_response(frequency_hz: Any, poles: Complex, residues: Complex, taps: Float) -> Complex:
    """The response of one place's filter: taps, then resonator pairs that begin `TAPS` samples later."""
    w = 2 * np.pi * np.asarray(frequency_hz, np.float64) / RATE_HZ
    delays = np.exp(-1j * w[:, None] * np.arange(taps.size))
    pairs = _pairs(w, poles) @ np.concatenate([residues.real, residues.imag])
    answer: Complex = delays @ taps + pairs * np.exp(-1j * w * taps.size)
    return answer


def fit(place: float) -> tuple[Complex, Complex, Float, float]:
    """Poles and residues (POLES,), taps (TAPS,), and the largest error of the magnitude, as a share of its peak."""
    best_hz = best_frequency_hz(place)
    half_hz = RATE_HZ / 2
    grid = [np.geomspace(2, half_hz, 240), best_hz * np.geomspace(0.3, 2.2, 240), np.linspace(300, half_hz, 120)]
    frequency_hz = np.unique(np.concatenate(grid))
    frequency_hz = frequency_hz[frequency_hz <= half_hz]
    w = 2 * np.pi * frequency_hz / RATE_HZ
    wanted = response(frequency_hz, place)
    peak = np.abs(wanted).max()
    # A filter's response is real at half its rate: a shift by a part of a sample makes the wanted one so, too.
    turn = np.angle(response(half_hz, place)) / np.pi
    wanted = wanted / peak * np.exp(-1j * w * (turn + TAPS))
    spread = np.linspace(0, 1, POLES)
    longest = np.exp(-np.pi * _NARROWEST * best_hz / RATE_HZ)
    best: tuple[Complex, Complex, Float, float] | None = None
    for round_ in range(240):
        if round_ % 60 == 0:
            # Other starts find other fits; most places need one.
            if best is not None and best[3] < 0.006:
                break
            centre_hz = np.minimum(best_hz * (0.1 + (1.2 + round_ / 300) * spread), 0.98 * half_hz)
            poles = np.exp((-best_hz * (0.1 + 1.9 * spread) + 2j * centre_hz) * np.pi / RATE_HZ)
            target = wanted
        poles = _moved(w, target, poles, longest)
        residues, taps = _solved(w, target, poles)
        answer = fitted_response(frequency_hz, poles, residues, taps)
        error = float(np.abs(np.abs(answer) - np.abs(wanted)).max())
        if best is None or error < best[3]:
            best = poles, residues * peak, taps * peak, error
        if round_ % 60 >= 15:
            if best[3] < 0.004:
                break
            # Only the magnitude is held to: the phase may go where the filter can follow it.
            target = np.abs(wanted) * np.exp(1j * np.angle(answer))
    assert best is not None
    return best


def _pairs(w: Float, poles: Complex) -> Complex:
    """The responses (w, 2 poles) of a pole with its conjugate, to a real and to an imaginary residue."""
    back = np.exp(-1j * w)[:, None]
    upper, lower = 1 / (1 - poles * back), 1 / (1 - poles.conj() * back)
    return np.concatenate([upper + lower, 1j * (upper - lower)], axis=1)


def _solved(w: Float, wanted: Complex, poles: Complex) -> tuple[Complex, Float]:
    """The residues and taps with the smallest squared error."""
    columns = _columns(w, poles)
    both = np.concatenate([columns.real, columns.imag])
    found = np.linalg.lstsq(both, np.concatenate([wanted.real, wanted.imag]), rcond=None)[0]
    return found[:POLES] + 1j * found[POLES : 2 * POLES], found[2 * POLES :]


def _columns(w: Float, poles: Complex) -> Complex:
    delays = np.exp(-1j * w[:, None] * np.arange(TAPS))
    return np.concatenate([_pairs(w, poles) * np.exp(-1j * w * TAPS)[:, None], delays], axis=1)


def _moved(w: Float, wanted: Complex, poles: Complex, longest: float) -> Complex:
    """Better poles, of magnitudes up to `longest`: the zeros of the function that, multiplied by `wanted`, has the
    old ones."""
    columns = _columns(w, poles)
    count = columns.shape[1]
    system = np.concatenate([columns, -_pairs(w, poles) * wanted[:, None], wanted[:, None]], axis=1)
    system = np.concatenate([system.real, system.imag])
    size = np.linalg.norm(system, axis=0)
    size[-1] = 1
    triangle: Any = np.linalg.qr(system / size, mode="r")
    triangle = triangle[count : count + 2 * POLES, count:]
    found = np.linalg.lstsq(triangle[:, :-1], triangle[:, -1], rcond=1e-14)[0] / size[count:-1]
    residues = found[:POLES] + 1j * found[POLES:]
    all_poles = np.concatenate([poles, poles.conj()])
    all_residues = np.concatenate([residues, residues.conj()])
    constant = 1 + all_residues.sum()
    zeros = np.linalg.eigvals(np.diag(all_poles) - np.outer(np.ones(2 * POLES), all_residues * all_poles) / constant)
    zeros = np.where(np.abs(zeros) > 1, 1 / zeros.conj(), zeros)
    # They come in conjugate pairs, or as real ones, of which two are as good as a pair that is hardly complex.
    zeros = zeros[np.argsort(-np.abs(zeros.imag))]
    pairs = zeros[: 2 * POLES][zeros[: 2 * POLES].imag > 1e-9][:POLES]
    lone = np.sort(zeros[np.argsort(np.abs(zeros.imag))][: 2 * (POLES - pairs.size)].real).reshape(-1, 2)
    moved = np.concatenate([pairs, lone.mean(1) + 1j * (np.ptp(lone, axis=1) / 2 + 1e-4)])
    limited: Complex = moved / np.maximum(1, np.abs(moved) / longest)
    return limited


def main() -> None:
    """Fit every place and write the table."""
    from safetensors.numpy import save_file

    fits = [fit(place) for place in places()]
    table = {
        "poles": np.stack([[each[0].real, each[0].imag] for each in fits]),
        "residues": np.stack([[each[1].real, each[1].imag] for each in fits]),
        "taps": np.stack([each[2] for each in fits]),
        "best_hz": np.array([best_frequency_hz(place) for place in places()]),
    }
    worst_db = 20 * np.log10(max(each[3] for each in fits))
    save_file(table, Path(__file__).with_name("membrane.safetensors"))
    print(f"{PLACES} places; the magnitude is within {worst_db:.1f} dB of its peak")


if __name__ == "__main__":
    main()
