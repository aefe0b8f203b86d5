"""Fixtures of all tests that play."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk
from toys import SENSOR, changing_events, save_sides

from streamsnn.formats import write_recording


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def sides(tmp_path: Path) -> str:
    """The folder of a model that tells left from right."""
    return str(save_sides(tmp_path / "sides"))


@pytest.fixture
def recording(tmp_path: Path) -> str:
    """Three seconds that change sides."""
    path = tmp_path / "changing.dat"
    write_recording(path, changing_events(3.0), SENSOR)
    return str(path)
