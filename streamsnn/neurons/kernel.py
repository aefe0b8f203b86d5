"""`kernel`: how the functions of a step are compiled, and where their machine code is kept.

numba keeps compiled functions on disk and compiles one again when its own file has changed, but not when only a
function that it calls has. The folder therefore carries a mark of all files that kernels are made of: a step never runs
on old code.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import config as numba_config
from numpy.typing import NDArray

config: Any = numba_config  # its settings are made at run time, out of a type checker's sight
_PACKAGE = Path(__file__).resolve().parents[1]


def _cache_root() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "streamsnn"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "streamsnn"


def _mark() -> str:
    files = [_PACKAGE / "program.py", *sorted((_PACKAGE / "neurons").glob("*.py"))]
    facts = [f"{file}:{file.stat().st_mtime_ns}:{file.stat().st_size}" for file in files]
    return hashlib.sha256("\n".join([numba.__version__, *facts]).encode()).hexdigest()[:16]


def _choose_folder() -> None:
    """Point numba at this code's own folder, unless the user has chosen one, and drop those of code that is gone."""
    if config.CACHE_DIR:
        return
    root = _cache_root()
    folder = root / f"kernels-{_mark()}"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            stale = sorted(root.glob("kernels-*"), key=lambda path: path.stat().st_mtime)[:-4]
            for path in stale:
                shutil.rmtree(path, ignore_errors=True)
        if os.access(folder, os.W_OK):
            config.CACHE_DIR = str(folder)
    except OSError:
        # Nowhere to write: numba falls back to its own places, and compiles at every start where there are none.
        return


_choose_folder()

kernel = numba.njit(cache=True, nogil=True)
"""Decorator: compiled at its first call (or loaded from disk) and run without the interpreter lock."""


@kernel
def flush(s: NDArray[np.float32]) -> None:
    """Set to 0 what has decayed so far that arithmetic on it would soon be slow (denormal) and never matter."""
    for i in range(s.size):
        if abs(s[i]) < 1e-30:
            s[i] = 0
