"""Which edges of a box can be believed: those that no border, no other object and nothing that stands before it
hides."""

from __future__ import annotations

import numpy as np
from numba import boolean, float64, int8, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled

Floats = NDArray[np.float64]

IGNORED, MEASURED, SET = 0, 1, 2
"""What to do about an edge: nothing, correct the motion model, or only put the edge there."""

_GROWS_S, _SHRINKS_S = 0.15, 1.0


@compiled(
    int64(
        float64[:, ::1],
        int64[::1],
        float64[:, ::1],
        float64[:, ::1],
        boolean[::1],
        boolean[::1],
        boolean[::1],
        float64[::1],
        float64,
        float64,
        float64,
        int8[:, ::1],
    )
)
def judge(
    edges: Floats,
    pixels: NDArray[np.int64],
    boxes: Floats,
    usual: Floats,
    sure: NDArray[np.bool_],
    mature: NDArray[np.bool_],
    shared: NDArray[np.bool_],
    limits: Floats,
    margin: float,
    scale: float,
    elapsed_s: float,
    verdicts: NDArray[np.int8],
) -> int:
    """Give a verdict on each of the `edges` (n, 4: left, right, top, bottom) of boxes measured from some `pixels` (n,).

    `boxes` (n, 4: left, top, right, bottom) are the predictions and `usual` (n, 2) the sizes so far, which are updated:
    they follow growth in 0.15 s and shrinking in 1 s. A box that is suddenly smaller is hidden in part: where its edge
    is farther from the prediction it is taken to be as large as usual. At a border (`limits`: width, height)
    an edge tells nothing of the motion. Where its region was `shared` (n,), edges inside other boxes, or outside of
    their own by `margin` / 2, are not believed.
    """
    for i in range(edges.shape[0]):
        if pixels[i] == 0:
            continue
        for axis in range(2):
            low, high = edges[i, 2 * axis], edges[i, 2 * axis + 1]
            before_low, before_high = boxes[i, axis], boxes[i, axis + 2]
            v_low, v_high = MEASURED, MEASURED
            cut_low, cut_high = low <= 1.0, high >= limits[axis] - 1.0
            if shared[i] and sure[i]:
                cross = 0.5 * (boxes[i, 1 - axis] + boxes[i, 3 - axis])
                for j in range(boxes.shape[0]):
                    if j == i or not sure[j]:
                        continue
                    if not boxes[j, 1 - axis] - margin / 2 <= cross <= boxes[j, 3 - axis] + margin / 2:
                        continue
                    if boxes[j, axis] - margin / 2 <= before_low <= boxes[j, axis + 2] + margin / 2:
                        v_low = IGNORED
                    if boxes[j, axis] - margin / 2 <= before_high <= boxes[j, axis + 2] + margin / 2:
                        v_high = IGNORED
                if before_low - low > margin / 2:
                    v_low = IGNORED
                if high - before_high > margin / 2:
                    v_high = IGNORED
            whole = v_low == MEASURED and v_high == MEASURED
            size = high - low
            if cut_low or cut_high:
                usual[i, axis] = max(usual[i, axis], size)
                if cut_low:
                    v_low = SET if before_low > low else IGNORED
                if cut_high:
                    v_high = SET if before_high < high else IGNORED
            elif whole:
                if mature[i] and size < 0.85 * usual[i, axis] - 2.0 * scale:
                    if abs(low - before_low) > abs(high - before_high):
                        edges[i, 2 * axis] = high - usual[i, axis]
                    else:
                        edges[i, 2 * axis + 1] = low + usual[i, axis]
                time_s = _GROWS_S if size > usual[i, axis] else _SHRINKS_S
                usual[i, axis] += (size - usual[i, axis]) * min(1.0, elapsed_s / time_s)
            verdicts[i, 2 * axis], verdicts[i, 2 * axis + 1] = v_low, v_high
    return 0
