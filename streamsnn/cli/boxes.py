"""Boxes as lines: JSON and CSV, in one spelling wherever they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streamsnn.types import Track

HEADER = "t_us,track_id,x,y,width,height"
"""The columns of the CSV, which are also those of true boxes."""

_NUMBERS = ("x", "y", "width", "height", "vx", "vy")


def boxes_line(
    t_us: int, tracks: Sequence[Track], background_px_s: tuple[float, float] | None = None
) -> dict[str, Any]:
    """The objects at sensor time `t_us`: corner and size in pixels, velocity in pixels a second; and that of the
    background, where it is known. Ready for JSON."""
    line: dict[str, Any] = {"t_us": t_us, "tracks": [_box(each) for each in tracks]}
    if background_px_s is not None:
        line["background"] = {"vx": round(background_px_s[0], 2), "vy": round(background_px_s[1], 2)}
    return line


def _box(track: Track) -> dict[str, Any]:
    box = {"id": track.id, **{name: round(getattr(track, name), 2) for name in _NUMBERS}, "label": track.label}
    return box if track.confidence is None else {**box, "confidence": round(track.confidence, 4)}


def box_row(t_us: int, track: Track) -> str:
    """A row of the CSV."""
    return f"{t_us},{track.id},{track.x:.2f},{track.y:.2f},{track.width:.2f},{track.height:.2f}"
