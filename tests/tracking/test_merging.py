from __future__ import annotations

import numpy as np
import pytest
from moving import SPEC, STEP_US, steps_of

from streamsnn.tracking.names import make_tracker
from streamsnn.types import Step


@pytest.mark.parametrize("vertical", [False, True])
def test_the_two_edges_of_something_uniform_are_one_object(vertical: bool) -> None:
    tracker = make_tracker("regions", SPEC, STEP_US)
    seen = []
    for k in range(120):
        place = round(4 + 0.8 * k)
        # OFF before, ON behind: 12 wide, 36 long, and nothing between.
        front, back = np.arange(place + 34, place + 36), np.arange(place, place + 2)
        wide = np.arange(40, 52)
        pixels = []
        for edge, on in ((front, 0), (back, 1)):
            x, y = (np.repeat(wide, 2), np.tile(edge, 12)) if vertical else (np.tile(edge, 12), np.repeat(wide, 2))
            inside = y < SPEC.height
            pixels.append(y[inside] * SPEC.width + x[inside] + on * SPEC.width * SPEC.height)
        seen.append(tracker.update(Step(k, np.concatenate(pixels).astype(np.int32), 0)))
    for tracks in seen[40:90]:
        (track,) = tracks
        assert max(track.width, track.height) == pytest.approx(36, abs=6)
        assert min(track.width, track.height) == pytest.approx(12, abs=4)


def test_who_has_gone_alone_for_long_is_not_a_part_of_another() -> None:
    tracker = make_tracker("regions", SPEC, STEP_US)
    # The second comes nearer, until they touch, and goes with the first all the while.
    squares = [(5.0, 20.0, 20.0, 80.0, 0.0), (5.0, 75.0, 20.0, 80.0, -28.0)]
    found = [tracker.update(step) for step in steps_of(squares, 130, noise=5)]
    ids = {track.id for track in found[60]}
    assert len(ids) == 2
    assert all({track.id for track in tracks} == ids for tracks in found[60:])
