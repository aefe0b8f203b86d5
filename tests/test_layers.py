"""Layers: their shapes, and their spelling in TOML."""

from __future__ import annotations

from typing import Any

import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.layers import (
    AveragePool,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    NetworkSpec,
    Population,
    layers_from_tables,
    layers_to_tables,
)
from streamsnn.neurons import ALIF, FAMILIES, LI, LIF, ParaLIF, Resonator, SlidingPSN
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


def test_toml_round_trip() -> None:
    layers: list[tuple[str, Layer]] = [
        ("c", Conv2d(3, 3, batch_norm=True, centre=False)),
        ("p", AveragePool(2)),
        ("d", Dropout(0.1)),
        ("f", Flatten()),
        *((f"n{i}", Population(family())) for i, family in enumerate(FAMILIES.values())),
        ("t", Population(ParaLIF(kind="TRD", tau_syn_ms=None, threshold=0.3, recurrent=True))),
        ("r", Population(Resonator("rf", omega_range=(1.0, 2.0)))),
        ("s", Population(LIF(v_reset=None, tau_ms=4.0))),
        ("k", Population(SlidingPSN(3))),
        ("o", Linear(2, bias=True)),
    ]
    assert layers_from_tables(layers_to_tables(layers), "here") == tuple(layers)


@pytest.mark.parametrize(
    ("table", "match", "hint"),
    [
        ({"type": "liner", "outputs": 2}, "no type of layer 'liner'", "did you mean 'linear'?"),
        ({"type": "linear"}, "outputs is missing", "add outputs"),
        ({"type": "linear", "outputs": 2.5}, r"outputs is 2\.5", "type int"),
        ({"type": "linear", "outputs": True}, "outputs is True", "type int"),
        ({"type": "linear", "outputs": 2, "bais": True}, "no setting 'bais'", "did you mean 'bias'?"),
        ({"type": "neurons", "family": "slidingpsn"}, "no family of neurons", "did you mean 'sliding-psn'?"),
        ({"type": "neurons", "family": "paralif", "kind": "X"}, "'X'", "T"),
        ({"type": "neurons", "family": "lif", "tau": 0.5}, "too short", "tau > 1"),
        ({"type": "neurons", "family": "resonator", "omega_range": [1.0]}, "omega_range", "tuple"),
    ],
)
def test_wrong_tables_are_refused(table: dict[str, Any], match: str, hint: str) -> None:
    with pytest.raises(StreamsnnError, match=match) as caught:
        layers_from_tables([table], "model.toml")
    assert hint in caught.value.hint


def test_integers_serve_as_numbers_and_none_is_spelled() -> None:
    tables: list[dict[str, Any]] = [
        {"type": "neurons", "family": "lif", "tau": 3, "v_reset": "none"},
        {"type": "neurons", "family": "alif"},
    ]
    assert layers_from_tables(tables, "x") == (
        ("neurons0", Population(LIF(tau=3.0, v_reset=None))),
        ("neurons1", Population(ALIF())),
    )


def test_export_drops_what_only_training_needs() -> None:
    scaled = Linear(4, batch_norm=True, centre=False)
    network = spec(Conv2d(3, 3, batch_norm=True), Dropout(0.5), scaled, Linear(2), Population(LI())).exported()
    assert [layer for _, layer in network.layers] == [
        Conv2d(3, 3, bias=True),
        Linear(4),
        Linear(2),
        Population(LI()),
    ]
