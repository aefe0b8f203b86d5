"""The motion model of all trackers: boxes whose edges move with one velocity an axis (Kalman 1960).

Each axis of a box is a state (low, high, v): the positions of its two edges in pixels, and their common velocity in
pixels a second. Over dt
    low' = low + v dt,   high' = high + v dt,   v' = v
with white noise of spectral density q_v in the acceleration and q_e in each edge alone, integrated exactly,
    Q = q_v [dt^3/3, dt^3/3, dt^2/2; ..; dt] + q_e dt on the edges,
so that many short steps of silence come to the same as a long one. Each edge is measured by itself, with variance r: one
that is hidden, or cut off by the sensor's border, is left out, and the other still tells the velocity.
"""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int64
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


@compiled(int64(float64[:, ::1], float64[:, :, ::1], float64[::1], boolean[::1], float64[::1]))
def update(state: Floats, covariance: Floats, edges: Floats, seen: NDArray[np.bool_], variance: Floats) -> int:
    """Correct one box, in place, by its `edges` (4,): left, right, top, bottom, those of them that were `seen`; each
    axis has the `variance` (2,) of its measurements."""
    for axis in range(2):
        s, p = state[axis], covariance[axis]
        for edge in range(2):
            if not seen[2 * axis + edge]:
                continue
            innovation = edges[2 * axis + edge] - s[edge]
            total = p[edge, edge] + variance[axis]
            g0, g1, g2 = p[0, edge] / total, p[1, edge] / total, p[2, edge] / total
            s[0] += g0 * innovation
            s[1] += g1 * innovation
            s[2] += g2 * innovation
            r0, r1, r2 = p[edge, 0], p[edge, 1], p[edge, 2]
            for column, row in ((0, r0), (1, r1), (2, r2)):
                p[0, column] -= g0 * row
                p[1, column] -= g1 * row
                p[2, column] -= g2 * row
    return 0
