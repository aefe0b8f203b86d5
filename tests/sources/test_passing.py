from __future__ import annotations

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.sources.lettering import FACES
from streamsnn.sources.passing import HEIGHT, WIDTH, make_passing


def test_a_digit_s_box_holds_its_ink() -> None:
    scene = make_passing("3")
    seen = set()
    for t_us in range(0, 8_000_000, 500_000):
        dark = scene.log_intensity(t_us) < -0.9
        inside = np.zeros((HEIGHT, WIDTH), bool)
        for number, digit, x, y, width, height in scene.boxes(t_us):
            assert digit in "0123456789"
            seen.add(number)
            box = (slice(int(y) - 1, int(y + height) + 2), slice(max(0, int(x) - 1), int(x + width) + 2))
            inside[box] = True
            assert dark[box].any()
        # Digits that are not wholly inside have no box; they lie at the borders.
        assert not (dark & ~inside)[:, 45:-45].any()
    assert len(seen) >= 4


def test_the_same_seed_is_the_same_scene() -> None:
    first = make_passing("5").log_intensity(2_100_000).copy()
    np.testing.assert_array_equal(first, make_passing("5").log_intensity(2_100_000))
    assert not np.array_equal(first, make_passing("6").log_intensity(2_100_000))


def test_a_sign_says_how_it_was_made() -> None:
    faces = [sign.face for sign in make_passing("3").signs]
    assert 8 <= faces.count(None) <= 32
    assert set(faces) - {None} <= set(FACES)


def test_what_is_no_seed() -> None:
    with pytest.raises(StreamsnnError):
        make_passing("x")
