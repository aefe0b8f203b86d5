"""`Theme`: the colours of the whole window, in a dark and in a light set that colour-blind people can tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import pyqtgraph as pg
from PySide6.QtGui import QColor, QPalette, qGray
from PySide6.QtWidgets import QApplication


@dataclass(frozen=True)
class Theme:
    """Colours as "#rrggbb": `panel` is what views are painted on, `background` what lies between them.

    `on` and `off` stand for the two polarities, `categories` for classes, boxes and probes in turn.
    """

    name: Literal["dark", "light"]
    background: str
    panel: str
    foreground: str
    muted: str
    grid: str
    accent: str
    on: str
    off: str
    warning: str
    categories: tuple[str, ...]

    def category(self, place: int) -> QColor:
        """The colour of the class, box or probe number `place`; after all were used, the same ones, nearer to the text.

        A colour alone is never all that tells two classes apart: their names stand beside it.
        """
        return _category(self, place)


# The categories are those of Okabe & Ito (2008, "Color Universal Design"), as light or dark as the background needs.
# In this order neighbours differ most for whoever lacks one kind of cones.
DARK = Theme(
    name="dark",
    background="#14171c",
    panel="#1b1f26",
    foreground="#e4e8ee",
    muted="#8e98a6",
    grid="#2b323c",
    accent="#56b4e9",
    on="#f2f5fa",
    off="#3f8fd8",
    warning="#ff6b5a",
    categories=("#e69f00", "#56b4e9", "#e8702a", "#cc79a7", "#f0e442", "#3f8fd8", "#dfe4ea", "#00a87a"),
)
LIGHT = Theme(
    name="light",
    background="#e9ebee",
    panel="#fcfcfd",
    foreground="#1d232b",
    muted="#626c79",
    grid="#e0e4e9",
    accent="#0072b2",
    on="#2f74c0",
    off="#1d232b",
    warning="#c22f1f",
    categories=("#c98500", "#2b8cc4", "#c94f0a", "#b0568a", "#a89600", "#0a5f9c", "#1d232b", "#008a63"),
)
THEMES: dict[str, Theme] = {theme.name: theme for theme in (DARK, LIGHT)}


@cache
def _category(theme: Theme, place: int) -> QColor:
    turn, place = divmod(place, len(theme.categories))
    return mixed(theme.categories[place], theme.foreground, min(0.6, 0.3 * turn))


def mixed(one: str, other: str, share: float) -> QColor:
    """Colour `one` with a `share` in [0, 1] of colour `other` in it."""
    a, b = QColor(one), QColor(other)
    parts = zip((a.red(), a.green(), a.blue()), (b.red(), b.green(), b.blue()), strict=True)
    return QColor(*(round(x + (y - x) * share) for x, y in parts))


def text_on(colour: QColor) -> QColor:
    """Black or white, whichever reads better on `colour`."""
    return QColor("#10131a" if qGray(colour.rgb()) > 98 else "#ffffff")


def apply_theme(application: QApplication, theme: Theme) -> None:
    """Give `theme` to everything that Qt draws by itself, and to pyqtgraph; views take theirs by `use_theme`."""
    application.setStyle("Fusion")
    palette = QPalette()
    role = QPalette.ColorRole
    for roles, colour in (
        ((role.Window, role.AlternateBase), theme.background),
        ((role.Base, role.ToolTipBase), theme.panel),
        ((role.Button,), mixed(theme.background, theme.foreground, 0.08).name()),
        ((role.WindowText, role.Text, role.ButtonText, role.ToolTipText, role.BrightText), theme.foreground),
        ((role.PlaceholderText,), theme.muted),
        ((role.Highlight, role.Link), theme.accent),
        ((role.HighlightedText,), theme.background),
    ):
        for each in roles:
            palette.setColor(each, QColor(colour))
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, each, mixed(theme.muted, theme.background, 0.4))
    application.setPalette(palette)
    application.setStyleSheet(_STYLE.format(theme=theme, button=mixed(theme.background, theme.foreground, 0.14).name()))
    pg.setConfigOptions(background=theme.panel, foreground=theme.muted, imageAxisOrder="row-major", antialias=False)


_STYLE = """
QToolTip {{ color: {theme.foreground}; background: {theme.panel}; border: 1px solid {theme.grid}; padding: 4px; }}
QDockWidget {{ color: {theme.muted}; }}
QDockWidget::title {{ background: {theme.background}; padding: 4px 8px; }}
QMainWindow::separator {{ background: {theme.background}; width: 5px; height: 5px; }}
QMainWindow::separator:hover {{ background: {theme.accent}; }}
QToolButton {{ padding: 3px 6px; border: 0; border-radius: 3px; }}
QToolButton:hover, QToolButton:checked {{ background: {button}; }}
"""
