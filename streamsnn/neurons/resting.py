"""When neurons may sleep: once nothing in their state matters any more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled

REST = 1e-30
"""Below this magnitude a variable that decays to zero is zero: no threshold is so near."""


@compiled()
def at_rest(s: NDArray[np.floating]) -> bool:
    """Whether all of `s` lies below `REST`; if so it is zero afterwards. The first variable that does not ends it."""
    for i in range(s.size):
        if abs(s[i]) >= REST:
            return False
    s[:] = 0
    return True
