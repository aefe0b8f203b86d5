"""`DecisionView`: what the network holds to be true now, how sure it is of that, and of everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QMouseEvent
from PySide6.QtWidgets import QWidget

from streamsnn.gui.painter import Face, Painter
from streamsnn.gui.panel import MARGIN, Panel, Playing
from streamsnn.gui.theme import mixed
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen, Watched

_NOTHING = "–"
_NEAR = 6
_TIP = (
    "The decision and the probability of each class. Drag the dashed line: the threshold above which a label is shown."
)


class DecisionView(Panel):
    """The label, large; the confidence; a bar a class."""

    thresholdChosen = Signal(float)
    """Where the threshold was dragged to, in whole percent."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("decisionView", _TIP, (300, 360), parent)
        self.setMouseTracking(True)
        self.threshold = 0.5
        self.label: str | None = None
        self.confidence = 0.0
        self.probabilities: NDArray[np.float64] = np.zeros(0)
        # Where the bars were painted, and of which classes.
        self.bars = QRectF()
        self.shown: list[int] = []
        self._dragged = False
        self._head: tuple[tuple[int, int, tuple[str, ...]], Face] = ((0, 0, ()), self.small)

    def open(self, opened: Opened, screen: Screen) -> None:
        self.threshold = opened.card.readout.threshold
        super().open(opened, screen)

    def refresh(self, watched: Watched, host_ns: int) -> None:
        if self.playing is None or not len(watched.records):
            return
        card, newest = self.playing.opened.card, watched.records[-1]
        place = int(newest["label"])
        self.label = None if place < 0 else card.labels[place]
        self.confidence = float(newest["confidence"])
        self.probabilities = softmax(watched.scores[-1] / card.readout.temperature)
        self.update()

    def clear(self) -> None:
        self.label, self.confidence = None, 0.0
        self.probabilities = np.zeros(0 if self.playing is None else len(self.playing.opened.card.labels))
        self.update()

    def set_threshold(self, threshold: float) -> None:
        """The confidence in [0, 1] above which a label is shown."""
        self.threshold = min(1.0, max(0.0, threshold))
        self.update()

    def threshold_x(self) -> float:
        """Where the line of the threshold was painted, in pixels from the left."""
        return self.bars.left() + self.threshold * self.bars.width()

    # Painting.

    def paint(self, painter: Painter, playing: Playing) -> None:
        labels = playing.opened.card.labels
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        head = min(max(area.height() * 0.24, 34.0), 96.0)
        self._paint_head(painter, QRectF(area.left(), area.top(), area.width(), head), labels)
        area.setTop(area.top() + head + MARGIN)
        painter.use(self.small)
        high = painter.face.high
        area.setBottom(area.bottom() - high - 8)
        if area.height() < high:
            return
        rows = max(1, int(area.height() // (high + 1)))
        self.shown = shown = list(range(len(labels)))
        if len(shown) > rows:
            # More than there is room for: the likeliest, and how many are left out.
            self.shown = shown = np.argsort(-self.probabilities, kind="stable")[: max(1, rows - 1)].tolist()
        names = min(max(painter.face.width(label) for label in labels) + 8, area.width() * 0.4)
        numbers = painter.face.width("100 %") + 8
        pitch = min(area.height() / max(1, len(shown) + (len(shown) < len(labels))), 2.2 * high)
        self.bars = QRectF(area.left() + names, area.top(), area.width() - names - numbers, pitch * len(shown))
        self._paint_bars(painter, shown, labels, pitch, numbers)
        if len(shown) < len(labels):
            text = f"and {len(labels) - len(shown)} less likely ones"
            painter.write(QRectF(area.left(), self.bars.bottom(), area.width(), high), text, self.theme.muted)
        self._paint_threshold(painter, high)

    def _paint_head(self, painter: Painter, area: QRectF, labels: tuple[str, ...]) -> None:
        said = _NOTHING if self.label is None else self.label
        share = f"{100 * self.confidence:.0f} %"
        painter.use(self.sized(1.4))
        numbers = painter.face.width("100 %") + MARGIN
        painter.write(area, share, self.theme.muted if self.label is None else self.theme.foreground, "right")
        painter.use(self._head_face(round(area.height() * 0.8), round(area.width() - numbers), labels))
        colour = QColor(self.theme.muted) if self.label is None else self.theme.category(labels.index(self.label))
        painter.write(area.adjusted(0, 0, -numbers, 0), said, colour)

    def _head_face(self, high: int, room: int, labels: tuple[str, ...]) -> Face:
        """The largest face in which every label has room, so that the text does not jump; 12 pixels at least."""
        if self._head[0] != (high, room, labels):
            font = QFont(self.font())
            font.setBold(True)
            font.setPixelSize(max(12, high))
            wide = max(Face(font).width(label) for label in labels)
            font.setPixelSize(max(12, int(max(12, high) * min(1.0, room / max(1.0, wide)))))
            self._head = ((high, room, labels), Face(font))
        return self._head[1]

    def _paint_bars(
        self, painter: Painter, shown: list[int], labels: tuple[str, ...], pitch: float, numbers: float
    ) -> None:
        bars = self.bars
        track = mixed(self.theme.panel, self.theme.grid, 0.6)
        thick = min(max(3.0, pitch * 0.55), 16.0)
        for row, place in enumerate(shown):
            top = bars.top() + row * pitch
            share = float(self.probabilities[place])
            decided = labels[place] == self.label
            ink = self.theme.foreground if decided else self.theme.muted
            painter.write(QRectF(MARGIN, top, bars.left() - MARGIN - 8, pitch), labels[place], ink)
            bar = QRectF(bars.left(), top + (pitch - thick) / 2, bars.width(), thick)
            painter.fillRect(bar, track)
            bar.setWidth(bars.width() * share)
            painter.fillRect(bar, self.theme.category(place))
            painter.write(QRectF(bars.right() + 8, top, numbers - 8, pitch), f"{100 * share:.0f} %", ink, "right")

    def _paint_threshold(self, painter: Painter, high: float) -> None:
        x = self.threshold_x()
        painter.rule(
            QPointF(x, self.bars.top() - 4),
            QPointF(x, self.bars.bottom() + 4),
            self.theme.foreground,
            dashed=True,
        )
        text = f"threshold {100 * self.threshold:.0f} %"
        wide = painter.face.width(text) + 4
        left = min(max(x - wide / 2, MARGIN), self.width() - MARGIN - wide)
        below = QRectF(left, self.height() - MARGIN - high, wide, high)
        painter.write(below, text, self.theme.muted, "centre")

    # Dragging the threshold.

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._dragged = event.button() == Qt.MouseButton.LeftButton and self._is_near(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        near = self._dragged or self._is_near(event.position())
        self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)
        if self._dragged:
            share = (event.position().x() - self.bars.left()) / max(1.0, self.bars.width())
            threshold = round(min(1.0, max(0.0, share)), 2)
            if threshold != self.threshold:
                self.set_threshold(threshold)
                self.thresholdChosen.emit(threshold)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._dragged = False

    def _is_near(self, position: QPointF) -> bool:
        tall = self.bars.adjusted(-_NEAR, -_NEAR, _NEAR, 2 * MARGIN)
        return self.playing is not None and tall.contains(position) and abs(position.x() - self.threshold_x()) <= _NEAR


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """The probabilities of `scores` (classes,)."""
    raised = np.exp(scores.astype(np.float64) - scores.max())
    shares: NDArray[np.float64] = raised / raised.sum()
    return shares
