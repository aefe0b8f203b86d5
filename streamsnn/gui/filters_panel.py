"""Filters, on and off while the stream runs."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

OFFERED = (
    ("background:tau=5ms", "noise: events without a neighbour"),
    ("hot:k=10", "hot pixels"),
    ("refractory:1ms", "bursts: one event a pixel and ms"),
    ("polarity:on", "only what gets brighter"),
    ("flip:x", "left and right exchanged"),
)
"""What can be switched on by a click; any other can be written."""


class FiltersPanel(QWidget):
    """A box to tick for each filter; `switched` emits its spelling and whether it is on."""

    switched = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filters")
        self._boxes: dict[str, QCheckBox] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 8, 10, 8)
        layout.setSpacing(5)
        self._list = QVBoxLayout()
        layout.addLayout(self._list)
        self._line = QLineEdit()
        self._line.setObjectName("filterLine")
        self._line.setPlaceholderText("another one, such as region:10,10,50,50")
        self._line.returnPressed.connect(self._add_written)
        add = QPushButton("Add")
        add.setObjectName("filterAdd")
        add.clicked.connect(self._add_written)
        row = QHBoxLayout()
        row.addWidget(self._line, 1)
        row.addWidget(add)
        layout.addLayout(row)
        note = QLabel("They apply from the next packet on, in this order.")
        note.setWordWrap(True)
        layout.addWidget(note)
        layout.addStretch()
        self.show_filters(())

    @property
    def on(self) -> tuple[tuple[str, bool], ...]:
        """Every filter and whether it is ticked."""
        return tuple((spelling, box.isChecked()) for spelling, box in self._boxes.items())

    def show_filters(self, filters: tuple[tuple[str, bool], ...]) -> None:
        """Show these, and the offered ones that are not among them."""
        for box in self._boxes.values():
            self._list.removeWidget(box)
            box.deleteLater()
        self._boxes.clear()
        words = dict(OFFERED)
        there = dict(filters)
        for spelling in [*there, *(offered for offered in words if offered not in there)]:
            self._add(spelling, words.get(spelling, ""), there.get(spelling, False))

    def set_on(self, spelling: str, on: bool) -> None:
        """Show that a filter is on or off, without switching it; one that is not there yet comes last."""
        if spelling not in self._boxes:
            self._add(spelling, "", on)
        box = self._boxes[spelling]
        box.blockSignals(True)
        box.setChecked(on)
        box.blockSignals(False)

    def _add(self, spelling: str, words: str, on: bool) -> None:
        box = QCheckBox(f"{spelling}   {words}".rstrip())
        box.setObjectName(f"filter {spelling}")
        box.setChecked(on)
        box.toggled.connect(lambda checked: self.switched.emit(spelling, checked))
        self._boxes[spelling] = box
        self._list.addWidget(box)

    def _add_written(self) -> None:
        spelling = self._line.text().strip()
        if not spelling:
            return
        self._line.clear()
        if spelling in self._boxes:
            self._boxes[spelling].setChecked(True)
            return
        self._add(spelling, "", True)
        self.switched.emit(spelling, True)
