"""Strips and pictures of spikes: what is where, and that nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from stage import rgb

from streamsnn.gui.painter import short
from streamsnn.gui.raster import Raster, ramp
from streamsnn.gui.strip import Strip, time_text
from streamsnn.gui.theme import DARK, THEMES, Theme


def test_times_and_values_lie_where_they_should() -> None:
    strip = Strip(QRectF(100, 10, 200, 50), 6_000_000, 4_000_000, -1.0, 1.0)
    assert [strip.x(t_us) for t_us in (2_000_000, 4_000_000, 6_000_000)] == [100, 200, 300]
    assert [strip.y(value) for value in (-1, 0, 1)] == [60, 35, 10]
    path = strip.path(np.array([2_000_000, 6_000_000]), np.array([-1, 1], np.float32), 10**9)
    assert path.boundingRect().getRect() == (100, 10, 200, 50)
    assert strip.path(np.zeros(0, np.int64), np.zeros(0, np.float32), 1).isEmpty()


@pytest.mark.parametrize(
    ("us", "text"),
    [(0, "0 s"), (2_500_000, "2.5 s"), (60_000_000, "1:00"), (65_000_000, "1:05"), (90_500_000, "1:30.5")],
)
def test_times_are_written_as_people_write_them(us: int, text: str) -> None:
    assert time_text(us) == text


@pytest.mark.parametrize(
    ("number", "unit", "small", "text"),
    [
        (0, "", False, "0"),
        (7, "", False, "7.00"),
        (999, "/s", False, "999 /s"),
        (999.9, "/s", False, "1.00 k/s"),
        (1_234_567, "", False, "1.23 M"),
        (-12_300, "", False, "-12.3 k"),
        (0.0053, "s", True, "5.30 ms"),
        (4.2e-7, "W", True, "420 nW"),
        (float("nan"), "s", True, "–"),
    ],
)
def test_numbers_have_three_digits(number: float, unit: str, small: bool, text: str) -> None:
    assert short(number, unit, small=small) == text


def painted(counts: np.ndarray, width: int, height: int) -> np.ndarray:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    Raster(4).paint(painter, QRectF(0, 0, width, height), counts, DARK)
    painter.end()
    return np.frombuffer(image.constBits(), np.uint32).reshape(height, width).copy()


@pytest.mark.parametrize("size", [(500, 120), (100, 30), (77, 13), (1000, 300), (1, 1)])
def test_a_single_spike_is_seen_in_a_picture_of_any_size(size: tuple[int, int]) -> None:
    words = ramp(DARK, 4, 0.45)
    for row, column in ((0, 0), (119, 499), (60, 251), (37, 100)):
        counts = np.zeros((120, 600), np.uint8)[:, 100:]
        counts[row, column] = 1
        places = np.argwhere(painted(counts, *size) == words[1])
        assert len(places)
        assert (
            np.abs(places.mean(axis=0) + 0.5 - [(row + 0.5) / 120 * size[1], (column + 0.5) / 500 * size[0]]).max() <= 1
        )


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_more_spikes_stand_out_more(theme: Theme) -> None:
    words = ramp(theme, 9, 0.45)
    parts = np.stack([words >> 16 & 255, words >> 8 & 255, words & 255], axis=1).astype(int)
    away = np.abs(parts - np.array(rgb(theme.panel))).sum(axis=1)
    assert away[0] == 0
    assert away[1] > 100
    assert (np.diff(away[:10]) > 0).all()
    assert (parts[9:] == rgb(theme.foreground)).all()
