"""recipes/shd-brf.toml is the network and the training of the paper, and trains from files in SHD's layout."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from spike_files import write_spike_file

from streamsnn.cli import main
from streamsnn.layers import Layer, Linear, NetworkSpec
from streamsnn.modelfolder import load_model
from streamsnn.network import Network
from streamsnn.sequence import SequenceNetwork
from streamsnn.training.batches import Batch
from streamsnn.training.config import load_config
from streamsnn.training.objective import loss, running_evidence
from streamsnn.training.optimiser import make_optimiser, set_rates

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "shd-brf.toml"
LABELS = tuple(map(str, range(20)))


def weights_of(arrays: dict[str, np.ndarray], inputs: int) -> dict[str, np.ndarray]:
    joint = arrays["hidden_linear_weight"]
    return {
        "in.weight": joint[:, :inputs],
        "hidden.recurrent_weight": joint[:, inputs:],
        "hidden.omega": arrays["hidden_omega"],
        "hidden.b_offset": arrays["hidden_b_offset"],
        "out.weight": arrays["out_linear_weight"],
        "readout.tau": arrays["out_tau_mem"],
    }


def test_the_network_has_the_papers_sizes() -> None:
    config = load_config(RECIPE)
    spec = config.spec(LABELS)
    assert spec.shapes() == [(128,), (128,), (20,), (20,)]
    assert spec.card.input.size == 700
    assert config.data.duration_ms * 1000 / config.model.step_us == 250
    start = SequenceNetwork(spec, seed=3).export()
    assert Network(spec, start).parameter_count == 108_820
    for name, (low, high) in {
        "hidden.omega": (5, 10),
        "hidden.b_offset": (2, 3),
        "in.weight": (-np.sqrt(6 / 956), np.sqrt(6 / 956)),
        "hidden.recurrent_weight": (-np.sqrt(6 / 956), np.sqrt(6 / 956)),
        "out.weight": (-np.sqrt(6 / 148), np.sqrt(6 / 148)),
    }.items():
        assert start[name].min() == pytest.approx(low, abs=0.03 * (high - low)), name
        assert start[name].max() == pytest.approx(high, abs=0.03 * (high - low)), name
    assert np.mean(start["readout.tau"]) == pytest.approx(20, abs=5)
    assert np.std(start["readout.tau"]) == pytest.approx(5, abs=2)


def test_the_training_is_the_papers() -> None:
    config = load_config(RECIPE)
    training = config.training
    assert (training.epochs, training.batch, training.clip_norm, training.average) == (20, 32, 0, 0)
    network = SequenceNetwork(config.spec(LABELS))
    optimiser = make_optimiser(network, training)
    assert sum(len(group["params"]) for group in optimiser.param_groups) == 6
    for done in (0.0, 0.25, 1.0):
        set_rates(optimiser, done, training)
        assert {group["lr"] for group in optimiser.param_groups} == {0.075 * (1 - done)}
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.0}


def test_the_trained_network_of_the_authors_is_reproduced(golden: Path) -> None:
    with np.load(golden / "brf_rsnn__trained_shd_synthetic_input.npz", allow_pickle=False) as file:
        arrays = dict(file)
    config = load_config(RECIPE)
    spec = config.spec(LABELS)
    network = Network(spec, weights_of(arrays, 700))
    assert arrays["x"].shape == (250, 4, 700)
    for b in range(arrays["x"].shape[1]):
        state = network.initial_state()
        scores = []
        for x, z in zip(arrays["x"][:, b], arrays["z"][:, b], strict=True):
            output = network.step_dense(x, state)
            np.testing.assert_array_equal(output.spikes["hidden"], np.flatnonzero(z))
            scores.append(output.scores.copy())
        scale = np.abs(arrays["readout_u_all"]).max()
        np.testing.assert_allclose(scores, arrays["readout_u_all"][:, b], rtol=0, atol=1e-4 * scale)
        held = running_evidence(torch.from_numpy(np.array(scores))[:, None], config.readout, config.model.step_us)
        assert int(held[-1].argmax()) == arrays["prediction"][b]


def test_the_loss_is_that_of_the_authors(golden: Path) -> None:
    """On the small network that there is a loss for: the recipe's layers, in other sizes."""
    with np.load(golden / "brf_rsnn__small_shd_init.npz", allow_pickle=False) as file:
        arrays = dict(file)
    config = load_config(RECIPE)
    hidden, classes = arrays["out_linear_weight"].shape[::-1]
    inputs = arrays["x"].shape[2]
    sizes = {"in": hidden, "out": classes}
    layers: tuple[tuple[str, Layer], ...] = tuple(
        (name, dataclasses.replace(layer, outputs=sizes[name]) if isinstance(layer, Linear) else layer)
        for name, layer in config.layers
    )
    card = config.spec(LABELS).card
    card = dataclasses.replace(
        card, labels=LABELS[:classes], input=dataclasses.replace(card.input, width=inputs, height=1)
    )
    network = SequenceNetwork(NetworkSpec(card, layers).exported()).double()
    network.load(weights_of(arrays, inputs))
    x = torch.from_numpy(arrays["x"].astype(np.float64))
    scores = network(x.reshape(*x.shape[:2], 1, 1, inputs))
    steps, count = x.shape[:2]
    batch = Batch(np.zeros((steps, count, 1, 1, 1), np.float32), arrays["target"], np.full(count, steps), ((),) * count)
    found = loss(scores, torch.zeros_like(scores), batch, config.objective, config.model.step_us)
    assert float(found.detach()) == pytest.approx(float(arrays["loss"]), rel=1e-9)
    found.backward()  # type: ignore[no-untyped-call]
    gradient = dict(network.named_parameters())["layers.hidden.parameters_by_name.omega"].grad
    assert gradient is not None
    np.testing.assert_allclose(gradient.numpy(), arrays["grad_hidden_omega"], rtol=1e-5)


def test_it_trains_from_files_in_the_layout_of_shd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shd").mkdir()
    # In an order that is neither the alphabet's nor its inverse.
    keys = [f"{digit} {language}" for language in ("de", "en") for digit in (3, 0, 1, 2, 9, 4, 5, 8, 6, 7)]
    labels = [number % 20 for number in range(100)]
    speakers = [number // 50 for number in range(100)]
    write_spike_file(tmp_path / "shd" / "shd_train.h5", labels, speakers, keys, spikes=3000)
    write_spike_file(tmp_path / "shd" / "shd_test.h5", labels[:40], [7] * 40, keys, spikes=3000, seed=1)
    text = RECIPE.read_text().replace("../shd/", "shd/").replace("holdout = 0.1", "holdout = 0.2")
    # The set is a hundredth of the real one: smaller batches make more of it.
    (tmp_path / "shd.toml").write_text(text.replace("batch = 32", "batch = 8").replace("epochs = 20", "epochs = 4"))
    assert main(["train", "shd.toml", "--out", "shd-brf"]) == 0
    model = load_model("shd-brf")
    assert model.card.labels == tuple(keys), "in the order of the file's labels"
    assert model.card.step_us == 4000
    assert model.parameter_count == 108_820
    assert {path.name for path in (tmp_path / "shd-brf").iterdir()} >= {"README.md", "recipe.toml", "held-out.csv"}
    assert "weight_range" not in (tmp_path / "shd-brf" / "model.toml").read_text()
    told = (tmp_path / "shd-brf" / "README.md").read_text()
    command = next(line for line in told.splitlines() if line.startswith("    streamsnn evaluate")).split()
    assert command[-2:] == ["--duration", "1000ms"]
    capsys.readouterr()
    assert main([*command[1:], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 20
    assert found["accuracy"] == model.card.figures["accuracy"], "streamed from the file as from memory"
    assert found["anytime"]["t_ms"][-1] == 1000, "shorter samples are followed by silence, longer ones are cut"
    assert main(["evaluate", "shd/shd_test.h5", "--model", "./shd-brf", "--duration", "1s", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n"] == 40
    assert found["accuracy"] >= 0.3, "of twenty classes, of which chance finds a twentieth"


def test_speakers_are_held_out_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shd").mkdir()
    labels = [number % 20 for number in range(60)]
    write_spike_file(
        tmp_path / "shd" / "shd_train.h5", labels, [number // 20 for number in range(60)], list(map(str, range(20)))
    )
    text = RECIPE.read_text().replace("../shd/", "shd/").replace("epochs = 20", "epochs = 1")
    (tmp_path / "shd.toml").write_text(text.replace("holdout = 0.1", 'held_out_speakers = ["1"]'))
    assert main(["train", "shd.toml", "--out", "shd-brf"]) == 0
    rows = (tmp_path / "shd-brf" / "held-out.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [f"shd_train.h5#{number}" for number in range(20, 40)]
    assert "20 recordings (speakers 1)" in (tmp_path / "shd-brf" / "README.md").read_text()
