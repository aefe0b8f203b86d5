"""What the HDF5 library does to a process is seen in another one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.formats import hdf5_guard, open_recording
from streamsnn.formats.hdf5_guard import refuse_harmful


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    hdf5_guard._fate.cache_clear()
    yield
    hdf5_guard._fate.cache_clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in "txyp":
            file[f"events/{name}"] = np.arange(100) % 30
        file["loop"] = h5py.SoftLink("/loop")
        file["elsewhere"] = h5py.ExternalLink("nowhere.h5", "/")
    return tmp_path / "a.h5"


def test_a_good_file_is_looked_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_harmful(path)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("looked again"))
    refuse_harmful(path)
    assert sum(chunk.size for chunk in open_recording(path).chunks()) == 100


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashes on it"),
        ("while True: pass", "does not come back from it within 0.5 s"),
    ],
)
def test_what_does_harm_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: str) -> None:
    script = path.with_name("hdf5_look.py")
    script.write_text(body)
    monkeypatch.setattr(hdf5_guard, "__file__", str(path.with_name("hdf5_guard.py")))
    monkeypatch.setattr(hdf5_guard, "_PATIENCE_S", 0.5 if "while" in body else 60)
    with pytest.raises(StreamsnnError, match=f"is damaged: the HDF5 library {told}"):
        open_recording(path)
    script.write_text("")
    monkeypatch.setattr(hdf5_guard, "_PATIENCE_S", 60)
    os.utime(path, ns=(1, 1))  # Another file by now.
    refuse_harmful(path)


def test_damage_of_any_kind_lets_the_look_end(path: Path) -> None:
    """The look itself tells nothing of what is only unreadable: whoever opens the file does."""
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    refuse_harmful(path)
    path.write_bytes(b"no HDF5 at all")
    refuse_harmful(path)
    path.unlink()
    refuse_harmful(path)
