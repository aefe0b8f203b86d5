"""Regions divided among the tracks that they hold: each pixel goes to the track in whose box it lies most centrally.

What of a region lies in no box of a track that is well known is something else, which has come to touch it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int8, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled, part
from streamsnn.tracking.crowd import CROWD

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Signs = NDArray[np.int8]
Bools = NDArray[np.bool_]

_SHARE = 20
"""Who has less than one pixel in so many of a region has no part in it."""


@part
def empty(boxes: Floats, sums: Longs, place: int) -> None:
    """Begin a box, and the sums of its pixels."""
    boxes[place, 0], boxes[place, 1], boxes[place, 2], boxes[place, 3] = 1e9, 1e9, -1e9, -1e9
    sums[place, 0] = 0
    sums[place, 1] = 0


@part
def grow(boxes: Floats, place: int, left: int, top: int, right: int, bottom: int) -> None:
    """Make a box hold these pixels, too."""
    boxes[place, 0], boxes[place, 1] = min(boxes[place, 0], left), min(boxes[place, 1], top)
    boxes[place, 2], boxes[place, 3] = max(boxes[place, 2], right + 1), max(boxes[place, 3], bottom + 1)


@part
def _claims(crowd: Any, known_us: int, boxes: Floats, first: Ints, claim: Ints) -> int:
    """Whose box overlaps a region has a claim to it: `claim[first[r] : first[r + 1]]`; how many claims there are.

    Who alone has a claim may have all of it, unless it is known how large it is.
    """
    for r in range(first.size - 1):
        size, known = first[r], False
        for t in range(crowd.size):
            track = crowd[t]
            across = min(track.state[0, 1], boxes[r, 2]) - max(track.state[0, 0], boxes[r, 0])
            down = min(track.state[1, 1], boxes[r, 3]) - max(track.state[1, 0], boxes[r, 1])
            if track.sure and across > 0.0 and down > 0.0:
                claim[size] = t
                known |= track.whole_us >= known_us
                size += 1
        first[r + 1] = size if size > first[r] + 1 or known else first[r]
    return int(first[-1])


@compiled(
    int64(
        int32[::1],
        int32[::1],
        int32[::1],
        int8[::1],
        int64,
        int64,
        CROWD,
        int64,
        float64[::1],
        float64,
        int32[::1],
        float64[:, ::1],
        int64[:, ::1],
        int32[::1],
        boolean[::1],
    )
)
def share_out(
    xs: Ints,
    ys: Ints,
    ages: Ints,
    signs: Signs,
    found: int,
    least: int,
    crowd: Any,
    known_us: int,
    ages_s: Floats,
    reach: float,
    of_pixel: Ints,
    boxes: Floats,
    sums: Longs,
    owners: Ints,
    shared: Bools,
) -> int:
    """Divide the regions of which the sure tracks of a `crowd` have several or are known (seen whole for `known_us`);
    how many regions there are then, of which the first `found` are those from before.

    A pixel, moved on by a track's velocity, is within reach of it where it lies less than a quarter of half the box's
    size and `reach` outside. `of_pixel`, `boxes` and `sums` are brought up to date. Of each new region `owners` names
    the track; a divided one keeps what is left over, and is to be left alone (-2) if that is less than `least` pixels.
    Marked in `shared` (n,) is who had to share.
    """
    n = crowd.size
    shared[:n] = False
    owners[:found] = -1
    first = np.zeros(found + 1, np.int32)
    claim = np.empty(found * n, np.int32)
    total = _claims(crowd, known_us, boxes, first, claim)
    if total == 0:
        return found
    # The middle of each box, and what makes 1 of half its size and `reach`.
    ruler = np.empty((n, 4))
    for t in range(n):
        for axis in range(2):
            low, high = crowd[t].state[axis, 0], crowd[t].state[axis, 1]
            ruler[t, axis], ruler[t, 2 + axis] = 0.5 * (low + high) - 0.5, 1.0 / (0.625 * (high - low) + reach)
    # How many pixels each claim gets, and behind them how many of each region nobody does.
    got = np.zeros(total + found, np.int32)
    choice = np.empty(xs.size, np.int32)
    for i in range(xs.size):
        r = of_pixel[i]
        if r < 0 or first[r] == first[r + 1]:
            continue
        nearest, chosen, age_s = 1.0, total + r, ages_s[ages[i]]
        for k in range(first[r], first[r + 1]):
            t = claim[k]
            x, y = xs[i] + crowd[t].state[0, 2] * age_s, ys[i] + crowd[t].state[1, 2] * age_s
            away = max(abs(x - ruler[t, 0]) * ruler[t, 2], abs(y - ruler[t, 1]) * ruler[t, 3])
            chosen = k if away < nearest else chosen
            nearest = min(nearest, away)
        choice[i] = chosen
        got[chosen] += 1
    part_of = np.full(total + found, -1, np.int32)
    size = found
    for r in range(found):
        fewest, parts, known = max(3, sums[r, 0] // _SHARE), 0, False
        for k in range(first[r], first[r + 1]):
            parts += got[k] >= fewest
            known |= crowd[claim[k]].whole_us >= known_us
        divided = parts > 1 or (parts == 1 and known and got[total + r] > 0)
        if not divided or size + parts > boxes.shape[0]:
            continue
        for k in range(first[r], first[r + 1]):
            if got[k] >= fewest:
                part_of[k] = size
                owners[size] = claim[k]
                shared[claim[k]] |= parts > 1
                empty(boxes, sums, size)
                size += 1
        part_of[total + r] = r
        owners[r] = -1 if got[total + r] >= least else -2
        empty(boxes, sums, r)
    if size == found:
        return found
    for i in range(xs.size):
        r = of_pixel[i]
        if r < 0 or part_of[total + r] < 0:
            continue
        to = part_of[choice[i]] if part_of[choice[i]] >= 0 else r
        of_pixel[i] = to
        sums[to, 0] += 1
        sums[to, 1] += signs[i]
        grow(boxes, to, xs[i], ys[i], xs[i], ys[i])
    return size
