"""Films on disk: pictures in, an MP4, a WebM or a GIF out, which has its name only once it is whole."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

from streamsnn.errors import StreamsnnError
from streamsnn.gui.film_sound import CODECS, RATE_HZ, FilmSound
from streamsnn.gui.places import partial_of

Picture = NDArray[np.uint8]
"""(height, width, 4): blue, green, red, and a byte that means nothing."""
Size = tuple[int, int]
"""Width and height in pixels."""

GIF_FPS_MOST = 20
"""A GIF counts in hundredths of a second and knows no motion: more pictures would only make it large."""
_LEAST, _MOST = 96, 4096
_BT709 = 1
_GIF_COLOURS = 256
_GIF_LOOKS_AHEAD = 24
"""Pictures that a palette is made from."""
_GIF_THINNED = 3
"""Of these pictures, one pixel in so many across and down."""
_CENTISECOND = Fraction(1, 100)


class FilmFormat(NamedTuple):
    """What film is written: `size` in pixels, `fps` pictures a second."""

    size: Size
    fps: int


class FilmFile(Protocol):
    """A film that is being written. Either `finish` or `discard` ends it."""

    def write(self, picture: Picture) -> None:
        """Append one picture."""
        ...

    def finish(self) -> None:
        """Give the file its name: it is whole."""
        ...

    def discard(self) -> None:
        """Leave nothing of it."""
        ...


def refuse_format(path: Path, wanted: FilmFormat) -> None:
    """Raise StreamsnnError for a size or a rate that a film called `path` cannot have."""
    (width, height), fps = wanted
    kind = path.suffix.lower()
    if not (_LEAST <= width <= _MOST and _LEAST <= height <= _MOST):
        raise StreamsnnError(
            f"A film of {width}x{height} pixels cannot be made.", hint=f"Choose {_LEAST} to {_MOST} pixels a side."
        )
    if kind != ".gif" and (width % 2 or height % 2):
        raise StreamsnnError(
            f"{width}x{height} has an odd number of pixels, which {kind[1:].upper()} cannot hold.",
            hint=f"Choose {width + width % 2}x{height + height % 2}.",
        )
    most = GIF_FPS_MOST if kind == ".gif" else 120
    if not 1 <= fps <= most:
        raise StreamsnnError(f"{path.name} cannot show {fps} pictures a second.", hint=f"Choose 1 to {most}.")


def open_film(path: Path, wanted: FilmFormat, keep_colours: Picture, sound: FilmSound | None = None) -> FilmFile:
    """A film that will be at `path`, with `sound` where its kind has any.

    Where colours are few, those of `keep_colours` are among them. Raises StreamsnnError, also while it is written, if
    the place or the disk refuses.
    """
    refuse_format(path, wanted)
    if path.suffix.lower() == ".gif":
        return _Gif(path, wanted, keep_colours)
    return _Video(path, wanted, sound)


class _Video:
    """H.264 or VP9, in colours that every player can show."""

    def __init__(self, path: Path, wanted: FilmFormat, sound: FilmSound | None) -> None:
        kind = path.suffix.lower()
        codec, options = _CODECS[kind]
        self._part = _Part(path, kind[1:], {"movflags": "faststart"} if kind == ".mp4" else {})
        self._stream = self._part.add(codec, wanted, "yuv420p", options)
        colours = self._stream.codec_context
        colours.colorspace = colours.color_primaries = colours.color_trc = _BT709
        colours.color_range = ColorRange.MPEG
        self._sound = sound
        self._heard = None if sound is None else self._part.add_sound(*CODECS[kind])
        self._part.begin()
        self._fps, self._count = wanted.fps, 0

    def write(self, picture: Picture) -> None:
        frame = av.VideoFrame.from_ndarray(picture, format="bgra").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts = self._count
        self._count += 1
        self._part.push(self._stream, frame)
        if self._heard is not None and self._sound is not None:
            for block in self._sound.until(self._count / self._fps):
                self._part.push(self._heard, block)

    def finish(self) -> None:
        for stream in (self._stream, self._heard):
            if stream is not None:
                self._part.push(stream, None)
        self._part.finish()

    def discard(self) -> None:
        self._part.discard()


class _Gif:
    """One palette for the whole film, so that what stands still is the same in every picture, and costs nothing."""

    def __init__(self, path: Path, wanted: FilmFormat, keep_colours: Picture) -> None:
        self._part = _Part(path, "gif", {"loop": "0"})
        self._stream = self._part.add("gif", wanted, "pal8", {})
        self._fps = wanted.fps
        self._stream.time_base = self._stream.codec_context.time_base = _CENTISECOND
        self._part.begin()
        self._keep = keep_colours
        self._waiting: list[Image.Image] = []
        self._palette: Image.Image | None = None
        self._colours = np.zeros((_GIF_COLOURS, 4), np.uint8)
        self._count = 0

    def write(self, picture: Picture) -> None:
        self._waiting.append(_rgb(picture))
        if self._palette is not None or len(self._waiting) == _GIF_LOOKS_AHEAD:
            self._flush()

    def finish(self) -> None:
        self._flush()
        self._part.push(self._stream, None)
        self._part.finish()

    def discard(self) -> None:
        self._part.discard()

    def _flush(self) -> None:
        """Write what waits, by the palette that the first pictures made."""
        if self._palette is None:
            self._palette = self._choose()
            chosen = np.array(self._palette.getpalette(), np.uint8).reshape(-1, 3)
            self._colours[:, 0] = 255
            self._colours[: len(chosen), 1:] = chosen
        for image in self._waiting:
            # What PyAV takes for indices and their colours, and does not state.
            indexed: Any = (np.asarray(image.quantize(palette=self._palette, dither=Image.Dither.NONE)), self._colours)
            frame = av.VideoFrame.from_ndarray(indexed, format="pal8")
            frame.time_base = _CENTISECOND
            frame.pts = round(self._count * 100 / self._fps)
            self._count += 1
            self._part.push(self._stream, frame)
        self._waiting.clear()

    def _choose(self) -> Image.Image:
        seen = [np.asarray(image)[::_GIF_THINNED, ::_GIF_THINNED].reshape(-1, 3) for image in self._waiting]
        kept = np.asarray(_rgb(self._keep)).reshape(-1, 3)
        # A colour that comes late, such as a label's, must weigh as much as one that fills half of every picture.
        weight = 1 + sum(map(len, seen)) // (2 * len(kept))
        pixels = np.concatenate([*seen, np.repeat(kept, weight, 0)])
        return Image.fromarray(pixels[None]).quantize(_GIF_COLOURS, Image.Quantize.MEDIANCUT)


class _Part:
    """A container under a name of its own until it is whole."""

    def __init__(self, path: Path, kind: str, options: dict[str, str]) -> None:
        self._path, self._partial = path, partial_of(path)
        with _mended(path):
            self._container = av.open(str(self._partial), "w", format=kind, options=options)

    def add(self, codec: str, wanted: FilmFormat, pixels: str, options: dict[str, str]) -> VideoStream:
        """The container's stream."""
        with _mended(self._path):
            stream = self._container.add_stream(codec, rate=wanted.fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = wanted.size
        stream.pix_fmt = pixels
        return stream

    def add_sound(self, codec: str, options: dict[str, str]) -> AudioStream:
        """A second stream, of one channel."""
        with _mended(self._path):
            stream = self._container.add_stream(codec, rate=RATE_HZ, options=options, layout="mono")
        assert isinstance(stream, AudioStream)
        return stream

    def begin(self) -> None:
        """Write the head of the file: a place that refuses does so now."""
        try:
            with _mended(self._path):
                self._container.start_encoding()
        except StreamsnnError:
            self.discard()
            raise

    def push(self, stream: VideoStream | AudioStream, frame: Any) -> None:
        """Encode one frame for this stream, or with None what is still on its way."""
        with _mended(self._path):
            self._container.mux(stream.encode(frame))

    def finish(self) -> None:
        with _mended(self._path):
            self._container.close()
            self._partial.replace(self._path)

    def discard(self) -> None:
        # What cannot be written to its end is thrown away all the same.
        with contextlib.suppress(OSError, ValueError, av.FFmpegError):
            self._container.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


_CODECS = {
    ".mp4": ("libx264", {"crf": "18", "preset": "veryfast"}),
    ".webm": (
        "libvpx-vp9",
        # A sixth of the time that "good" takes, and no worse on pictures like these.
        {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "8", "tune-content": "screen", "row-mt": "1"},
    ),
}


@contextlib.contextmanager
def _mended(path: Path) -> Iterator[None]:
    """Say in words why the file cannot be written."""
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StreamsnnError(
            f"{path} cannot be written: {reason}.", hint="Free some space, or choose another place."
        ) from error


def _rgb(picture: Picture) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(picture[..., 2::-1]))
