"""`streamsnn view --video`: a film in place of a window."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsnn.cli import text, values
from streamsnn.cli.track import add_ego_motion_option, refuse_without_track
from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.player.messages import Open

_GIF_SIZE, _GIF_FPS = (960, 540), 15
_SIZE, _FPS = (1280, 720), 30


def add_film_options(parser: argparse.ArgumentParser) -> None:
    """--video and what belongs to it, as `film` reads them, and the options that `fit_options` reads."""
    add_ego_motion_option(parser)
    group = parser.add_argument_group("from the sensor to the model's input, and its decision; as for streamsnn run")
    group.add_argument("--crop", type=values.rectangle, metavar="X,Y,W,H", help="look only at this part of the sensor")
    group.add_argument("--downsample", type=values.count, metavar="N", help="N x N pixels become one of the input")
    group.add_argument("--letterbox", action="store_true", help="centre a view that is smaller than the input")
    group.add_argument(
        "--track",
        nargs="?",
        const="regions",
        metavar="T",
        help="box what moves on the whole sensor: regions (default), clusters, surfaces, or a plug-in",
    )
    group.add_argument("--classify", metavar="M", help="with --track: what is in a box, as this model sees it")
    group.add_argument("--threshold", type=values.share, metavar="P", help="show a label above this confidence")
    group = parser.add_argument_group("a film, without a window and without a display")
    group.add_argument("--video", metavar="FILE", help="write what the window would show: .mp4, .webm or .gif")
    group.add_argument(
        "--size", type=_size, metavar="WxH", help="of the film, in pixels (default 1280x720, of a .gif 960x540)"
    )
    group.add_argument("--fps", type=values.count, metavar="N", help="pictures a second (default 30, of a .gif 15)")
    group.add_argument(
        "--probe",
        type=_probe,
        action="append",
        metavar="LAYER:N",
        help="show the membrane of neuron N of a layer; may be repeated, four at most",
    )
    group.add_argument(
        "--start", type=values.duration_us, metavar="T", help="film from T after the beginning: 2s, 500ms, 1m30s"
    )
    group.add_argument("--stop", type=values.duration_us, metavar="T", help="film until T after the beginning")


def fit_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What was said of the way from the sensor to the decision, as fields of `player.messages.Open`."""
    refuse_without_track(arguments, "classify", "ego_motion")
    names = ("crop", "downsample", "letterbox", "threshold", "track", "classify", "ego_motion")
    given = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def refuse_without_film(arguments: argparse.Namespace) -> None:
    """Raise StreamsnnError for an option that says how to film, while nothing is to be filmed."""
    for name in ("size", "fps", "probe", "start", "stop"):
        if getattr(arguments, name) is not None:
            raise StreamsnnError(f"--{name} is for a film.", hint="Add --video FILE, or leave it out.")


def film(arguments: argparse.Namespace) -> int:
    """Write the film that `arguments` ask for, those of `add_film_options` and of `streamsnn view`; the exit code.

    Progress is told on stderr. Raises StreamsnnError for what cannot be filmed.
    """
    if not arguments.source:
        raise StreamsnnError("There is nothing to film.", hint="Name a recording or a sound.")
    if arguments.speed is None:
        raise StreamsnnError("A film has a speed.", hint="Write --speed 1 for true time, 0.25 for slow motion, 4.")
    if arguments.loop or arguments.paused:
        raise StreamsnnError("A film neither loops nor waits.", hint="Leave out --loop and --paused.")
    # The same pictures with and without a display.
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from streamsnn.gui.interrupts import interrupts_held

    try:
        with interrupts_held():
            from streamsnn.gui import film as films
    except ImportError as error:
        raise StreamsnnError(
            f"Films cannot be made: {error}.",
            hint="pip install PySide6-Essentials av pillow, and on Debian apt install libegl1 libgl1 libxkbcommon0.",
        ) from error
    is_gif = arguments.video.lower().endswith(".gif")
    shot = films.Shot(
        size=arguments.size or (_GIF_SIZE if is_gif else _SIZE),
        fps=arguments.fps or (_GIF_FPS if is_gif else _FPS),
        speed=arguments.speed,
        in_us=arguments.start,
        out_us=arguments.stop,
        theme=arguments.theme or "dark",
        probes=tuple(arguments.probe or ()),
    )
    with _telling() as tell:
        made = films.film(wanted(arguments), Path(arguments.video), shot, tell, _note)
    print(
        f"wrote {arguments.video}: {made.pictures:,} pictures, {text.duration(made.duration_s * 1e6)},"
        f" {text.bytes_of(made.size_bytes)}"
    )
    return 0


def wanted(arguments: argparse.Namespace) -> Open:
    """The stream that `arguments` name, through the model that they name or one that fits."""
    from streamsnn.gui.choice import best, choices, look_at
    from streamsnn.player.messages import Open
    from streamsnn.types import Sensor

    sensor = look_at(arguments.source) if arguments.sensor is None else Sensor("sensor", *arguments.sensor)
    found = choices(sensor)
    name = arguments.model
    choice = best(found, None) if name is None else next((each for each in found if each.name == name), None)
    if name is None and choice is None:
        raise StreamsnnError(
            f"No model is there for {arguments.source}.", hint="streamsnn models lists what each eats."
        )
    how = fit_options(arguments)
    if choice is not None and choice.fit is not None and not how.keys() & {"crop", "downsample", "letterbox"}:
        fit = choice.fit
        how |= {"crop": fit.crop, "downsample": fit.downsample, "letterbox": fit.letterbox}
    filters = tuple((spelling, True) for spelling in arguments.filter)
    chosen = name if choice is None else choice.name
    return Open(arguments.source, chosen, filters=filters, sensor=arguments.sensor, **how)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found:
        raise StreamsnnError(f'"{text}" is no size of a film.', hint="Write width x height in pixels, like 1280x720.")
    return int(found[1]), int(found[2])


def _probe(text: str) -> tuple[str, int]:
    layer, _, neuron = text.rpartition(":")
    if not layer or not (neuron.isascii() and neuron.isdecimal()):
        raise StreamsnnError(f'"{text}" names no neuron.', hint="Write a layer and a number, like spikes3:5.")
    return layer, int(neuron)


def _note(told: str) -> None:
    print(f"note: {told}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _telling() -> Iterator[Callable[[str, float | None], None]]:
    """Yield a function that is told what is done and how far it is: a bar in a terminal, else a line a percent."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(20), TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as progress:
        task = progress.add_task("getting ready", total=None)

        def tell(what: str, share: float | None) -> None:
            progress.update(task, description=escape(what), total=None if share is None else 1.0, completed=share or 0)

        yield tell


class _Lines:
    """Prints a line for every percent, on stderr."""

    def __init__(self) -> None:
        self._said = ""

    def tell(self, what: str, share: float | None) -> None:
        from streamsnn.gui.places import progress_line

        line = f"{what} ..." if share is None else progress_line(what, share)
        if line != self._said:
            self._said = line
            print(line, file=sys.stderr, flush=True)
