"""Below the picture: play, step, speed, loop, and the time."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QToolButton, QWidget

from streamsnn.gui.icons import icon
from streamsnn.gui.theme import Theme
from streamsnn.gui.time_bar import clock_text
from streamsnn.player.messages import Status

SPEEDS: tuple[float | None, ...] = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, None)
"""Times true time; None is as fast as it goes."""


class Transport(QWidget):
    """Buttons named as the window's actions (`asked` emits the action's name), and the speed (`speed_chosen`)."""

    asked = Signal(str)
    speed_chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transport")
        self._moving = False
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        self._buttons = {
            name: self._button(name, tip)
            for name, tip in (
                ("rewind", "To the beginning, or to the in marker (R)"),
                ("step_back", "One step back (,)"),
                ("play_or_pause", "Play or pause (space)"),
                ("step_forward", "One step on (.)"),
            )
        }
        for button in self._buttons.values():
            row.addWidget(button)
        self._loop = self._button("toggle_loop", "Loop (L)")
        self._loop.setCheckable(True)
        row.addWidget(self._loop)
        self._speed = QComboBox()
        self._speed.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._speed.setObjectName("speed")
        self._speed.setToolTip("Times true time ([ and ])")
        self._speed.addItems([_speed_text(speed) for speed in SPEEDS])
        self._speed.activated.connect(lambda place: self.speed_chosen.emit(SPEEDS[place]))
        row.addWidget(self._speed)
        row.addStretch()
        self._state = QLabel()
        self._state.setObjectName("state")
        self._time = QLabel()
        self._time.setObjectName("time")
        row.addWidget(self._state)
        row.addSpacing(12)
        row.addWidget(self._time)
        self.use_theme(theme)
        self.show_status(Status("closed"), live=False)

    @property
    def state_text(self) -> str:
        """What is said of what the engine does."""
        return self._state.text()

    @property
    def time_text(self) -> str:
        """What is said of where one is."""
        return self._time.text()

    def show_status(self, status: Status, live: bool, held: bool = False) -> None:
        """Show what the engine does; `held`: the picture of a live stream stands still."""
        self._moving = status.mode == "playing" and not held
        self._buttons["play_or_pause"].setIcon(icon("pause" if self._moving else "play", self._theme))
        there = status.mode not in ("closed", "failed")
        for name, button in self._buttons.items():
            button.setEnabled(there and (not live or name == "play_or_pause"))
        self._loop.setEnabled(not live)
        self._loop.setChecked(status.loop)
        self._speed.setEnabled(not live)
        if status.speed in SPEEDS:
            self._speed.setCurrentIndex(SPEEDS.index(status.speed))
        words = {
            "playing": "live" if live else "",
            "paused": "paused",
            "ended": "ended",
            "closed": "",
            "failed": "failed",
        }
        self._state.setText("picture held" if held else words[status.mode])

    def show_time(self, offset_us: int, duration_us: int | None) -> None:
        """Show where one is."""
        total = "" if duration_us is None else f" / {clock_text(duration_us)}"
        self._time.setText(clock_text(offset_us) + total)

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self._theme = theme
        for name, sign in (("rewind", "rewind"), ("step_back", "back"), ("step_forward", "forward")):
            self._buttons[name].setIcon(icon(sign, theme))
        self._buttons["play_or_pause"].setIcon(icon("pause" if self._moving else "play", theme))
        self._loop.setIcon(icon("loop", theme))

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton()
        button.setObjectName(name)
        # Keys belong to the window: a space must not press what was clicked last.
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.setToolTip(tip)
        button.clicked.connect(lambda: self.asked.emit(name))
        return button


def next_speed(speed: float | None, direction: int) -> float | None:
    """The next faster (1) or slower (-1) speed."""
    place = SPEEDS.index(speed) if speed in SPEEDS else SPEEDS.index(1.0)
    return SPEEDS[min(max(place + direction, 0), len(SPEEDS) - 1)]


def _speed_text(speed: float | None) -> str:
    return "max" if speed is None else f"{speed:g}x"
