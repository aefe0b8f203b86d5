"""What keeps a step as fast in silence as in noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled


@compiled()
def flush(s: NDArray[np.float32]) -> None:
    """Set to 0 what has decayed so far that arithmetic on it would soon be slow (denormal) and never matter."""
    for i in range(s.size):
        if abs(s[i]) < 1e-30:
            s[i] = 0
