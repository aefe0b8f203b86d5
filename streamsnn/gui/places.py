"""Where exports may be written to, and how a child process tells the window how far it is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from streamsnn.errors import StreamsnnError
from streamsnn.formats.opening import split_member

FILM_ENDINGS = (".mp4", ".webm", ".gif")
DECISION_ENDINGS = (".csv", ".jsonl")

_PROGRESS = re.compile(r"(?P<what>\S.*?) {2}(?P<percent>\d{1,3}) %")


def partial_of(path: Path) -> Path:
    """What a file is called while it is being written."""
    return path.with_name(f"{path.name}.partial")


def refuse_place(path: Path, source: str, endings: tuple[str, ...]) -> None:
    """Raise StreamsnnError unless a file with one of `endings` can be written at `path`, beside the stream `source`."""
    if path.suffix.lower() not in endings:
        known = f"{', '.join(endings[:-1])} or {endings[-1]}"
        raise StreamsnnError(f"{path.name} does not say what to write.", hint=f"Let its name end with {known}.")
    if path.is_dir():
        raise StreamsnnError(f"{path} is a folder.", hint="Choose another name.")
    if not path.parent.is_dir():
        raise StreamsnnError(f"There is no folder {path.parent} to put {path.name} into.", hint="Make it first.")
    if not os.access(path.parent, os.W_OK):
        raise StreamsnnError(f"Nothing can be written into {path.parent}.", hint="Choose another place.")
    if _is_same_file(path, source):
        raise StreamsnnError(f"{path} is the recording itself.", hint="Give it another name.")


def progress_line(what: str, share: float) -> str:
    """One line that says how far something is, for people and for `read_progress`."""
    return f"{what}  {int(100 * share)} %"


def read_progress(line: str) -> tuple[str, float] | None:
    """What is being done, and how far it is from 0 to 1, if a line is one of `progress_line`."""
    found = _PROGRESS.fullmatch(line)
    return (found["what"], int(found["percent"]) / 100) if found else None


def _is_same_file(path: Path, source: str) -> bool:
    try:
        recording = split_member(source)[0]
        return recording.exists() and path.resolve() == recording.resolve()
    except (StreamsnnError, OSError):
        # The source is no file.
        return False
