"""Compiled code on disk belongs to the sources that it was made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from streamsnn.neurons.kernel import flush


def test_decayed_values_are_flushed() -> None:
    s = np.array([1e-20, -1e-20, 1e-31, -1e-38, 0, np.inf], np.float32)
    flush(s)
    np.testing.assert_array_equal(s, np.array([1e-20, -1e-20, 0, 0, 0, np.inf], np.float32))


def _folder(tmp_path: Path, **environment: str) -> str:
    code = "import streamsnn.neurons.kernel as k; print(k.config.CACHE_DIR)"
    clean = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean | {"XDG_CACHE_HOME": str(tmp_path)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_the_folder_is_the_users_and_carries_a_mark(tmp_path: Path) -> None:
    first = _folder(tmp_path)
    assert Path(first).parent == tmp_path / "streamsnn"
    assert _folder(tmp_path) == first


def test_a_chosen_folder_is_left_alone(tmp_path: Path) -> None:
    assert _folder(tmp_path, NUMBA_CACHE_DIR="/chosen") == "/chosen"


def test_old_folders_are_dropped(tmp_path: Path) -> None:
    for age in range(8):
        old = tmp_path / "streamsnn" / f"kernels-{age}"
        old.mkdir(parents=True)
        os.utime(old, (age, age))
    newest = Path(_folder(tmp_path))
    kept = sorted(path.name for path in (tmp_path / "streamsnn").iterdir())
    assert kept == sorted([newest.name, "kernels-5", "kernels-6", "kernels-7"])
