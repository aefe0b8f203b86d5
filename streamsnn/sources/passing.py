"""`Passing`: digits that pass by before a simulated camera, one after another in two lanes, on signs that sway."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.sources import lettering

WIDTH, HEIGHT = 160, 120
_LANES_PX = (32.0, 88.0)
_EVERY_US = 4_000_000
_COUNT = 40
_INK = 0.19


class Sign(NamedTuple):
    """A digit that is in the middle of the picture at `middle_us`: its `number` from 1, and how it moves.

    It crosses along x at `speed_px_s` in the lane `y_px` and sways by `sway_px` up and down at `sway_hz`. `ink` is its
    picture's coverage, a pixel of which is `zoom` pixels wide; `face` is the font that it is printed in, or None where
    it is written with a pen.
    """

    number: int
    digit: str
    face: str | None
    middle_us: int
    speed_px_s: float
    y_px: float
    sway_px: float
    sway_hz: float
    zoom: float
    ink: NDArray[np.float64]

    def corner_px(self, t_us: int) -> tuple[float, float]:
        """Where the picture's upper left corner is."""
        t_s = (t_us - self.middle_us) * 1e-6
        x = WIDTH / 2 + self.speed_px_s * t_s
        y = self.y_px + self.sway_px * math.sin(2.0 * math.pi * self.sway_hz * t_s)
        return x - self.zoom * lettering.SIZE / 2, y - self.zoom * lettering.SIZE / 2


class Passing:
    """Forty digits, drawn from `seed`: written with a pen or printed, 0.9 to 1.5 times as large as MNIST's, at 35 to 60
    pixels a second."""

    width, height = WIDTH, HEIGHT

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.signs = [_sign(k, rng) for k in range(_COUNT)]
        self._out = np.empty((HEIGHT, WIDTH))

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        self._out[:] = 1.0
        for sign in self.signs:
            _paint(sign.ink, *sign.corner_px(t_us), sign.zoom, self._out)
        return np.log(self._out, out=self._out)

    def boxes(self, t_us: int) -> list[tuple[int, str, float, float, float, float]]:
        """Number, digit, left, top, width and height of each figure that is wholly inside at `t_us`."""
        found = []
        for sign in self.signs:
            rows, columns = (np.flatnonzero(sign.ink.max(axis=axis) > 0.5) for axis in (1, 0))
            x, y = sign.corner_px(t_us)
            left, top = x + sign.zoom * columns[0], y + sign.zoom * rows[0]
            width, height = sign.zoom * (columns[-1] + 1 - columns[0]), sign.zoom * (rows[-1] + 1 - rows[0])
            if left >= 0 and left + width <= WIDTH:
                found.append((sign.number, sign.digit, left, top, width, height))
        return found


def make_passing(choice: str) -> Passing:
    """The scene with the seed `choice`. Raises StreamsnnError for anything but a whole number."""
    if not (choice or "0").isdecimal():
        raise StreamsnnError(f'"{choice}" is no seed.', hint="Write for example passing:7.")
    return Passing(int(choice or "0"))


def _sign(k: int, rng: np.random.Generator) -> Sign:
    digit = str(rng.integers(10))
    slant_deg = float(rng.uniform(0.0, 12.0))
    face = None
    if rng.random() < 0.5:
        ink = lettering.write(digit, int(rng.integers(1 << 30)), slant_deg=slant_deg)
    else:
        face = str(rng.choice(lettering.FACES))
        ink = lettering.draw(digit, face, slant_deg=slant_deg / 2)
    lane = k % len(_LANES_PX)
    speed_px_s = float(rng.uniform(35.0, 60.0)) * (-1.0 if lane else 1.0)
    # The digits of a lane follow one another so far apart that they never meet.
    middle_us = 2_000_000 + k // len(_LANES_PX) * _EVERY_US + lane * _EVERY_US // 2
    sway_hz, sway_px, zoom = rng.uniform(1.5, 2.5), rng.uniform(3.0, 6.0), rng.uniform(0.9, 1.5)
    sways = float(sway_px), float(sway_hz)
    return Sign(k + 1, digit, face, middle_us, speed_px_s, _LANES_PX[lane], *sways, float(zoom), ink)


@compiled()
def _paint(ink: NDArray[np.float64], left: float, top: float, zoom: float, out: NDArray[np.float64]) -> None:
    """Darken the intensities `out` by a picture whose corner is at (left, top), between pixels by linear
    interpolation."""
    size = ink.shape[0]
    for y in range(max(0, math.floor(top)), min(out.shape[0], math.ceil(top + zoom * size) + 1)):
        for x in range(max(0, math.floor(left)), min(out.shape[1], math.ceil(left + zoom * size) + 1)):
            u, v = (x + 0.5 - left) / zoom - 0.5, (y + 0.5 - top) / zoom - 0.5
            i, j = math.floor(u), math.floor(v)
            seen = 0.0
            for b in range(2):
                for a in range(2):
                    if 0 <= i + a < size and 0 <= j + b < size:
                        seen += (1.0 - abs(u - i - a)) * (1.0 - abs(v - j - b)) * ink[j + b, i + a]
            out[y, x] *= 1.0 + (_INK - 1.0) * seen
