"""Inner hair cells: the velocity of the membrane becomes the probability that a synapse releases.

Meddis 1986, 1988, by Euler's rule at 24 kHz, with s the velocity and all changes from the old values, which stay >= 0:

    k = g (s + A) / (s + A + B) where s + A > 0, else 0
    q += dt (y (M - q) [q < M] - k q + x w)     c += dt (k q - (l + r) c)     w += dt (r c - x w)
    P = 50000 c dt
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea.membrane import ROW, VELOCITY_HZ
from streamsnn.compiled import part
from streamsnn.intrinsics import LANES
from streamsnn.lanes import choose_less, load_floats, spread, store_floats

STATE_ROWS = 3
_Y, _G, _L, _R, _X, _A, _B, _M, _H = 5.05, 2000.0, 2500.0, 6580.0, 66.3, 5.0, 300.0, 1.0, 50000.0
_RATE = np.float32(_G / VELOCITY_HZ)
_REFILL = np.float32(_Y / VELOCITY_HZ)
_LEAVE = np.float32((_L + _R) / VELOCITY_HZ)
_RETURN = np.float32(_R / VELOCITY_HZ)
_REUSE = np.float32(_X / VELOCITY_HZ)
_RELEASE = np.float32(_H / VELOCITY_HZ)
_REST, _SPAN, _FULL, _ZERO = np.float32(_A), np.float32(_B), np.float32(_M), np.float32(0)

_K0 = _G * _A / (_A + _B)
_C0 = _M * _Y * _K0 / (_L * _K0 + _Y * (_L + _R))

RESTING_RATE_HZ = _H * _C0
"""Releases a second of each synapse in silence: 64.8."""


def resting(groups: int) -> NDArray[np.float32]:
    """The state in silence (groups, STATE_ROWS, 16): q, c and w."""
    values = np.array([_C0 * (_L + _R) / _K0, _C0, _C0 * _R / _X], np.float32)
    return np.ascontiguousarray(np.broadcast_to(values[:, None], (groups, STATE_ROWS, LANES)))


@part
def release(velocity: int, strides: int, state: int) -> None:
    """Turn the `velocity` (strides, 16) of a group of places into probabilities of a release, in place."""
    q, c, w = load_floats(state), load_floats(state + ROW), load_floats(state + 2 * ROW)
    zero, full, rest, span = spread(_ZERO), spread(_FULL), spread(_REST), spread(_SPAN)
    rate, refill, leave = spread(_RATE), spread(_REFILL), spread(_LEAVE)
    back, reuse, scale = spread(_RETURN), spread(_REUSE), spread(_RELEASE)
    for i in range(strides):
        drive = load_floats(velocity + ROW * i) + rest
        permeability = choose_less(zero, drive, rate * drive / (drive + span), zero)
        ejected, reused = permeability * q, reuse * w
        q_next = q + refill * choose_less(q, full, full - q, zero) - ejected + reused
        c_next = c + ejected - leave * c
        w_next = w + back * c - reused
        q = choose_less(q_next, zero, zero, q_next)
        c = choose_less(c_next, zero, zero, c_next)
        w = choose_less(w_next, zero, zero, w_next)
        store_floats(velocity + ROW * i, scale * c)
    store_floats(state, q)
    store_floats(state + ROW, c)
    store_floats(state + 2 * ROW, w)
