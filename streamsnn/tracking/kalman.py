"""The motion model of all trackers: boxes whose edges move with one velocity an axis (Kalman 1960).

Each axis of a box is a state (low, high, v): the positions of its two edges in pixels, and their common velocity in
pixels a second. Over dt
    low' = low + v dt,   high' = high + v dt,   v' = v
with white noise of spectral density q_v in the acceleration and q_e in each edge alone, integrated exactly,
    Q = q_v [dt^3/3, dt^3/3, dt^2/2; ..; dt] + q_e dt on the edges,
so that many short steps of silence come to the same as a long one. Each edge is measured by itself, with variance r:
one that is hidden, or cut off by the sensor's border, is left out, and the other still tells the velocity. That an
object keeps its size is a measurement, too: of high - low.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int8, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled, part
from streamsnn.tracking.crowd import CROWD

Floats = NDArray[np.float64]


@compiled(int64(CROWD, float64, float64, float64))
def predict(crowd: Any, dt_s: float, q_v: float, q_e: float) -> int:
    """Move the states of a `crowd` and their covariances on by `dt_s`, in place."""
    for i in range(crowd.size):
        for axis in range(2):
            s, p = crowd[i].state[axis], crowd[i].covariance[axis]
            for edge in range(2):
                s[edge] += s[2] * dt_s
            edges = q_v * dt_s**3 / 3.0
            # P' = F P F^T + Q with F = [1 0 dt; 0 1 dt; 0 0 1].
            p02, p12, p22 = p[0, 2], p[1, 2], p[2, 2]
            p[0, 0] += 2 * dt_s * p02 + dt_s * dt_s * p22 + edges + q_e * dt_s
            p[1, 1] += 2 * dt_s * p12 + dt_s * dt_s * p22 + edges + q_e * dt_s
            p[0, 1] += dt_s * (p02 + p12) + dt_s * dt_s * p22 + edges
            p[1, 0] = p[0, 1]
            p[0, 2] += dt_s * p22 + q_v * dt_s * dt_s / 2.0
            p[1, 2] += dt_s * p22 + q_v * dt_s * dt_s / 2.0
            p[2, 0], p[2, 1] = p[0, 2], p[1, 2]
            p[2, 2] += q_v * dt_s
    return 0


@part
def _correct(s: Floats, p: Floats, low: float, high: float, measured: float, variance: float) -> None:
    """Correct the state `s` (3,) of an axis and its covariance `p` (3, 3) by what `low` times its low edge and `high`
    times its high edge were `measured` to come to."""
    innovation = measured - low * s[0] - high * s[1]
    h0, h1, h2 = low * p[0, 0] + high * p[0, 1], low * p[1, 0] + high * p[1, 1], low * p[2, 0] + high * p[2, 1]
    total = low * h0 + high * h1 + variance
    g0, g1, g2 = h0 / total, h1 / total, h2 / total
    s[0] += g0 * innovation
    s[1] += g1 * innovation
    s[2] += g2 * innovation
    for row, gain in ((0, g0), (1, g1), (2, g2)):
        p[row, 0] -= gain * h0
        p[row, 1] -= gain * h1
        p[row, 2] -= gain * h2


@compiled(int64(CROWD, float64[:, ::1], int8[:, ::1], int64[::1], boolean[::1], float64, float64))
def update(
    crowd: Any,
    edges: Floats,
    verdicts: NDArray[np.int8],
    pixels: NDArray[np.int64],
    rigid: NDArray[np.bool_],
    variance: float,
    size_variance: float,
) -> int:
    """Correct the boxes that have `pixels`, in place, by their `edges` (n, 4): left, right, top, bottom.

    `verdicts` (n, 4): 0 leaves an edge out, 1 takes it as a measurement with `variance`, 2 puts the edge there and says
    nothing of the motion. Who is `rigid` has its usual size, with `size_variance`. No box becomes smaller than a pixel.
    """
    for i in range(crowd.size):
        if pixels[i] == 0:
            continue
        for axis in range(2):
            s, p = crowd[i].state[axis], crowd[i].covariance[axis]
            for edge in range(2):
                verdict = verdicts[i, 2 * axis + edge]
                if verdict == 2:
                    s[edge] = edges[i, 2 * axis + edge]
                elif verdict == 1:
                    _correct(s, p, 1.0 - edge, 1.0 * edge, edges[i, 2 * axis + edge], variance)
            if rigid[i]:
                _correct(s, p, -1.0, 1.0, crowd[i].usual[axis], size_variance)
            if s[1] < s[0] + 1.0:
                middle = 0.5 * (s[0] + s[1])
                s[0], s[1] = middle - 0.5, middle + 0.5
    return 0
