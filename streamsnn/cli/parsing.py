"""Reading the command line: argparse, with the closest name in every refusal."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

Command = Callable[[argparse.Namespace], int]
"""What a command does with its arguments; it returns the exit code."""


class Parser(argparse.ArgumentParser):
    """An argument parser that raises StreamsnnError where argparse prints and exits."""

    def __init__(self, prog: str, description: str, examples: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=f"examples:\n{examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            add_help=False,
        )
        self.add_argument("-h", "--help", action="help", help="show this text and exit")
        self.add_argument("--debug", action="store_true", help="show the traceback of an error")

    def error(self, message: str) -> NoReturn:
        raise StreamsnnError(message[:1].upper() + message[1:] + ".", hint=f"See {self.prog} --help.")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """Print, and fail where argparse would not tell that it could not."""
        if message:
            print(message, end="", file=sys.stderr if file is None else file)

    @property
    def long_options(self) -> list[str]:
        """All options that begin with two dashes."""
        return [name for name in self._option_string_actions if name.startswith("--")]


def choose_command(arguments: Sequence[str], commands: Iterable[str]) -> tuple[str | None, list[str]]:
    """The command that `arguments` name, and the arguments without it; (None, arguments) if they name none.

    Raises StreamsnnError, with the closest command, for one that is not among `commands`.
    """
    for place, argument in enumerate(arguments):
        if not argument.startswith("-"):
            refuse_unknown(argument, commands, "command", "See streamsnn --help.")
            return argument, [*arguments[:place], *arguments[place + 1 :]]
    return None, list(arguments)


def parse(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments of one command; StreamsnnError, with the closest option, for an option that it does not have."""
    # Before argparse looks: it would complain of whatever is missing before it mentions what was misspelt.
    for argument in arguments:
        if argument == "--":
            break
        if argument.startswith("--"):
            refuse_unknown(argument.partition("=")[0], parser.long_options, "option", f"See {parser.prog} --help.")
    return parser.parse_args(arguments)


def refuse_unknown(name: str, known: Iterable[str], what: str, otherwise: str) -> None:
    """Raise StreamsnnError with the closest of `known`, or else the hint `otherwise`, unless `name` is one of them."""
    names = list(known)
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise StreamsnnError(
            f'There is no {what} "{name}".', hint=f"Did you mean {close[0]}? {otherwise}" if close else otherwise
        )


def overview(version: str, summaries: Mapping[str, str]) -> Parser:
    """The parser for what stands before any command; its help lists `summaries` of the commands."""
    width = max(map(len, summaries))
    listing = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in summaries.items())
    parser = Parser(
        "streamsnn",
        "Event-camera and audio streams through stateful spiking networks, one time step at a time."
        f"\n\ncommands:\n{listing}",
        "  streamsnn models\n  streamsnn run recordings/sequence.dat --model nmnist-paralif\n  streamsnn run --help",
    )
    parser.usage = "streamsnn COMMAND ... [--help] [--version] [--debug]"
    parser.add_argument("--version", action="version", version=f"streamsnn {version}")
    return parser
