"""Layers: their shapes, and what is left of them on export."""

from __future__ import annotations

import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.neurons import LI, LIF
from streamsnn.types import InputSpec, ModelCard

CARD = ModelCard("x", ("a", "b"), 1000, InputSpec(10, 6), 1000)


def spec(*layers: Layer) -> NetworkSpec:
    return NetworkSpec(CARD, tuple((f"l{i}", layer) for i, layer in enumerate(layers)))


def test_shapes() -> None:
    network = spec(
        Conv2d(3, 3, stride=2, padding=1), AveragePool(2), Flatten(), Linear(4), Population(LIF()), Linear(2)
    )
    assert network.shapes() == [(3, 3, 5), (3, 1, 2), (6,), (4,), (4,), (2,)]
    assert network.parameter_shapes() == {"l0.weight": (3, 2, 3, 3), "l3.weight": (4, 6), "l5.weight": (2, 4)}


@pytest.mark.parametrize(
    ("layers", "match"),
    [
        ((), "no layers"),
        ((Linear(3),), r"gives \(3,\) scores for 2 labels"),
        ((Linear(4), Conv2d(2, 3), Linear(2)), "needs channels x height x width"),
        ((Conv2d(2, 7), Linear(2)), "nothing is left of 6x10"),
        ((Conv2d(2, 0), Linear(2)), "kernel is too small"),
        ((Population(LIF(recurrent=True)), Linear(2)), "recurrence is for flat layers|recurrent lif layer"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...], match: str) -> None:
    with pytest.raises(StreamsnnError, match=match):
        spec(*layers).parameter_shapes()


def test_names_are_unique() -> None:
    with pytest.raises(StreamsnnError, match="two layers are named 'a'"):
        NetworkSpec(CARD, (("a", Linear(3)), ("a", Linear(2))))


def test_export_drops_what_only_training_needs() -> None:
    scaled = Linear(4, batch_norm=True, centre=False)
    network = spec(Conv2d(3, 3, batch_norm=True), Dropout(0.5), scaled, Linear(2), Population(LI())).exported()
    assert [layer for _, layer in network.layers] == [
        Conv2d(3, 3, bias=True),
        Linear(4),
        Linear(2),
        Population(LI()),
    ]
