"""Drawing into a picture of intensities: a textured ground, and discs and rectangles over it. All pictures are
(rows, columns) float64; pixel i spans [i, i + 1]."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled


@compiled()
def shift(ground: NDArray[np.float64], x0: float, y0: float, out: NDArray[np.float64]) -> None:
    """`out` is what of `ground` lies from (x0, y0) on, between pixels by linear interpolation."""
    left, top = math.floor(x0), math.floor(y0)
    u, v = x0 - left, y0 - top
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            g00, g01 = ground[top + y, left + x], ground[top + y, left + x + 1]
            g10, g11 = ground[top + y + 1, left + x], ground[top + y + 1, left + x + 1]
            out[y, x] = (1 - v) * ((1 - u) * g00 + u * g01) + v * ((1 - u) * g10 + u * g11)


@compiled()
def turn(
    ground: NDArray[np.float64],
    margin: int,
    dx: float,
    dy: float,
    cos: float,
    sin: float,
    out: NDArray[np.float64],
) -> None:
    """`out` is what a camera sees of `ground`, which is larger by `margin` all round, that has turned about the middle
    by an angle of this cosine and sine and moved by (dx, dy), between pixels by linear interpolation."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            across, down = x + 0.5 - width / 2, y + 0.5 - height / 2
            u = margin + dx + width / 2 - 0.5 + cos * across - sin * down
            v = margin + dy + height / 2 - 0.5 + sin * across + cos * down
            left, top = math.floor(u), math.floor(v)
            u, v = u - left, v - top
            g00, g01 = ground[top, left], ground[top, left + 1]
            g10, g11 = ground[top + 1, left], ground[top + 1, left + 1]
            out[y, x] = (1 - v) * ((1 - u) * g00 + u * g01) + v * ((1 - u) * g10 + u * g11)


@compiled()
def draw(
    round_: bool,
    middle_x: float,
    middle_y: float,
    half_x: float,
    half_y: float,
    cos: float,
    sin: float,
    ink: float,
    stripe: float,
    period: float,
    out: NDArray[np.float64],
) -> None:
    """Draw a disc (an ellipse) or a rectangle over the intensities `out`, its border softened over a pixel, as a camera
    sees it that has turned by an angle of this cosine and sine."""
    height, width = out.shape
    wide, high = abs(cos) * half_x + abs(sin) * half_y, abs(sin) * half_x + abs(cos) * half_y
    for y in range(max(0, int(middle_y - high) - 2), min(height, int(middle_y + high) + 3)):
        for x in range(max(0, int(middle_x - wide) - 2), min(width, int(middle_x + wide) + 3)):
            right, below = x + 0.5 - middle_x, y + 0.5 - middle_y
            along, down = cos * right - sin * below, sin * right + cos * below
            if round_:
                inside = (1.0 - math.hypot(along / half_x, down / half_y)) * min(half_x, half_y)
            else:
                inside = min(half_x - abs(along), half_y - abs(down))
            cover = min(max(inside + 0.5, 0.0), 1.0)
            if cover > 0.0:
                wave = math.sin(2 * math.pi * along / period) * math.sin(2 * math.pi * down / period)
                out[y, x] += cover * (ink * (1.0 + stripe * wave) - out[y, x])
