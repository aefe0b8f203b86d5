"""`one_object`: tracks that turn out to be parts of one object become one track."""

from __future__ import annotations

import numpy as np

from streamsnn.tracking.tracks import Tracks

_SAME_SPEED = 0.35
_ALIKE_ON = 0.35


def one_object(tracks: Tracks, gap: float) -> None:
    """Lose the younger of two tracks that move alike and either overlap, or are the edges of one uniform object.

    Things that move together belong together (Wertheimer 1923, "common fate"). A uniform object shows its leading and
    its trailing edge only, thin along their way, beside one another, and of opposite polarity.
    """
    n = tracks.count
    if n < 2:
        return
    boxes, velocity = tracks.boxes, tracks.velocity
    stay = np.ones(n, np.bool_)
    for older in range(n):
        for younger in range(older + 1, n):
            if not (stay[older] and stay[younger]):
                continue
            a, b = boxes[older], boxes[younger]
            across = min(a[2], b[2]) - max(a[0], b[0])
            down = min(a[3], b[3]) - max(a[1], b[1])
            if max(-across, -down) > max(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1]):
                continue
            difference = float(np.hypot(*(velocity[older] - velocity[younger])))
            speed = max(float(np.hypot(*velocity[older])), float(np.hypot(*velocity[younger])))
            if difference > _SAME_SPEED * speed + 5.0 * tracks.scale:
                continue
            smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
            if across > 0 and down > 0 and across * down > 0.3 * smaller:
                stay[younger] = False
    tracks.keep(stay)
