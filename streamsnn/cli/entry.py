"""`streamsnn`: from the words of a command line to an exit code, and from any failure to three short lines.

Exit codes: 0 done; 1 `check` found a broken promise; 2 an error that the user can mend; 70 a mistake in this program;
130 Ctrl-C; 141 nobody reads the output any more.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from streamsnn import __version__
from streamsnn.cli import parsing
from streamsnn.errors import StreamsnnError

_SUMMARIES = {
    "view": "watch a stream in a window",
    "demo": "a tour of what this does",
    "run": "play a recording through a model and see what it thinks",
    "track": "box what moves, and keep its id while it does",
    "evaluate": "how often a model is right on a folder of labelled recordings",
    "info": "what is in a recording or a model",
    "convert": "a recording, or a part of it, in another format",
    "models": "the models that are there",
    "devices": "the microphones that are there",
    "check": "whether a model, recording, filter or plug-in keeps its promises",
    "train": "from labelled recordings to a model",
    "calibrate": "how sure a model must be before it shows a label",
    "bench": "how fast this is, beside others that do the same",
}
_DONE, _WRONG, _BUG, _INTERRUPTED, _UNREAD = 0, 2, 70, 130, 141
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_command_line(argv: Sequence[str]) -> int:
    """Run one command line, the words after the program's name, and return its exit code. Raises KeyboardInterrupt."""
    arguments = list(argv)
    _replace_what_is_closed()
    _never_fail_on_a_character()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return _UNREAD
    except Exception as error:
        if isinstance(error.__context__, BrokenPipeError):
            _discard_output()
            return _UNREAD
        if "--debug" in arguments:
            _say(traceback.format_exc())
        return _explain(error)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        name, rest = parsing.choose_command(arguments, _SUMMARIES)
        if name is None:
            parser = parsing.overview(__version__, _SUMMARIES)
            parsing.parse(parser, rest)
            parser.print_help()
            return _DONE
        # One module a command, which says what its options are without loading what they need.
        command = importlib.import_module(f"streamsnn.cli.{name}")
        parsed = parsing.parse(command.parser(), rest)
    except SystemExit as done:  # how argparse ends after --help and --version
        return int(done.code or 0)
    return int(command.command(parsed))


def _explain(error: Exception) -> int:
    if isinstance(error, StreamsnnError):
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        _say(error.message if interrupted else f"error: {error.message}")
        if error.hint:
            _say(f"hint:  {error.hint}")
        return _INTERRUPTED if interrupted else _WRONG
    if isinstance(error, OSError):
        # What commands write to files names these files: what has no name is what was being printed.
        _say(f"error: {error.filename or 'The output cannot be written'}: {error.strerror or error}")
        if error.errno in _FULL:
            _say("hint:  Free some space, or choose another place.")
        if not error.filename:
            _discard_output()
        return _WRONG
    _say(f"error: streamsnn itself failed: {type(error).__name__}: {error}")
    _say("hint:  Add --debug to see where, and report it.")
    return _BUG


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        # Nobody is there to be told.
        return


def _discard_output() -> None:
    """Let the interpreter flush what is left over to nowhere, and end quietly."""
    # Not a real file, as when somebody captures the output: nothing will be flushed to it.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _replace_what_is_closed() -> None:
    """Print to nowhere where the shell has closed an output (>&-), as Python's own print does."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _never_fail_on_a_character() -> None:
    """Print a question mark where a terminal's encoding lacks a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
