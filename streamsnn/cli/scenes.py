"""Synthetic scenes that know where everything is: by name, several at once, and their true boxes."""

from __future__ import annotations

import re

import numpy as np

from streamsnn.errors import StreamsnnError
from streamsnn.sources.shapes import make_shapes
from streamsnn.tracking.truth import Boxes

SCENE_US = 6_000_000
"""How long a scene is looked at where nothing else is said."""

_PREFIX = "synthetic:shapes"
_SEEDS = re.compile(r"(.+):(\d{1,9})-(\d{1,9})")
_MOST = 1000


def named_scenes(text: str) -> list[str]:
    """The scenes that "synthetic:shapes:hard:7" (one) or "synthetic:shapes:hard:0-9" (ten seeds) names; none if `text`
    is something else. Raises StreamsnnError for seeds that are out of order or more than 1000."""
    if text.partition(":")[0] != "synthetic" or not (text + ":").startswith(_PREFIX + ":"):
        return []
    seeds = _SEEDS.fullmatch(text)
    if not seeds:
        return [text]
    first, last = int(seeds[2]), int(seeds[3])
    if not 0 <= last - first < _MOST:
        raise StreamsnnError(
            f"{seeds[2]}-{seeds[3]} are no seeds.", hint=f"Write the first and the last, {_MOST} at most, like 0-9."
        )
    return [f"{seeds[1]}:{seed}" for seed in range(first, last + 1)]


def true_boxes(scene: str, duration_us: int, step_us: int) -> list[Boxes]:
    """The boxes in `scene`, one of `named_scenes`, at the end of each step, as far as there are any."""
    shapes = make_shapes(scene.removeprefix(_PREFIX).removeprefix(":"))[0]
    found = []
    for t_us in range(step_us, duration_us + 1, step_us):
        boxes = shapes.boxes(t_us)
        if boxes:
            table = np.array(boxes, np.float64)
            found.append(Boxes(t_us, table[:, 0].astype(np.int64), table[:, 1:]))
    return found
