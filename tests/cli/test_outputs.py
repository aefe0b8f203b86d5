"""Files that are asked for are refused before anything slow begins, and looking at them changes none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from toys import save_ears, save_sides, write_side

from streamsnn.cli import following, main, playing
from streamsnn.cli.outputs import refuse_outputs
from streamsnn.errors import StreamsnnError


def not_yet(*_: object, **__: object) -> None:
    """Takes long."""
    raise AssertionError("it was not refused before")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a recording and two models, where nothing that takes long may happen."""
    monkeypatch.chdir(tmp_path)

    monkeypatch.setattr(playing, "open_model", not_yet)
    monkeypatch.setattr(playing, "open_source", not_yet)
    save_sides(tmp_path / "models" / "sides")
    save_ears(tmp_path / "models" / "ears")
    write_side(tmp_path / "left.dat", "left")
    (tmp_path / "taken.flac").write_bytes(b"taken")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("taken.flac", "taken.flac is there already"),
        ("nowhere/words.flac", "--record nowhere/words.flac cannot be written"),
        ("words.mp3", "not recorded as words.mp3"),
        ("models", "--record models is a folder"),
    ],
)
def test_a_name_that_sound_cannot_be_recorded_under(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, told: str
) -> None:
    before = {each.name for each in here.iterdir()}
    assert main(["run", "mic", "--model", "ears", "--record", name, "--csv", "words.csv"]) == 2
    assert told in capsys.readouterr().err
    assert {each.name for each in here.iterdir()} == before
    assert (here / "taken.flac").read_bytes() == b"taken"


@pytest.mark.parametrize("options", [("--csv", "nowhere/out"), ("--csv", "old", "--jsonl", "nowhere/out")])
def test_a_table_that_cannot_be_written_leaves_the_others_alone(
    here: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    (here / "old").write_bytes(b"of yesterday")
    assert main(["run", "left.dat", "--model", "sides", *options]) == 2
    assert "nowhere/out cannot be written" in capsys.readouterr().err
    assert (here / "old").read_bytes() == b"of yesterday"


def test_a_sink_that_cannot_be_made_leaves_the_tables_alone(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(here)
    (here / "old").write_bytes(b"of yesterday")
    assert main(["run", "left.dat", "--model", "sides", "--csv", "old", "--sink", "nowhere.module:sink"]) == 2
    assert (here / "old").read_bytes() == b"of yesterday"


@pytest.mark.parametrize("name", ["left.dat", "nowhere/boxes.csv", "models"])
def test_boxes_are_refused_as_early(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(following, "open_source", not_yet)
    kept = (here / "left.dat").read_bytes()
    assert main(["track", "left.dat", "--csv", name]) == 2
    assert f"--csv {name} " in capsys.readouterr().err
    assert (here / "left.dat").read_bytes() == kept


def test_looking_changes_nothing(tmp_path: Path) -> None:
    old, dangling, pipe = tmp_path / "old", tmp_path / "dangling", tmp_path / "pipe"
    old.write_bytes(b"old")
    dangling.symlink_to(tmp_path / "new")
    os.mkfifo(pipe)  # Opening it would wait for somebody who reads it.
    refuse_outputs("mic", {"--csv": str(old), "--jsonl": str(dangling), "--record": None, "--other": str(pipe)})
    refuse_outputs("mic", {"--csv": os.devnull, "--jsonl": os.devnull})
    assert old.read_bytes() == b"old"
    assert dangling.is_symlink()
    assert not (tmp_path / "new").exists()
    with pytest.raises(StreamsnnError, match="would overwrite --csv"):
        refuse_outputs("mic", {"--csv": str(dangling), "--record": str(tmp_path / "new")})
