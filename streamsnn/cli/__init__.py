"""The command line, one file a command. Importing it is cheap: everything heavy waits until a command needs it."""

from streamsnn.cli.entry import main

__all__ = ["main"]
