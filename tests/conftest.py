"""Fixtures that many test modules share."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulse import Server, missing

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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A sound server with one microphone, which hears what is played into it; the test is skipped where none can be."""
    if why := missing():
        pytest.skip(why)
    from streamsnn.sources.portaudio import PortAudio

    # Not tmp_path: the path of a socket may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="ear-") as folder:
        server = Server(Path(folder))
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        try:
            server.start()
            PortAudio().look_again()
            yield server
        finally:
            server.stop()
