"""Layers and their spelling in TOML: there and back, and what is wrong is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Layer, Linear, Population
from streamsnn.neurons import ALIF, FAMILIES, LIF, ParaLIF, Resonator, SlidingPSN
from streamsnn.tables import hearing_from_table, hearing_to_table, layers_from_tables, layers_to_tables
from streamsnn.types import DeltaHearing, Hearing, InputSpec


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


def test_hearings_round_trip_and_name_their_encoder() -> None:
    grid = InputSpec(16, 1, kind="audio")
    for hearing in (Hearing(channels=16, cells=2), DeltaHearing(channels=16, step_db=2.0)):
        assert hearing_from_table(hearing_to_table(hearing), grid, "here") == hearing
    assert hearing_from_table({"channels": 16}, grid, "here") == Hearing(channels=16)
    assert hearing_from_table({"channels": 16, "encoder": "delta"}, grid, "here") == DeltaHearing(channels=16)


@pytest.mark.parametrize(
    ("table", "match", "hint"),
    [
        ({"encoder": "detla"}, "no encoder 'detla'", "did you mean 'delta'?"),
        ({"encoder": "delta", "cells": 5}, "no setting 'cells'", "channels"),
        ({"encoder": "delta", "channels": 15}, "15 channels do not fit an input of 16 columns", "audio"),
        ({"channels": 16, "step_db": 3.0}, "no setting 'step_db'", "channels"),
    ],
)
def test_wrong_hearings_are_refused(table: dict[str, Any], match: str, hint: str) -> None:
    with pytest.raises(StreamsnnError, match=match) as caught:
        hearing_from_table(table, InputSpec(16, 1, kind="audio"), "model.toml, [hearing]")
    assert hint in caught.value.hint
