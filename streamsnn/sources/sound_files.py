"""A sound on disk as a source: blocks that follow one another without a hole, read as they are asked for."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.clock import Clock, HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.formats.opening import read_head
from streamsnn.sources.sound_heads import HEAD_BYTES, SoundKind, missing_end, mp3_samples, sound_kind, tells_its_length
from streamsnn.types import Sound

if TYPE_CHECKING:
    import soundfile

SOUND_EXTENSIONS = (".wav", ".flac", ".ogg", ".opus", ".mp3")
"""How files that can be read are usually called; what decides is what is in them."""

_CHUNK_SAMPLES = 1 << 14
_UNKNOWN_FRAMES = 1 << 62
_MP3_SLACK = 2 * 1152  # How many of the samples in its frames a decoder may leave out as its delay.
_CONVERT = "Convert it, for example with: ffmpeg -i FILE sound.wav"


@dataclass
class SoundDamage:
    """What was wrong with a sound file, as far as it was read."""

    cut_off: bool = False
    """The file's end is missing."""
    missing_samples: int = 0
    """Samples of each ear that the file announces and that were not there or could not be decoded."""

    def __bool__(self) -> bool:
        return self.cut_off or self.missing_samples > 0

    def describe(self) -> tuple[str, ...]:
        """One short sentence for each kind of damage that was found."""
        lost = f"{self.missing_samples:,} samples of each ear"
        if self.cut_off:
            return (f"the file is cut off: {f'{lost} are' if self.missing_samples else 'its end is'} missing",)
        return (f"{lost} could not be decoded and were left out",) if self else ()


def is_sound(path: str | os.PathLike[str]) -> bool:
    """Whether the file holds sound that `SoundFile` reads: by its first bytes, whatever it is called. Never fails."""
    try:
        return sound_kind(read_head(Path(path), "sound", HEAD_BYTES)) is not None
    except StreamsnnError:
        return False


class SoundFile:
    """The sound in a WAV, FLAC, Ogg (Vorbis, Opus) or MP3 file at its own rate, in blocks of `block_us`.

    The samples are the same for every `block_us`; blocks whose edges fall between two samples differ by one in length.
    `start_us` and `stop_us` (exclusive) are offsets from the file's beginning; `Sound.begin` counts from the file's
    beginning, too. One channel is one ear and two are two; with `mix` any number of channels becomes one ear, their
    mean. Memory does not grow with the file. Iterating again begins again.

    What is good in a damaged file plays, up to the first place that cannot be decoded, and `damage` says what is
    missing; `strict` refuses it, when it is made if the file shows it by then. What a decoder bridges by itself is not
    seen: bits that flipped inside a frame of MP3 or Ogg. Of an MP3 without a Xing header libsndfile plays as much as
    the first frame lets it expect: the rest is counted as missing, and a missing end is not seen.

    Raises StreamsnnError when it is made if the file cannot be opened, is no sound, or has more than two channels and
    no `mix`, and while it is read if it holds no sample, ends before `start_us`, or holds NaN or infinity.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        block_us: int = 10_000,
        start_us: int | None = None,
        stop_us: int | None = None,
        mix: bool = False,
        clock: Clock | None = None,
        strict: bool = False,
    ) -> None:
        if block_us < 1:
            raise StreamsnnError(f"A block of {block_us} us holds nothing", hint="Make blocks of 1 us or more.")
        if start_us is not None and start_us < 0:
            raise StreamsnnError(f"A sound cannot start at {start_us} us", hint="Start at 0 or later.")
        if stop_us is not None and stop_us <= (start_us or 0):
            raise StreamsnnError(
                f"Nothing lies between the start at {start_us or 0} us and the stop at {stop_us} us",
                hint="Stop later than you start.",
            )
        self.path = Path(path)
        self._block_us = block_us
        self._mix = mix
        self._clock = clock or HostClock()
        self._strict = strict
        self._closed = False
        head = read_head(self.path, "sound", HEAD_BYTES)
        kind = sound_kind(head)
        if kind is None:
            raise StreamsnnError(
                f"{self.path} is no sound of a known kind", hint=f"Known are WAV, FLAC, Ogg and MP3. {_CONVERT}"
            )
        self._from_start = self._look_at_the_end(kind)
        self.damage = dataclasses.replace(self._from_start)
        self._refuse_if_strict()
        with self._open() as file:
            self._rate_hz: int = file.samplerate
            self._channels: int = file.channels
            self._promised = int(file.frames) if file.frames < _UNKNOWN_FRAMES else None
        self._slack = 0
        if not tells_its_length(head, kind):
            self._promised, self._slack = mp3_samples(self.path), _MP3_SLACK
        self._frames = self._promised
        if self._channels > 2 and not mix:
            raise StreamsnnError(
                f"{self.path} has {self._channels} channels, and a listener has one or two ears",
                hint="Mix them to one ear (mix=True), or keep two of them.",
            )
        self._begin = -(-(start_us or 0) * self._rate_hz // 1_000_000)
        self._end = None if stop_us is None else -(-stop_us * self._rate_hz // 1_000_000)
        if self._end is not None and self._end <= self._begin:
            raise StreamsnnError(
                f"No sample lies between {start_us or 0} us and {stop_us} us at {self._rate_hz} Hz", hint="Stop later."
            )

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def ears(self) -> int:
        return 1 if self._mix else self._channels

    @property
    def frames(self) -> int | None:
        """Samples of each ear in the whole file: as it says, and once it was read to its end, as were found in it."""
        return self._frames

    @property
    def duration_us(self) -> int | None:
        """How long the whole file is, rounded up; None while `frames` is."""
        return None if self._frames is None else -(-self._frames * 1_000_000 // self._rate_hz)

    def close(self) -> None:
        """End every iteration at its next block."""
        self._closed = True

    def __iter__(self) -> Iterator[Sound]:
        self.damage = dataclasses.replace(self._from_start)
        edges = self._edges()
        begin = held = self._begin
        edge = next(edges)
        pieces: list[NDArray[np.float32]] = []
        for chunk in self._chunks():
            at = 0
            while at < len(chunk):
                pieces.append(chunk[at : at + edge - held])
                at += len(pieces[-1])
                held += len(pieces[-1])
                if held == edge:
                    if self._closed:
                        return
                    yield self._block(pieces, begin)
                    pieces, begin, edge = [], edge, next(edges)
        if pieces and not self._closed:
            yield self._block(pieces, begin)

    def _edges(self) -> Iterator[int]:
        """Where each block ends: at the first sample at or after its end in time, and never without a sample."""
        step = self._block_us * self._rate_hz  # in millionths of a sample
        samples = 0
        while True:
            blocks = samples * 1_000_000 // step + 1
            samples = -(-blocks * step // 1_000_000)
            yield self._begin + samples

    def _block(self, pieces: list[NDArray[np.float32]], begin: int) -> Sound:
        samples = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        return Sound(samples, begin, self._clock.now_ns())

    def _chunks(self) -> Iterator[NDArray[np.float32]]:
        """All samples between start and stop, (n, ears), and the account of those that are not there."""
        at = 0
        with self._open() as file:
            if (file.samplerate, file.channels) != (self._rate_hz, self._channels):
                raise StreamsnnError(f"{self.path} is another file than it was", hint="Open it again.")
            whole = True
            while whole and (self._end is None or at < self._end):
                size = _CHUNK_SAMPLES if self._end is None else min(_CHUNK_SAMPLES, self._end - at)
                chunk, whole = self._read(file, size)
                whole = whole and len(chunk) == size
                wanted = chunk[max(self._begin - at, 0) :]
                at += len(chunk)
                if len(wanted):
                    self._refuse_what_is_no_number(wanted, at - len(wanted))
                    yield np.mean(wanted, axis=1, dtype=np.float32, keepdims=True) if self._mix else wanted
        if self._end is None or at < self._end:
            self._ended(at)

    def _read(self, file: soundfile.SoundFile, size: int) -> tuple[NDArray[np.float32], bool]:
        """The next `size` samples, or as many as can be decoded, and whether it may go on."""
        import soundfile

        chunk = np.full((size, self._channels), np.nan, np.float32)
        try:
            return file.read(out=chunk), True
        except (soundfile.SoundFileError, RuntimeError):
            self.damage.cut_off |= self._promised is None
            unwritten = np.flatnonzero(np.isnan(chunk).all(axis=1))
            return chunk[: unwritten[0]] if unwritten.size else chunk, False

    def _ended(self, at: int) -> None:
        """Look back when the file's end is reached, after `at` samples."""
        if (missing := (self._promised or 0) - at) > self._slack:
            self.damage.missing_samples += missing
        self._frames = at
        self._refuse_if_strict()
        if at == 0:
            raise StreamsnnError(
                f"{self.path} holds no sound" + self._found(), hint="Its recording failed, or its copy."
            )
        if at <= self._begin:
            raise StreamsnnError(
                f"{self.path} is over after {at / self._rate_hz:g} s, before the start" + self._found(),
                hint="Start earlier.",
            )

    def _refuse_what_is_no_number(self, chunk: NDArray[np.float32], at: int) -> None:
        if np.isfinite(chunk).all():
            return
        first = at + int(np.flatnonzero(~np.isfinite(chunk).all(axis=1))[0])
        raise StreamsnnError(
            f"{self.path} holds a sample that is no number, {first / self._rate_hz:.6g} s after its beginning",
            hint="What wrote it failed there: cut that out, or stop before it.",
        )

    def _refuse_if_strict(self) -> None:
        if self._strict and self.damage:
            raise StreamsnnError(
                f"{self.path} is damaged: {self.damage.describe()[0]}",
                hint="Read it without strict to use what is good in it.",
            )

    def _found(self) -> str:
        return f": {self.damage.describe()[0]}" if self.damage else ""

    def _look_at_the_end(self, kind: SoundKind) -> SoundDamage:
        try:
            missing = missing_end(self.path, kind)
        except OSError as error:
            raise StreamsnnError(f"{self.path} cannot be read: {error.strerror or error}") from error
        return SoundDamage() if missing is None else SoundDamage(True, missing.samples or 0)

    def _open(self) -> soundfile.SoundFile:
        library = load_soundfile()
        try:
            file = library.SoundFile(str(self.path))
        except (library.SoundFileError, RuntimeError, ValueError, TypeError, OSError) as error:
            why = getattr(error, "error_string", str(error)).rstrip(".")
            raise StreamsnnError(
                f"{self.path} looks like a sound, and cannot be decoded: {why}" + self._found(),
                hint=f"Copy or record it again, or let another program mend it. {_CONVERT}",
            ) from error
        # After every read the library seeks to where it is: there an MP3 forgets the bits that its next frame shares
        # with the ones before, and a FLAC without a length fails. A file that cannot seek is just read on.
        file.seekable = lambda: False
        return file


def load_soundfile() -> Any:
    """The module soundfile. Raises StreamsnnError where its library is missing."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise StreamsnnError(
            f"Sound files cannot be read: {error}", hint="Install it: pip install soundfile (and libsndfile)."
        ) from error
    return soundfile
