"""Whether the HDF5 library survives a file, asked of a process that may crash or hang in place of this one."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

from streamsnn.errors import StreamsnnError

_PATIENCE_S = 20.0


def refuse_harmful(path: Path) -> None:
    """Raise StreamsnnError for a file on which the HDF5 library crashes, or that it does not come back from.

    A file is looked at once, until it changes; that takes some tenths of a second. Its arrays' beginnings and ends are
    read, not all between them: what is hidden there may still do harm.
    """
    try:
        status = path.stat()
    except OSError:
        return  # Who opens it says so.
    fate = _fate(str(path.resolve()), status.st_mtime_ns, status.st_size)
    if fate:
        raise StreamsnnError(f"{path} is damaged: the HDF5 library {fate}", hint="Copy it again.")


@functools.lru_cache(maxsize=256)
def _fate(path: str, _mtime_ns: int, _size: int) -> str:
    script = Path(__file__).with_name("hdf5_look.py")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(script), path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except OSError:
        return ""  # Where no process can be started, the file is opened as it is.
    except subprocess.TimeoutExpired:
        return f"does not come back from it within {_PATIENCE_S:g} s"
    return "crashes on it" if done.returncode < 0 else ""
