"""The files that a command is asked to write, looked at before anything slow begins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from streamsnn.errors import StreamsnnError
from streamsnn.types import Result, Sink


def refuse_outputs(source: str, outputs: Mapping[str, str | None]) -> None:
    """Raise StreamsnnError unless each of `outputs`, options and the paths that they name, if any, can be written, and
    none is the recording or another one of them. No file is changed, made or left."""
    taken = [("SOURCE", source)]
    for option, path in outputs.items():
        if not path:
            continue
        for other, known in taken:
            if same_file(path, known):
                raise StreamsnnError(
                    f"{option} {path} would overwrite {other}: they are the same file.", hint="Give it another name."
                )
        _refuse_unwritable(option, path)
        taken.append((option, path))


def same_file(first: str, second: str) -> bool:
    """Whether two paths lead to one file, even if there is none yet. What is no file, as /dev/null, takes anything."""
    if os.path.exists(first) and not os.path.isfile(first):
        return False
    if os.path.exists(first) and os.path.exists(second):
        return os.path.samefile(first, second)
    return os.path.realpath(first) == os.path.realpath(second)


def _refuse_unwritable(option: str, path: str) -> None:
    # Through a link: what is removed again must be what was made, and not the link.
    place = os.path.realpath(path)
    if os.path.isdir(place):
        raise StreamsnnError(f"{option} {path} is a folder.", hint="Name a file in it.")
    is_new = not os.path.exists(place)
    if not is_new and not os.path.isfile(place):
        # Whoever reads a pipe would take a try for all that comes.
        return
    try:
        # Only trying tells: root may write where the permissions say no, and nobody where the disk is read-only.
        with open(place, "ab"):
            pass
        if is_new:
            os.unlink(place)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StreamsnnError(f"{option} {path} cannot be written: {reason}.", hint="Choose another place.") from None


class Begun:
    """A sink that is made when the first step is there: what fails before that leaves files as they were."""

    def __init__(self, make: Callable[[], Sink]) -> None:
        self._make = make
        self._sink: Sink | None = None

    def write(self, result: Result) -> None:
        if self._sink is None:
            self._sink = self._make()
        self._sink.write(result)

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()
