"""The motion model of all trackers: boxes whose edges move with one velocity an axis (Kalman 1960).

Each axis of a box is a state (low, high, v): the positions of its two edges in pixels, and their common velocity in
pixels a second. Over dt
    low' = low + v dt,   high' = high + v dt,   v' = v
with white noise of spectral density q_v in the acceleration and q_e in each edge alone, integrated exactly,
    Q = q_v [dt^3/3, dt^3/3, dt^2/2; ..; dt] + q_e dt on the edges,
so that many short steps of silence come to the same as a long one. Each edge is measured by itself, with variance r:
one that is hidden, or cut off by the sensor's border, is left out, and the other still tells the velocity.
"""

from __future__ import annotations

import numpy as np
from numba import float64, int8, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Floats = NDArray[np.float64]


@compiled(int64(float64[:, :, ::1], float64[:, :, :, ::1], float64, float64, float64))
def predict(state: Floats, covariance: Floats, dt_s: float, q_v: float, q_e: float) -> int:
    """Move `state` (n, 2, 3) and `covariance` (n, 2, 3, 3) on by `dt_s`, in place."""
    for i in range(state.shape[0]):
        for axis in range(2):
            s, p = state[i, axis], covariance[i, axis]
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


@compiled(int64(float64[:, :, ::1], float64[:, :, :, ::1], float64[:, ::1], int8[:, ::1], int64[::1], float64))
def update(
    state: Floats,
    covariance: Floats,
    edges: Floats,
    verdicts: NDArray[np.int8],
    pixels: NDArray[np.int64],
    variance: float,
) -> int:
    """Correct the boxes that have `pixels`, in place, by their `edges` (n, 4): left, right, top, bottom.

    `verdicts` (n, 4): 0 leaves an edge out, 1 takes it as a measurement with `variance`, 2 puts the edge there and says
    nothing of the motion. No box becomes smaller than a pixel.
    """
    for i in range(state.shape[0]):
        if pixels[i] == 0:
            continue
        for axis in range(2):
            s, p = state[i, axis], covariance[i, axis]
            for edge in range(2):
                verdict = verdicts[i, 2 * axis + edge]
                if verdict == 2:
                    s[edge] = edges[i, 2 * axis + edge]
                if verdict != 1:
                    continue
                innovation = edges[i, 2 * axis + edge] - s[edge]
                total = p[edge, edge] + variance
                g0, g1, g2 = p[0, edge] / total, p[1, edge] / total, p[2, edge] / total
                s[0] += g0 * innovation
                s[1] += g1 * innovation
                s[2] += g2 * innovation
                r0, r1, r2 = p[edge, 0], p[edge, 1], p[edge, 2]
                for column, row in ((0, r0), (1, r1), (2, r2)):
                    p[0, column] -= g0 * row
                    p[1, column] -= g1 * row
                    p[2, column] -= g2 * row
            if s[1] < s[0] + 1.0:
                middle = 0.5 * (s[0] + s[1])
                s[0], s[1] = middle - 0.5, middle + 0.5
    return 0
