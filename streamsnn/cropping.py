"""`Cropping`: the events in boxes of a sensor, each box as a step of an input of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.types import InputSpec, Step, Track

_MARGIN = 0.15
"""Events this share of its size beside a box are the object's, too."""


class Cropping:
    """What `grid` sees of the boxes in steps of `spec`: `fill` is the share of it that a box's size takes up.

    What it gives lies in room of its own, which grows with the busiest step and is written over by the next call.
    """

    def __init__(self, spec: InputSpec, grid: InputSpec, fill: float) -> None:
        self._spec, self._grid = spec, grid
        self._zoomed = fill * min(grid.width, grid.height)
        self._given = np.empty(0, np.int32)
        self._boxes = np.empty((0, 5))
        self._ends = np.empty(0, np.int64)
        # A place for each address that may come once only; none where all are kept.
        self._seen = np.zeros(grid.size if grid.value == "binary" else 0, np.bool_)

    def __deepcopy__(self, memo: dict[int, Any]) -> Cropping:
        # Nothing outlives a call, so that room for another is all that a copy needs.
        copied = copy.copy(self)
        copied._given, copied._boxes, copied._ends = (
            self._given[:0].copy(),
            self._boxes[:0].copy(),
            self._ends[:0].copy(),
        )
        copied._seen = self._seen.copy()
        return copied

    def __call__(self, step: Step, tracks: Sequence[Track], sizes_px: Sequence[float]) -> list[Step]:
        """For each of `tracks`, taken to be `sizes_px` large, a step with what is in its box, brought to the middle."""
        events, count = step.addresses.size, len(tracks)
        if self._given.size < events * count:
            self._given = np.empty(2 * events * count, np.int32)
        if len(self._boxes) < count:
            self._boxes, self._ends = np.empty((2 * count, 5)), np.empty(2 * count, np.int64)
        for box, track, size_px in zip(self._boxes, tracks, sizes_px, strict=False):
            margin = _MARGIN * size_px
            box[0], box[1] = track.x - margin, track.y - margin
            box[2], box[3] = track.x + track.width + margin, track.y + track.height + margin
            box[4] = self._zoomed / size_px
        spec, grid = self._spec, self._grid
        _crop(
            step.addresses,
            spec.width,
            spec.height,
            spec.polarity == "split",
            self._boxes[:count],
            grid.width,
            grid.height,
            grid.polarity == "split",
            self._seen,
            self._given,
            self._ends,
        )
        steps, begin = [], 0
        for end in self._ends[:count].tolist():
            steps.append(Step(step.index, self._given[begin:end], step.arrived_ns))
            begin = end
        return steps


@compiled(
    int64(
        int32[::1],
        int64,
        int64,
        boolean,
        float64[:, ::1],
        int64,
        int64,
        boolean,
        boolean[::1],
        int32[::1],
        int64[::1],
    )
)
def _crop(
    addresses: NDArray[np.int32],
    width: int,
    height: int,
    polarities: bool,
    boxes: NDArray[np.float64],
    cells_across: int,
    cells_down: int,
    split: bool,
    seen: NDArray[np.bool_],
    out: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> int:
    """The events in each of `boxes` (n, 5: left, top, right, bottom, cells a pixel) as addresses of an input of
    `cells_across` x `cells_down`, one box after the other in `out`, where that of number i ends at `ends`[i]; all of
    them.

    With `seen`, which is all False before and after, each address comes once in a box.
    """
    plane, cells = width * height, cells_across * cells_down
    reciprocal = float64(1.0) / width
    count = 0
    for box in range(boxes.shape[0]):
        left, top, right, bottom, zoom = boxes[box]
        middle_x, middle_y = 0.5 * (left + right), 0.5 * (top + bottom)
        begin = count
        for i in range(addresses.size):
            address = int64(addresses[i])
            on = int64(polarities and address >= plane)
            pixel = address - plane * on
            y = int64((pixel + 0.5) * reciprocal)
            x = pixel - y * width
            if x + 0.5 < left or x + 0.5 > right or y + 0.5 < top or y + 0.5 > bottom:
                continue
            column = int64(np.floor((x + 0.5 - middle_x) * zoom + 0.5 * cells_across))
            row = int64(np.floor((y + 0.5 - middle_y) * zoom + 0.5 * cells_down))
            if not (0 <= column < cells_across and 0 <= row < cells_down):
                continue
            cell = row * cells_across + column + (cells * on if split else 0)
            if seen.size > 0:
                if seen[cell]:
                    continue
                seen[cell] = True
            out[count] = cell
            count += 1
        ends[box] = count
        if seen.size > 0:
            for i in range(begin, count):
                seen[out[i]] = False
    return count
