"""Which edges of a box can be believed: those that no border, no other object and nothing that stands before it
hides."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import boolean, float64, int8, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled, part
from streamsnn.tracking.crowd import CROWD

Floats = NDArray[np.float64]

IGNORED, MEASURED, SET = 0, 1, 2
"""What to do about an edge: nothing, correct the motion model, or only put the edge there."""

_LOW, _HIGH = 1, 2
_GROWS_S, _SHRINKS_S = 0.15, 1.0
_RECENT_S = 0.1
"""How far back it is looked for how fast an edge moves."""


@part
def _uncovered(crowd: Any, i: int, axis: int, low: float, high: float, margin: float, verdicts: Any) -> None:
    """Of a track whose region is shared: edges inside other boxes, or outside of their own by `margin` / 2, are not
    believed."""
    track, other_axis = crowd[i], 1 - axis
    cross = 0.5 * (track.state[other_axis, 0] + track.state[other_axis, 1])
    for j in range(crowd.size):
        other = crowd[j]
        if j == i or not other.sure:
            continue
        if not other.state[other_axis, 0] - margin / 2 <= cross <= other.state[other_axis, 1] + margin / 2:
            continue
        for edge in range(2):
            if other.state[axis, 0] - margin / 2 <= track.state[axis, edge] <= other.state[axis, 1] + margin / 2:
                verdicts[i, 2 * axis + edge] = IGNORED
    if track.state[axis, 0] - low > margin / 2:
        verdicts[i, 2 * axis] = IGNORED
    if high - track.state[axis, 1] > margin / 2:
        verdicts[i, 2 * axis + 1] = IGNORED


@part
def _hidden_edge(
    track: Any, axis: int, low: float, high: float, speed_low: float, speed_high: float, scale: float
) -> int:
    """Which edge is hidden of a track that is smaller than usual, 0 for none.

    What hides it stands still, mostly, and so does the edge there, while the other goes on: that is remembered as long
    as both differ in speed. A piece that is suddenly gone is missed where the box was expected to be.
    """
    missing = track.usual[axis] - (high - low)
    fast, differ = max(abs(speed_low), abs(speed_high)), abs(speed_low - speed_high)
    if missing < 2.0 * scale or differ < 0.15 * fast + 4.0 * scale:
        track.hidden[axis] = 0
    if missing < 2.0 * scale or track.hidden[axis] != 0:
        return int(track.hidden[axis])
    missed_low, missed_high = low - track.state[axis, 0], track.state[axis, 1] - high
    by_place = _LOW if missed_low > missed_high else _HIGH
    if max(missed_low, missed_high) > 10.0 * scale:
        return by_place
    if differ > 0.35 * fast + 8.0 * scale:
        track.hidden[axis] = _LOW if abs(speed_low) < abs(speed_high) else _HIGH
        return int(track.hidden[axis])
    return by_place if missing > 0.15 * track.usual[axis] + 2.0 * scale else 0


@compiled(
    int64(
        CROWD,
        float64[:, ::1],
        int64[::1],
        boolean[::1],
        int32[::1],
        float64[::1],
        int64,
        float64,
        float64,
        float64,
        int8[:, ::1],
    )
)
def judge(
    crowd: Any,
    edges: Floats,
    pixels: NDArray[np.int64],
    shared: NDArray[np.bool_],
    pieces: NDArray[np.int32],
    limits: Floats,
    mature_us: int,
    margin: float,
    scale: float,
    elapsed_s: float,
    verdicts: NDArray[np.int8],
) -> int:
    """Give a verdict on each of the `edges` (n, 4: left, right, top, bottom) of boxes measured from some `pixels` (n,).

    The states of the `crowd` are predictions, and their usual sizes are updated: they follow growth in 0.15 s, unless
    it is that of several `pieces` (n,) which part, and shrinking in 1 s, or as fast where both edges keep step. A track
    that was watched for `mature_us` is taken to be as large as usual where an edge of it is hidden. At a border
    (`limits`: width, height) an edge tells nothing of the motion. Who has a `shared` (n,) region keeps its size, and
    only some of its edges are believed.
    """
    for i in range(crowd.size):
        track = crowd[i]
        if pixels[i] == 0:
            for axis in range(2):
                track.recent[axis, 0] = np.nan
                track.hidden[axis] = 0
            continue
        mature = track.sure and track.watched_us >= mature_us
        for axis in range(2):
            low, high = edges[i, 2 * axis], edges[i, 2 * axis + 1]
            before_low, before_high = track.state[axis, 0], track.state[axis, 1]
            verdicts[i, 2 * axis], verdicts[i, 2 * axis + 1] = MEASURED, MEASURED
            if shared[i] and track.sure:
                _uncovered(crowd, i, axis, low, high, margin, verdicts)
            size = high - low
            recent = track.recent[axis]
            if np.isnan(recent[0]):
                recent[0], recent[1] = low, high
            lag = min(1.0, elapsed_s / _RECENT_S)
            recent[0] += (low - recent[0]) * lag
            recent[1] += (high - recent[1]) * lag
            speed_low, speed_high = (low - recent[0]) / _RECENT_S, (high - recent[1]) / _RECENT_S
            cut_low, cut_high = low <= 1.0, high >= limits[axis] - 1.0
            if cut_low or cut_high:
                if not (shared[i] and mature):
                    track.usual[axis] = max(track.usual[axis], size)
                # Who was seen whole comes to a border slowly: else something else has come in there.
                jump = margin / 2 if mature else np.inf
                if cut_low:
                    verdicts[i, 2 * axis] = SET if 0.0 < before_low - low <= jump else IGNORED
                if cut_high:
                    verdicts[i, 2 * axis + 1] = SET if 0.0 < high - before_high <= jump else IGNORED
                continue
            if verdicts[i, 2 * axis] != MEASURED or verdicts[i, 2 * axis + 1] != MEASURED or (shared[i] and mature):
                continue
            hidden = _hidden_edge(track, axis, low, high, speed_low, speed_high, scale) if mature else 0
            if hidden == _LOW:
                edges[i, 2 * axis] = high - track.usual[axis]
            elif hidden == _HIGH:
                edges[i, 2 * axis + 1] = low + track.usual[axis]
            if track.hidden[axis] != 0 or (pieces[i] > 1 and size > track.usual[axis]):
                continue
            steady = abs(speed_low - speed_high) < 15.0 * scale
            time_s = _GROWS_S if size > track.usual[axis] or steady else _SHRINKS_S
            track.usual[axis] += (size - track.usual[axis]) * min(1.0, elapsed_s / time_s)
    return 0
