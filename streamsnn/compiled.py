"""`compiled`: how every inner loop is compiled, and where its machine code is kept.

numba keeps compiled functions on disk and compiles one again when its own file has changed, but not when only a
function that it calls has. The folder therefore carries a mark of all files with such functions and of those that they
import from: no step ever runs on old code. Where there is no place to write, functions are compiled at every start.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _numba_config

# Made at run time, out of a type checker's sight.
config: Any = _numba_config
_njit: Any = numba.njit
_PACKAGE = Path(__file__).resolve().parent


def _roots() -> Iterator[Path]:
    """Places for a cache, the best first."""
    if sys.platform == "win32" and "LOCALAPPDATA" in os.environ:
        yield Path(os.environ["LOCALAPPDATA"]) / "streamsnn"
    elif "XDG_CACHE_HOME" in os.environ:
        yield Path(os.environ["XDG_CACHE_HOME"]) / "streamsnn"
    else:
        # A user may be without a home.
        with contextlib.suppress(RuntimeError):
            yield Path.home() / ".cache" / "streamsnn"
    try:
        yield Path(tempfile.gettempdir()) / f"streamsnn-{getpass.getuser()}"
    except (OSError, KeyError):
        return


def _name() -> str:
    """A name that another checkout, another version of a file, or another numba does not have."""
    facts = [f"{file}:{file.stat().st_mtime_ns}:{file.stat().st_size}" for file in _sources()]
    mark = hashlib.sha256("\n".join([numba.__version__, *facts]).encode()).hexdigest()[:16]
    return f"{_family()}-{mark}"


def _sources() -> list[Path]:
    """The files that machine code is made of: those with compiled functions or parts of them, and those whose constants
    they import."""
    texts = {file: file.read_bytes() for file in _PACKAGE.rglob("*.py")}
    made = {file for file, text in texts.items() if re.search(rb"^@(?:compiled\(|part$)|^from numba", text, re.M)}
    named = {
        name.decode() for file in made for name in re.findall(rb"^from streamsnn\.([\w.]+) import", texts[file], re.M)
    }
    return sorted(made | {file for name in named if (file := _PACKAGE / f"{name.replace('.', '/')}.py") in texts})


def _family() -> str:
    """What the names of all folders of this checkout begin with."""
    return f"kernels-{hashlib.sha256(str(_PACKAGE).encode()).hexdigest()[:8]}"


def _folder() -> str | None:
    """The folder for machine code: the user's own choice, or one of ours; None where nothing can be written."""
    if config.CACHE_DIR:
        return str(config.CACHE_DIR)
    name = _name()
    for root in _roots():
        folder = root / name
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, mode=0o700)
                _forget_older(root, folder)
            if os.access(folder, os.W_OK) and (os.name == "nt" or folder.stat().st_uid == os.getuid()):
                return str(folder)
        except OSError:
            continue
    return None


def _forget_older(root: Path, folder: Path) -> None:
    older = sorted(root.glob(f"{_family()}-*"), key=lambda path: path.stat().st_mtime)
    for path in [path for path in older if path != folder][:-2]:
        shutil.rmtree(path, ignore_errors=True)


FOLDER = _folder()
"""Where this program's machine code is kept, or None."""


def compiled(*signatures: Any) -> Callable[[Any], Any]:
    """Decorator: compiled for `signatures` at once, or for what its first call brings; holds no interpreter lock."""

    def decorate(function: Any) -> Any:
        # numba asks for the folder when it decorates; other people's functions keep their own.
        chosen, config.CACHE_DIR = config.CACHE_DIR, FOLDER or ""
        try:
            return _njit(*signatures, cache=FOLDER is not None, nogil=True)(function)
        finally:
            config.CACHE_DIR = chosen

    return decorate


def part(function: Any) -> Any:
    """Decorator: a part of the one compiled function that calls it, which gets its own name and nothing of its own.

    Compiled functions that call one another are optimised again at each level. Parts are optimised once.
    """
    return _njit(inline="always", nogil=True)(function)
