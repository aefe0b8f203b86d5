"""A player that is driven step by step, without a process, without threads and without waiting."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from streamsnn.clock import ManualClock
from streamsnn.player.messages import Command, Notice, Opened, Quit, Status
from streamsnn.player.player import Player
from streamsnn.player.screen import Layout, Screen

NoticeType = TypeVar("NoticeType")


class Desk:
    """Gives a player its commands, and keeps what it tells."""

    def __init__(self) -> None:
        self.commands: deque[Command | Callable[[], None]] = deque()
        self.told: list[Notice] = []
        self.screens: list[Screen] = []
        self.clock = ManualClock()
        self.player = Player(self, self.told.append, self.clock, self._make_screen)
        self._idle_looks = 0

    def _make_screen(self, layout: Layout) -> tuple[Screen, None]:
        self.screens.append(Screen(layout))
        return self.screens[-1], None

    def take(self, wait: bool) -> Command | None:
        if self._idle_looks and not wait:
            self._idle_looks -= 1
            return None
        if self.commands:
            command = self.commands.popleft()
            if not callable(command):
                return command
            command()
            return self.take(wait)
        return Quit() if wait else None

    def play(self, *commands: Command | Callable[[], None]) -> None:
        """Give these commands, and run until there is nothing to do any more."""
        self.commands.extend(commands)
        self.player.run()

    def steps(self, count: int) -> Callable[[], None]:
        """Let the player work for `count` turns before it looks at the next command."""

        def wait() -> None:
            self._idle_looks = count

        return wait

    @property
    def screen(self) -> Screen:
        return self.screens[-1]

    def of(self, kind: type[NoticeType]) -> list[NoticeType]:
        """Everything of one kind that was told."""
        return [notice for notice in self.told if isinstance(notice, kind)]

    @property
    def opened(self) -> Opened:
        return self.of(Opened)[-1]

    @property
    def modes(self) -> list[str]:
        return [status.mode for status in self.of(Status)]
