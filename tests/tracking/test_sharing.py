from __future__ import annotations

import numpy as np
from moving import SPEC, STEP_US, Square, square_at, steps_of

from streamsnn.tracking.names import make_tracker
from streamsnn.tracking.truth import overlaps
from streamsnn.types import Track


def tracked(squares: list[Square], count: int) -> list[tuple[Track, ...]]:
    tracker = make_tracker("regions", SPEC, STEP_US)
    return [tracker.update(step) for step in steps_of(squares, count, noise=5)]


def fit(square: Square, k: int, tracks: tuple[Track, ...]) -> tuple[float, int]:
    """The box that fits best at the end of step `k`, and its id."""
    fits = overlaps(np.array(square_at(square, (k + 1) * 0.01)), np.array([each[1:5] for each in tracks]))[0]
    return float(fits.max()), tracks[int(fits.argmax())].id


def test_what_comes_in_and_touches_what_is_known_is_something_else() -> None:
    # The new one comes in below the known one, 8 from the border, and covers a part of it as it goes up.
    known, new = (20.0, 90.0, 22.0, 40.0, 0.0), (62.0, 175.0, 30.0, 0.0, -60.0)
    found = tracked([known, new], 200)
    fits = [fit(known, k, found[k]) for k in range(30, 200)]
    assert {id_ for _, id_ in fits} == {1}
    assert min(share for share, _ in fits) > 0.6
    for tracks in found[30:]:
        (track,) = [each for each in tracks if each.id == 1]
        assert max(track.width, track.height) < 1.25 * 22
    grown, other = fit(new, 199, found[199])
    assert other != 1
    assert grown > 0.5


def test_what_comes_in_where_something_known_is_does_not_make_that_larger() -> None:
    # 3 from the border when the new one comes in there, 4 of its columns below the known one's.
    known, new = (70.0, 60.0, 22.0, 0.0, 25.0), (88.0, 203.0, 30.0, 0.0, -60.0)
    found = tracked([known, new], 165)
    for tracks in found[40:]:
        (track,) = [each for each in tracks if each.id == 1]
        assert track.width < 1.25 * 22
    _, other = fit(new, 164, found[164])
    assert other != 1
