"""A scene for the simulated camera: a picture, seen under the saccades of N-MNIST.

A picture is given as ink coverage (height, width) in [0, 1], 0 = paper, 1 = ink; what the camera sees is the intensity
paper + (ink - paper) * coverage.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.sources.scenes import check_light

Picture = NDArray[np.floating[Any]]
"""Ink coverage (height, width) in [0, 1]."""


@dataclass(frozen=True)
class Move:
    """A displacement of `distance_px` along one axis from `begin_us` to `end_us`, as smoothly as a motor.

    The course is that of minimum jerk, 10 u^3 - 15 u^4 + 6 u^5 with u in [0, 1] (Flash, Hogan 1985).
    """

    axis: Literal["x", "y"]
    begin_us: int
    end_us: int
    distance_px: float

    def at(self, t_us: float) -> float:
        """How far it has come, in pixels."""
        u = min(1.0, max(0.0, (t_us - self.begin_us) / (self.end_us - self.begin_us)))
        return self.distance_px * u * u * u * (10.0 + u * (6.0 * u - 15.0))


SACCADES = (
    Move("y", 5_000, 83_000, 5.2),
    Move("x", 41_000, 87_000, 1.55),
    Move("x", 97_000, 172_000, 2.35),
    Move("y", 115_000, 191_000, -5.2),
    Move("x", 111_000, 255_000, 1.55),
    Move("x", 211_000, 302_000, -5.45),
)
"""The three saccades of N-MNIST: down, up again to the right, back to the left, in the image; measured on 200 samples.

The device: Orchard, Jayawant, Cohen, Thakor 2015 ("Converting static image datasets to spiking neuromorphic datasets
using saccades"): an ATIS on a pan-tilt unit in front of a screen, 100 ms a saccade, along an isosceles triangle.
"""

SACCADES_US = 310_000
"""How long the three saccades take; they end where they began."""

SACCADES_START = (-2.42, -2.04)
"""Where the picture's centre is before the first saccade, in pixels right of and below the sensor's."""


@compiled()
def _spline(offset: float, weights: NDArray[np.float64]) -> None:
    """The four weights of the cubic B-spline at `offset` in [0, 1) behind the second of its samples."""
    u = offset
    weights[0] = (1.0 - u) * (1.0 - u) * (1.0 - u) / 6.0
    weights[1] = (4.0 + u * u * (3.0 * u - 6.0)) / 6.0
    weights[2] = (1.0 + 3.0 * u * (1.0 + u * (1.0 - u))) / 6.0
    weights[3] = u * u * u / 6.0


@compiled()
def _place(
    coverage: NDArray[np.float64], left: float, top: float, paper: float, ink: float, out: NDArray[np.float64]
) -> None:
    """Log intensity of a picture whose first pixel lies at (left, top) of `out`, blurred by a cubic B-spline."""
    height, width = coverage.shape
    wx, wy = np.empty(4), np.empty(4)
    x0, y0 = math.floor(-left), math.floor(-top)
    _spline(-left - x0, wx)
    _spline(-top - y0, wy)
    log_paper = math.log(paper)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            seen = 0.0
            for j in range(4):
                row = y + y0 + j - 1
                if 0 <= row < height:
                    for i in range(4):
                        column = x + x0 + i - 1
                        if 0 <= column < width:
                            seen += wy[j] * wx[i] * coverage[row, column]
            out[y, x] = math.log(paper + (ink - paper) * seen) if seen > 0.0 else log_paper


class Saccades:
    """A picture on a screen, seen by a sensor of `width` x `height` that makes N-MNIST's three saccades.

    They begin at `delay_us`, and again `pause_us` after each end if `pause_us` is not None. `shift_px` (x, y) moves the
    picture off its usual place. `paper` and `ink` are intensities; N-MNIST's digits are seen dark on bright, and
    `ink` = 0.19 is the contrast that fits them. Raises StreamsnnError for a picture that is not one.
    """

    def __init__(
        self,
        picture: Picture,
        *,
        width: int = 34,
        height: int = 34,
        paper: float = 1.0,
        ink: float = 0.19,
        shift_px: tuple[float, float] = (0.0, 0.0),
        delay_us: int = 0,
        pause_us: int | None = None,
    ) -> None:
        coverage = np.ascontiguousarray(picture, np.float64)
        if coverage.ndim != 2 or coverage.size == 0 or not (coverage.min() >= 0.0 and coverage.max() <= 1.0):
            raise StreamsnnError(
                f"An array of shape {coverage.shape} is not a picture for the camera.",
                hint="Give ink coverage as an array (height, width) with values between 0 and 1.",
            )
        check_light(paper, ink)
        self._coverage = coverage
        self._light = (paper, ink)
        self._delay_us = delay_us
        self._period_us = None if pause_us is None else SACCADES_US + pause_us
        self._left = (width - coverage.shape[1]) / 2.0 + SACCADES_START[0] + shift_px[0]
        self._top = (height - coverage.shape[0]) / 2.0 + SACCADES_START[1] + shift_px[1]
        self._out = np.empty((height, width))

    @property
    def width(self) -> int:
        return self._out.shape[1]

    @property
    def height(self) -> int:
        return self._out.shape[0]

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        since_us = t_us - self._delay_us
        if self._period_us is not None and since_us > 0:
            since_us %= self._period_us
        left = self._left + sum(move.at(since_us) for move in SACCADES if move.axis == "x")
        top = self._top + sum(move.at(since_us) for move in SACCADES if move.axis == "y")
        _place(self._coverage, left, top, *self._light, self._out)
        return self._out
