"""The trackers that have a name -> what makes one; each is loaded only when it is asked for."""

from __future__ import annotations

import importlib

from streamsnn.types import InputSpec, Tracker

DEFAULT = "regions"
_CLASSES = {
    "regions": ("density", "RegionTracker"),
    "clusters": ("clusters", "ClusterTracker"),
    "surfaces": ("surfaces", "SurfaceTracker"),
}
NAMES = tuple(_CLASSES)


def make_tracker(name: str, spec: InputSpec, step_us: int) -> Tracker:
    """The tracker `name`, one of `NAMES`, for steps of `spec` and `step_us`."""
    module, attribute = _CLASSES[name]
    tracker: Tracker = getattr(importlib.import_module(f"streamsnn.tracking.{module}"), attribute)(spec, step_us)
    return tracker
