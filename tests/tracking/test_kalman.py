from __future__ import annotations

import numpy as np
import pytest

from streamsnn.tracking import kalman
from streamsnn.tracking.crowd import TRACK


def reference(
    state: np.ndarray, covariance: np.ndarray, rows: list[list[float]], measured: list[float], variances: list[float]
) -> tuple[np.ndarray, np.ndarray]:
    """One measurement after another, as in a textbook."""
    for row, value, variance in zip(rows, measured, variances, strict=True):
        h = np.array([row])
        gain = covariance @ h.T / (h @ covariance @ h.T + variance)
        state = state + gain[:, 0] * (value - h @ state)
        covariance = (np.eye(3) - gain @ h) @ covariance
    return state, covariance


@pytest.mark.parametrize("rigid", [False, True])
def test_edges_and_size_correct_as_in_a_textbook(rigid: bool) -> None:
    rng = np.random.default_rng(0)
    crowd = np.zeros(1, TRACK)
    root = rng.normal(size=(2, 3, 3))
    crowd["covariance"][0] = root @ root.transpose(0, 2, 1)
    crowd["state"][0] = [[10, 30, 50], [20, 60, -20]]
    crowd["usual"][0] = 22, 41
    state, covariance = crowd["state"][0].copy(), crowd["covariance"][0].copy()
    edges = np.array([[11.0, 33.0, 19.0, 62.0]])
    verdicts = np.array([[1, 1, 0, 1]], np.int8)
    kalman.update(crowd, edges, verdicts, np.array([9]), np.array([rigid]), 2.0, 3.0)
    size = [[-1.0, 1.0, 0.0]] if rigid else []
    for axis, (rows, measured) in enumerate([([[1.0, 0, 0], [0, 1.0, 0]], [11.0, 33.0]), ([[0, 1.0, 0]], [62.0])]):
        usual = [crowd["usual"][0, axis]] if rigid else []
        variances = [2.0] * len(rows) + [3.0] * len(size)
        want = reference(state[axis], covariance[axis], rows + size, measured + usual, variances)
        np.testing.assert_allclose(crowd["state"][0, axis], want[0], rtol=1e-12)
        np.testing.assert_allclose(crowd["covariance"][0, axis], want[1], rtol=1e-9, atol=1e-12)


def test_who_has_no_pixels_stays() -> None:
    crowd = np.zeros(1, TRACK)
    crowd["state"][0] = [[10, 30, 50], [20, 60, -20]]
    before = crowd.copy()
    kalman.update(crowd, np.zeros((1, 4)), np.ones((1, 4), np.int8), np.array([0]), np.array([True]), 2.0, 3.0)
    assert crowd == before
