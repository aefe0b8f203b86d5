"""What a microphone hears, kept in a sound file while it is heard."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.types import Sound

_SUBTYPES = {".flac": "PCM_24", ".wav": "FLOAT"}
_SILENCE = 4096
"""Samples that are written at a time where sound was lost."""


def refuse_recording(path: str) -> None:
    """Raise StreamsnnError where `SoundRecorder` would refuse `path`: for its ending, or because it is taken."""
    if Path(path).suffix.lower() not in _SUBTYPES:
        raise StreamsnnError(f"Sound is not recorded as {path}.", hint="Let the name end in .flac or .wav.")
    if os.path.lexists(path):
        raise StreamsnnError(f"{path} is there already.", hint="Choose another name, or remove it first.")


class SoundRecorder:
    """Writes every `Sound` that it is called with to `path`, FLAC or WAV as its name ends, at `rate_hz`.

    It begins with the first block that comes; what was lost between two blocks is silence, so that times hold. FLAC is
    written as it comes and can be read up to its last second even if nobody closes it.

    Raises StreamsnnError when it is made if the file is there already, has another ending or cannot be written, and
    when called if the disk refuses more; what is written until then stays.
    """

    def __init__(self, path: str, rate_hz: int, ears: int) -> None:
        # An import of its own time: who records nothing need not wait for it.
        import soundfile

        self.path, self._rate_hz, self._ears = Path(path), rate_hz, ears
        refuse_recording(path)
        try:
            self._file = soundfile.SoundFile(path, "x", rate_hz, ears, _SUBTYPES[self.path.suffix.lower()])
        except (soundfile.SoundFileError, OSError) as error:
            raise StreamsnnError(f"{path} cannot be written: {error}.", hint="Choose another place.") from error
        self._errors = (soundfile.SoundFileError, OSError)
        self._next: int | None = None

    @property
    def duration_s(self) -> float:
        """How much is recorded."""
        return float(self._file.frames / self._rate_hz)

    def __call__(self, sound: Sound) -> None:
        lost = 0 if self._next is None else sound.begin - self._next
        try:
            while lost > 0:
                silence = min(lost, _SILENCE)
                self._file.write(np.zeros((silence, self._ears), np.float32))
                lost -= silence
            self._file.write(sound.samples)
        except self._errors as error:
            raise StreamsnnError(
                f"{self.path} cannot be written any more: {error}.", hint="What was recorded until now stays."
            ) from error
        self._next = sound.begin + len(sound.samples)

    def close(self) -> None:
        """Nothing more is recorded."""
        self._file.close()
