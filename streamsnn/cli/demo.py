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
            view.load_qt()
            from streamsnn.gui.app import show_tour
        except StreamsnnError as error:
            why = f"{error.message} {error.hint or ''}"
        else:
            try:
                return show_tour(stations)
            except StreamsnnError as error:
                why = error.message
        print(f"{why.strip()}\nThe tour goes on in the terminal; with a display, streamsnn demo opens the window.\n")
    for source, model in stations:
        print(f"$ streamsnn run {source} --model {model}", flush=True)
        code = run.command(run.parser().parse_args([source, "--model", model]))
        if code:
            return code
        print()
    return 0
