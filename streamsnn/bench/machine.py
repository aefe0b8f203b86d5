"""On what the figures were measured, and with what."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

_DISTRIBUTIONS = ("streamsnn", "numpy", "numba", "torch", "spikingjelly", "norse", "snntorch")


def machine() -> dict[str, Any]:
    """The processor, how many cores there are, the system, and how busy it is with other work (`load`)."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load": load(),
    }


def load() -> float | None:
    """Programs that wanted to run in the last minute, this one included; None where nobody counts."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def versions() -> dict[str, str | None]:
    """The version of each library that takes part; None for one that is not installed."""
    found: dict[str, str | None] = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
