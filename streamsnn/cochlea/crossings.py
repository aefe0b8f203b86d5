"""The compiled way from sound to level crossings: gammatone energies, and an event wherever one crosses a level.

Levels lie `step_db` apart. A channel that stands at one rises when the next one above is reached, with an ON event, and
falls when it drops below the next one under it, with an OFF event: level-crossing sampling with a hysteresis of a whole
step (Sayiner, Sorensen, Viswanathan 1996, "A level-crossing sampling scheme for A/D conversion"). As levels are of the
logarithm, another gain moves all of them alike; below the lowest one, all is silence.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea import gammatone
from streamsnn.cochlea.gammatone import HOPS_A_SECOND, ROW, resound
from streamsnn.compiled import compiled
from streamsnn.intrinsics import address, begin_flushing, end_flushing
from streamsnn.types import Events

_HOP_US = 1_000_000 // HOPS_A_SECOND


@compiled()
def cross(
    sound: NDArray[np.float32],
    first: int,
    hop: int,
    rate_hz: int,
    smooth: np.float32,
    filters: NDArray[np.float32],
    state: NDArray[np.float32],
    energies: NDArray[np.float32],
    levels: NDArray[np.float32],
    stands: NDArray[np.int64],
    ear: int,
    out: Events,
) -> int:
    """Take `sound`, number `first` and on of its stream, and write the events of its hops, `hop` and on, to `out`.

    `levels` (channels, n) are the energies to cross, and `stands` (channels,) where each channel stands; `energies` has
    room for a row a hop. Returns how many events there are. An event of hop h has the time at which that begins.
    """
    mode = begin_flushing()
    for group in range(filters.shape[0]):
        resound(
            address(sound),
            sound.size,
            first,
            hop,
            rate_hz,
            smooth,
            address(filters) + ROW * gammatone.FILTER_ROWS * group,
            address(state) + ROW * gammatone.STATE_ROWS * group,
            address(energies) + ROW * group,
            ROW * filters.shape[0],
        )
    end_flushing(mode)
    hops = (first + sound.size) * HOPS_A_SECOND // rate_hz - hop
    count = 0
    top = levels.shape[1] - 1
    for h in range(hops):
        for channel in range(levels.shape[0]):
            energy, at = energies[h, channel], stands[channel]
            rising = at < top and energy >= levels[channel, at + 1]
            while (rising and at < top and energy >= levels[channel, at + 1]) or (
                not rising and at > 0 and energy < levels[channel, at - 1]
            ):
                at += 1 if rising else -1
                event = out[count]
                event.t = (hop + h) * _HOP_US
                event.x = channel
                event.y = ear
                event.p = rising
                count += 1
            stands[channel] = at
    return count
