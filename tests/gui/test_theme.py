"""Themes and palettes: legible, and told apart also by those who see fewer colours."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from stage import rgb

from streamsnn.gui.palettes import PALETTES, STRONGEST
from streamsnn.gui.theme import DARK, LIGHT, THEMES, Theme, apply_theme, text_on

# What people see who lack one kind of cones, in linear RGB: Machado, Oliveira & Fernandes 2009, severity 1.
BLIND = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour: Any) -> np.ndarray:
    part = np.array(colour, float) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def contrast(one: Any, other: Any) -> float:
    """As WCAG 2 has it, from 1 to 21."""
    low, high = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ colour.clip(0, 1)
    f = np.cbrt(xyz / [0.9505, 1, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_texts_are_legible(theme: Theme) -> None:
    for colour in (theme.foreground, theme.muted, theme.accent, theme.warning):
        assert contrast(rgb(colour), rgb(theme.panel)) >= 4.5, colour
    for place in range(40):
        category = theme.category(place)
        assert contrast(rgb(text_on(category)), rgb(category)) >= 3.5, place
        assert contrast(rgb(category), rgb(theme.panel)) >= 2.3, place


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
@pytest.mark.parametrize("kind", [None, *BLIND])
def test_neighbouring_classes_are_told_apart(theme: Theme, kind: str | None) -> None:
    seen = np.eye(3) if kind is None else np.array(BLIND[kind])
    colours = [lab(seen @ linear(rgb(colour))) for colour in theme.categories]
    for one, other in pairwise(colours):
        assert np.linalg.norm(one - other) > 20


@pytest.mark.parametrize("kind", [None, *BLIND])
@pytest.mark.parametrize("name", list(PALETTES))
def test_on_off_and_nothing_are_told_apart(name: str, kind: str | None) -> None:
    seen = np.eye(3) if kind is None else np.array(BLIND[kind])
    nothing, on, off = (lab(seen @ linear(colour)) for colour in PALETTES[name])
    assert min(np.linalg.norm(a - b) for a, b in ((nothing, on), (nothing, off), (on, off))) > 20


@pytest.mark.parametrize("palette", PALETTES.values(), ids=list(PALETTES))
def test_tables_lead_from_nothing_to_each_polarity(palette: Any) -> None:
    table = palette.table().astype(int)
    assert table[0].tolist() == table[1].tolist() == list(palette.nothing)
    assert table[2 * STRONGEST].tolist() == list(palette.off)
    assert table[2 * STRONGEST + 1].tolist() == list(palette.on)
    for shades, end in ((table[1::2], palette.on), (table[0::2], palette.off)):
        left = np.abs(shades - np.array(end)).sum(axis=1)
        assert (np.diff(left) <= 0).all()
    words = palette.words()
    assert [hex(word) for word in words[-1:].tolist()] == ["0xff" + "".join(f"{part:02x}" for part in palette.on)]


def test_a_theme_is_applied_to_the_application(application: QApplication) -> None:
    for theme in (LIGHT, DARK):
        apply_theme(application, theme)
        assert application.palette().color(QPalette.ColorRole.Window).name() == theme.background
        assert application.palette().color(QPalette.ColorRole.WindowText).name() == theme.foreground
