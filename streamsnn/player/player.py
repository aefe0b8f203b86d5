"""The player: obeys a display's commands and pushes the stream on, in one thread that nobody makes wait."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Protocol

from streamsnn.clock import Clock
from streamsnn.errors import StreamsnnError
from streamsnn.player.messages import (
    Advance,
    Command,
    Failed,
    Notice,
    Open,
    Pause,
    Play,
    Preparing,
    Quit,
    Record,
    ResetState,
    Seek,
    SetLoop,
    SetMarkers,
    SetProbes,
    SetSpeed,
    SetThreshold,
    Status,
    SwitchEgoMotion,
    SwitchFilter,
    Totals,
)
from streamsnn.player.session import MakeScreen, Session

_STEPS_BETWEEN_WORDS = 50
"""While a place is sought, steps between two looks at what is commanded, and between two words of progress."""


class Inbox(Protocol):
    def take(self, wait: bool) -> Command | None:
        """The next command; None if there is none, which `wait` waits for."""
        ...


class Player:
    """Plays what it is commanded to; `tell` hears of it.

    Whatever goes wrong with a stream is told as `Failed`, and the player lives on.
    """

    def __init__(self, inbox: Inbox, tell: Callable[[Notice], None], clock: Clock, make_screen: MakeScreen) -> None:
        self._inbox, self._tell, self._clock, self._make_screen = inbox, tell, clock, make_screen
        self._session: Session | None = None
        self._status = Status("closed")
        self._in_us: int | None = None
        self._out_us: int | None = None
        self._advancing = 0

    def run(self) -> None:
        """Obey until `Quit` comes."""
        try:
            while True:
                command = self._inbox.take(wait=not self._busy)
                if isinstance(command, Quit):
                    return
                if command is None:
                    self._guarded(self._push_on, fatal=True)
                else:
                    self._guarded(functools.partial(self._obey, command), fatal=False)
        finally:
            self._close()

    @property
    def _busy(self) -> bool:
        session = self._session
        return session is not None and (
            self._status.mode == "playing" or session.target is not None or self._advancing > 0
        )

    def _guarded(self, do: Callable[[], None], fatal: bool) -> None:
        """Tell what goes wrong. What fails in the middle of a stream ends it; a command that is refused does not."""
        try:
            do()
        except StreamsnnError as error:
            self._fail(error.message, error.hint or "", fatal)
        except Exception as error:
            self._fail(
                f"streamsnn or a plug-in failed: {type(error).__name__}: {error}",
                "Open another stream or model; streamsnn run --debug shows where it was.",
                fatal,
            )

    def _fail(self, message: str, hint: str, fatal: bool) -> None:
        self._advancing = 0
        session = self._session
        if fatal and session is not None:
            self._tell(Totals(session.summary.as_dict()))
            self._close()
        self._tell(Failed(message, hint, self._session is None))
        if self._session is None:
            self._show(mode="failed")

    def _push_on(self) -> None:
        session = self._session
        assert session is not None
        if session.target is not None:
            self._approach(session)
        else:
            self._step(session)

    def _approach(self, session: Session) -> None:
        first, target = session.next_index, session.target
        assert target is not None
        for _ in range(_STEPS_BETWEEN_WORDS):
            if session.target is None or not session.advance():
                break
        if session.target is None:
            self._tell(Preparing("Found the place", 1.0))
            self._tell(self._status)
        else:
            share = (session.next_index - first) / max(1, target - first)
            self._tell(Preparing("Playing up to the place", min(share, 0.99)))

    def _step(self, session: Session) -> None:
        at_out = self._out_us is not None and (
            session.next_index * session.step_us - session.begin_us >= self._out_us and not session.live
        )
        if at_out or not session.advance():
            self._advancing = 0
            self._ended(session)
        elif self._advancing:
            self._advancing -= 1

    def _ended(self, session: Session) -> None:
        self._tell(Totals(session.summary.as_dict()))
        if self._status.loop and not session.live and self._status.mode == "playing":
            self._rewind(session)
        else:
            self._show(mode="ended")

    def _rewind(self, session: Session) -> None:
        if self._in_us is None:
            session.restart()
        else:
            session.seek((session.begin_us + self._in_us) // session.step_us)

    def _obey(self, command: Command) -> None:
        if isinstance(command, Open):
            self._open(command)
            return
        session = self._session
        if isinstance(command, SetLoop):
            self._show(loop=command.on)
        elif isinstance(command, SetMarkers):
            self._in_us, self._out_us = command.in_us, command.out_us
        elif isinstance(command, SetSpeed):
            if command.speed is not None and not 0.001 <= command.speed <= 1000:
                raise StreamsnnError(f"Nothing plays at {command.speed} times true time.", hint="Choose 0.1 to 100.")
            if session is not None:
                session.pace.speed = command.speed
            self._show(speed=command.speed)
        elif session is None:
            raise StreamsnnError("Nothing is open.", hint="Open a recording, a microphone or a scene first.")
        elif isinstance(command, Play):
            self._play(session)
        elif isinstance(command, Pause):
            self._pause(session)
        elif isinstance(command, Advance):
            self._advance(session, command.steps)
        elif isinstance(command, Seek):
            session.seek((session.begin_us + command.offset_us) // session.step_us)
            if self._status.mode == "ended":
                self._show(mode="paused")
        elif isinstance(command, SwitchFilter):
            session.switch_filter(command.spelling, command.on)
        elif isinstance(command, SwitchEgoMotion):
            session.switch_ego_motion(command.on)
        elif isinstance(command, SetThreshold):
            session.set_threshold(command.threshold)
        elif isinstance(command, ResetState):
            session.reset_state()
        elif isinstance(command, Record):
            if command.path is None:
                session.recorder.stop()
            else:
                session.recorder.record(command.path)
        elif isinstance(command, SetProbes):
            session.set_probes(command.probes)

    def _open(self, command: Open) -> None:
        self._close()
        self._in_us = self._out_us = None
        self._show(mode="closed", speed=command.speed, loop=command.loop)
        session = Session(command, self._clock, self._make_screen, self._tell)
        self._session = session
        self._tell(session.opened())
        self._show(mode="paused" if command.paused and not session.live else "playing")

    def _play(self, session: Session) -> None:
        if self._status.mode == "ended" and not session.live:
            self._rewind(session)
        session.pace.hold()
        self._show(mode="playing")

    def _pause(self, session: Session) -> None:
        if session.live:
            raise StreamsnnError("What is live does not wait.", hint="The window can hold its picture instead.")
        self._tell(Totals(session.summary.as_dict()))
        self._show(mode="paused")

    def _advance(self, session: Session, steps: int) -> None:
        if session.live:
            raise StreamsnnError("What is live goes on by itself.", hint="Record it, then step through the recording.")
        if self._status.mode != "paused":
            self._show(mode="paused")
        if steps > 0:
            session.pace.hold()
            self._advancing += steps
        else:
            session.seek((session.next_index if session.target is None else session.target) + steps)

    def _show(self, **changes: Any) -> None:
        self._status = dataclasses.replace(self._status, **changes)
        self._tell(self._status)

    def _close(self) -> None:
        session, self._session = self._session, None
        self._advancing = 0
        if session is not None:
            session.close()
