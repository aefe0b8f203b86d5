"""`streamsnn view`: the window."""

from __future__ import annotations

import argparse

from streamsnn.cli import filming, options, values
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
Watch SOURCE and what a model thinks of it in a window: the events or the cochlea's spikes, the decision and its
history, the network's spikes and membranes, boxes, and the true latency of every step. SOURCE is a recording, a sound,
a microphone (mic), a scene (synthetic:digits), or a plug-in; without one the window opens empty. Without --model one is
chosen that fits. H shows the keys."""

_EXAMPLES = """\
  streamsnn view recordings/sequence.dat
  streamsnn view recordings/spoken-digits.flac --model english-digits
  streamsnn view street.aedat4 --filter background:tau=5ms --speed 0.25
  streamsnn view mic --model english-digits
  streamsnn view recordings/sequence.dat --video sequence.mp4 --speed 0.5 --start 2s --stop 6s"""


def parser() -> Parser:
    parser = Parser("streamsnn view", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "source", metavar="SOURCE", nargs="?", help="a recording, a sound, mic, synthetic:SCENE, or a plug-in"
    )
    parser.add_argument("--model", metavar="M", help="a model's name, its folder, or a plug-in; else one that fits")
    parser.add_argument(
        "--filter", action="append", default=[], metavar="F", help="as for streamsnn run; may be repeated"
    )
    parser.add_argument(
        "--sensor", type=values.size, metavar="WxH", help="size of the sensor, for files that do not state it"
    )
    parser.add_argument(
        "--speed", type=values.speed, default=1.0, metavar="S", help="times true time, or max (default 1)"
    )
    parser.add_argument("--loop", action="store_true", help="begin again at the end")
    parser.add_argument("--paused", action="store_true", help="begin with a pause")
    parser.add_argument("--theme", choices=("dark", "light"), help="colours; else as they were the last time")
    filming.add_film_options(parser)
    return parser


def command(arguments: argparse.Namespace) -> int:
    options.one_thread()
    if arguments.video:
        return filming.film(arguments)
    filming.refuse_without_film(arguments)
    load_qt()
    from streamsnn.gui.app import show_window

    return show_window(
        arguments.source,
        arguments.model,
        theme=arguments.theme,
        filters=tuple((text, True) for text in arguments.filter),
        sensor=arguments.sensor,
        speed=arguments.speed,
        loop=arguments.loop,
        paused=arguments.paused,
        **filming.fit_options(arguments),
    )


def load_qt() -> None:
    """Load Qt and pyqtgraph. Raises StreamsnnError where they are missing, or where there is no display."""
    try:
        import pyqtgraph
        import PySide6.QtWidgets
    except ImportError as error:
        raise StreamsnnError(
            f"The window cannot be loaded: {error}.",
            hint="pip install PySide6-Essentials pyqtgraph, and on Debian apt install libegl1 libgl1 libxkbcommon0.",
        ) from error
    del pyqtgraph, PySide6
