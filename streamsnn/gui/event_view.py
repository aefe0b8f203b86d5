"""`EventView`: the events of a camera, fading; to zoom, to pan, and to choose a region of."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QResizeEvent, QTransform, QWheelEvent
from PySide6.QtWidgets import QWidget

from streamsnn.gui.boxes import Boxes
from streamsnn.gui.painter import Painter
from streamsnn.gui.palettes import PALETTES, EventPalette
from streamsnn.gui.panel import MARGIN, Panel, Playing
from streamsnn.gui.pixels import Pixels, coloured
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen, Watched

Rendering = Literal["surface", "accumulation"]
Region = tuple[int, int, int, int]
"""x, y, width and height in pixels of the sensor."""

SHORTEST_US, LONGEST_US = 1_000, 2_000_000
_FACTOR = 1.5
_TIP = "Events of the camera. Wheel: zoom. Drag: move. Double-click: all of it. Ctrl and drag: choose a region."


class EventView(Panel):
    """The centre of the window. Time is the stream's: while it is paused, nothing fades."""

    nothing = "Open a recording with Ctrl+O, or drop one here. H shows all keys."

    regionChosen = Signal(int, int, int, int)
    """x, y, width, height: what was framed with Ctrl and drag."""
    accumulationChanged = Signal(int)
    """The new time in us, after `longer`, `shorter` and `set_accumulation_us`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("eventView", _TIP, (640, 480), parent)
        self.setMouseTracking(True)
        self.rendering: Rendering = "surface"
        self.accumulation_us = 33_000
        self.palette_name: str | None = None
        self.region: Region | None = None
        self.choosing = False
        self._pixels = Pixels(1, 1)
        self._boxes = Boxes()
        self._seen = 0
        self._background_px_s: tuple[float, float] | None = None
        self._scale, self._origin, self._whole = 1.0, QPointF(), True
        self._picture = np.zeros((1, 1), np.uint32)
        self._looks = ("", np.zeros(256, np.uint32))
        self._pointer: QPointF | None = None
        self._grabbed: QPointF | None = None
        self._frame: tuple[QPointF, QPointF] | None = None

    # A view.

    def open(self, opened: Opened, screen: Screen) -> None:
        sensor = opened.layout.sensor
        self._pixels = Pixels(sensor.width, sensor.height)
        self._seen = 0
        self._background_px_s = None
        self.region = self._frame = self._grabbed = None
        super().open(opened, screen)
        self.reset_view()

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None:
            return
        screen = self.playing.screen
        events, self._seen = screen.events_since(self._seen)
        self._pixels.add(events)
        tracks = screen.tracks()
        self._boxes.follow(tracks, self.now_us)
        if len(watched.records):
            vx, vy = watched.records[["background_vx", "background_vy"]][-1].tolist()
            self._background_px_s = None if np.isnan(vx) else (vx, vy)
        if len(events) or len(watched.records):
            self.update()

    def clear(self) -> None:
        self._pixels.clear()
        self._boxes.clear()
        self.update()

    @property
    def now_us(self) -> int:
        """The sensor time that is shown: the end of the newest step, or the newest event where that is later."""
        if self.playing is None:
            return 0
        newest_us = self._pixels.newest_us
        return max(self.playing.screen.newest_us, newest_us if newest_us is not None else 0)

    # What people set.

    def set_rendering(self, rendering: Rendering) -> None:
        """Show the "surface" of last events, fading, or the "accumulation" of ON minus OFF."""
        self.rendering = rendering
        self.update()

    def set_accumulation_us(self, accumulation_us: int) -> None:
        """How long an event is seen: the time constant of the surface, or the time that the accumulation is of."""
        self.accumulation_us = min(LONGEST_US, max(SHORTEST_US, accumulation_us))
        self.accumulationChanged.emit(self.accumulation_us)
        self.update()

    def longer(self) -> None:
        """Events are seen 1.5 times as long."""
        self.set_accumulation_us(round(self.accumulation_us * _FACTOR))

    def shorter(self) -> None:
        """Events are seen 1.5 times as short."""
        self.set_accumulation_us(round(self.accumulation_us / _FACTOR))

    def use_palette(self, name: str | None) -> None:
        """One of `PALETTES`; None is the theme's own."""
        self.palette_name = name
        self.update()

    def set_region(self, region: Region | None) -> None:
        """Outline this region of interest, or none."""
        self.region = region
        self.update()

    def set_choosing(self, on: bool) -> None:
        """Let a drag choose a region also without Ctrl."""
        self.choosing = on
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def reset_view(self) -> None:
        """Show the whole sensor, as large as it fits."""
        self._whole = True
        area, pixels = self._area(), self._pixels
        self._scale = max(1e-3, min(area.width() / pixels.width, area.height() / pixels.height))
        free_x = area.width() - pixels.width * self._scale
        free_y = area.height() - pixels.height * self._scale
        self._origin = QPointF(area.left() + free_x / 2, area.top() + free_y / 2)
        self.update()

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Everything `factor` times as large around the point `at` of the widget, or around the middle."""
        area, pixels = self._area(), self._pixels
        at = area.center() if at is None else at
        fit = min(area.width() / pixels.width, area.height() / pixels.height)
        scale = min(max(self._scale * factor, 0.5 * fit), max(64.0, 2 * fit))
        self._origin = at - (at - self._origin) * (scale / self._scale)
        self._scale, self._whole = scale, False
        self._keep_in_sight()

    def pixel_at(self, position: QPointF) -> tuple[int, int] | None:
        """The sensor's pixel at a point of the widget, or None outside of it."""
        point = (position - self._origin) / self._scale
        x, y = int(np.floor(point.x())), int(np.floor(point.y()))
        inside = 0 <= x < self._pixels.width and 0 <= y < self._pixels.height
        return (x, y) if inside and self._area().contains(position) else None

    def point_of(self, x: float, y: float) -> QPointF:
        """Where the corner of a pixel of the sensor lies on the widget."""
        return self._origin + QPointF(x, y) * self._scale

    # Painting.

    def paint(self, painter: Painter, playing: Playing) -> None:
        if self.exposed.top() < self._area().bottom():
            self._paint_picture(painter)
        self._paint_footer(painter, playing)

    def _paint_picture(self, painter: Painter) -> None:
        palette, words = self._look()
        area = self._area()
        painter.fillRect(area, QColor(*palette.nothing))
        painter.setClipRect(area)
        pixels, now_us = self._pixels, self.now_us
        draw = pixels.surface if self.rendering == "surface" else pixels.accumulation
        self._paint_pixels(painter, draw(now_us, self.accumulation_us), words)
        place = QTransform(self._scale, 0, 0, self._scale, self._origin.x(), self._origin.y())
        ink = QColor("#ffffff" if sum(palette.nothing) < 300 else "#000000")
        ink.setAlphaF(0.25)
        painter.setPen(ink)
        painter.drawRect(place.mapRect(QRectF(0, 0, pixels.width, pixels.height)).adjusted(-1, -1, 0, 0))
        if self.region is not None:
            self._paint_frame(painter, place.mapRect(QRectF(*self.region)))
        if self._frame is not None:
            self._paint_frame(painter, QRectF(*self._frame).normalized())
        self._boxes.paint(painter, place, self.small, self.theme, now_us)
        painter.setClipping(False)

    def _look(self) -> tuple[EventPalette, NDArray[np.uint32]]:
        """The palette, and its table."""
        name = self.palette_name or self.theme.name
        if self._looks[0] != name:
            self._looks = (name, PALETTES[name].words())
        return PALETTES[name], self._looks[1]

    def _paint_pixels(self, painter: Painter, shades: NDArray[np.uint8], words: NDArray[np.uint32]) -> None:
        height, width = shades.shape
        device = self._scale * painter.deviceTransform().m11()
        rows, columns = (height, width) if device >= 1 else (max(1, int(height * device)), max(1, int(width * device)))
        if self._picture.shape != (rows, columns):
            self._picture = np.empty((rows, columns), np.uint32)
        coloured(shades, words, self._picture)
        image = QImage(self._picture.data, columns, rows, columns * 4, QImage.Format.Format_RGB32)
        painter.drawImage(QRectF(self._origin, self._origin + QPointF(width, height) * self._scale), image)

    def _paint_frame(self, painter: Painter, frame: QRectF) -> None:
        colour = QColor(self.theme.accent)
        corners = [frame.topLeft(), frame.topRight(), frame.bottomRight(), frame.bottomLeft(), frame.topLeft()]
        for begin, end in pairwise(corners):
            painter.rule(begin, end, colour, dashed=True)

    def _paint_footer(self, painter: Painter, playing: Playing) -> None:
        painter.use(self.small)
        area = QRectF(MARGIN, self._area().bottom(), self.width() - 2 * MARGIN, self._footer())
        at = None if self._pointer is None else self.pixel_at(self._pointer)
        here = "" if at is None else f"x {at[0]}  y {at[1]}"
        painter.write(area, here, self.theme.foreground, "right")
        sensor = playing.opened.layout.sensor
        time_ms = f"{self.accumulation_us / 1000:.3g} ms"
        shown = f"fades with {time_ms}" if self.rendering == "surface" else f"ON − OFF of {time_ms}"
        step_ms = playing.opened.layout.step_us / 1000
        text = f"1 step = {step_ms:g} ms   ·   {shown}   ·   {sensor.width} × {sensor.height}"
        if self._background_px_s is not None:
            vx, vy = self._background_px_s
            text += f"   ·   background moves by {vx:+.0f}, {vy:+.0f} px/s"
        painter.write(area.adjusted(0, 0, -painter.face.width(here) - MARGIN, 0), text, self.theme.muted)

    def _area(self) -> QRectF:
        """Where events are shown: all but the line below."""
        return QRectF(0, 0, self.width(), max(1.0, self.height() - self._footer()))

    def _footer(self) -> float:
        return round(self.small.high + 8)

    # What people do.

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._whole:
            self.reset_view()
        else:
            self._keep_in_sight()

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom(1.0015 ** event.angleDelta().y(), event.position())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset_view()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.playing is None:
            return
        if self.choosing or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._frame = (event.position(), event.position())
        else:
            self._grabbed = event.position()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = event.position()
        if self._frame is not None:
            self._frame = (self._frame[0], event.position())
        elif self._grabbed is not None:
            self._origin += event.position() - self._grabbed
            self._grabbed, self._whole = event.position(), False
            self._keep_in_sight()
        else:
            # A mouse moves far more often than pictures change.
            self._update_footer()
            return
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None
        if self._frame is None:
            return
        frame = QRectF(self._frame[0], event.position()).normalized()
        self._frame = None
        begin, end = ((corner - self._origin) / self._scale for corner in (frame.topLeft(), frame.bottomRight()))
        left, top = max(0, int(np.floor(begin.x()))), max(0, int(np.floor(begin.y())))
        right = min(self._pixels.width, int(np.ceil(end.x())))
        bottom = min(self._pixels.height, int(np.ceil(end.y())))
        # A click without a drag is no region.
        if min(frame.width(), frame.height()) >= 3 and right > left and bottom > top:
            self.regionChosen.emit(left, top, right - left, bottom - top)
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._pointer = None
        self._update_footer()

    def _update_footer(self) -> None:
        area = self._area()
        self.update(0, int(area.bottom()), self.width(), self.height() - int(area.bottom()))

    def _keep_in_sight(self) -> None:
        """Some of the sensor stays in the view, however far it is dragged."""
        area = self._area()
        width, height = self._pixels.width * self._scale, self._pixels.height * self._scale
        left, top = area.left() + area.width() / 3, area.top() + area.height() / 3
        self._origin.setX(min(max(self._origin.x(), left - width), area.right() - area.width() / 3))
        self._origin.setY(min(max(self._origin.y(), top - height), area.bottom() - area.height() / 3))
        self.update()
