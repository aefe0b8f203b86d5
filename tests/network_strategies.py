"""Random networks and inputs for tests of the step form."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons import LI, LIF, SlidingPSN
from streamsnn.types import InputSpec, ModelCard, Step

GRID = InputSpec(9, 7)
CARD = ModelCard("random", ("a", "b", "c"), 2000, GRID, 500_000)


def steps_of(frames: NDArray[np.float64]) -> list[Step]:
    """Frames (T, size) of counts as steps whose addresses repeat as often as they count."""
    return [Step(t, np.repeat(np.arange(f.size), f.astype(int)).astype(np.int32), 0) for t, f in enumerate(frames)]


_flat_layers: st.SearchStrategy[Layer] = st.one_of(
    st.builds(Linear, outputs=st.integers(1, 6), bias=st.booleans()),
    st.sampled_from([Population(LIF(v_threshold=0.3)), Population(SlidingPSN(3)), Population(LI()), Dropout(0.2)]),
)
_image_layers: st.SearchStrategy[Layer] = st.one_of(
    _flat_layers,
    st.builds(
        Conv2d,
        channels=st.sampled_from([1, 2, 9, 16]),
        kernel=st.integers(1, 4),
        stride=st.integers(1, 3),
        padding=st.integers(0, 2),
        bias=st.booleans(),
    ),
    st.sampled_from([AveragePool(2), Flatten()]),
)


@st.composite
def chains(draw: st.DrawFn) -> NetworkSpec:
    """Any order of layers that the shapes allow, from none but the last to six."""
    layers: list[tuple[str, Layer]] = []
    card = dataclasses.replace(CARD, input=InputSpec(5, 4))
    flat = False
    for number in range(draw(st.integers(0, 5))):
        layer = draw(_flat_layers if flat else _image_layers)
        layers.append((f"l{number}", layer))
        try:
            NetworkSpec(card, (*layers, ("end", Linear(3))))
        except StreamsnnError:
            layers.pop()
            continue
        flat = flat or isinstance(layer, Linear | Flatten)
    layers.append(("end", Linear(3)))
    end = draw(st.sampled_from([None, Population(LI()), Population(LIF(v_threshold=0.3))]))
    return NetworkSpec(card, tuple(layers) if end is None else (*layers, ("last", end)))
