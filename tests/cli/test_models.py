"""`streamsnn models`: every model that can be called by its name, also a damaged one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toys import save_sides

from streamsnn import modelfolder
from streamsnn.cli import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without models; those of the checkout are out of sight."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("streamsnn.registry.__file__", str(tmp_path / "lib" / "streamsnn" / "registry.py"))
    return tmp_path


def test_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(here / "models" / "sides")
    assert main(["models"]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["name", "input", "labels", "step", "numbers", "accuracy"]
    for cell in ("sides", "8x6 pixels", "left, right", "5 ms", "196", "97.5 %"):
        assert cell in row


def test_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(here / "models" / "sides")
    assert main(["models", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["models"]
    assert found["name"] == "sides"
    assert found["labels"] == ["left", "right"]
    assert found["step_ms"] == 5
    assert found["parameters"] == 196
    assert found["figures"] == {"accuracy": 0.975}


def test_a_damaged_model_does_not_hide_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(here / "models" / "sides")
    save_sides(here / "models" / "broken")
    (here / "models" / "broken" / "model.toml").write_text("format = 1\nname = ")
    assert main(["models"]) == 0
    told = capsys.readouterr().out
    assert "damaged" in told
    assert "sides" in told


@pytest.mark.parametrize(
    "content", ["layers = [1, 2]", "layers = 7", "[card]\nlabels = 3", "\udc80", "format = 1\ninput = []"]
)
def test_no_folder_whatever_it_holds_hides_the_others(
    here: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    save_sides(here / "models" / "sides")
    save_sides(here / "models" / "broken")
    toml = here / "models" / "broken" / "model.toml"
    toml.write_bytes(content.encode("utf-8", "surrogateescape") + b"\n" + toml.read_bytes())
    assert main(["models", "--json"]) == 0
    broken, sides = json.loads(capsys.readouterr().out)["models"]
    assert (broken["name"], sides["name"]) == ("broken", "sides")
    assert broken["error"]
    assert sides["parameters"] == 196


def test_a_mistake_in_reading_one_folder_is_told_as_its_own(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sides(here / "models" / "sides")

    def fail(folder: Path) -> None:
        raise TypeError("int is no table")

    monkeypatch.setattr(modelfolder, "load_spec", fail)
    assert main(["models"]) == 0
    assert "damaged: TypeError: int is no table" in capsys.readouterr().out


def test_no_models(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "no models in models" in capsys.readouterr().out


def test_many_labels_are_abridged(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(here / "models" / "words", ["antidisestablishmentarianism", "floccinaucinihilipilification"])
    assert main(["models"]) == 0
    assert "2: antidisestablishmentarianism ... floccinaucinihilipilification" in capsys.readouterr().out
