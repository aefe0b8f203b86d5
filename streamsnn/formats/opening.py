"""The first bytes of whatever file a user names, and why there are none."""

from __future__ import annotations

import difflib
import os
import re
import stat
from pathlib import Path

from streamsnn.errors import StreamsnnError
from streamsnn.formats.recording import HEAD_BYTES


def read_head(path: Path, what: str = "recording", size: int = HEAD_BYTES) -> bytes:
    """At most `size` bytes from the file's beginning; never none. `what` is what the user wanted to open.

    Raises StreamsnnError for what is no file, empty, or unreadable.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise StreamsnnError(f"{path} is a folder, not a {what}", hint="Name a file in it.")
        if not stat.S_ISREG(status.st_mode):
            raise StreamsnnError(f"{path} is a device, not a {what}", hint="Name a file.")
        with path.open("rb") as file:
            head = file.read(size)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        if os.path.islink(path):
            told = f"{path} leads to {os.readlink(path)}, where there is no file"
            raise StreamsnnError(told, hint="Mend the link, or name the file itself.") from error
        raise StreamsnnError(f"There is no file {path}", hint=_closest(path)) from error
    except PermissionError as error:
        raise StreamsnnError(
            f"{path} may not be read by you", hint="Ask its owner for the permission, or copy it."
        ) from error
    except OSError as error:
        raise StreamsnnError(f"{path} cannot be read: {error.strerror or error}") from error
    if not head:
        raise StreamsnnError(f"{path} is empty", hint=f"The {what} was never written, or its copy failed.")
    return head


def split_member(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """The file that "shd.h5#17" names, and the number of the sample in it; None where there is no such number.

    A file whose own name looks like that is just that file.
    """
    path = Path(path)
    found = re.fullmatch(r"(.+)#(\d{1,18})", path.name)
    if found is None or os.path.lexists(path):
        return path, None
    return path.with_name(found[1]), int(found[2])


def _closest(path: Path) -> str:
    try:
        names = os.listdir(path.parent)
    except (OSError, ValueError):
        return f"There is no folder {path.parent} either."
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"Did you mean {path.parent / close[0]}?" if close else "Look at its name and folder again."
