"""Scenes for the simulated camera: a slide show of others, a moving bar, a bouncing disc.

All are functions of time alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError


class Scene(Protocol):
    """What a camera looks at: a function of time alone, so that it may be asked again and in any order."""

    @property
    def width(self) -> int: ...

    @property
    def height(self) -> int: ...

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """Natural logarithm of the intensity (height, width) at `t_us`, 0 = white; valid until the next call."""
        ...


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
        check_light(1.0, self.ink)

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
        check_light(1.0, self.ink)
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


def check_light(paper: float, ink: float) -> None:
    """Raise StreamsnnError for intensities that have no logarithm."""
    if not (0.0 < paper < math.inf and 0.0 < ink < math.inf):
        raise StreamsnnError(
            f"Intensities of {paper} for paper and {ink} for ink have no logarithm.",
            hint="Choose both above 0; white is 1.",
        )
