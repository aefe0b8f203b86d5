"""Random changes to a recording that leave its label true: the cheapest way to more data.

Affine and elastic distortions are those of Simard, Steinkraus, Platt 2003 ("Best Practices for Convolutional Neural
Networks Applied to Visual Document Analysis"), applied to the address of every event instead of to an image.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events, Sensor


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; 0 turns it off. Every recording draws its own, uniformly unless said otherwise."""

    shift_px: float = 0.0
    """Along x and along y, up to so many pixels either way."""
    rotate_deg: float = 0.0
    """About the sensor's centre, up to so many degrees either way."""
    scale: float = 0.0
    """Magnification between exp(-scale) and exp(scale)."""
    aspect: float = 0.0
    """Stretch of x by exp(a) and of y by exp(-a), a up to `aspect` either way."""
    shear: float = 0.0
    """Pixels along x for each pixel along y, up to so many either way."""
    elastic_px: float = 0.0
    """Standard deviation of a smooth random displacement of at most so many pixels: a share of it is drawn."""
    elastic_spacing_px: float = 8.0
    """Distance of the points that an elastic displacement is drawn at; it is bilinear between them."""
    hidden_px: float = 0.0
    """Hides a band of columns anywhere, up to so many wide."""
    drop: float = 0.0
    """Loses a share of the events at random, up to `drop`."""
    noise_hz: float = 0.0
    """Adds events anywhere, at a rate over the whole sensor of up to so many a second."""
    time_scale: float = 0.0
    """Slows down or speeds up by a factor between exp(-time_scale) and exp(time_scale)."""
    time_shift_ms: float = 0.0
    """Earlier or later by up to so much; what would come before the beginning is lost."""
    time_jitter_ms: float = 0.0
    """Moves every event for itself by a normal deviate of this standard deviation."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 <= value < np.inf:
                raise StreamsnnError(f"Augmentation: {each.name} is {value}.", hint="Give 0 (off) or a size above 0.")
        if self.drop > 1:
            raise StreamsnnError(f"Augmentation: drop is {self.drop}.", hint="It is a share: give 1 or less.")
        if self.elastic_spacing_px == 0:
            raise StreamsnnError("Augmentation: elastic_spacing_px is 0.", hint="Give a distance in pixels above 0.")


class TimeChange(NamedTuple):
    """What happens to a time after the beginning: it is multiplied by `factor`, then `shift_us` later."""

    factor: float
    shift_us: float


def augment(
    events: Events, sensor: Sensor, t_begin_us: int, settings: Augmentation, rng: np.random.Generator
) -> Events:
    """A changed copy of `events`, in order of time, inside the sensor and not before `t_begin_us`.

    What leaves the sensor is lost. Times may end later than they did. The same `rng` state gives the same events. Of a
    cochlea channels are x, which is shifted, scaled and hidden; its ears stay what they are.
    """
    return augment_in_time(events, sensor, t_begin_us, settings, rng)[0]


def augment_in_time(
    events: Events, sensor: Sensor, t_begin_us: int, settings: Augmentation, rng: np.random.Generator
) -> tuple[Events, TimeChange]:
    """As `augment`, and how all times were changed, but for each event's own jitter."""
    if settings.drop > 0:
        events = events[rng.random(events.size, np.float32) >= rng.uniform(0, settings.drop)]
    t_us, change = _moved_in_time(events, t_begin_us, settings, rng)
    x, y = (_moved_along if sensor.kind == "audio" else _moved_in_space)(events, sensor, settings, rng)
    p = events["p"]
    if settings.noise_hz > 0:
        end_us = int(t_us.max(initial=t_begin_us))
        seconds = (end_us - t_begin_us) * 1e-6
        count = int(rng.poisson(rng.uniform(0, settings.noise_hz) * seconds))
        t_us = np.concatenate([t_us, rng.integers(t_begin_us, end_us, count, endpoint=True)])
        x = np.concatenate([x, rng.integers(0, sensor.width, count)])
        y = np.concatenate([y, rng.integers(0, sensor.height, count)])
        p = np.concatenate([p, rng.random(count) < 0.5])
    inside = (x >= 0) & (x < sensor.width) & (y >= 0) & (y < sensor.height) & (t_us >= t_begin_us)
    if settings.hidden_px > 0:
        width = rng.uniform(0, settings.hidden_px)
        left = rng.uniform(-width / 2, sensor.width - width / 2)
        inside &= (x < left) | (x >= left + width)
    kept = np.flatnonzero(inside)
    kept = kept[np.argsort(t_us[kept], kind="stable")]
    out = np.empty(kept.size, EVENT)
    for name, values in (("t", t_us), ("x", x), ("y", y), ("p", p)):
        out[name] = values[kept]
    return out, change


def _moved_in_time(
    events: Events, t_begin_us: int, settings: Augmentation, rng: np.random.Generator
) -> tuple[NDArray[np.int64], TimeChange]:
    """New times (events,), not yet in order, and what was done to all of them."""
    factor = np.exp(rng.uniform(-settings.time_scale, settings.time_scale))
    shift_us = 1000 * rng.uniform(-settings.time_shift_ms, settings.time_shift_ms)
    t_us = (events["t"] - t_begin_us) * factor + shift_us
    if settings.time_jitter_ms > 0:
        t_us += 1000 * settings.time_jitter_ms * rng.standard_normal(events.size, np.float32)
    moved: NDArray[np.int64] = t_begin_us + np.floor(t_us).astype(np.int64)
    return moved, TimeChange(float(factor), float(shift_us))


def _moved_along(
    events: Events, sensor: Sensor, settings: Augmentation, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """New channels and the same ears (events,), the channels possibly outside the sensor."""
    centre = (sensor.width - 1) / 2
    scale = np.exp(rng.uniform(-settings.scale, settings.scale))
    shift = rng.uniform(-settings.shift_px, settings.shift_px)
    x = (events["x"] + rng.random(events.size, np.float32) - 0.5 - centre) * scale + centre + shift
    return np.rint(x).astype(np.int64), events["y"].astype(np.int64)


def _moved_in_space(
    events: Events, sensor: Sensor, settings: Augmentation, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """New columns and rows (events,), possibly outside the sensor."""
    x, y = events["x"].astype(np.float32), events["y"].astype(np.float32)
    spatial = (settings.shift_px, settings.rotate_deg, settings.scale, settings.aspect, settings.shear)
    if not any(spatial) and settings.elastic_px == 0:
        return events["x"].astype(np.int64), events["y"].astype(np.int64)
    centre_x, centre_y = (sensor.width - 1) / 2, (sensor.height - 1) / 2
    angle = np.deg2rad(rng.uniform(-settings.rotate_deg, settings.rotate_deg))
    scale, aspect = np.exp(rng.uniform(-1, 1, 2) * (settings.scale, settings.aspect))
    shear = rng.uniform(-settings.shear, settings.shear)
    shift_x, shift_y = rng.uniform(-settings.shift_px, settings.shift_px, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.diag([scale * aspect, scale / aspect]) @ turn @ np.array([[1, shear], [0, 1]])
    # An address stands for a whole pixel: spread over it, or magnification would leave gaps in a regular pattern.
    from_x = x - centre_x + rng.random(events.size, np.float32) - 0.5
    from_y = y - centre_y + rng.random(events.size, np.float32) - 0.5
    to_x = matrix[0, 0] * from_x + matrix[0, 1] * from_y + centre_x + shift_x
    to_y = matrix[1, 0] * from_x + matrix[1, 1] * from_y + centre_y + shift_y
    if settings.elastic_px > 0:
        field = _elastic_field(sensor, settings, rng)
        # A random phase, so that no pixel is always a point of the grid.
        across, down = rng.random(2)
        spacing = settings.elastic_spacing_px
        along_x, along_y = _interpolated(field, x / spacing + across, y / spacing + down)
        to_x, to_y = to_x + along_x, to_y + along_y
    return np.rint(to_x).astype(np.int64), np.rint(to_y).astype(np.int64)


def _elastic_field(sensor: Sensor, settings: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """Displacements (2, rows, columns) at points `elastic_spacing_px` apart, one spacing more than the sensor needs."""
    spacing = settings.elastic_spacing_px
    shape = (2, int(sensor.height / spacing) + 3, int(sensor.width / spacing) + 3)
    field: NDArray[np.float64] = rng.standard_normal(shape) * rng.uniform(0, settings.elastic_px)
    return field


def _interpolated(
    field: NDArray[np.float64], x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two displacements (events,) at column `x` and row `y` of `field`, bilinear."""
    column, row = x.astype(np.int64), y.astype(np.int64)
    right, below = x - column, y - row
    upper = field[:, row, column] * (1 - right) + field[:, row, column + 1] * right
    lower = field[:, row + 1, column] * (1 - right) + field[:, row + 1, column + 1] * right
    along_x, along_y = upper * (1 - below) + lower * below
    return along_x, along_y
