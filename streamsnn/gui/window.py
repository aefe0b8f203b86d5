"""The main window: the picture, everything around it, and how all of it is wired."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QVBoxLayout, QWidget

from streamsnn.gui import dialogs
from streamsnn.gui.banner import Banner
from streamsnn.gui.exports import Export
from streamsnn.gui.keys import KeysOverlay
from streamsnn.gui.link import Link
from streamsnn.gui.menus import Menus
from streamsnn.gui.palettes import next_palette
from streamsnn.gui.panels import Panels
from streamsnn.gui.playback import Playback
from streamsnn.gui.theme import DARK, LIGHT, THEMES, Theme, apply_theme
from streamsnn.gui.time_bar import TimeBar
from streamsnn.gui.transport import Transport
from streamsnn.player.messages import Failed, Open, Opened, Preparing
from streamsnn.player.overview import OverviewReader, is_file
from streamsnn.player.screen import Screen
from streamsnn.types import Sensor

FRAME_MS = 33


class MainWindow(QMainWindow):
    """Shows what its `playback` plays.

    `settings` remembers the panels, the theme, models and recent sources. Frames are drawn by a timer unless `timed` is
    False, and by calling `frame`.
    """

    def __init__(self, application: QApplication, settings: QSettings, *, timed: bool = True) -> None:
        super().__init__()
        self._application, self._settings = application, settings
        self.setObjectName("window")
        self.setWindowTitle("streamsnn")
        self.setAcceptDrops(True)
        self.resize(1280, 720)
        self.theme = THEMES.get(str(settings.value("theme", DARK.name)), DARK)
        apply_theme(application, self.theme)
        self.link = Link()
        self.playback = Playback(self.link, settings)
        self.panels = Panels(self, self.theme)
        self.banner, self.time_bar, self.transport = Banner(self.theme), TimeBar(self.theme), Transport(self.theme)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.panels.picture, 1)
        column.addWidget(self.transport)
        column.addWidget(self.time_bar)
        self.setCentralWidget(centre)
        self.keys = KeysOverlay(self.theme, self)
        self.menus = Menus(self, self.playback, self.panels.docks.values(), self.do)
        self._overview: OverviewReader | None = None
        self._export: Export | None = None
        self._connect()
        self._first_layout = self.saveState()
        self._restore_layout()
        self.frames = 0
        """Frames drawn so far."""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.frame)
        if timed:
            self._timer.start(FRAME_MS)

    def do(self, name: str) -> None:
        """What the action called `name` does."""
        target = self if hasattr(type(self), name) else self.playback
        getattr(target, name)()

    def frame(self) -> None:
        """Draw what is new."""
        self.frames += 1
        self.link.poll()
        if self._overview is not None and (overview := self._overview.newest()) is not None:
            self.time_bar.show_overview(overview)
        playback = self.playback
        if playback.held or self.isMinimized() or not self.panels.refresh(time.perf_counter_ns()):
            return
        self.time_bar.show_position(playback.offset_us)
        self.transport.show_time(playback.offset_us, None if playback.live else self.time_bar.duration_us)

    def open_file(self) -> None:
        if path := dialogs.ask_for_file(self):
            self.playback.open_source(path)

    def open_other(self) -> None:
        if source := dialogs.ask_for_source(self):
            self.playback.open_source(source)

    def save_screenshot(self) -> None:
        if path := dialogs.ask_where(self, "Save a screenshot", "streamsnn.png", "Pictures (*.png)"):
            self.save_picture(path)

    def save_picture(self, path: str) -> None:
        """Write the window as it is to `path`, as PNG."""
        if self.grab().save(path):
            self.banner.show_note(f"Saved {path}.")
        else:
            self.banner.show_error(f"{path} cannot be written.", "Choose another place.")

    def export_decisions(self) -> None:
        wanted = self.playback.as_it_is
        if wanted is not None and (path := dialogs.ask_where(self, *dialogs.DECISIONS)):
            self.start_export(Export.decisions(wanted, path, self.playback.markers))

    def export_video(self) -> None:
        wanted = self.playback.as_it_is
        if wanted is not None and (asked := dialogs.ask_for_video(self)):
            path, speed = asked
            probes = [f"--probe={layer}:{neuron}" for layer, neuron in self.playback.probes]
            self.start_export(Export.video(wanted, path, speed, self.theme.name, self.playback.markers, *probes))

    def record(self) -> None:
        """Ask where to, and keep what a microphone hears from now on; or stop that."""
        if self.playback.recording:
            self.playback.record(None)
        elif not self.playback.live:
            self.banner.show_error("Only what a microphone hears can be recorded.", "Open a microphone first.")
        elif path := dialogs.ask_where(self, *dialogs.SOUND):
            self.playback.record(path)

    def start_export(self, export: Export) -> None:
        """Write a file in the background, and say in the banner how far it is."""
        if self.playback.live:
            self.banner.show_error("A live stream is over once it is seen.", "Record it (Ctrl+R), then open that.")
        elif self._export is not None:
            self.banner.show_error("Another export is still running.", "Wait until it is done.")
        else:
            self._export = export
            export.progressed.connect(self.banner.show_progress)
            export.ended.connect(self._show_exported)
            export.start()

    def quit(self) -> None:
        self.close()

    def accumulate_shorter(self) -> None:
        self.panels.events.shorter()

    def accumulate_longer(self) -> None:
        self.panels.events.longer()

    def next_rendering(self) -> None:
        events = self.panels.events
        events.set_rendering("accumulation" if events.rendering == "surface" else "surface")

    def next_palette(self) -> None:
        self.panels.events.use_palette(next_palette(self.panels.events.palette_name))

    def whole_picture(self) -> None:
        self.panels.events.reset_view()

    def toggle_theme(self) -> None:
        self.use_theme(LIGHT if self.theme is DARK else DARK)

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours, and remember them."""
        self.theme = theme
        self._settings.setValue("theme", theme.name)
        apply_theme(self._application, theme)
        self.panels.use_theme(theme)
        for part in (self.banner, self.transport, self.time_bar, self.keys):
            part.use_theme(theme)

    def full_screen(self) -> None:
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def reset_layout(self) -> None:
        self.restoreState(self._first_layout)

    def show_keys(self) -> None:
        self.keys.toggle()

    def _connect(self) -> None:
        link, playback, panels = self.link, self.playback, self.panels
        link.preparing.connect(self._show_preparing)
        link.failed.connect(self._show_failed)
        link.noted.connect(self.banner.show_note)
        playback.noted.connect(self.banner.show_note)
        playback.refused.connect(self.banner.show_error)
        playback.opening.connect(self._show_opening)
        playback.opened.connect(self._show_opened)
        playback.status_changed.connect(self._show_status)
        playback.markers_changed.connect(lambda: self.time_bar.set_markers(playback.in_us, playback.out_us))
        playback.probes_changed.connect(self._show_probes)
        playback.threshold_changed.connect(panels.history.set_threshold)
        playback.filter_switched.connect(self._show_filter)
        self.transport.asked.connect(self.do)
        self.transport.speed_chosen.connect(playback.set_speed)
        self.time_bar.sought.connect(playback.seek)
        panels.filters.switched.connect(playback.switch_filter)
        panels.decision.thresholdChosen.connect(playback.set_threshold)
        panels.spikes.neuronPicked.connect(playback.probe)
        panels.membranes.probeRemoved.connect(playback.remove_probe)
        panels.events.regionChosen.connect(playback.choose_region)

    def _show_opening(self, wanted: Open) -> None:
        self.banner.hide()
        self.banner.show_progress(f"Opening {Path(wanted.source).name}", None)
        if self._overview is not None:
            self._overview.close()
            self._overview = None
        self.time_bar.open(None)
        if is_file(wanted.source):
            sensor = None if wanted.sensor is None else Sensor("sensor", *wanted.sensor)
            self._overview = OverviewReader(wanted.source, sensor)

    def _show_opened(self, opened: Opened, screen: Screen) -> None:
        panels, playback = self.panels, self.playback
        panels.open(opened, screen)
        panels.filters.show_filters(opened.filters)
        panels.decision.set_threshold(playback.threshold)
        panels.history.set_threshold(playback.threshold)
        panels.membranes.set_probes([])
        panels.events.set_region(None)
        self.time_bar.setVisible(not opened.live)
        if opened.duration_us is not None and self.time_bar.duration_us is None:
            self.time_bar.open(opened.duration_us)
        self.banner.clear_progress()
        self.setWindowTitle(f"{Path(opened.source).name} – {opened.card.name} – streamsnn")

    def _show_status(self) -> None:
        playback = self.playback
        self.transport.show_status(playback.status, playback.live, playback.held)
        self.menus.actions["toggle_loop"].setChecked(playback.status.loop)
        self.menus.actions["toggle_ego_motion"].setChecked(playback.takes_ego_motion_out)

    def _show_preparing(self, preparing: Preparing) -> None:
        self.banner.show_progress(preparing.what, preparing.share)

    def _show_failed(self, failed: Failed) -> None:
        self.banner.show_error(failed.message, failed.hint)

    def _show_probes(self) -> None:
        self.panels.membranes.set_probes(self.playback.probes)
        self.panels.spikes.set_probes(tuple(self.playback.probes))
        if self.playback.probes:
            self.panels.show("Membranes")

    def _show_filter(self, spelling: str, on: bool) -> None:
        self.panels.filters.set_on(spelling, on)
        if spelling.startswith("region:"):
            corners = tuple(int(part) for part in spelling.removeprefix("region:").split(",") if part.isdecimal())
            self.panels.events.set_region(corners if on and len(corners) == 4 else None)

    def _show_exported(self, message: str, hint: str) -> None:
        self._export = None
        self.banner.clear_progress()
        if hint:
            self.banner.show_error(message, hint)
        else:
            self.banner.show_note(message)

    def _restore_layout(self) -> None:
        for key, restore in (("geometry", self.restoreGeometry), ("state", self.restoreState)):
            kept = self._settings.value(key)
            if isinstance(kept, QByteArray):
                restore(kept)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if files:
            self.playback.open_source(files[0])

    def closeEvent(self, event: QCloseEvent) -> None:
        self._settings.setValue("geometry", self.saveGeometry())
        self._settings.setValue("state", self.saveState())
        self._timer.stop()
        if self._export is not None:
            self._export.stop()
        if self._overview is not None:
            self._overview.close()
        self.panels.close()
        self.link.close()
        super().closeEvent(event)
