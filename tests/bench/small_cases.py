"""Networks like those that are compared, but tiny."""

from __future__ import annotations

import numpy as np

from streamsnn.bench.networks import Case
from streamsnn.layers import Conv2d, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons import LIF, SlidingPSN
from streamsnn.types import InputSpec, ModelCard


def small_case(*layers: tuple[str, Layer], grid: InputSpec | None = None, seed: int = 0) -> Case:
    """Three classes, normal weights."""
    chosen = layers or (
        ("synapses", Linear(8)),
        ("hidden", Population(LIF(recurrent=True))),
        ("output", Linear(3)),
    )
    grid = grid or InputSpec(12, 1, polarity="merge", value="binary", kind="audio")
    spec = NetworkSpec(ModelCard("small", ("a", "b", "c"), 1000, grid, 10_000), chosen)
    rng = np.random.default_rng(seed)
    weights = {
        name: np.asarray(rng.normal(0.0, 1.0, shape), np.float32) for name, shape in spec.parameter_shapes().items()
    }
    images = any(isinstance(layer, Conv2d) for _, layer in chosen)
    return Case("small", "a small one", "convolutional" if images else "full", spec, weights)


def small_images() -> Case:
    """One convolution over 2 x 6 x 6, sliding PSN."""
    return small_case(
        ("conv", Conv2d(4, 3, stride=2, padding=1)),
        ("hidden", Population(SlidingPSN(3))),
        ("output", Linear(3)),
        grid=InputSpec(6, 6),
    )
