"""The keys, over the picture: H shows them and hides them."""

from __future__ import annotations

from itertools import groupby

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeySequence, QMouseEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QVBoxLayout, QWidget

from streamsnn.gui.actions import ACTIONS
from streamsnn.gui.theme import Theme


class KeysOverlay(QFrame):
    """Lies over all of `parent` and lists every key; a click hides it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("keys")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 30, 40, 30)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(5)
        for column, (menu, actions) in enumerate(groupby(ACTIONS, key=lambda action: action.menu)):
            title = QLabel(menu)
            title.setObjectName("keysTitle")
            grid.addWidget(title, 0, 2 * column, 1, 2)
            for row, action in enumerate((each for each in actions if each.keys), 1):
                keys = " ".join(QKeySequence(key).toString() for key in action.keys)
                key = QLabel(keys)
                key.setObjectName("key")
                grid.addWidget(key, row, 2 * column, Qt.AlignmentFlag.AlignRight)
                grid.addWidget(QLabel(action.text), row, 2 * column + 1)
        mouse = QLabel(
            "Mouse: the wheel zooms, dragging moves the picture, Ctrl and dragging chooses a region; a click on a"
            " raster watches that neuron's membrane; the line in the bars of the classes is the threshold,"
            " and can be dragged."
        )
        mouse.setWordWrap(True)
        layout.addStretch()
        layout.addLayout(grid)
        layout.addSpacing(16)
        layout.addWidget(mouse)
        layout.addStretch()
        self.use_theme(theme)
        parent.installEventFilter(self)
        self.hide()

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self.setStyleSheet(
            f"#keys {{ background: {theme.panel}; }} QLabel {{ color: {theme.foreground}; }}"
            f" #key {{ color: {theme.accent}; font-weight: 600; }}"
            f" #keysTitle {{ color: {theme.muted}; font-size: 15px; }}"
        )

    def toggle(self) -> None:
        """Show or hide."""
        self._fill()
        self.setVisible(self.isHidden())
        self.raise_()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hide()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._fill()
        return False

    def _fill(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        self.setGeometry(parent.rect())
