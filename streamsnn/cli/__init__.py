"""The command line, one file a command. Importing it is cheap: everything heavy waits until a command needs it."""

from __future__ import annotations

import sys

# As typing's, without importing typing or anything else: until `main` is called, Ctrl-C still ends in a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (that of the process if `argv` is None) and return its exit code. Raises nothing."""
    try:
        # Here, not above: Ctrl-C while this is being loaded must end like Ctrl-C at any other time.
        from streamsnn.cli import entry

        return entry.run_command_line(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        if sys.stderr is not None:
            print("interrupted", file=sys.stderr, flush=True)
        return _INTERRUPTED


__all__ = ["main"]
