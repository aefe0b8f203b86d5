"""`Painter`: a QPainter that writes and rules lines the way all views do, and remembers what its texts look like."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QStaticText

_REMEMBERED = 1000
_SHARES = {"left": 0.0, "centre": 0.5, "right": 1.0}


class Face:
    """A font, how high its lines are, and how wide its texts."""

    def __init__(self, font: QFont) -> None:
        self.font = font
        self._metrics = QFontMetricsF(font)
        self.high = self._metrics.height()
        self._texts: dict[str, tuple[QStaticText, float]] = {}

    def width(self, text: str) -> float:
        """Pixels that `text` is wide."""
        return self.text(text)[1]

    def shortened(self, text: str, room: float) -> str:
        """`text`, or as much of it as there is `room` for, and dots."""
        return self._metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)

    def text(self, text: str) -> tuple[QStaticText, float]:
        """`text` ready to be drawn, and its width: laying out anew takes longer than all the rest."""
        found = self._texts.get(text)
        if found is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            laid_out = QStaticText(text)
            laid_out.setTextFormat(Qt.TextFormat.PlainText)
            laid_out.prepare(font=self.font)
            found = self._texts[text] = (laid_out, self._metrics.horizontalAdvance(text))
        return found


class Painter(QPainter):
    """A painter; `use` a face before writing."""

    face: Face

    def use(self, face: Face) -> None:
        """Write like this from now on."""
        self.face = face
        self.setFont(face.font)

    def write(self, area: QRectF, text: str, colour: QColor | str, align: str = "left") -> None:
        """Write one line, halfway from the top of `area` to its bottom, shortened where it is too long."""
        if not text:
            return
        laid_out, wide = self.face.text(text)
        room = area.width()
        if wide > room + 0.5:
            laid_out, wide = self.face.text(self.face.shortened(text, room))
        self.setPen(QColor(colour))
        left = area.left() + (room - wide) * _SHARES[align]
        top = area.top() + (area.height() - self.face.high) / 2
        # Letters keep their shape only on whole pixels.
        self.drawStaticText(QPointF(round(left), round(top)), laid_out)

    def rule(self, begin: QPointF, end: QPointF, colour: QColor | str, *, dashed: bool = False) -> None:
        """Draw a line one pixel wide."""
        pen = QPen(QColor(colour), 1.0)
        pen.setCosmetic(True)
        if dashed:
            pen.setDashPattern([4, 3])
        self.setPen(pen)
        self.drawLine(begin, end)

    def across(self, area: QRectF, y: float, colour: QColor | str, *, dashed: bool = False) -> None:
        """Draw a level line from the left of `area` to its right."""
        self.rule(QPointF(area.left(), y), QPointF(area.right(), y), colour, dashed=dashed)


_LARGE = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SMALL = ((1e-3, "m"), (1e-6, "µ"), (1e-9, "n"), (1e-12, "p"))


def short(number: float, unit: str = "", *, small: bool = False) -> str:
    """A number of three digits with a prefix and a unit: 1234567 is "1.23 M"; with `small` 0.001 W is "1.00 mW"."""
    if number != number:
        return "–"
    for factor, prefix in (*_LARGE, *_SMALL) if small else _LARGE:
        if abs(number) >= 0.9995 * factor:
            return f"{_three(number / factor)} {prefix}{unit}".rstrip()
    return f"{_three(number)} {unit}".rstrip()


def _three(number: float) -> str:
    size = abs(number)
    return f"{number:.0f}" if size >= 99.95 or size == 0 else f"{number:.1f}" if size >= 9.995 else f"{number:.2f}"
