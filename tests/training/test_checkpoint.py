from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from streamsnn.errors import StreamsnnError
from streamsnn.training.checkpoint import load_checkpoint, save_checkpoint, write_whole


@contextlib.contextmanager
def small_disk() -> Iterator[None]:
    """The system refuses to let any file grow beyond 1000 bytes, as a full disk would.

    For what is inside and no longer: the test runner may write to a file, too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    content = {"weights": {"w": torch.arange(3.0)}, "history": [{"loss": 0.5}], "updates": 7}
    save_checkpoint(tmp_path / "new", "f", content)
    loaded = load_checkpoint(tmp_path / "new", "f")
    assert loaded is not None
    assert torch.equal(loaded["weights"]["w"], torch.arange(3.0))
    assert (loaded["history"], loaded["updates"]) == ([{"loss": 0.5}], 7)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["checkpoint.pt"]


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "f") is None


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, "f", {})
    with pytest.raises(StreamsnnError, match="other settings or other data"):
        load_checkpoint(tmp_path, "g")


@pytest.mark.parametrize("cut", [0, 10, 500, -1])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, cut: int) -> None:
    save_checkpoint(tmp_path, "f", {"w": torch.zeros(1000)})
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(StreamsnnError, match="is damaged"):
        load_checkpoint(tmp_path, "f")


def test_a_checkpoint_runs_no_code(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"version": 1, "fingerprint": "f", "evil": Evil()}, tmp_path / "checkpoint.pt")
    with pytest.raises(StreamsnnError, match="is damaged"):
        load_checkpoint(tmp_path, "f")
    assert not (tmp_path / "ran").exists()


def test_another_version_is_refused(tmp_path: Path) -> None:
    torch.save({"version": 0}, tmp_path / "checkpoint.pt")
    with pytest.raises(StreamsnnError, match="another version"):
        load_checkpoint(tmp_path, "f")


def test_a_full_disk_keeps_the_older_file_and_nothing_half_written(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"old")
    with small_disk(), pytest.raises(StreamsnnError, match="cannot be written"):
        write_whole(tmp_path / "file", bytes(5000))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]
