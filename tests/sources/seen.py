"""What of a scene can be told from its pixels."""

from __future__ import annotations

import numpy as np


def centre(log_intensity: np.ndarray) -> tuple[float, float]:
    """Centre of what is darker than paper: x, y."""
    ink = 1.0 - np.exp(log_intensity)
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    return float((x * ink).sum() / ink.sum()), float((y * ink).sum() / ink.sum())
