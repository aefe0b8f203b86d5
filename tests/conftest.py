"""Fixtures that many test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(name: str) -> Path:
    """The folder `../shared/<name>`; a test that needs it fails in CI and skips loudly elsewhere when it is missing."""
    folder = SHARED / name
    if not folder.is_dir():
        message = f"{folder} is missing: this test needs the real data that is laid beside the checkout"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings and speech."""
    return _shared("data")


@pytest.fixture(scope="session")
def golden() -> Path:
    """Golden vectors computed by the official implementations."""
    return _shared("golden")
