"""Keeping what a microphone hears while it plays."""

from __future__ import annotations

from collections.abc import Callable

from streamsnn.errors import StreamsnnError
from streamsnn.player.messages import Failed, Notice, Recording
from streamsnn.sources.hearing import Heard
from streamsnn.sources.sound_recorder import SoundRecorder
from streamsnn.types import Sound, Source


class Recorder:
    """At most one sound file at a time, of what `source` hears; `tell` hears of its beginning and its end."""

    def __init__(self, source: Source, tell: Callable[[Notice], None]) -> None:
        self._source, self._tell = source, tell
        self._writer: SoundRecorder | None = None

    def record(self, path: str) -> None:
        """Keep what is heard from now on in `path`.

        Raises StreamsnnError if it cannot be written, or if this is no microphone.
        """
        source = self._source
        if not (isinstance(source, Heard) and source.live):
            raise StreamsnnError("Only what a microphone hears can be recorded.", hint="Open a microphone first.")
        self.stop()
        self._writer = SoundRecorder(path, source.sounds.rate_hz, source.sounds.ears)
        source.on_sound = self._write
        self._tell(Recording(path))

    def stop(self) -> None:
        """Close the file, if there is one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            assert isinstance(self._source, Heard)
            self._source.on_sound = None
            writer.close()
            self._tell(Recording(None, f"Recorded {writer.duration_s:.1f} s: {writer.path}"))

    def _write(self, sound: Sound) -> None:
        """A disk that is full ends the recording, not the stream."""
        assert self._writer is not None
        try:
            self._writer(sound)
        except StreamsnnError as error:
            self.stop()
            self._tell(Failed(error.message, error.hint or "", False))
