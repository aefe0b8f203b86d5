"""What an installation brings along."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_package_is_installed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for path in (ROOT / "streamsnn").rglob("__init__.py")
        if "__pycache__" not in path.parts
    }
    assert listed == found | {"streamsnn.models", "streamsnn.recordings"}


def test_every_model_has_its_files() -> None:
    folders = [path for path in (ROOT / "models").iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert len(folders) >= 3
    for folder in folders:
        names = {path.name for path in folder.iterdir()}
        assert {"model.toml", "weights.safetensors", "README.md", "recipe.toml"} <= names, folder


def test_only_the_window_knows_qt() -> None:
    files = [path for path in (ROOT / "streamsnn").rglob("*.py") if path.parent.name != "gui"]
    assert len(files) > 150
    found = {path.name for path in files if re.search(r"^\s*(from|import) (PySide6|pyqtgraph)", path.read_text(), re.M)}
    assert found == set()
