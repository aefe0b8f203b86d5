from __future__ import annotations

import numpy as np
import pytest
from moving import SPEC, STEP_US, steps_of

from streamsnn.tracking.merging import Merging
from streamsnn.tracking.names import make_tracker
from streamsnn.tracking.tracks import Tracks, TrackSettings
from streamsnn.types import Sensor, Step


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


@pytest.mark.parametrize("alone", [False, True])
def test_who_was_never_seen_alone_becomes_a_part_of_another_late(alone: bool) -> None:
    tracks = Tracks(Sensor("s", 600, 260), TrackSettings())
    merging = Merging(tracks, 6.0)
    first, second = np.array([20.0, 60.0, 50.0, 90.0]), np.array([90.0, 120.0, 55.0, 85.0])
    none = np.full(2, -1, np.int32)
    lived = []
    for k in range(130):
        # The first catches up with the second, until it lies over a half of it, and from then on they are alike.
        first[:2] += 1.6
        second[:2] += 0.4 if k < 45 else 1.6
        tracks.predict((k + 1) * 10_000)
        edges = np.stack([first, second])[: max(tracks.count, 1)]
        if k == 0:
            boxes = np.ascontiguousarray(np.stack([first, second])[:, [0, 2, 1, 3]])
            tracks.begin(boxes, np.array([[90, 0], [90, 0]]), none, none, 1)
        else:
            n = tracks.count
            shared = np.full(n, not alone)
            pixels, pieces = np.full(n, 90), np.ones(n, np.int32)
            tracks.correct(edges, pixels, np.zeros(n, np.int64), shared, pieces, margin=6.0, elapsed_us=10_000)
        merging(10_000)
        lived.append(tracks.count)
    assert lived[85] == 2
    assert lived[-1] == (2 if alone else 1)
