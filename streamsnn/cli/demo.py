"""`streamsnn demo`: a tour of what the program does, on the recordings that came with it."""

from __future__ import annotations

import argparse

from streamsnn.cli import options, run, view
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

_DESCRIPTION = """\
Show digits before a simulated event camera, then spoken digits, each through a network that names them while they
happen: in the window, or without a display in the terminal."""

_EXAMPLES = """\
  streamsnn demo
  streamsnn demo --terminal"""

STATIONS = (("sequence.dat", "nmnist-sliding-psn"), ("spoken-digits.flac", "english-digits"))
"""What the tour shows, and through which model."""


def parser() -> Parser:
    parser = Parser("streamsnn demo", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("--terminal", action="store_true", help="in the terminal, also where there is a display")
    return parser


def command(arguments: argparse.Namespace) -> int:
    options.one_thread()
    from streamsnn.registry import recordings_folder

    folder = recordings_folder()
    stations = [(str(folder / name), model) for name, model in STATIONS]
    if not arguments.terminal:
        try:
            window = view.load_window()
            # Without a display the next line fails, before anything is shown.
            window.application()
        except StreamsnnError as error:
            print(f"{error.message} The tour goes on in the terminal; with a display it opens a window.\n")
        else:
            code: int = window.show_tour(stations)
            return code
    for source, model in stations:
        print(f"$ streamsnn run {source} --model {model}", flush=True)
        if ended := run.command(run.parser().parse_args([source, "--model", model])):
            return ended
        print()
    return 0
