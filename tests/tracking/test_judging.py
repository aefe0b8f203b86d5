from __future__ import annotations

import numpy as np
import pytest
from moving import SPEC, STEP_US, Square, square_at, steps_of

from streamsnn.tracking.names import make_tracker
from streamsnn.tracking.truth import overlaps
from streamsnn.types import Step, Track

POST = range(60, 90)
"""Columns that nothing is seen in."""


def behind_a_post(square: Square, count: int) -> list[tuple[Track, ...]]:
    tracker = make_tracker("regions", SPEC, STEP_US)
    hidden = np.isin(np.arange(SPEC.size) % SPEC.width, POST)
    return [
        tracker.update(Step(step.index, step.addresses[~hidden[step.addresses]], 0))
        for step in steps_of([square], count, noise=3)
    ]


@pytest.mark.parametrize("speed", [60.0, 90.0, 140.0])
def test_what_goes_behind_a_post_goes_on_as_it_came_and_comes_back(speed: float) -> None:
    square = (5.0, 40.0, 24.0, speed, 10.0)
    found = behind_a_post(square, round(110 / speed * 100))
    covered = [k for k in range(len(found)) if 60 < square_at(square, (k + 1) * 0.01)[0] + 24 < 80]
    for k in covered:
        # A third of it and more is seen: its box is that of all of it.
        (track,) = found[k]
        assert overlaps(np.array(square_at(square, (k + 1) * 0.01)), np.array(track[1:5]))[0, 0] > 0.6
        assert track.vx == pytest.approx(speed, abs=0.3 * speed)
    (last,) = found[-1]
    assert last.id == 1
    assert overlaps(np.array(square_at(square, len(found) * 0.01)), np.array(last[1:5]))[0, 0] > 0.7
