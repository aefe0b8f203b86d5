"""Pictures of characters as MNIST has them: from matplotlib's own fonts, or written with a pen.

MNIST (LeCun, Cortes, Burges): the figure fitted into a box of 20 x 20 pixels, anti-aliased, its centre of mass in the
middle of 28 x 28 pixels. All pictures are ink coverage (28, 28) in [0, 1], 0 = paper. They are filled here, by counting
samples, and not by a font engine, so that every machine gets the same picture.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError

Points = NDArray[np.float64]
"""Points (n, 2), x to the right and y down."""

Picture = NDArray[np.float64]
"""Ink coverage (28, 28) in [0, 1]."""

SIZE = 28
"""Side of a picture in pixels."""

BOX = 20
"""Side of the box that the figure is fitted into."""

FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
)
"""The fonts that `draw` knows; they come with matplotlib."""

STROKES: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "0": (((0.5, 0.0), (0.16, 0.28), (0.14, 0.74), (0.46, 1.0), (0.82, 0.72), (0.84, 0.28), (0.5, 0.0)),),
    "1": (((0.5, 0.0), (0.5, 0.5), (0.5, 1.0)),),
    "2": (
        ((0.14, 0.24), (0.44, 0.0), (0.78, 0.2), (0.6, 0.56), (0.12, 0.98)),
        ((0.12, 0.98), (0.5, 0.94), (0.92, 0.98)),
    ),
    "3": (((0.14, 0.1), (0.5, 0.0), (0.76, 0.2), (0.36, 0.46)), ((0.36, 0.46), (0.84, 0.68), (0.5, 1.0), (0.08, 0.88))),
    "4": (((0.26, 0.02), (0.12, 0.52)), ((0.12, 0.52), (0.88, 0.48)), ((0.74, 0.06), (0.66, 1.0))),
    "5": (
        ((0.86, 0.0), (0.3, 0.04)),
        ((0.3, 0.04), (0.22, 0.44)),
        ((0.22, 0.44), (0.58, 0.4), (0.8, 0.68), (0.5, 0.98), (0.08, 0.9)),
    ),
    "6": (((0.66, 0.0), (0.3, 0.34), (0.16, 0.74), (0.42, 1.0), (0.76, 0.8), (0.52, 0.58), (0.2, 0.78)),),
    "7": (((0.1, 0.06), (0.86, 0.04)), ((0.86, 0.04), (0.56, 0.44), (0.42, 1.0))),
    "8": (
        (
            (0.52, 0.46),
            (0.22, 0.22),
            (0.5, 0.0),
            (0.78, 0.2),
            (0.5, 0.48),
            (0.2, 0.78),
            (0.5, 1.0),
            (0.8, 0.76),
            (0.52, 0.46),
        ),
    ),
    "9": (
        ((0.78, 0.24), (0.48, 0.02), (0.2, 0.28), (0.44, 0.5), (0.78, 0.24)),
        ((0.78, 0.24), (0.74, 0.6), (0.58, 1.0)),
    ),
}
"""How a pen writes each digit: strokes through points in a box of 1 x 1, x to the right, y down."""

_GLYPH_FINE = 16
"""Samples a pixel along each axis for outlines: coverage comes in steps of 1 / 256."""

_PEN_FINE = 8
"""The same for the pen."""


def draw(character: str, face: str = "DejaVuSans", *, slant_deg: float = 0.0, stretch: float = 1.0) -> Picture:
    """One character of a font, slanted to the right by `slant_deg` and made `stretch` times as wide.

    Raises StreamsnnError for an unknown face, for more than one character and for one that leaves no ink.
    """
    contours = [_sheared(contour, slant_deg, stretch) for contour in _outline(character, face)]
    return _centred(contours, BOX, _fill)


def write(
    digit: str, seed: int, *, thickness_px: float = 2.5, slant_deg: float = 0.0, stretch: float = 0.75
) -> Picture:
    """A digit written with a round pen by a hand that wavers with `seed`: the same seed, the same picture.

    Raises StreamsnnError for anything but one digit and for a pen that is not between 0.5 and 8 pixels wide.
    """
    if digit not in STROKES or not 0.5 <= thickness_px <= 8.0:
        raise StreamsnnError(
            f"{digit!r} cannot be written with a pen of {thickness_px} pixels.",
            hint="Give one digit, '0' to '9', and a pen between 0.5 and 8 pixels.",
        )
    hand = random.Random(seed)
    drift = {
        point: (hand.uniform(-0.06, 0.06), hand.uniform(-0.05, 0.05)) for stroke in STROKES[digit] for point in stroke
    }
    strokes = []
    for stroke in STROKES[digit]:
        course = _smooth(np.array([(x + drift[x, y][0], y + drift[x, y][1]) for x, y in stroke]))
        strokes.append(_sheared(course * (1.0, -1.0), slant_deg, stretch))
    radius_px = thickness_px / 2.0
    return _centred(strokes, BOX - thickness_px, lambda courses: _pen(courses, radius_px))


def _sheared(points: Points, slant_deg: float, stretch: float) -> Points:
    """Points with y up, slanted and stretched, as points with y down."""
    shear = math.tan(math.radians(slant_deg))
    return np.stack([stretch * points[:, 0] + shear * points[:, 1], -points[:, 1]], axis=1)


def _centred(figure: list[Points], side_px: float, fill: Callable[[list[Points]], Picture]) -> Picture:
    """The figure scaled so that its longer side is `side_px`, with its centre of mass in the middle."""
    points = np.concatenate(figure)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = side_px / float((high - low).max())
    centre = (low + high) / 2.0
    middle = SIZE / 2.0
    picture = fill([(part - centre) * scale + middle for part in figure])
    grid = np.arange(SIZE) + 0.5
    off = np.array([picture.sum(axis=0) @ grid, picture.sum(axis=1) @ grid]) / picture.sum() - middle
    # In whole 256ths of a pixel, so that the rounding errors of these sums do not show in the picture.
    off = np.round(off * 256.0) / 256.0
    return fill([(part - centre) * scale + middle - off for part in figure])


def _outline(character: str, face: str) -> list[Points]:
    """Closed contours of the character, y up."""
    import matplotlib
    from matplotlib.font_manager import FontProperties
    from matplotlib.ft2font import FT2Font
    from matplotlib.textpath import TextPath

    if face not in FACES:
        near = get_close_matches(face, FACES, n=1)
        raise StreamsnnError(
            f"There is no font {face!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"Choose of {', '.join(FACES)}.",
        )
    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"
    if len(character) != 1 or character.isspace() or not FT2Font(str(file)).get_char_index(ord(character)):
        raise StreamsnnError(
            f"{character!r} cannot be drawn in {face}.", hint="Give one visible character of the font, such as '7'."
        )
    path = TextPath((0, 0), character, size=100, prop=FontProperties(fname=file))
    return [np.asarray(polygon, np.float64) for polygon in path.to_polygons()]


def _fill(contours: list[Points]) -> Picture:
    """Coverage of the area that the contours, in pixels, wind around."""
    side = SIZE * _GLYPH_FINE
    winding = np.zeros((side, side + 1), np.int32)
    for contour in contours:
        points = contour * _GLYPH_FINE
        for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            first, last = (min(side, max(0, math.ceil(y - 0.5))) for y in sorted((y0, y1)))
            if first < last:
                rows = np.arange(first, last)
                crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
                columns = np.clip(np.ceil(crossing - 0.5), 0, side).astype(np.intp)
                winding[rows, columns] += 1 if y1 > y0 else -1
    inside = np.cumsum(winding[:, :side], axis=1) != 0
    return _coverage(inside, _GLYPH_FINE)


def _smooth(points: Points, pieces: int = 8) -> Points:
    """A curve through the points, `pieces` lines between two of them (Catmull, Rom 1974)."""
    around = np.concatenate([2.0 * points[:1] - points[1:2], points, 2.0 * points[-1:] - points[-2:-1]])
    u = (np.arange(pieces) / pieces)[None, :, None]
    a, b, c, d = (around[i : len(around) - 3 + i, None, :] for i in range(4))
    curve = b + 0.5 * u * (c - a + u * (2.0 * a - 5.0 * b + 4.0 * c - d + u * (3.0 * (b - c) + d - a)))
    return np.concatenate([curve.reshape(-1, 2), points[-1:]])


def _pen(courses: list[Points], radius_px: float) -> Picture:
    """Coverage of all that lies within `radius_px` of the courses, in pixels."""
    side = SIZE * _PEN_FINE
    grid = (np.arange(side) + 0.5) / _PEN_FINE
    inside = np.zeros((side, side), np.bool_)
    for course in courses:
        for (x0, y0), (x1, y1) in itertools.pairwise(course):
            dx, dy = x1 - x0, y1 - y0
            columns, rows = (
                slice(*np.searchsorted(grid, (min(ends) - radius_px, max(ends) + radius_px)))
                for ends in ((x0, x1), (y0, y1))
            )
            x, y = grid[None, columns] - x0, grid[rows, None] - y0
            nearest = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0.0, 1.0)
            away = (x - nearest * dx) ** 2 + (y - nearest * dy) ** 2
            inside[rows, columns] |= away <= radius_px * radius_px
    return _coverage(inside, _PEN_FINE)


def _coverage(inside: NDArray[np.bool_], fine: int) -> Picture:
    """The share of each pixel's `fine` x `fine` samples that are inside."""
    return np.asarray(inside.reshape(SIZE, fine, SIZE, fine).mean(axis=(1, 3)), np.float64)
