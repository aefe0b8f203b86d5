"""Characters are laid out as MNIST lays out its digits."""

from __future__ import annotations

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.sources.lettering import BOX, FACES, SIZE, STROKES, Picture, draw, write


def extent(picture: Picture) -> tuple[int, int]:
    """Rows and columns that hold ink."""
    return int(picture.any(axis=1).sum()), int(picture.any(axis=0).sum())


def assert_laid_out(picture: Picture) -> None:
    assert picture.shape == (SIZE, SIZE)
    assert picture.min() == 0.0
    assert picture.max() == 1.0
    middles = np.arange(SIZE) + 0.5
    for axis in (0, 1):
        assert picture.sum(axis=axis) @ middles / picture.sum() == pytest.approx(SIZE / 2, abs=0.1)
    assert BOX <= max(extent(picture)) <= BOX + 1
    # Anti-aliased: on the edge of a figure there is grey.
    assert ((picture > 0.0) & (picture < 1.0)).sum() > 20


@pytest.mark.parametrize("face", FACES)
def test_every_face_draws_as_mnist_does(face: str) -> None:
    for character in "07":
        assert_laid_out(draw(character, face))


@pytest.mark.parametrize("digit", STROKES)
def test_every_digit_is_written_as_mnist_is(digit: str) -> None:
    assert_laid_out(write(digit, seed=1))


def test_outlines_are_filled_with_their_holes_left_open() -> None:
    zero = draw("0")
    assert zero[SIZE // 2, SIZE // 2] == 0.0
    inked = np.flatnonzero(zero[SIZE // 2])
    assert inked.min() < SIZE // 2 - 3
    assert inked.max() > SIZE // 2 + 3
    bar = draw("|")
    height, width = 20.0, bar.sum() / 20.0
    assert extent(bar)[0] in (height, height + 1)
    assert bar.sum(axis=1).max() == pytest.approx(width, abs=1 / 16)


def test_slant_leans_to_the_right_and_stretch_widens() -> None:
    upright, slanted, wide = draw("1"), draw("1", slant_deg=20.0), draw("1", stretch=1.5)
    columns = np.arange(SIZE)
    top, bottom = (rows @ columns / rows.sum() for rows in (slanted[5], slanted[18]))
    assert top > bottom + 2.0
    assert extent(wide)[1] > extent(upright)[1]


def test_the_pen_wavers_with_the_seed_and_is_as_thick_as_asked() -> None:
    assert np.array_equal(write("4", seed=3), write("4", seed=3))
    assert not np.array_equal(write("4", seed=3), write("4", seed=4))
    for thickness_px in (1.5, 3.0):
        one = write("1", seed=0, thickness_px=thickness_px)
        assert one[SIZE // 2].sum() == pytest.approx(thickness_px, rel=0.15)


@pytest.mark.parametrize("text", ["", "12", " ", "\n", "漢", "x"])
def test_what_is_no_digit_is_not_written(text: str) -> None:
    with pytest.raises(StreamsnnError, match="cannot be written"):
        write(text, seed=0)
    if text != "x":
        with pytest.raises(StreamsnnError, match="cannot be drawn"):
            draw(text)


def test_a_wrong_face_names_the_closest() -> None:
    with pytest.raises(StreamsnnError) as raised:
        draw("3", "DejaVuSerif-Itallic")
    assert "DejaVuSerif-Italic" in raised.value.hint
    with pytest.raises(StreamsnnError, match="pen of 0"):
        write("3", seed=0, thickness_px=0.0)
