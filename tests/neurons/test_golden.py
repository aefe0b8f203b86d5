"""Both forms of every neuron against numbers computed by the official implementations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Layer, Linear, NetworkSpec, Population
from streamsnn.network import Network, population
from streamsnn.neurons import (
    ALIF,
    LI,
    LIF,
    PSN,
    CubaLIF,
    DoubleLeakyIntegrator,
    MaskedPSN,
    ParaLIF,
    Resonator,
    SlidingPSN,
)
from streamsnn.neurons.base import Neuron
from streamsnn.sequence import SequenceNetwork
from streamsnn.types import InputSpec, ModelCard

Arrays = Mapping[str, NDArray[Any]]
Case = tuple[Arrays, dict[str, Any]]

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "golden"
NO_SEEDS = np.zeros(64, np.int64)


def _names(*prefixes: str) -> list[str]:
    names = sorted(path.stem for path in FOLDER.glob("*.npz"))
    return [name for name in names if name.startswith(prefixes)]


def _load(golden: Path, name: str) -> Case:
    meta = json.loads((golden / "manifest.json").read_text())["files"]
    entry = meta.get(name) or meta[f"{name}.npz"]
    with np.load(golden / f"{name}.npz", allow_pickle=False) as file:
        return dict(file), entry["meta"]


def _close(ours: Any, theirs: Any, tolerance: float) -> None:
    """Equal within `tolerance`, which is absolute up to 1 and relative to the largest magnitude beyond."""
    scale = max(1.0, float(np.nanmax(np.abs(theirs), initial=0.0)))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


def _tensor(array: Any, grad: bool = False) -> torch.Tensor:
    return torch.tensor(np.asarray(array, np.float64), requires_grad=grad)


def _card(width: int, labels: int, step_us: int = 1000) -> ModelCard:
    grid = InputSpec(width, 1, polarity="merge", value="count")
    return ModelCard("golden", tuple(map(str, range(labels))), step_us, grid, 1_000_000)


def _stream(network: Network, x: NDArray[Any], look: Callable[[Any, Any], Any]) -> NDArray[Any]:
    """What `look(state, output)` sees after every step of each stream: x (T, B, N) -> (T, B, ...)."""
    seen = []
    for b in range(x.shape[1]):
        state = network.initial_state()
        seen.append([np.array(look(state, network.step_dense(row, state))) for row in x[:, b]])
    return np.swapaxes(np.array(seen), 0, 1)


def _dense(network: Network, x: NDArray[Any], layer: str = "neurons") -> NDArray[Any]:
    """The spikes (T, B, N) of a population of `network` streamed over x (T, B, N)."""
    size = network.spec.shapes()[[name for name, _ in network.spec.layers].index(layer)][0]

    def look(state: Any, output: Any) -> NDArray[Any]:
        spikes = np.zeros(size, np.uint8)
        spikes[output.spikes[layer]] = 1
        return spikes

    return _stream(network, x, look)


def _gradients(loss: torch.Tensor, named: Mapping[str, torch.Tensor], arrays: Arrays, tolerance: float) -> None:
    loss.backward()  # type: ignore[no-untyped-call]
    assert {f"grad_{name}" for name in named} >= {name for name in arrays if name.startswith("grad_")}
    for name, tensor in named.items():
        if f"grad_{name}" in arrays:
            assert tensor.grad is not None
            _close(tensor.grad.numpy(), arrays[f"grad_{name}"], tolerance)


COVERED = (
    "sliding_psn",
    "masked_psn",
    "psn_",
    "lif_",
    "plif_",
    "brf_",
    "rf_",
    "hrf_",
    "alif_",
    "li_",
    "paralif_ff",
    "paralif_rec",
    "paralif_net",
)


def test_every_vector_has_a_test(golden: Path) -> None:
    names = sorted(path.stem for path in golden.glob("*.npz"))
    assert len(names) >= 68
    assert [name for name in names if not name.startswith(COVERED)] == []


@pytest.mark.parametrize("name", _names("sliding_psn"))
def test_sliding_psn(golden: Path, name: str) -> None:
    arrays, _ = _load(golden, name)
    neuron = SlidingPSN(arrays["weight"].size)
    p = {key: _tensor(arrays[key], grad=True) for key in ("weight", "bias")}
    x = _tensor(arrays["x"], grad=True)
    _close(neuron.membrane(x, p).detach(), arrays["h_plus_bias"], 1e-9)
    spikes = neuron.sequence(x, p, 1.0, NO_SEEDS)
    np.testing.assert_array_equal(spikes.detach(), arrays["spike_multi"])
    _gradients((_tensor(arrays["loss_weight"]) * spikes).sum(), p | {"x": x}, arrays, 1e-9)
    network = population(neuron, arrays["x"].shape[2], {key: arrays[key] for key in p})
    np.testing.assert_array_equal(_dense(network, arrays["x"]), arrays["spike_single"])
    current = _stream(network, arrays["x"], lambda state, _: state.membrane("neurons"))
    _close(current, arrays["h_plus_bias_single"], 1e-4)


@pytest.mark.parametrize("name", _names("masked_psn"))
def test_masked_psn(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    neuron = MaskedPSN(meta["k"], meta["T"], meta["lambda_"])
    p = {key: _tensor(arrays[key], grad=True) for key in ("weight", "bias")}
    x = _tensor(arrays["x"], grad=True)
    _close(neuron.membrane(x, p).detach(), arrays["h_plus_bias"], 1e-9)
    spikes = neuron.sequence(x, p, 1.0, NO_SEEDS)
    np.testing.assert_array_equal(spikes.detach(), arrays["spike_multi"])
    _gradients((_tensor(arrays["loss_weight"]) * spikes).sum(), p | {"x": x}, arrays, 1e-9)
    parameters = {key: arrays[key] for key in p}
    if meta["lambda_"] != 1:
        with pytest.raises(StreamsnnError, match="future"):
            population(neuron, 6, parameters)
        return
    network = population(neuron, arrays["x"].shape[2], parameters)
    np.testing.assert_array_equal(_dense(network, arrays["x"]), arrays["spike_single"])


@pytest.mark.parametrize("name", _names("psn_"))
def test_psn_is_a_reference_that_cannot_stream(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    neuron = PSN(meta["T"])
    p = {key: _tensor(arrays[key]) for key in ("weight", "bias")}
    _close(neuron.membrane(_tensor(arrays["x"]), p), arrays["h_plus_bias"], 1e-9)
    np.testing.assert_array_equal(neuron.sequence(_tensor(arrays["x"]), p, 1.0, NO_SEEDS), arrays["spike_multi"])
    with pytest.raises(StreamsnnError, match="future"):
        population(neuron, 6, {key: arrays[key] for key in p})


@pytest.mark.parametrize("name", _names("lif_", "plif_"))
def test_lif_and_plif(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    neuron = LIF(
        tau=meta["tau"],
        v_threshold=meta["v_threshold"],
        v_reset=meta["v_reset"],
        decay_input=meta["decay_input"],
        detach_reset=meta["detach_reset"],
        learn_tau=meta["family"] == "PLIF",
    )
    raw = {"w": arrays.get("w", -np.log(meta["tau"] - 1))} if neuron.learn_tau else {}
    p = {key: _tensor(value, grad=True) for key, value in raw.items()}
    x = _tensor(arrays["x"], grad=True)
    trace = {key: torch.stack(values) for key, values in neuron.trace(x, p, 1.0).items()}
    np.testing.assert_array_equal(trace["z"].detach(), arrays["spike"])
    _close(trace["v"].detach(), arrays["v_after_reset"], 1e-9)
    if "h_before_reset" in arrays:
        _close(trace["h"].detach(), arrays["h_before_reset"], 1e-9)
    if "loss_weight" in arrays:
        _gradients((_tensor(arrays["loss_weight"]) * trace["z"]).sum(), p | {"x": x}, arrays, 1e-9)
    network = population(neuron, arrays["x"].shape[2], raw)
    np.testing.assert_array_equal(_dense(network, arrays["x"]), arrays["spike"])
    _close(_stream(network, arrays["x"], lambda state, _: state.membrane("neurons")), arrays["v_after_reset"], 1e-4)


@pytest.mark.parametrize("name", _names("brf_cell", "rf_cell", "hrf_cell"))
def test_resonators(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    model = {"BRFCell": "brf", "RFCell": "rf", "HRFCell": "hrf"}[meta["family"]]
    neuron = Resonator(model, dt_s=meta["dt"])  # type: ignore[arg-type]
    p = {key: _tensor(arrays[key]) for key in ("omega", "b_offset")}
    size = arrays["omega"].size
    parameters = {key: arrays[key] for key in p}
    if "nan" in name:
        with pytest.raises(StreamsnnError, match="above 100"):
            neuron.trace(_tensor(arrays["input_current"]), p)
        with pytest.raises(StreamsnnError, match="above 100"):
            population(neuron, size, parameters)
        # The neurons that do have a boundary still answer as published.
        slow = np.abs(arrays["omega"]) <= 100
        assert slow.any()
        assert not slow.all()
        arrays = {key: value[..., slow] for key, value in arrays.items() if value.shape[-1] == size}
        p = {key: _tensor(arrays[key]) for key in p}
        parameters, size = {key: arrays[key] for key in p}, int(slow.sum())
    trace = {key: torch.stack(values) for key, values in neuron.trace(_tensor(arrays["input_current"]), p).items()}
    np.testing.assert_array_equal(trace["z"], arrays["z"])
    for key in ("u", "v", "q"):
        if key in arrays:
            _close(trace[key], arrays[key], 1e-9)
    network = population(neuron, size, parameters)
    np.testing.assert_array_equal(_dense(network, arrays["input_current"]), arrays["z"])
    variables = _stream(network, arrays["input_current"], lambda state, _: state.variables("neurons"))
    for row, key in enumerate(("u", "v", "q")):
        if key in arrays:
            _close(variables[:, :, row], arrays[key], 1e-4)


def test_alif(golden: Path) -> None:
    for name in _names("alif_cell"):
        arrays, _ = _load(golden, name)
        p = {key: _tensor(arrays[key]) for key in ("tau_mem", "tau_adp")}
        trace = {key: torch.stack(value) for key, value in ALIF().trace(_tensor(arrays["input_current"]), p).items()}
        np.testing.assert_array_equal(trace["z"], arrays["z"])
        for key in ("u", "a"):
            _close(trace[key], arrays[key], 1e-9)
        network = population(ALIF(), arrays["tau_mem"].size, {key: arrays[key] for key in p})
        np.testing.assert_array_equal(_dense(network, arrays["input_current"]), arrays["z"])
        variables = _stream(network, arrays["input_current"], lambda state, _: state.variables("neurons"))
        _close(variables[:, :, 0], arrays["u"], 1e-4)
        _close(variables[:, :, 1], arrays["a"], 1e-4)


def test_li(golden: Path) -> None:
    for name in _names("li_cell"):
        arrays, _ = _load(golden, name)
        p = {"tau": _tensor(arrays["tau_mem"])}
        _close(LI().sequence(_tensor(arrays["input_current"]), p, 1.0, NO_SEEDS), arrays["u"], 1e-9)
        network = population(LI(), arrays["tau_mem"].size, {"tau": arrays["tau_mem"]})
        _close(_stream(network, arrays["input_current"], lambda _, output: output.scores), arrays["u"], 1e-4)


@pytest.mark.parametrize("name", _names("paralif_ff", "paralif_rec"))
def test_paralif(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    wraps = "WRAPAROUND" in name
    form = "sequential" if wraps else "parallel"
    neuron = ParaLIF(
        kind=meta["mode"],
        tau_mem_ms=1000 * meta["tau_mem_s"],
        tau_syn_ms=None if meta["tau_syn_s"] is None else 1000 * meta["tau_syn_s"],
        learn_tau=meta["learn_tau"],
        recurrent=meta["recurrent"],
        hidden="spikes" if meta["recurrent_fire"] in (True, None) else "relu",
        surrogate={"fastsig": "fast-sigmoid", "atan": "arctan"}[meta["surrogate"]["mode"]],  # type: ignore[arg-type]
        surrogate_scale=meta["surrogate"]["scale"],
    )
    keys = {"threshold": "threshold", "alpha_raw": "alpha_raw", "beta_raw": "beta_raw"}
    keys |= {"recurrent_weight": "W_rec", "recurrent_bias": "b_rec"}
    raw = {ours: arrays[theirs] for ours, theirs in keys.items() if theirs in arrays}
    p = {ours: _tensor(value, grad=True) for ours, value in raw.items()}
    step_us = round(1e6 * meta["time_step_s"])
    x = _tensor(arrays["x"], grad=True)
    current = x.swapaxes(0, 1)
    u, hidden = neuron.membranes(current, p, step_us / 1000, NO_SEEDS)
    _close(u.detach().swapaxes(0, 1), arrays[f"u_{form}"], 1e-9)
    if hidden is not None and not wraps:
        _close(hidden.detach().swapaxes(0, 1), arrays["hidden_parallel"], 1e-9)
    spikes = neuron.sequence(current, p, step_us / 1000, NO_SEEDS).swapaxes(0, 1)
    np.testing.assert_array_equal(spikes.detach(), arrays[f"spike_{form}"])
    if not wraps:
        named = {"x": x} | {keys[key]: value for key, value in p.items()}
        _gradients((_tensor(arrays["loss_weight"]) * spikes).sum(), named, arrays, 1e-9)
    network = population(neuron, arrays["x"].shape[2], raw, step_us)
    steps_first = arrays["x"].swapaxes(0, 1)
    np.testing.assert_array_equal(_dense(network, steps_first).swapaxes(0, 1), arrays[f"spike_{form}"])
    membrane = _stream(network, steps_first, lambda state, _: state.membrane("neurons")).swapaxes(0, 1)
    _close(membrane, arrays[f"u_{form}"], 1e-4)


def _both_forms(spec: NetworkSpec, weights: dict[str, Any]) -> tuple[SequenceNetwork, Network]:
    sequence = SequenceNetwork(spec).double()
    sequence.load(weights)
    return sequence, Network(spec, weights)


@pytest.mark.parametrize("name", _names("brf_rsnn", "rf_rsnn"))
def test_resonator_networks(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    hidden, classes, inputs = meta["H"], meta["C"], meta["N_in"]
    model = "rf" if name.startswith("rf") else "brf"
    neuron = Resonator(model, recurrent=True)  # type: ignore[arg-type]
    layers: tuple[tuple[str, Layer], ...] = (
        ("in", Linear(hidden)),
        ("hidden", Population(neuron)),
        ("out", Linear(classes)),
        ("readout", Population(LI())),
    )
    joint = arrays["hidden_linear_weight"]
    weights = {
        "in.weight": joint[:, :inputs],
        "hidden.recurrent_weight": joint[:, inputs:],
        "hidden.omega": arrays["hidden_omega"],
        "hidden.b_offset": arrays["hidden_b_offset"],
        "out.weight": arrays["out_linear_weight"],
        "readout.tau": arrays["out_tau_mem"],
    }
    sequence, network = _both_forms(NetworkSpec(_card(inputs, classes), layers), weights)
    x = arrays["x"].reshape(*arrays["x"].shape[:2], inputs)
    scores = sequence(_tensor(x).reshape(*x.shape[:2], 1, 1, inputs))
    np.testing.assert_array_equal(sequence.spikes["hidden"].detach(), arrays["z"])
    tolerance = 1e-9 if "small" in name else 1e-6
    _close(scores.detach(), arrays["readout_u_all"], tolerance)
    outputs = scores[-1:] if meta["label_last"] else scores
    np.testing.assert_array_equal(outputs.mean(0).argmax(1), arrays["prediction"])
    assert int(sequence.spikes["hidden"].sum()) == int(arrays["num_spikes"])
    if "loss" in arrays:
        target = torch.as_tensor(arrays["target"], dtype=torch.long)
        loss = sum(torch.nn.functional.cross_entropy(score, target) for score in outputs)
        assert isinstance(loss, torch.Tensor)
        _close(loss.detach(), arrays["loss"], 1e-9)
        loss.backward()  # type: ignore[no-untyped-call]
        own = {n: dict(m.named_parameters()) for n, m in sequence.layers.items()}
        joint_grad = torch.cat(
            [own["in"]["inner.weight"].grad, own["hidden"]["parameters_by_name.recurrent_weight"].grad],  # type: ignore[list-item]
            dim=1,
        )
        grads = {
            "hidden_linear_weight": joint_grad,
            "hidden_omega": own["hidden"]["parameters_by_name.omega"].grad,
            "hidden_b_offset": own["hidden"]["parameters_by_name.b_offset"].grad,
            "out_linear_weight": own["out"]["inner.weight"].grad,
            "out_tau_mem": own["readout"]["parameters_by_name.tau"].grad,
        }
        for key, grad in grads.items():
            theirs = arrays[f"grad_{key}"]
            assert grad is not None
            np.testing.assert_allclose(grad.numpy(), theirs, rtol=1e-6, atol=1e-6 * np.abs(theirs).max())
    np.testing.assert_array_equal(_dense(network, x, "hidden"), arrays["z"])
    _close(_stream(network, x, lambda _, output: output.scores), arrays["readout_u_all"], 1e-4)


@pytest.mark.parametrize("name", _names("paralif_net"))
def test_paralif_networks(golden: Path, name: str) -> None:
    arrays, meta = _load(golden, name)
    taus = {"tau_mem_ms": 1000 * meta["tau_mem_s"], "tau_syn_ms": 1000 * meta["tau_syn_s"]}
    recurrent = meta["recurrent_hidden"]
    neuron: Neuron = CubaLIF(**taus, recurrent=recurrent)
    if meta["neuron"] != "LIF":
        neuron = ParaLIF(kind=meta["neuron"].removeprefix("ParaLIF-"), recurrent=recurrent, **taus)
    layers: list[tuple[str, Layer]] = []
    weights: dict[str, Any] = {}
    theirs: dict[str, str] = {}
    for index in range(meta["layers"]):
        key = str(2 * index)
        layers += [(f"in{index}", Linear(meta["hidden"], bias=True)), (f"n{index}", Population(neuron))]
        theirs |= {f"in{index}.weight": f"{key}_weight", f"in{index}.bias": f"{key}_bias"}
        theirs[f"n{index}.threshold"] = f"{2 * index + 1}__spk_threshold"
        if recurrent:
            theirs[f"n{index}.recurrent_weight"] = f"{2 * index + 1}_fc_recu_weight"
            theirs[f"n{index}.recurrent_bias"] = f"{2 * index + 1}_fc_recu_bias"
    last = 2 * meta["layers"]
    layers += [("out", Linear(meta["C"], bias=True)), ("readout", Population(DoubleLeakyIntegrator(**taus)))]
    theirs |= {"out.weight": f"{last}_weight", "out.bias": f"{last}_bias"}
    weights = {ours: arrays[name] for ours, name in theirs.items()}
    step_us = round(1e6 * meta["time_step_s"])
    sequence, network = _both_forms(NetworkSpec(_card(meta["N_in"], meta["C"], step_us), tuple(layers)), weights)
    x = arrays["x"].swapaxes(0, 1)
    scores = sequence(_tensor(x).reshape(*x.shape[:2], 1, 1, -1))
    _close(scores.detach().swapaxes(0, 1), arrays["output"], 1e-9)
    for index in range(meta["layers"]):
        spikes = sequence.spikes[f"n{index}"].detach().swapaxes(0, 1)
        np.testing.assert_array_equal(spikes, arrays[f"spikes_layer{index}"])
        np.testing.assert_array_equal(_dense(network, x, f"n{index}").swapaxes(0, 1), arrays[f"spikes_layer{index}"])
    np.testing.assert_array_equal(scores.mean(0).argmax(1), arrays["prediction"])
    target = torch.as_tensor(arrays["target"], dtype=torch.long)
    loss = torch.nn.functional.cross_entropy(scores.mean(0), target)
    _close(loss.detach(), arrays["loss"], 1e-9)
    loss.backward()  # type: ignore[no-untyped-call]
    for ours, name in theirs.items():
        if f"grad_{name}" in arrays:
            layer, _, parameter = ours.partition(".")
            module = sequence.layers[layer]
            named = {key.rpartition(".")[2]: value for key, value in module.named_parameters()}
            grad = named[parameter].grad
            assert grad is not None
            _close(grad.numpy(), arrays[f"grad_{name}"], 1e-9)
    _close(_stream(network, x, lambda _, o: o.scores).swapaxes(0, 1), arrays["output"], 1e-4)
