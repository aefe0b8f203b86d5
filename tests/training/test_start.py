"""A training that starts from a model does at first what the model does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Linear, NetworkSpec
from streamsnn.modelfolder import save_model
from streamsnn.sequence import SequenceNetwork
from streamsnn.training.config import Config
from streamsnn.training.start import start_from


@pytest.fixture
def spec(config: Config) -> NetworkSpec:
    return config.spec(("left", "right"))


def inputs(spec: NetworkSpec, seed: int) -> torch.Tensor:
    """Counts of events in 12 steps of 30 recordings."""
    grid = spec.card.input
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.poisson(0.5, (12, 30, grid.channels, grid.height, grid.width)).astype(np.float32))


def learned(spec: NetworkSpec, folder: Path) -> SequenceNetwork:
    """A network with other numbers than those it was drawn with, also as a model folder."""
    network = SequenceNetwork(spec, seed=1)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    network.train()
    network(inputs(spec, 2))
    save_model(folder, spec, network.export())
    return network.eval()


@pytest.mark.parametrize("centre", [True, False])
def test_it_gives_what_the_model_gives(spec: NetworkSpec, tmp_path: Path, centre: bool) -> None:
    layers = tuple(
        (name, dataclasses.replace(layer, centre=centre) if isinstance(layer, Linear) else layer)
        for name, layer in spec.layers
    )
    spec = dataclasses.replace(spec, layers=layers)
    model = learned(spec, tmp_path / "model")
    new = SequenceNetwork(spec, seed=9)
    seen = inputs(spec, 3)
    names = start_from(new, str(tmp_path / "model"), seen)
    assert set(names) == {name for name, layer in spec.layers if layer.type in ("linear", "neurons")}
    with torch.no_grad():
        assert torch.allclose(new.eval()(seen), model(seen), atol=1e-5)
    # The norms are live: they learn on, and a batch like the first is normalised to nearly the same.
    new.train()
    assert not torch.equal(new(inputs(spec, 4)), new(inputs(spec, 3)))


def test_layers_of_another_size_stay_as_they_were_drawn(spec: NetworkSpec, tmp_path: Path) -> None:
    learned(spec, tmp_path / "model")
    card = dataclasses.replace(spec.card, labels=("left", "right", "up"))
    layers = tuple(
        (name, dataclasses.replace(layer, outputs=3) if isinstance(layer, Linear) and layer.outputs == 2 else layer)
        for name, layer in spec.layers
    )
    wider = NetworkSpec(card, layers)
    new, drawn = SequenceNetwork(wider, seed=9), SequenceNetwork(wider, seed=9)
    names = start_from(new, str(tmp_path / "model"), inputs(wider, 3))
    last = wider.layers[-1][0]
    assert last not in names
    assert len(names) >= 2
    assert np.array_equal(new.export()[f"{last}.weight"], drawn.export()[f"{last}.weight"])


def test_what_cannot_be_started_from_is_refused(spec: NetworkSpec, tmp_path: Path) -> None:
    learned(spec, tmp_path / "model")
    renamed = dataclasses.replace(spec, layers=tuple((f"my-{name}", layer) for name, layer in spec.layers))
    with pytest.raises(StreamsnnError, match="No layer"):
        start_from(SequenceNetwork(renamed), str(tmp_path / "model"), inputs(spec, 3))
    slower = dataclasses.replace(spec, card=dataclasses.replace(spec.card, step_us=2 * spec.card.step_us))
    with pytest.raises(StreamsnnError, match="steps of"):
        start_from(SequenceNetwork(slower), str(tmp_path / "model"), inputs(spec, 3))
    with pytest.raises(StreamsnnError):
        start_from(SequenceNetwork(spec), str(tmp_path / "nowhere"), inputs(spec, 3))
