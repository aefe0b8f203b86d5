"""Scenes of shapes: their boxes are where the picture says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from streamsnn.sources.shapes import PRESETS, Shapes, ShapesSettings

STILL = ShapesSettings(every_us=2_500_000, striped=0.0)


@pytest.mark.parametrize("settings", [STILL, replace(STILL, shake_px=2.0), replace(STILL, shake_px=2.0, turn_deg=12.0)])
def test_a_box_holds_all_of_its_shape_and_no_more(settings: ShapesSettings) -> None:
    looked = 0
    for seed in range(3):
        shapes = Shapes(settings, seed)
        for t_us in range(100_000, 5_000_000, 300_000):
            boxes = shapes.boxes(t_us)
            ys, xs = np.nonzero(shapes.log_intensity(t_us) < -0.3)
            if len(boxes) != 1 or len(xs) == 0:
                continue
            _, left, top, width, height = boxes[0]
            seen = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            # What enters or leaves beside it has no box yet.
            if left > 1 and top > 1 and left + width < 303 and top + height < 239 and seen[2] - seen[0] < 60:
                assert seen == pytest.approx((left, top, left + width, top + height), abs=1.5)
                looked += 1
    assert looked > 10


def test_a_camera_that_turns_sees_the_same_ground_turned() -> None:
    still = replace(PRESETS["turning"], shake_px=0.0, lamp_hz=0.0, post_px=0.0)
    ground = Shapes(replace(still, turn_deg=0.0), 5)
    turned = Shapes(still, 5)
    angles = [np.arcsin(turned._camera(t_us)[3]) for t_us in range(0, 2_000_000, 10_000)]
    assert np.degrees(np.abs(angles)).max() == pytest.approx(1.5, rel=0.01)
    # The middle of the sensor stays, the corners do not.
    first, then = turned.log_intensity(0).copy(), turned.log_intensity(200_000)
    assert np.abs(first - then)[118:122, 150:154].mean() < 0.5 * np.abs(first - then)[:40, :40].mean()
    assert np.array_equal(ground.log_intensity(0)[:9, :9], ground.log_intensity(200_000)[:9, :9])
