"""The compiled way from levelled sound at 48 kHz to spikes: membrane, hair cells, bushy cells, a millisecond at a time.

A group of sixteen places goes through all of it before the next one does, so that what it needs stays close at hand.
Importing this module compiles it, where no earlier run has.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.cochlea import bushy_cells, hair_cells, membrane
from streamsnn.cochlea.bushy_cells import fire
from streamsnn.cochlea.hair_cells import release
from streamsnn.cochlea.membrane import BLOCK, ROW, vibrate
from streamsnn.compiled import compiled
from streamsnn.intrinsics import LANES, address, begin_flushing, end_flushing, int32s, lowest_bit
from streamsnn.types import Events


@compiled()
def hear(
    sound: NDArray[np.float32],
    strides: int,
    first: int,
    filters: NDArray[np.float32],
    vibrating: NDArray[np.float32],
    releasing: NDArray[np.float32],
    firing: NDArray[np.float32],
    keys: NDArray[np.uint32],
    work: NDArray[np.uint8],
    channels: int,
    ear: int,
    out: Events,
) -> int:
    """Take `strides` strides, number `first` and on, and write their spikes, in order of time, to `out`.

    Stride i ends with sample HISTORY + 2 i of `sound`. Of the arrays that hold coefficients, state and keys the first
    dimension is the group; `work` has `work_size` bytes. Returns how many spikes there are: at most one for every cell
    in every 25 strides begun, and none of the places that fill the last group up beyond `channels`. A spike of stride n
    is given the time at which its sound begins, n / 24 ms, in whole us.
    """
    groups, cells = firing.shape[0], firing.shape[1]
    mode = begin_flushing()
    velocity = address(work)
    spikes = velocity + ROW * BLOCK
    apart = 4 * groups * cells
    count = 0
    at = 0
    while at < strides:
        size = min(BLOCK, strides - at)
        for group in range(groups):
            vibrate(
                address(sound),
                membrane.HISTORY + 2 * at,
                size,
                address(filters) + ROW * membrane.FILTER_ROWS * group,
                address(vibrating) + ROW * membrane.STATE_ROWS * group,
                velocity,
            )
            release(velocity, size, address(releasing) + ROW * hair_cells.STATE_ROWS * group)
            for cell in range(cells):
                number = group * cells + cell
                fire(
                    velocity,
                    size,
                    first + at,
                    address(firing) + ROW * bushy_cells.STATE_ROWS * number,
                    address(keys) + ROW * number,
                    spikes + 4 * number,
                    apart,
                )
        words = int32s(spikes, size * groups * cells)
        for i in range(size):
            for number in range(groups * cells):
                left = np.uint64(words[i * groups * cells + number])
                # What fills the last group up hears nothing, but spikes as in silence.
                left &= (np.uint64(1) << np.uint64(min(channels - number // cells * LANES, LANES))) - np.uint64(1)
                while left != 0:
                    event = out[count]
                    event.t = (first + at + i) * 125 // 3
                    event.x = number // cells * LANES + lowest_bit(left)
                    event.y = ear
                    event.p = True
                    left &= left - np.uint64(1)
                    count += 1
        at += size
    end_flushing(mode)
    return count
