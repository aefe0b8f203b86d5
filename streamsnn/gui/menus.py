"""The menus: all actions, recent sources, the models and whether they fit, and the panels."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu

from streamsnn.gui.actions import ACTIONS, Action
from streamsnn.gui.choice import Choice, choices
from streamsnn.gui.playback import Playback


class Menus:
    """Fills the menu bar of `window`. `do` is called with the name of the action that was chosen."""

    def __init__(
        self, window: QMainWindow, playback: Playback, docks: Iterable[QDockWidget], do: Callable[[str], None]
    ) -> None:
        self._window, self._playback, self._do = window, playback, do
        bar = window.menuBar()
        menus = {name: bar.addMenu(name) for name in ("File", "Model", "Play", "View", "Help")}
        self.actions = {action.name: self._add(menus[action.menu], action) for action in ACTIONS}
        self.recent, self.models = QMenu("Recent", window), menus["Model"]
        menus["File"].insertMenu(self.actions["save_screenshot"], self.recent)
        self.recent.aboutToShow.connect(self._fill_recent)
        self.models.aboutToShow.connect(self._fill_models)
        panels = menus["View"].addMenu("Panels")
        for dock in docks:
            panels.addAction(dock.toggleViewAction())

    def _add(self, menu: QMenu, action: Action) -> QAction:
        made = menu.addAction(action.text)
        made.setShortcuts([QKeySequence(key) for key in action.keys])
        made.setCheckable(action.checkable)
        made.triggered.connect(lambda checked=False: self._do(action.name))
        return made

    def _fill_recent(self) -> None:
        self.recent.clear()
        for source in self._playback.recent:
            action = self.recent.addAction(source)
            action.triggered.connect(lambda checked=False, source=source: self._playback.open_source(source))
        if self.recent.isEmpty():
            self.recent.addAction("nothing yet").setEnabled(False)

    def _fill_models(self) -> None:
        self.models.clear()
        playing = None if self._playback.now is None else self._playback.now.card.name
        for choice in choices(self._playback.sensor):
            self._add_model(choice, choice.name == playing)
        if self.models.isEmpty():
            self.models.addAction("no model is there").setEnabled(False)

    def _add_model(self, choice: Choice, playing: bool) -> None:
        words = choice.why if choice.fit is None else choice.fit.words if self._playback.sensor is not None else ""
        step = "" if choice.card is None else f"{choice.card.step_us / 1000:g} ms"
        action = self.models.addAction("   ".join(word for word in (choice.name, step, words) if word))
        action.setCheckable(True)
        action.setChecked(playing)
        action.setEnabled(choice.fit is not None and self._playback.wanted is not None)
        action.triggered.connect(lambda checked=False: self._playback.choose_model(choice.name))
