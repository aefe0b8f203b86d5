from __future__ import annotations

import numpy as np
import pytest

from streamsnn.tracking.measuring import measure


def edges_of(x: np.ndarray, y: np.ndarray, age: np.ndarray, vx: float = 0.0) -> list[float]:
    """left, right, top, bottom of the one track that all these pixels are of; an age is 10 ms."""
    region, count = np.zeros(x.size, np.int32), np.array([[x.size, 0]])
    edges, pixels, signs = np.empty((1, 4)), np.empty(2, np.int64), np.empty(2, np.int64)
    ages_s = np.arange(4) * 0.01
    shifts, histogram = np.empty((2, 4, 2), np.int32), np.empty((2, 100 + 80), np.int32)
    columns, rows, ages = (each.astype(np.int32) for each in (x, y, age))
    velocity, track_of = np.array([[vx, 0.0]]), np.zeros(1, np.int32)
    measure(
        columns,
        rows,
        ages,
        region,
        track_of,
        count,
        ages_s,
        velocity,
        0.05,
        100,
        histogram,
        shifts,
        edges,
        pixels,
        signs,
    )
    return [float(each) for each in edges[0]]


def block(side: int) -> tuple[np.ndarray, np.ndarray]:
    """All pixels of a square at (20, 30)."""
    return 20 + np.tile(np.arange(side), side), 30 + np.repeat(np.arange(side), side)


@pytest.mark.parametrize(("dx", "dy"), [(-4, 1), (9, 1), (1, -4), (1, 9)])
def test_a_pair_of_pixels_beside_it_is_no_edge(dx: int, dy: int) -> None:
    x, y = block(6)
    x, y = np.append(x, [20 + dx, 20 + dx]), np.append(y, [30 + dy, 30 + dy])
    assert edges_of(x, y, np.zeros(x.size)) == [20, 26, 30, 36]


def test_of_few_pixels_each_counts() -> None:
    x, y = block(4)
    x, y = np.append(x, 16), np.append(y, 31)
    assert edges_of(x, y, np.zeros(x.size)) == [16, 24, 30, 34]


def test_what_was_active_a_while_ago_is_moved_on() -> None:
    x, y = block(6)
    assert edges_of(x, y, np.full(x.size, 2), vx=150.0) == [23, 29, 30, 36]
