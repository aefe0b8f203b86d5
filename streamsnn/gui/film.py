"""Films of a stream and of what a network thinks of it: the window's views, painted picture by picture."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PySide6.QtWidgets import QApplication

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.gui.film_files import FilmFormat, Size, open_film, refuse_format
from streamsnn.gui.film_sound import FilmSound
from streamsnn.gui.interrupts import interrupts_held
from streamsnn.gui.membrane_view import Probes
from streamsnn.gui.places import FILM_ENDINGS, refuse_place
from streamsnn.gui.stage import Stage, colours_of
from streamsnn.gui.theme import THEMES, apply_theme
from streamsnn.player.messages import Note, Notice, Open, Opened, Preparing
from streamsnn.player.overview import is_file
from streamsnn.player.screen import Screen
from streamsnn.player.session import Session
from streamsnn.sources.sound_files import SoundFile, is_sound

Tell = Callable[[str, float | None], None]
"""Is told what is being done, and how far it is from 0 to 1, where that is known."""


@dataclass(frozen=True)
class Shot:
    """How a film is made: `size` in pixels, `fps` pictures a second, `speed` times true time, what lies between two
    offsets from the stream's beginning (None: from the beginning, to the end), a theme's name, and the neurons whose
    membranes are shown."""

    size: Size = (1280, 720)
    fps: int = 30
    speed: float = 1.0
    in_us: int | None = None
    out_us: int | None = None
    theme: Literal["dark", "light"] = "dark"
    probes: Probes = ()


@dataclass(frozen=True)
class Filmed:
    """What was written."""

    pictures: int
    duration_s: float
    size_bytes: int


def film(wanted: Open, path: Path, shot: Shot, tell: Tell, note: Callable[[str], None]) -> Filmed:
    """Film the stream that is `wanted`, whatever its speed there, into `path`: an .mp4, a .webm or a .gif.

    Each picture shows all steps that are over when the time that it stands for is over. At the in offset everything is
    as if the stream had been played until there. A sound is heard in it, in true time and where the file's kind has
    sound. The same stream gives the same pictures. A file that was not finished is not left. Raises StreamsnnError for
    what cannot be filmed or written.
    """
    refuse_place(path, wanted.source, FILM_ENDINGS)
    refuse_format(path, FilmFormat(shot.size, shot.fps))
    _refuse_what_has_no_end(wanted, shot)

    def hear(notice: Notice) -> None:
        if isinstance(notice, Preparing):
            tell(notice.what, notice.share)
        elif isinstance(notice, Note):
            note(notice.text)

    session = Session(
        dataclasses.replace(wanted, speed=None, probes=shot.probes),
        ManualClock(),
        lambda layout: (Screen(layout), None),
        hear,
    )
    try:
        if session.live:
            raise StreamsnnError(
                f"{wanted.source} is live, and over once it is seen.", hint="Record it, then film that."
            )
        return _shoot(session, path, shot, tell)
    finally:
        session.close()


def _shoot(session: Session, path: Path, shot: Shot, tell: Tell) -> Filmed:
    opened = session.opened()
    in_us = shot.in_us or 0
    if in_us:
        _go_to(session, in_us, tell)
    theme = THEMES[shot.theme]
    apply_theme(_application(), theme)
    stage = Stage(opened, session.screen, theme, shot.size, shot.speed, shot.probes)
    stage.set_threshold(session.readout.settings.threshold)
    stage.set_interval_us(round(1e6 * shot.speed / shot.fps))
    length_us = max(1, (shot.out_us or _duration_us(opened, session) or 0) - in_us)
    pictures, more = 0, True
    sound = _sound(opened, shot)
    file = open_film(path, FilmFormat(shot.size, shot.fps), colours_of(theme), sound)
    try:
        while more:
            offset_us = round((pictures + 1) * 1e6 * shot.speed / shot.fps)
            if shot.out_us is not None and in_us + offset_us >= shot.out_us:
                offset_us, more = shot.out_us - in_us, False
            seen = session.screen.steps_written
            if not _play_until(session, opened.begin_us + in_us + offset_us):
                more = False
                if pictures and session.screen.steps_written == seen:
                    break
            with interrupts_held():
                picture = stage.shoot(round(pictures * 1e9 / shot.fps))
            file.write(picture)
            pictures += 1
            tell(f"Filming {path.name}", min(offset_us / length_us, 1.0) if length_us > 1 else None)
        file.finish()
    except BaseException:
        file.discard()
        raise
    finally:
        if sound is not None:
            sound.close()
        stage.close()
        stage.deleteLater()
    return Filmed(pictures, pictures / shot.fps, path.stat().st_size)


@functools.cache
def _application() -> QApplication:
    """The one application of this process, which must outlive what it paints."""
    running = QApplication.instance()
    return running if isinstance(running, QApplication) else QApplication(["streamsnn"])


def _play_until(session: Session, until_us: int) -> bool:
    """Take all steps that are over by `until_us`; whether the stream goes on."""
    while (session.next_index + 1) * session.step_us <= until_us:
        if not session.advance():
            return False
    return True


def _go_to(session: Session, in_us: int, tell: Tell) -> None:
    first = session.next_index
    session.seek((session.begin_us + in_us) // session.step_us)
    while session.target is not None:
        tell("Playing up to the beginning", (session.next_index - first) / max(1, session.target - first))
        if not session.advance():
            raise StreamsnnError(
                f"The stream is over {in_us / 1e6:g} s after its beginning, before the film begins.",
                hint="Begin the film earlier.",
            )


def _sound(opened: Opened, shot: Shot) -> FilmSound | None:
    """What there is to hear: the sound, if it is filmed in true time."""
    if opened.path is None or shot.speed != 1 or not is_file(opened.path) or not is_sound(opened.path):
        return None
    return FilmSound(SoundFile(opened.path, start_us=shot.in_us or 0, stop_us=shot.out_us, mix=True))


def _refuse_what_has_no_end(wanted: Open, shot: Shot) -> None:
    if shot.in_us is not None and shot.out_us is not None and shot.in_us >= shot.out_us:
        raise StreamsnnError("The film would end before it begins.", hint="Let it end later, or begin earlier.")
    if is_file(wanted.source):
        return
    if wanted.source.partition(":")[0] == "mic":
        raise _is_live(wanted)
    if wanted.source.startswith("synthetic:") and shot.out_us is None:
        raise StreamsnnError(
            f"{wanted.source} has no end, and a film needs one.", hint="Say where it ends: --stop 10s."
        )


def _is_live(wanted: Open) -> StreamsnnError:
    return StreamsnnError(f"{wanted.source} is live, and over once it is seen.", hint="Record it, then film that.")


def _duration_us(opened: Opened, session: Session) -> int | None:
    """How long the stream is, from its beginning, so that one can say how far the film is."""
    if opened.duration_us is not None or opened.path is None:
        return opened.duration_us
    last_us = opened.begin_us
    for chunk in open_recording(opened.path, sensor=session.layout.sensor).chunks():
        last_us = int(chunk["t"][-1]) + 1
    return last_us - opened.begin_us
