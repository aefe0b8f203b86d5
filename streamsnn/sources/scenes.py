"""Scenes for the simulated camera: an image under saccades, a slide show of them, a moving bar, a bouncing disc.

All are functions of time alone. A picture is given as ink coverage (height, width) in [0, 1], 0 = paper, 1 = ink; what
the camera sees is the intensity paper + (ink - paper) * coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError

Picture = NDArray[np.floating[Any]]
"""Ink coverage (height, width) in [0, 1]."""


class Scene(Protocol):
    """What a camera looks at: a function of time alone, so that it may be asked again and in any order."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """Natural logarithm of the intensity (height, width) at `t_us`, 0 = white; valid until the next call."""
        ...


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
        _check_light(paper, ink)
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


class Slide(NamedTuple):
    """A scene that is shown in [begin_us, end_us); its own time starts at begin_us."""

    begin_us: int
    end_us: int
    scene: Scene


class Slideshow:
    """One scene after another with blank paper (log intensity 0) between; again every `cycle_us` if given.

    Raises StreamsnnError for slides of several sizes, that overlap, are out of order or outlast the cycle.
    """

    def __init__(self, slides: Sequence[Slide], *, cycle_us: int | None = None) -> None:
        sizes = {(slide.scene.height, slide.scene.width) for slide in slides}
        edges = [0, *(edge for slide in slides for edge in (slide.begin_us, slide.end_us))]
        if cycle_us is not None:
            edges.append(cycle_us)
        if len(sizes) != 1 or edges != sorted(edges) or cycle_us == 0:
            raise StreamsnnError(
                f"These {len(slides)} slides make no show.",
                hint="Give at least one, all of one size, in order of time, none overlapping, all within the cycle.",
            )
        self._slides = tuple(slides)
        self._cycle_us = cycle_us
        self._blank = np.zeros(sizes.pop())

    @property
    def width(self) -> int:
        return self._blank.shape[1]

    @property
    def height(self) -> int:
        return self._blank.shape[0]

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        if self._cycle_us is not None:
            t_us %= self._cycle_us
        for slide in self._slides:
            if slide.begin_us <= t_us < slide.end_us:
                return slide.scene.log_intensity(t_us - slide.begin_us)
        return self._blank


@dataclass(frozen=True)
class MovingBar:
    """A dark bar that sweeps over the sensor along `angle_deg` (0 = to the right, 90 = down), again and again."""

    width: int = 64
    height: int = 64
    speed_px_s: float = 100.0
    thickness_px: float = 4.0
    angle_deg: float = 0.0
    ink: float = 0.2

    def __post_init__(self) -> None:
        _check_light(1.0, self.ink)

    def position_px(self, t_us: int) -> float:
        """Where the bar's middle line is, in pixels along the sweep from the sensor's centre."""
        reach_px = (math.hypot(self.width, self.height) + self.thickness_px) / 2.0 + 1.0
        return (self.speed_px_s * t_us * 1e-6) % (2.0 * reach_px) - reach_px

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        angle = math.radians(self.angle_deg)
        out = np.empty((self.height, self.width))
        _draw_bar(self.position_px(t_us), math.cos(angle), math.sin(angle), self.thickness_px / 2.0, self.ink, out)
        return out


@dataclass(frozen=True)
class BouncingDisc:
    """A dark disc that flies straight on and is thrown back by the sensor's edges."""

    width: int = 128
    height: int = 128
    radius_px: float = 8.0
    speed_px_s: tuple[float, float] = (83.0, 59.0)
    ink: float = 0.2

    def __post_init__(self) -> None:
        _check_light(1.0, self.ink)
        if not 0.0 < 2.0 * self.radius_px < min(self.width, self.height):
            raise StreamsnnError(
                f"A disc of radius {self.radius_px} px does not fit a sensor of {self.width} x {self.height}.",
                hint="Choose a positive radius below half of the sensor's shorter side.",
            )

    def centre_px(self, t_us: int) -> tuple[float, float]:
        """The disc's centre (x, y) in pixels, where pixel i spans [i - 0.5, i + 0.5]."""
        x, y = (
            _bounce(speed * t_us * 1e-6, size - 2.0 * self.radius_px) + self.radius_px - 0.5
            for speed, size in zip(self.speed_px_s, (self.width, self.height), strict=True)
        )
        return x, y

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        x, y = self.centre_px(t_us)
        out = np.empty((self.height, self.width))
        _draw_disc(x, y, self.radius_px, self.ink, out)
        return out


def _bounce(way: float, room: float) -> float:
    """Where something is that has gone `way` from the wall at 0 towards the one at `room` and back, and so on."""
    return room - abs(way % (2.0 * room) - room)


@compiled()
def _log_ink(inside_px: float, ink: float, log_ink: float) -> float:
    """Log intensity on white paper of a pixel whose middle lies `inside_px` within a figure's edge."""
    if inside_px <= -0.5:
        return 0.0
    return log_ink if inside_px >= 0.5 else math.log(1.0 + (ink - 1.0) * (inside_px + 0.5))


@compiled()
def _draw_bar(
    position: float, cosine: float, sine: float, half_px: float, ink: float, out: NDArray[np.float64]
) -> None:
    height, width = out.shape
    log_ink = math.log(ink)
    for y in range(height):
        for x in range(width):
            along = (x - (width - 1) / 2.0) * cosine + (y - (height - 1) / 2.0) * sine
            out[y, x] = _log_ink(half_px - abs(along - position), ink, log_ink)


@compiled()
def _draw_disc(centre_x: float, centre_y: float, radius_px: float, ink: float, out: NDArray[np.float64]) -> None:
    log_ink = math.log(ink)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            away_px = math.sqrt((x - centre_x) ** 2 + (y - centre_y) ** 2)
            out[y, x] = _log_ink(radius_px - away_px, ink, log_ink)


def _check_light(paper: float, ink: float) -> None:
    if not (0.0 < paper < math.inf and 0.0 < ink < math.inf):
        raise StreamsnnError(
            f"Intensities of {paper} for paper and {ink} for ink have no logarithm.",
            hint="Choose both above 0; white is 1.",
        )
