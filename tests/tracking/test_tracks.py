from __future__ import annotations

import numpy as np
import pytest

from streamsnn.tracking.tracks import Tracks, TrackSettings
from streamsnn.types import Sensor

SENSOR = Sensor("s", 300, 260)


def begin(tracks: Tracks, edges: np.ndarray) -> None:
    """A track with these edges."""
    none = np.array([-1], np.int32)
    tracks.begin(np.ascontiguousarray(edges[:, [0, 2, 1, 3]]), np.array([[30, 0]]), none, none, 1)


def see(tracks: Tracks, edges: np.ndarray, *, shared: bool = False) -> None:
    """The track is seen with these edges, in one piece."""
    seen, signs, pieces = np.array([30]), np.zeros(1, np.int64), np.ones(1, np.int32)
    tracks.correct(edges, seen, signs, np.array([shared]), pieces, margin=8.0, elapsed_us=10_000)


def moving(coast: int) -> tuple[Tracks, int]:
    """A track that was seen at 100 px/s for 200 ms."""
    tracks = Tracks(SENSOR, TrackSettings(coast_us=coast))
    now_us = 0
    for k in range(20):
        now_us = (k + 1) * 10_000
        tracks.predict(now_us)
        edges = np.array([[20.0 + k, 40.0 + k, 50.0, 70.0]])
        if k == 0:
            begin(tracks, edges)
        else:
            see(tracks, edges)
    return tracks, now_us


def test_one_long_silence_equals_many_short_ones() -> None:
    one, now_us = moving(500_000)
    many, _ = moving(500_000)
    one.predict(now_us + 100_000)
    one.prune()
    for k in range(10):
        many.predict(now_us + (k + 1) * 10_000)
        many.prune()
    assert one.count == many.count == 1
    np.testing.assert_allclose(one.boxes, many.boxes, rtol=1e-9)
    np.testing.assert_allclose(one.crowd["covariance"], many.crowd["covariance"], rtol=1e-9)
    assert one.report() == many.report()
    assert one.velocity[0, 0] == pytest.approx(100, abs=15)


def test_tracks_die_by_time() -> None:
    for step_us in (5_000, 50_000):
        tracks, now_us = moving(150_000)
        lived_us = 0
        while tracks.count:
            lived_us += step_us
            tracks.predict(now_us + lived_us)
            tracks.prune()
        assert lived_us == 150_000


def test_a_track_that_does_not_move_is_not_reported() -> None:
    tracks = Tracks(SENSOR, TrackSettings())
    tracks.predict(0)
    edges = np.array([[20.0, 40.0, 50.0, 70.0]])
    begin(tracks, edges)
    for k in range(1, 50):
        tracks.predict(k * 10_000)
        see(tracks, edges)
        tracks.prune()
        assert tracks.report() == ()
    assert tracks.count == 1


def test_who_was_seen_whole_keeps_its_size_while_it_shares_a_region() -> None:
    tracks = Tracks(SENSOR, TrackSettings())
    for k in range(50):
        tracks.predict((k + 1) * 10_000)
        edges = np.array([[20.0 + k, 40.0 + k, 50.0, 70.0]])
        if k == 0:
            begin(tracks, edges)
        else:
            see(tracks, edges)
    for k in range(50, 90):
        tracks.predict((k + 1) * 10_000)
        left, top, right, bottom = tracks.boxes[0]
        # Pixels of somebody else, 3 outside of each edge, are taken for its own.
        see(tracks, np.array([[left - 3, right + 3, top - 3, bottom + 3]]), shared=True)
    left, top, right, bottom = tracks.boxes[0]
    assert 20 <= right - left < 26
    assert 20 <= bottom - top < 26
