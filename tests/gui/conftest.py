"""Fixtures of all tests of the window: one application, without a display."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from typing import Any

import pytest


@pytest.fixture(scope="session", autouse=True)
def application() -> Any:
    """The one QApplication that a process may have."""
    try:
        from PySide6.QtWidgets import QApplication
    except ImportError as error:
        message = f"QT CANNOT BE IMPORTED, NO TEST OF THE WINDOW WAS RUN: {error}. Install streamsnn[gui]."
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return QApplication.instance() or QApplication([])
