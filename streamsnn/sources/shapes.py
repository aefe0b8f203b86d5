"""`Shapes`: things that cross a scene before a simulated camera, with the exact box of each at any time.

A scene is drawn from its seed: discs and rectangles, plain or striped, enter at one edge and leave at another, each on
its own line at its own speed, over and behind one another. What makes it hard: a post that hides them, a flickering
lamp, a noisy camera; and a textured background before a camera that shakes, and turns about its axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.sources.drawing import draw, shift, turn
from streamsnn.sources.sensor_model import CameraSettings

_TRUTH_SHARE = 0.3

Camera = tuple[float, float, float, float]
"""How far a camera is off its place, in pixels, and the cosine and the sine of how far it has turned."""
Box = tuple[float, float, float, float]
"""left, top, right, bottom."""


@dataclass(frozen=True)
class ShapesSettings:
    """What there is in a scene, on `width` x `height` pixels.

    A new shape enters every `every_us` on average; sizes (of the longer side, in pixels) and speeds (pixels a second)
    are drawn between limits, on a logarithmic scale. `bend` is how far a line is bent, in pixels. `post_px` is the
    width of the post, which is four times as high, `lamp_hz` the lamp's rate, 0 for none. The camera moves by about
    `shake_px`, at `shake_hz`, and turns to and fro by `turn_deg`, before a background of contrast `texture`.
    """

    width: int = 304
    height: int = 240
    every_us: int = 900_000
    sizes_px: tuple[float, float] = (16.0, 40.0)
    speeds_px_s: tuple[float, float] = (50.0, 120.0)
    bend_px: float = 0.0
    striped: float = 0.7
    post_px: float = 0.0
    lamp_hz: float = 0.0
    texture: float = 0.0
    shake_px: float = 0.0
    shake_hz: float = 2.5
    turn_deg: float = 0.0
    length_us: int = 60_000_000
    noise_hz: float = 0.1


EASY = ShapesSettings()
HARD = ShapesSettings(
    every_us=800_000,
    sizes_px=(12.0, 48.0),
    speeds_px_s=(40.0, 240.0),
    bend_px=12.0,
    striped=0.6,
    post_px=20.0,
    lamp_hz=100.0,
    noise_hz=0.5,
)
PRESETS = {
    "easy": EASY,
    "hard": HARD,
    "shaking": replace(HARD, texture=0.25, shake_px=1.5),
    "turning": replace(HARD, texture=0.25, shake_px=1.5, turn_deg=1.5),
}


@dataclass(frozen=True)
class Shape:
    """A disc or a rectangle of `size_px` (width, height), whose middle is at `start_px` at `begin_us`, in motion until
    `end_us`. `ink` is its intensity, 1 being white, `stripe` how much its stripes differ from it."""

    round_: bool
    size_px: tuple[float, float]
    begin_us: int
    end_us: int
    start_px: tuple[float, float]
    speed_px_s: tuple[float, float]
    bend_px: tuple[float, float]
    ink: float
    stripe: float
    period_px: float

    def middle_px(self, t_us: int) -> tuple[float, float]:
        """Where its middle is; pixel i spans [i, i + 1]."""
        t_s = (t_us - self.begin_us) * 1e-6
        bent = math.sin(math.pi * (t_us - self.begin_us) / (self.end_us - self.begin_us))
        return (
            self.start_px[0] + self.speed_px_s[0] * t_s + self.bend_px[0] * bent,
            self.start_px[1] + self.speed_px_s[1] * t_s + self.bend_px[1] * bent,
        )


class Shapes:
    """A scene of shapes, drawn from `seed`; the first is inside at time 0."""

    def __init__(self, settings: ShapesSettings, seed: int) -> None:
        self.settings = settings
        self.width, self.height = settings.width, settings.height
        rng = np.random.default_rng(seed)
        self.shapes = _draw_shapes(settings, rng)
        self._post_px = (rng.uniform(0.3, 0.7) * self.width, rng.uniform(0.3, 0.7) * self.height)
        self._lamp_px = (rng.uniform(0.1, 0.9) * self.width, rng.uniform(0.1, 0.9) * self.height)
        self._phases = rng.uniform(0.0, 2.0 * math.pi, 4)
        corner_px = math.hypot(self.width, self.height) / 2
        margin = math.ceil(2 * settings.shake_px + math.radians(settings.turn_deg) * corner_px) + 2
        self._margin = margin
        ground = rng.normal(0.0, 1.0, (self.height + 2 * margin, self.width + 2 * margin))
        for _ in range(4):
            ground = (ground + np.roll(ground, 1, 0) + np.roll(ground, 1, 1) + np.roll(ground, (1, 1), (0, 1))) / 4
        self._ground = np.exp(settings.texture * ground / ground.std() - settings.texture)
        self._still = self._ground[margin:-margin, margin:-margin].copy()
        self._out = np.empty((self.height, self.width))

    def log_intensity(self, t_us: int) -> NDArray[np.float64]:
        """See `Scene.log_intensity`."""
        camera = dx, dy, cos, sin = self._camera(t_us)
        if sin:
            turn(self._ground, self._margin, dx, dy, cos, sin, self._out)
        elif dx or dy:
            shift(self._ground, self._margin + dx, self._margin + dy, self._out)
        else:
            self._out[:] = self._still
        for shape in self.shapes:
            if shape.begin_us <= t_us <= shape.end_us:
                place = self._seen_px(shape.middle_px(t_us), camera)
                half = shape.size_px[0] / 2, shape.size_px[1] / 2
                draw(shape.round_, *place, *half, cos, sin, shape.ink, shape.stripe, shape.period_px, self._out)
        s = self.settings
        if s.lamp_hz:
            bright = 0.35 + 0.3 * math.sin(2e-6 * math.pi * s.lamp_hz * t_us)
            draw(True, *self._seen_px(self._lamp_px, camera), 4.0, 4.0, cos, sin, bright, 0.0, 1.0, self._out)
        if s.post_px:
            place = self._seen_px(self._post_px, camera)
            draw(False, *place, s.post_px / 2, 2 * s.post_px, cos, sin, 0.5, 0.0, 1.0, self._out)
        return np.log(self._out, out=self._out)

    def boxes(self, t_us: int) -> list[tuple[int, float, float, float, float]]:
        """Number from 1, left, top, width and height of each shape of which 30 % or more can be seen at `t_us`.

        A box is that of the whole shape, as far as it lies on the sensor.
        """
        camera = self._camera(t_us)
        here = [
            (i + 1, self._box(shape.middle_px(t_us), shape.size_px, shape.round_, camera))
            for i, shape in enumerate(self.shapes)
            if shape.begin_us <= t_us <= shape.end_us
        ]
        found = []
        post_px = self.settings.post_px
        for place, (number, box) in enumerate(here):
            hiding = [other for _, other in here[place + 1 :]]
            if post_px:
                hiding.append(self._box(self._post_px, (post_px, 4 * post_px), False, camera))
            if _visible(box, hiding, self.width, self.height) >= _TRUTH_SHARE:
                left, top = max(box[0], 0.0), max(box[1], 0.0)
                right, bottom = min(box[2], float(self.width)), min(box[3], float(self.height))
                found.append((number, left, top, right - left, bottom - top))
        return found

    def _camera(self, t_us: int) -> Camera:
        """Where the camera is, and how far it has turned."""
        s = self.settings
        if not (s.shake_px or s.turn_deg):
            return 0.0, 0.0, 1.0, 0.0
        phase = 2e-6 * math.pi * s.shake_hz * t_us
        a, b, c, d = self._phases
        x = math.sin(phase + a) + 0.5 * math.sin(2.3 * phase + b)
        y = math.sin(1.4 * phase + c) + 0.5 * math.sin(3.1 * phase + d)
        angle = math.radians(s.turn_deg) * math.sin(0.8 * phase + a + d)
        return 1.3 * s.shake_px * x, 1.3 * s.shake_px * y, math.cos(angle), math.sin(angle)

    def _seen_px(self, place_px: tuple[float, float], camera: Camera) -> tuple[float, float]:
        """Where a place of the scene is on the sensor."""
        dx, dy, cos, sin = camera
        x, y = place_px[0] - dx, place_px[1] - dy
        if not sin:
            return x, y
        u, v = x - self.width / 2, y - self.height / 2
        return self.width / 2 + cos * u + sin * v, self.height / 2 - sin * u + cos * v

    def _box(self, place_px: tuple[float, float], size_px: tuple[float, float], round_: bool, camera: Camera) -> Box:
        """left, top, right, bottom, on the sensor, of what is `size_px` large at a place of the scene."""
        x, y = self._seen_px(place_px, camera)
        width, height = size_px
        cos, sin = abs(camera[2]), abs(camera[3])
        if sin and not round_:
            width, height = cos * width + sin * height, sin * width + cos * height
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def make_shapes(choice: str) -> tuple[Shapes, CameraSettings]:
    """The scene "hard", or "hard:7" with seed 7, and its camera. Raises StreamsnnError for one that there is not."""
    name, _, seed = choice.partition(":")
    name = name or "easy"
    if name not in PRESETS or not (seed or "0").isdecimal():
        raise StreamsnnError(
            f'There are no shapes "{choice}".', hint=f"Write shapes:PRESET or shapes:PRESET:SEED; {', '.join(PRESETS)}."
        )
    settings = PRESETS[name]
    camera = CameraSettings(threshold_on=0.2, threshold_off=0.2, background_hz=settings.noise_hz, cutoff_hz=600.0)
    return Shapes(settings, int(seed or "0")), camera


def _draw_shapes(s: ShapesSettings, rng: np.random.Generator) -> tuple[Shape, ...]:
    """Shapes in the order of their depth, the farthest first."""
    shapes = []
    t_us = -400_000
    while t_us < s.length_us:
        size = float(np.exp(rng.uniform(*np.log(s.sizes_px))))
        width, height = (size, size) if (round_ := rng.random() < 0.5) else (size, size * rng.uniform(0.4, 1.0))
        if not round_ and rng.random() < 0.3:
            width, height = height, width
        speed = float(np.exp(rng.uniform(*np.log(s.speeds_px_s))))
        middle = np.array([s.width, s.height]) * rng.uniform(0.2, 0.8, 2)
        angle = rng.uniform(0.0, 2.0 * math.pi)
        way = np.array([math.cos(angle), math.sin(angle)])
        # From where it just touches the sensor to where it leaves: through `middle`.
        reach_x = ((s.width / 2 + abs(middle[0] - s.width / 2)) + width / 2) / max(abs(way[0]), 1e-6)
        reach_y = ((s.height / 2 + abs(middle[1] - s.height / 2)) + height / 2) / max(abs(way[1]), 1e-6)
        reach = min(reach_x, reach_y)
        start = middle - way * reach
        bend = rng.uniform(-1.0, 1.0) * s.bend_px
        ink = float(rng.choice([0.15, 0.25, 0.35, 0.5]))
        shapes.append(
            Shape(
                round_,
                (width, height),
                t_us,
                t_us + int(2e6 * reach / speed),
                (float(start[0]), float(start[1])),
                (float(way[0] * speed), float(way[1] * speed)),
                (float(-way[1] * bend), float(way[0] * bend)),
                ink,
                0.45 if rng.random() < s.striped else 0.0,
                float(rng.uniform(6.0, 12.0)),
            )
        )
        t_us += int(rng.uniform(0.5, 1.5) * s.every_us)
    depth = rng.permutation(len(shapes))
    return tuple(shapes[i] for i in depth)


def _visible(
    box: tuple[float, float, float, float], hiding: list[tuple[float, float, float, float]], width: int, height: int
) -> float:
    """The share of a box that lies on the sensor and in none of the boxes `hiding`, on a grid of 12 x 12 points."""
    x = box[0] + (np.arange(12) + 0.5) / 12 * (box[2] - box[0])
    y = (box[1] + (np.arange(12) + 0.5) / 12 * (box[3] - box[1]))[:, None]
    seen = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    for left, top, right, bottom in hiding:
        seen &= ~((x >= left) & (x < right) & (y >= top) & (y < bottom))
    return float(seen.mean())
