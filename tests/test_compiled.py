"""Compiled code on disk belongs to the sources that it was made from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamsnn import compiled
from streamsnn.compiled import _PACKAGE, _sources


def _folder(tmp_path: Path, **environment: str) -> str:
    code = "import streamsnn.compiled as c; print(c.FOLDER)"
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


def test_the_mark_covers_all_that_machine_code_is_made_of() -> None:
    covered = {str(file.relative_to(_PACKAGE)) for file in _sources()}
    functions = {"walk.py", "cochlea/chain.py", "formats/kernels.py"}
    parts = {"cochlea/membrane.py", "cochlea/hair_cells.py", "cochlea/bushy_cells.py", "lanes.py"}
    constants = {"cochlea/design.py", "program.py", "types.py"}
    assert covered >= functions | parts | constants
    assert not covered & {"engine.py", "cli/entry.py"}


def test_another_source_is_another_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source, other = tmp_path / "part.py", tmp_path / "other.py"
    source.write_text("from streamsnn.compiled import part\n\n@part\ndef f(): ...\n")
    other.write_text("A = 1\n")
    monkeypatch.setattr(compiled, "_PACKAGE", tmp_path)
    first = compiled._name()
    other.write_text("A = 1234\n")
    assert compiled._name() == first
    source.write_text(source.read_text() + "# changed\n")
    assert compiled._name() != first


def test_a_chosen_folder_is_left_alone(tmp_path: Path) -> None:
    assert _folder(tmp_path, NUMBA_CACHE_DIR="/chosen") == "/chosen"


def test_old_folders_of_this_checkout_are_dropped(tmp_path: Path) -> None:
    newest = Path(_folder(tmp_path))
    family = newest.name.rpartition("-")[0]
    newest.rmdir()
    for age in range(5):
        for name in (f"{family}-{age}", f"kernels-other-{age}"):
            old = tmp_path / "streamsnn" / name
            old.mkdir()
            os.utime(old, (age, age))
    assert _folder(tmp_path) == str(newest)
    kept = sorted(path.name for path in (tmp_path / "streamsnn").iterdir())
    others = [f"kernels-other-{age}" for age in range(5)]
    assert kept == sorted([newest.name, f"{family}-3", f"{family}-4", *others])


def test_without_a_home_a_temporary_folder_serves_and_without_that_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    folder = _folder(blocked, TMPDIR=str(tmp_path))
    assert Path(folder).parent.parent == tmp_path
    code = (
        "import tempfile; tempfile.gettempdir = lambda: '/proc/none'\n"
        "from streamsnn.compiled import FOLDER, compiled\n"
        "assert FOLDER is None\n"
        "assert compiled()(lambda x: x + 1)(1) == 2"
    )
    clean = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    subprocess.run([sys.executable, "-c", code], env=clean | {"XDG_CACHE_HOME": "/proc/none"}, check=True)


def test_other_peoples_functions_keep_their_folder() -> None:
    code = "from numba.core import config as c; b = c.CACHE_DIR; import streamsnn.program; assert c.CACHE_DIR == b"
    subprocess.run([sys.executable, "-c", code], check=True)
