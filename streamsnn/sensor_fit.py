"""Where a sensor's pixels lie in a model's input: what is looked at, how it is shrunk, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.types import InputSpec, Sensor


@dataclass(frozen=True)
class SensorFit:
    """Where each pixel of `sensor` lies in the input of a model that eats `spec`.

    The rectangle (`x`, `y`, `width`, `height`), in sensor pixels, is looked at and the rest is not; every
    `downsample` x `downsample` pixels of it fall into one input cell (at the right and lower edge possibly fewer); the
    rectangle's first cell is the input's column `left` and row `top`. Refused with `StreamsnnError` where any pixel of
    the rectangle would lie outside the sensor or outside the input, or where one sees and the other hears.
    """

    sensor: Sensor
    spec: InputSpec
    x: int
    y: int
    width: int
    height: int
    downsample: int = 1
    left: int = 0
    top: int = 0

    def __post_init__(self) -> None:
        _refuse_view(self.sensor, self.spec, (self.x, self.y, self.width, self.height), self.downsample)
        across, down = self.cells_across, self.cells_down
        if not _inside(self.left, across, self.spec.width) or not _inside(self.top, down, self.spec.height):
            raise StreamsnnError(
                f"{across}x{down} cells at ({self.left}, {self.top}) do not fit into the model's input,"
                f" which is {self.spec.width}x{self.spec.height}.",
                hint=_ways_to_fit(self.sensor, self.spec, (self.x, self.y, self.width, self.height)),
            )

    @property
    def cells_across(self) -> int:
        """Width of what is looked at, in input cells."""
        return -(-self.width // self.downsample)

    @property
    def cells_down(self) -> int:
        """Height of what is looked at, in input cells."""
        return -(-self.height // self.downsample)

    def columns(self) -> NDArray[np.int32]:
        """The input column of each sensor column; -1 where it is not looked at. (sensor.width,)"""
        return _cells(self.sensor.width, self.x, self.width, self.downsample, self.left)

    def rows(self) -> NDArray[np.int32]:
        """The input row of each sensor row; -1 where it is not looked at. (sensor.height,)"""
        return _cells(self.sensor.height, self.y, self.height, self.downsample, self.top)


def fit_sensor(
    sensor: Sensor,
    spec: InputSpec,
    *,
    crop: tuple[int, int, int, int] | None = None,
    downsample: int | None = None,
    letterbox: bool = False,
) -> SensorFit:
    """How `sensor` feeds a model that eats `spec`; refused unless it fills the input exactly or `letterbox` is set.

    `crop` (x, y, width, height) in sensor pixels comes first, then `downsample` pixels along an edge become one cell,
    then `letterbox` centres the cells in an input that is larger. Nothing is cropped, shrunk or padded unasked: where
    sizes differ, the `StreamsnnError` names both and the options that would fit.
    """
    view = crop if crop is not None else (0, 0, sensor.width, sensor.height)
    factor = 1 if downsample is None else downsample
    _refuse_view(sensor, spec, view, factor)
    across, down = -(-view[2] // factor), -(-view[3] // factor)
    if not letterbox and (across, down) != (spec.width, spec.height):
        what = f'The sensor "{sensor.name}" is {sensor.width}x{sensor.height}'
        if crop is not None or factor != 1:
            what += f" and gives {across}x{down} cells"
        raise StreamsnnError(
            f"{what}, but the model's input is {spec.width}x{spec.height}.", hint=_ways_to_fit(sensor, spec, view)
        )
    left, top = max(0, (spec.width - across) // 2), max(0, (spec.height - down) // 2)
    return SensorFit(sensor, spec, *view, factor, left, top)


def _cells(size: int, begin: int, length: int, factor: int, offset: int) -> NDArray[np.int32]:
    cells = np.full(size, -1, np.int32)
    cells[begin : begin + length] = offset + np.arange(length) // factor
    return cells


def _refuse_view(sensor: Sensor, spec: InputSpec, view: tuple[int, int, int, int], factor: int) -> None:
    x, y, width, height = view
    if sensor.kind != spec.kind:
        raise StreamsnnError(
            f'The stream of "{sensor.name}" is {sensor.kind}, but the model was made for {spec.kind}.',
            hint=f"Choose a model for {sensor.kind}, or a source of {spec.kind}.",
        )
    if factor < 1:
        raise StreamsnnError(
            f"Downsampling by {factor} is impossible: the factor counts pixels along an edge.",
            hint="Choose a whole number from 1 on; 1 keeps every pixel.",
        )
    if not _inside(x, width, sensor.width) or not _inside(y, height, sensor.height):
        raise StreamsnnError(
            f"The crop of {width}x{height} pixels at ({x}, {y}) is not inside"
            f' the sensor "{sensor.name}", which is {sensor.width}x{sensor.height}.',
            hint="A crop is x,y,width,height in sensor pixels, with (0, 0) at the upper left.",
        )


def _ways_to_fit(sensor: Sensor, spec: InputSpec, view: tuple[int, int, int, int]) -> str:
    """The command-line options that would make what is looked at, `view`, fit `spec`."""
    x, y, width, height = view
    whole = view == (0, 0, sensor.width, sensor.height)
    shrink = max(-(-width // spec.width), -(-height // spec.height))
    options = [] if whole else [f"--crop {x},{y},{width},{height}"]
    options += [f"--downsample {shrink}"] if shrink > 1 else []
    if (-(-width // shrink), -(-height // shrink)) != (spec.width, spec.height):
        options.append("--letterbox")
    ways = [" ".join(options)]
    zoom = min(width // spec.width, height // spec.height)
    if zoom >= 1:
        inner_width, inner_height = zoom * spec.width, zoom * spec.height
        left, top = x + (width - inner_width) // 2, y + (height - inner_height) // 2
        crop = f"--crop {left},{top},{inner_width},{inner_height}"
        ways.append(crop if zoom == 1 else f"{crop} --downsample {zoom}")
    return "What would fit: " + ", or ".join(way for way in ways if way) + "."


def _inside(begin: int, length: int, size: int) -> bool:
    return begin >= 0 and length >= 1 and begin + length <= size
