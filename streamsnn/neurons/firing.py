"""From membranes to the list of those that fired."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled


@compiled()
def take_fired(x: NDArray[np.float64], theta: float, fired: NDArray[np.int32], count: int, first: int) -> int:
    """Append `first` + i to `fired` for each x[i] > theta, and clear x; returns the new `count` of `fired`."""
    hot = 0
    for i in range(x.size):
        hot += x[i] > theta
    if hot > 0:
        for i in range(x.size):
            # Written always and counted sometimes: there is no branch to guess wrong.
            if count < fired.size:
                fired[count] = first + i
            count += x[i] > theta
    x[:] = 0
    return count


@compiled()
def take_reaching(x: NDArray[np.float64], theta: float, fired: NDArray[np.int32], count: int, first: int) -> int:
    """`take_fired` for x[i] >= theta."""
    hot = 0
    for i in range(x.size):
        hot += x[i] >= theta
    if hot > 0:
        for i in range(x.size):
            if count < fired.size:
                fired[count] = first + i
            count += x[i] >= theta
    x[:] = 0
    return count
