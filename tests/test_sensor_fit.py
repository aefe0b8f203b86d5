"""Every pixel lands where the fit says, and what does not fit is refused with what would."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.types import InputSpec, Sensor

SENSOR = Sensor("toy", 8, 6)
SPLIT = InputSpec(8, 6)


def test_equal_sizes_fit_pixel_by_pixel() -> None:
    fit = fit_sensor(SENSOR, SPLIT)
    assert fit == SensorFit(SENSOR, SPLIT, 0, 0, 8, 6)
    np.testing.assert_array_equal(fit.columns(), np.arange(8))
    np.testing.assert_array_equal(fit.rows(), np.arange(6))


def test_crop_downsample_and_letterbox_place_the_pixels() -> None:
    fit = fit_sensor(SENSOR, InputSpec(6, 4), crop=(1, 1, 5, 4), downsample=2, letterbox=True)
    assert (fit.cells_across, fit.cells_down) == (3, 2)
    assert fit.columns().tolist() == [-1, 1, 1, 2, 2, 3, -1, -1]
    assert fit.rows().tolist() == [-1, 1, 1, 2, 2, -1]


@pytest.mark.parametrize(
    ("size", "hint"),
    [
        ((640, 480), "--downsample 19 --letterbox, or --crop 82,2,476,476 --downsample 14."),
        ((68, 68), "fit: --downsample 2, or --crop 0,0,68,68 --downsample 2."),
        ((40, 36), "fit: --downsample 2 --letterbox, or --crop 3,1,34,34."),
        ((20, 10), "fit: --letterbox."),
        ((128, 10), "fit: --downsample 4 --letterbox."),
    ],
)
def test_other_sizes_are_refused_with_what_would_fit(size: tuple[int, int], hint: str) -> None:
    sensor = Sensor("eye", *size)
    spec = InputSpec(34, 34)
    with pytest.raises(StreamsnnError, match=f"{size[0]}x{size[1]}, but the model's input is 34x34") as error:
        fit_sensor(sensor, spec)
    assert hint in error.value.hint
    for way in error.value.hint.removeprefix("What would fit: ").removesuffix(".").split(", or "):
        words = way.split()
        crop: Any = tuple(int(n) for n in words[words.index("--crop") + 1].split(",")) if "--crop" in words else None
        fit = fit_sensor(
            sensor,
            spec,
            crop=crop,
            downsample=int(words[words.index("--downsample") + 1]) if "--downsample" in words else None,
            letterbox="--letterbox" in words,
        )
        assert fit.cells_across <= 34
        assert fit.cells_down <= 34


def test_the_ways_out_of_a_crop_keep_the_crop() -> None:
    with pytest.raises(StreamsnnError, match="640x480 and gives 100x60 cells") as error:
        fit_sensor(Sensor("eye", 640, 480), InputSpec(34, 34), crop=(10, 20, 100, 60))
    assert "--crop 10,20,100,60 --downsample 3 --letterbox, or --crop 43,33,34,34." in error.value.hint


def test_a_sensor_wider_but_lower_than_the_input_is_refused() -> None:
    with pytest.raises(StreamsnnError, match="40x20, but the model's input is 34x34"):
        fit_sensor(Sensor("eye", 40, 20), InputSpec(34, 34))


def test_a_letterbox_that_is_too_small_is_refused() -> None:
    with pytest.raises(StreamsnnError, match=r"8x6 cells at .* do not fit .* 7x7") as error:
        fit_sensor(SENSOR, InputSpec(7, 7), letterbox=True)
    assert "--downsample 2 --letterbox" in error.value.hint


@pytest.mark.parametrize("crop", [(-1, 0, 8, 6), (0, 0, 9, 6), (4, 0, 5, 6), (0, 0, 0, 6), (0, 1, 8, 6)])
def test_a_crop_outside_the_sensor_is_refused(crop: tuple[int, int, int, int]) -> None:
    with pytest.raises(StreamsnnError, match="not inside the sensor"):
        fit_sensor(SENSOR, SPLIT, crop=crop)


@pytest.mark.parametrize("factor", [0, -2])
def test_a_senseless_downsampling_is_refused(factor: int) -> None:
    with pytest.raises(StreamsnnError, match="Downsampling by"):
        fit_sensor(SENSOR, SPLIT, downsample=factor)


def test_what_hears_never_fits_what_sees() -> None:
    with pytest.raises(StreamsnnError, match=r"is audio, but the model was made for vision"):
        fit_sensor(Sensor("cochlea", 8, 6, "audio"), SPLIT)


@pytest.mark.parametrize("wrong", [{"left": -1}, {"left": 1}, {"top": 1}, {"x": 1}, {"downsample": 0}])
def test_a_fit_out_of_range_cannot_be_built(wrong: dict[str, int]) -> None:
    right = {"x": 0, "y": 0, "width": 8, "height": 6, "downsample": 1, "left": 0, "top": 0}
    SensorFit(SENSOR, SPLIT, **right)
    with pytest.raises(StreamsnnError):
        SensorFit(SENSOR, SPLIT, **(right | wrong))
