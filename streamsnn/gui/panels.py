"""All views of the stream, where they lie in the window, and when they are drawn."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QStackedWidget, QWidget

from streamsnn.gui.decision_view import DecisionView
from streamsnn.gui.event_view import EventView
from streamsnn.gui.filters_panel import FiltersPanel
from streamsnn.gui.health_view import HealthView
from streamsnn.gui.history_view import HistoryView
from streamsnn.gui.membrane_view import MembraneView
from streamsnn.gui.sound_view import SoundView
from streamsnn.gui.spike_view import SpikeView
from streamsnn.gui.theme import Theme
from streamsnn.gui.view import View
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen

_RIGHT, _BELOW = Qt.DockWidgetArea.RightDockWidgetArea, Qt.DockWidgetArea.BottomDockWidgetArea


class Panels:
    """The views of one window. `picture` belongs into its middle, all others are docks that `window` holds."""

    def __init__(self, window: QMainWindow, theme: Theme) -> None:
        self._window = window
        self.events, self.sound = EventView(), SoundView()
        self.decision, self.history = DecisionView(), HistoryView()
        self.spikes, self.membranes, self.health = SpikeView(), MembraneView(), HealthView()
        self.filters = FiltersPanel()
        self.views: tuple[View, ...] = (
            self.events,
            self.sound,
            self.decision,
            self.history,
            self.spikes,
            self.membranes,
            self.health,
        )
        self.picture = QStackedWidget()
        self.picture.addWidget(self.events)
        self.picture.addWidget(self.sound)
        self.docks: dict[str, QDockWidget] = {}
        self._lay_out()
        self.use_theme(theme)
        self._screen: Screen | None = None
        self._seen = self._epoch = 0

    def open(self, opened: Opened, screen: Screen) -> None:
        """Show this stream from now on."""
        self._screen, self._seen, self._epoch = screen, 0, screen.epoch
        for view in self.views:
            view.open(opened, screen)
        heard = opened.layout.sensor.kind == "audio"
        self.picture.setCurrentWidget(self.sound if heard else self.events)

    def close(self) -> None:
        """Show nothing any more: the screen is about to go."""
        self._screen = None
        for view in self.views:
            view.leave()

    def refresh(self, host_ns: int) -> bool:
        """Draw what is new at host time `host_ns`; whether anything was."""
        screen = self._screen
        if screen is None:
            return False
        if screen.epoch != self._epoch:
            self._epoch = screen.epoch
            for view in self.views:
                view.clear()
        watched = screen.steps_since(self._seen)
        self._seen = watched.until
        for view in self.views:
            view.refresh(watched, host_ns)
        return len(watched.records) > 0

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        for view in self.views:
            view.use_theme(theme)

    def show(self, title: str) -> None:
        """Bring a panel to the front."""
        self.docks[title].show()
        self.docks[title].raise_()

    def _lay_out(self) -> None:
        window = self._window
        decision = self._dock("Decision", self.decision, _RIGHT)
        spikes = self._dock("Spikes", self.spikes, _RIGHT)
        membranes = self._dock("Membranes", self.membranes, _RIGHT)
        filters = self._dock("Filters", self.filters, _RIGHT)
        history = self._dock("History", self.history, _BELOW)
        health = self._dock("Health", self.health, _BELOW)
        window.tabifyDockWidget(spikes, membranes)
        window.tabifyDockWidget(membranes, filters)
        spikes.raise_()
        window.setCorner(Qt.Corner.BottomRightCorner, _RIGHT)
        window.resizeDocks([decision, spikes], [260, 420], Qt.Orientation.Vertical)
        window.resizeDocks([decision], [390], Qt.Orientation.Horizontal)
        window.resizeDocks([history, health], [440, 440], Qt.Orientation.Horizontal)
        window.resizeDocks([history, health], [190, 190], Qt.Orientation.Vertical)

    def _dock(self, title: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self._window)
        # What the layout is remembered by.
        dock.setObjectName(f"dock {title}")
        dock.setWidget(widget)
        self._window.addDockWidget(area, dock)
        self.docks[title] = dock
        return dock
