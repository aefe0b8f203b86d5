"""What every part of the window that shows the stream has in common."""

from __future__ import annotations

from typing import Protocol

from streamsnn.gui.theme import Theme
from streamsnn.player.messages import Opened
from streamsnn.player.screen import Screen, Watched


class View(Protocol):
    """A widget that shows something of a running stream. All calls come from Qt's thread, 30 times a second at most."""

    def open(self, opened: Opened, screen: Screen) -> None:
        """Show this stream from now on."""
        ...

    def refresh(self, watched: Watched, host_ns: int) -> None:
        """Show the steps that are new since the last call, at host time `host_ns`; called without new steps, too."""
        ...

    def clear(self) -> None:
        """Forget what was shown: after a seek or a reset it has nothing to do with what comes."""
        ...

    def leave(self) -> None:
        """Let go of the stream and of its screen, which is about to go: nothing plays any more."""
        ...

    def use_theme(self, theme: Theme) -> None:
        """Take on other colours."""
        ...
