"""A line above the picture that says what went wrong or what takes a while."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QVBoxLayout, QWidget

from streamsnn.gui.theme import Theme


class Banner(QFrame):
    """Shows an error (what, why, what to do), a note, or progress; hidden while there is nothing to say."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._theme = theme
        self._message, self._hint = QLabel(), QLabel()
        self._message.setObjectName("bannerMessage")
        self._hint.setObjectName("bannerHint")
        for label in (self._message, self._hint):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._progress = QProgressBar()
        self._progress.setObjectName("bannerProgress")
        self._progress.setFixedWidth(160)
        self._progress.setTextVisible(False)
        self._close = QToolButton()
        self._close.setText("✕")
        self._close.setToolTip("Hide this message")
        self._close.clicked.connect(self.hide)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._message)
        words.addWidget(self._hint)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.addLayout(words, 1)
        row.addWidget(self._progress)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self._is_error = False
        self.hide()

    @property
    def text(self) -> str:
        """What is shown, in one string; empty if nothing is."""
        return "" if self.isHidden() else f"{self._message.text()} {self._hint.text()}".strip()

    @property
    def is_error(self) -> bool:
        """Whether it shows an error."""
        return self._is_error and not self.isHidden()

    def show_error(self, message: str, hint: str) -> None:
        """Say what went wrong and what to do, until it is hidden or something else is opened."""
        self._show(message, hint, self._theme.warning, error=True)

    def show_note(self, text: str) -> None:
        """Say something that people should know."""
        if not self.is_error:
            self._show(text, "", self._theme.accent)

    def show_progress(self, what: str, share: float | None) -> None:
        """Say what takes a while; `share` from 0 to 1 where it is known, and at 1 it is over."""
        if share is not None and share >= 1:
            self.clear_progress()
            return
        self._show(f"{what} …", "", self._theme.accent)
        self._progress.setRange(0, 0 if share is None else 100)
        self._progress.setValue(0 if share is None else round(100 * share))
        self._progress.show()

    def clear_progress(self) -> None:
        """What took a while is over."""
        if self._progress.isVisible():
            self.hide()

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        self._theme = theme
        self._paint(theme.warning if self._is_error else theme.accent)

    def _show(self, message: str, hint: str, colour: str, error: bool = False) -> None:
        self._is_error = error
        self._message.setText(message)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self._progress.hide()
        self._paint(colour)
        self.show()

    def _paint(self, colour: str) -> None:
        theme = self._theme
        self.setStyleSheet(
            f"#banner {{ background: {theme.panel}; border-left: 4px solid {colour}; }}"
            f" #bannerMessage {{ color: {theme.foreground}; font-weight: 600; }}"
            f" #bannerHint {{ color: {theme.muted}; }}"
        )
