"""The step form: the same as the sequence form, restartable anywhere, and steady for ever."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from network_strategies import CARD, GRID, chains, steps_of
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from streamsnn.errors import StreamsnnError
from streamsnn.layers import AveragePool, Conv2d, Dropout, Flatten, Layer, Linear, NetworkSpec, Population
from streamsnn.network import Network, population
from streamsnn.neurons import ALIF, LI, LIF, CubaLIF, DoubleLeakyIntegrator, MaskedPSN, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Neuron
from streamsnn.neurons.paralif import KINDS
from streamsnn.sequence import ScaleNorm, SequenceNetwork
from streamsnn.state import NetworkState
from streamsnn.types import InputSpec, Step

HORIZON = 40


def spec_of(first: Neuron, second: Neuron, readout: Neuron) -> NetworkSpec:
    layers: tuple[tuple[str, Layer], ...] = (
        ("conv", Conv2d(5, 3, stride=2, padding=1, batch_norm=True)),
        ("first", Population(first)),
        ("pool", AveragePool(2)),
        ("drop", Dropout(0.5)),
        ("dense", Linear(16, batch_norm=True, centre=False)),
        ("second", Population(second)),
        ("out", Linear(3)),
        ("readout", Population(readout)),
    )
    return NetworkSpec(CARD, layers)


def trained(spec: NetworkSpec, seed: int) -> SequenceNetwork:
    """A sequence network in float64 whose batch norm has seen something, so that folding it is not the identity."""
    network = SequenceNetwork(spec, seed).double()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            with torch.no_grad():
                module.weight.uniform_(20, 40, generator=generator)
                module.bias.uniform_(-1, 3, generator=generator)
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.uniform_(-0.1, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
        if isinstance(module, ScaleNorm):
            module.running_square.uniform_(0.05, 0.2, generator=generator)
    return network.eval()


feed_forward: st.SearchStrategy[Neuron] = st.one_of(
    st.builds(SlidingPSN, k=st.integers(1, 9)),
    st.builds(MaskedPSN, k=st.integers(1, 9), steps=st.just(HORIZON)),
    st.builds(ParaLIF, kind=st.sampled_from(KINDS), threshold=st.just(0.2), tau_syn_ms=st.sampled_from([None, 4.0])),
    st.builds(ParaLIF, kind=st.just("T"), threshold=st.just(0.2), learn_tau=st.just(True)),
    st.builds(
        ParaLIF,
        kind=st.sampled_from(["T", "D"]),
        threshold=st.just(0.2),
        tau_mem_range_ms=st.just((5.0, 80.0)),
        tau_syn_range_ms=st.sampled_from([None, (2.0, 20.0)]),
    ),
    st.builds(Resonator, model=st.sampled_from(["rf", "brf", "hrf"]), dt_s=st.just(0.01)),
    st.builds(LIF, v_reset=st.sampled_from([None, 0.0, -0.3]), decay_input=st.booleans(), learn_tau=st.booleans()),
    st.builds(LIF, tau_ms=st.floats(2, 50)),
    st.just(ALIF()),
    st.just(CubaLIF(threshold=0.2)),
)
recurrent: st.SearchStrategy[Neuron] = st.one_of(
    st.builds(
        ParaLIF,
        kind=st.sampled_from(KINDS),
        threshold=st.just(0.1),
        recurrent=st.just(True),
        hidden=st.sampled_from(["spikes", "relu"]),
        tau_mem_range_ms=st.sampled_from([None, (5.0, 80.0)]),
    ),
    st.builds(Resonator, model=st.sampled_from(["rf", "brf", "hrf"]), recurrent=st.just(True), dt_s=st.just(0.02)),
    st.builds(LIF, recurrent=st.just(True), v_reset=st.sampled_from([None, 0.0]), v_threshold=st.just(0.2)),
    st.builds(ALIF, recurrent=st.just(True)),
    st.builds(CubaLIF, recurrent=st.just(True), threshold=st.just(0.1)),
)
readouts: st.SearchStrategy[Neuron] = st.sampled_from([LI(), DoubleLeakyIntegrator()])


@settings(deadline=None, max_examples=40, derandomize=True)
@given(first=feed_forward, second=st.one_of(feed_forward, recurrent), readout=readouts, data=st.data())
def test_stream_equals_sequence(first: Neuron, second: Neuron, readout: Neuron, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**31 - 1), "seed")
    steps = data.draw(st.integers(1, HORIZON), "steps")
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.3, (steps, GRID.size)).astype(np.float64)
    silent = data.draw(st.lists(st.booleans(), min_size=steps, max_size=steps), "silent")
    counts[silent] = 0
    sequence = trained(spec_of(first, second, readout), seed)
    with torch.no_grad():
        frames = torch.from_numpy(counts.reshape(steps, 1, GRID.channels, GRID.height, GRID.width))
        scores = sequence(frames, seed).numpy()[:, 0]
    network = Network(sequence.spec, sequence.export())
    state = network.initial_state(seed)
    pause = data.draw(st.integers(0, steps), "pause")
    for t, step in enumerate(steps_of(counts)):
        if t == pause:
            state = state.copy()
        output = network.step(step, state)
        for name in ("first", "second"):
            theirs = sequence.spikes[name][t, 0].numpy()
            ours = np.zeros(theirs.size)
            ours[output.spikes[name]] = 1
            # Indices are pixel-major.
            expected = theirs.reshape(theirs.shape[0], -1).T.ravel()
            np.testing.assert_array_equal(ours, expected, f"{name}, step {t}")
        np.testing.assert_allclose(output.scores, scores[t], rtol=0, atol=2e-5 * max(1, np.abs(scores).max()))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(spec=chains(), seed=st.integers(0, 2**31 - 1))
def test_any_order_of_layers_streams_as_it_trains(spec: NetworkSpec, seed: int) -> None:
    sequence = SequenceNetwork(spec, seed).double().eval()
    counts = np.random.default_rng(seed).poisson(0.4, (12, spec.card.input.size)).astype(np.float64)
    with torch.no_grad():
        scores = sequence(torch.from_numpy(counts.reshape(12, 1, 2, 4, 5))).numpy()[:, 0]
    network = Network(spec, sequence.export())
    state = network.initial_state()
    for t, step in enumerate(steps_of(counts)):
        np.testing.assert_allclose(network.step(step, state).scores, scores[t], rtol=0, atol=2e-5)


def test_a_hidden_layer_may_fire_more_often_than_the_input_has_steps_of() -> None:
    card = dataclasses.replace(CARD, input=InputSpec(4, 4, polarity="merge"))
    layers: tuple[tuple[str, Layer], ...] = (
        ("conv", Conv2d(256, 3, padding=1)),
        ("n", Population(LIF(v_threshold=0.0))),
        ("pool", AveragePool(2)),
        ("flat", Flatten()),
        ("out", Linear(3)),
    )
    sequence = SequenceNetwork(NetworkSpec(card, layers), 0).double()
    frames = np.random.default_rng(0).poisson(3.0, (5, 16)).astype(np.float64)
    with torch.no_grad():
        scores = sequence(torch.from_numpy(frames.reshape(5, 1, 1, 4, 4))).numpy()[:, 0]
    network = Network(sequence.spec, sequence.export())
    state = network.initial_state()
    fired = 0
    for t, step in enumerate(steps_of(frames)):
        output = network.step(step, state)
        fired = max(fired, output.spikes["n"].size)
        np.testing.assert_allclose(output.scores, scores[t], rtol=0, atol=1e-4)
    assert fired > 1000


def test_a_sequence_of_no_steps_has_no_scores() -> None:
    sequence = SequenceNetwork(spec_of(LIF(), ParaLIF(recurrent=True), LI()), 0)
    assert sequence(torch.zeros(0, 2, 2, 7, 9)).shape == (0, 2, 3)


def test_a_name_that_torch_needs_is_refused_for_training() -> None:
    with pytest.raises(StreamsnnError, match="'keys'"):
        SequenceNetwork(NetworkSpec(CARD, (("keys", Linear(3)),)))


@pytest.mark.parametrize("theta", [0.1, 0.3, 1.0, 1 / 3])
def test_a_lif_at_its_threshold_fires(theta: float) -> None:
    neuron = LIF(v_threshold=theta, decay_input=False)
    network = population(neuron, 1, {})
    state = network.initial_state()
    assert network.step_dense(np.array([theta]), state).spikes["neurons"].tolist() == [0]
    current = torch.full((1, 1, 1), theta, dtype=torch.float64)
    assert neuron.sequence(current, {}, 1.0, np.zeros(1, np.int64)).tolist() == [[[1.0]]]


@pytest.mark.parametrize("dt_s", [0.01, 0.004, 0.002, 0.001, 0.008, 0.0125, 1 / 3])
@pytest.mark.parametrize("model", ["rf", "brf"])
def test_a_resonator_at_its_threshold_does_not_fire(model: Any, dt_s: float) -> None:
    drive = 1 / dt_s
    assert dt_s * drive == 1
    network = population(Resonator(model, dt_s=dt_s), 2, {"omega": np.full(2, 7.0), "b_offset": np.full(2, 2.0)})
    output = network.step_dense(np.array([drive, drive * (1 + 1e-12)]), network.initial_state())
    assert output.spikes["neurons"].tolist() == [1]


def lively(*neurons: Neuron, seed: int = 3) -> Network:
    """A small network in which every population fires."""
    layers: list[tuple[str, Layer]] = []
    for index, neuron in enumerate(neurons):
        layers += [(f"in{index}", Linear(24)), (f"n{index}", Population(neuron))]
    layers += [("out", Linear(3)), ("readout", Population(LI()))]
    sequence = SequenceNetwork(NetworkSpec(CARD, tuple(layers)), seed)
    weights = {k: v * (400 if k.startswith("in") else 1) for k, v in sequence.export().items()}
    return Network(sequence.spec, weights)


ALL = (
    SlidingPSN(5),
    ParaLIF(kind="D", threshold=0.05, recurrent=True),
    Resonator("brf", recurrent=True),
    ParaLIF(kind="SB"),
    LIF(recurrent=True),
    ALIF(recurrent=True),
    CubaLIF(recurrent=True),
)


def random_steps(count: int, seed: int = 0) -> list[Step]:
    return steps_of(np.random.default_rng(seed).poisson(0.2, (count, GRID.size)).astype(np.float64))


def run(network: Network, state: NetworkState, steps: list[Step]) -> list[Any]:
    seen = []
    for step in steps:
        output = network.step(step, state)
        seen.append([output.scores.tobytes(), *(output.spikes[name].tobytes() for name in output.spikes)])
    return seen


def test_every_population_of_the_lively_network_fires() -> None:
    network = lively(*ALL)
    state = network.initial_state()
    fired = dict.fromkeys(network.step(random_steps(1)[0], state).spikes, 0)
    for step in random_steps(100):
        for name, spikes in network.step(step, state).spikes.items():
            fired[name] += spikes.size
    assert all(count > 0 for count in fired.values()), fired


def test_a_state_resumes_bit_for_bit(tmp_path: Path) -> None:
    network = lively(*ALL)
    steps = random_steps(60)
    whole = run(network, network.initial_state(7), steps)
    state = network.initial_state(7)
    run(network, state, steps[:25])
    snapshot = state.copy()
    state.save(tmp_path / "state")
    assert run(network, state, steps[25:]) == whole[25:]
    assert run(network, snapshot, steps[25:]) == whole[25:]
    assert run(network, network.load_state(tmp_path / "state"), steps[25:]) == whole[25:]
    state.reset()
    assert run(network, state, steps) == whole


def test_seeds_decide_the_draws() -> None:
    network = lively(ParaLIF(kind="SB"))
    steps = random_steps(30)
    assert run(network, network.initial_state(1), steps) == run(network, network.initial_state(1), steps)
    assert run(network, network.initial_state(1), steps) != run(network, network.initial_state(2), steps)


def test_bernoulli_draws_have_their_probability() -> None:
    spec = NetworkSpec(CARD, (("in", Linear(3)), ("n", Population(ParaLIF(kind="SB"))), ("out", Linear(3))))
    weights = {"in.weight": np.zeros((3, GRID.size)), "n.threshold": np.array(1.0), "out.weight": np.eye(3)}
    network = Network(spec, weights)
    state = network.initial_state(5)
    fired = sum(network.step(step, state).spikes["n"].size for step in steps_of(np.zeros((4000, GRID.size))))
    # sigmoid(0) of 12,000 draws: five standard deviations.
    assert abs(fired / 12_000 - 0.5) < 5 * 0.5 / np.sqrt(12_000)


def test_a_million_silent_steps_leave_nothing() -> None:
    network = lively(SlidingPSN(5), ParaLIF(kind="T", recurrent=True), Resonator("brf", recurrent=True), LIF(), ALIF())
    state = network.initial_state()
    run(network, state, random_steps(50))
    silence = steps_of(np.zeros((1, GRID.size)))[0]
    for _ in range(30_000):
        network.step(silence, state)
    settled = state.floats.copy()
    for _ in range(970_000):
        network.step(silence, state)
    np.testing.assert_array_equal(state.floats, settled)
    magnitudes = np.abs(state.floats)
    assert np.all((magnitudes == 0) | (magnitudes > np.finfo(np.float32).tiny))
    assert state.steps == 1_000_050


def test_operations_are_those_of_a_dense_count() -> None:
    spec = spec_of(SlidingPSN(3), LIF(recurrent=True, v_threshold=0.2), LI())
    sequence = trained(spec, 1)
    network = Network(spec, sequence.export())
    state = network.initial_state()
    frames = np.random.default_rng(1).poisson(0.3, (30, GRID.size)).astype(np.float64)
    counted = np.zeros(len(network.operation_names), np.int64)
    fan_out = torch.nn.functional.conv_transpose2d(
        torch.ones(1, 5, 4, 5), torch.ones(5, 2, 3, 3), stride=2, padding=1, output_padding=(0, 0)
    )[0]
    expected = dict.fromkeys(network.operation_names, 0)
    before = 0
    for t, step in enumerate(steps_of(frames)):
        output = network.step(step, state)
        assert output.operations is not None
        counted += output.operations.accumulates
        assert not output.operations.multiplies.any()
        expected["conv"] += int((torch.from_numpy(frames[t]).reshape(2, 7, 9) * fan_out).sum())
        # Of the 4 x 5 pixels that fire, pooling by 2 leaves out the last column.
        kept = [i for i in output.spikes["first"] if (i // 5) % 5 < 4]
        expected["dense"] += 16 * len(kept)
        expected["second"] += 16 * before
        before = output.spikes["second"].size
        expected["out"] += 3 * before
    assert dict(zip(network.operation_names, counted.tolist(), strict=True)) == expected
    assert all(expected[name] > 0 for name in ("conv", "dense", "second", "out"))


def test_a_masked_psn_ends_at_its_horizon() -> None:
    network = lively(MaskedPSN(3, 4))
    state = network.initial_state()
    run(network, state, random_steps(4))
    with pytest.raises(StreamsnnError, match="beyond the 4 steps"):
        network.step(random_steps(1)[0], state)
    state.reset()
    run(network, state, random_steps(4))


@pytest.mark.parametrize("address", [-1, GRID.size, 2**31 - 1])
def test_an_address_outside_the_input_is_refused(address: int) -> None:
    network = lively(LIF())
    with pytest.raises(StreamsnnError, match="outside the input"):
        network.step(Step(0, np.array([0, address], np.int32), 0), network.initial_state())


def test_more_events_than_addresses_fit_in_a_step() -> None:
    network = lively(LIF())
    state = network.initial_state()
    many = Step(0, np.zeros(10 * GRID.size, np.int32), 0)
    assert network.step(many, state).operations is not None
    np.testing.assert_array_equal(state.membrane("n0").shape, (24,))


def test_fast_resonators_are_refused() -> None:
    sequence = SequenceNetwork(lively(Resonator("brf")).spec, 0)
    weights = sequence.export()
    weights["n0.omega"][4] = 100.5
    with pytest.raises(StreamsnnError, match=r"'n0': omega of neuron 4 is 100\.5"):
        Network(sequence.spec, weights)


def test_wrong_weights_are_refused() -> None:
    sequence = SequenceNetwork(lively(LIF()).spec, 0)
    weights = sequence.export()
    missing = {k: v for k, v in weights.items() if k != "in0.weight"}
    for wrong, match in (
        (missing, "in0.weight missing"),
        (weights | {"x.weight": np.zeros(1)}, "x.weight, which no layer has"),
        (weights | {"in0.weight": np.zeros((2, 2))}, r"in0.weight has the shape \(2, 2\)"),
        (weights | {"in0.weight": np.full_like(weights["in0.weight"], np.nan)}, "float32 has not"),
        (weights | {"in0.weight": np.full(weights["in0.weight"].shape, 1e300)}, "float32 has not"),
        (weights | {"in0.weight": np.ones(weights["in0.weight"].shape, bool)}, "float32 has not"),
    ):
        with pytest.raises(StreamsnnError, match=match):
            Network(sequence.spec, wrong)


def test_a_foreign_state_is_refused(tmp_path: Path) -> None:
    network, other = lively(LIF()), lively(LIF(), seed=4)
    network.initial_state().save(tmp_path / "state")
    with pytest.raises(StreamsnnError, match="another network"):
        other.load_state(tmp_path / "state")
    with pytest.raises(StreamsnnError, match="another network"):
        network.step(random_steps(1)[0], other.initial_state())
    with pytest.raises(StreamsnnError, match="no saved state"):
        network.load_state(tmp_path / "absent")


@pytest.mark.parametrize(
    "damage",
    [
        lambda arrays, words: arrays.pop("counts"),
        lambda arrays, words: words.update(seed="-1"),
        lambda arrays, words: arrays["awake"].__setitem__(0, 2),
        lambda arrays, words: arrays.update(floats=arrays["floats"][:1]),
        lambda arrays, words: arrays.update(floats=arrays["floats"].astype(np.float64)),
        lambda arrays, words: arrays["floats"].__setitem__(3, np.nan),
        lambda arrays, words: arrays["counters"].__setitem__(0, -1),
        lambda arrays, words: arrays["counts"].__setitem__(1, 10**9),
        lambda arrays, words: arrays["fired"].__setitem__(0, 10**9),
    ],
)
def test_a_damaged_state_is_refused(tmp_path: Path, damage: Callable[[Any, Any], object]) -> None:
    network = lively(SlidingPSN(5), ParaLIF(kind="SB"))
    state = network.initial_state(3)
    run(network, state, random_steps(5))
    state.save(tmp_path / "state")
    with safe_open(tmp_path / "state", framework="numpy") as file:
        arrays, words = {name: file.get_tensor(name).copy() for name in file.keys()}, file.metadata()  # noqa: SIM118
    damage(arrays, words)
    (tmp_path / "state").write_bytes(save(arrays, words))
    with pytest.raises(StreamsnnError, match="is damaged"):
        network.load_state(tmp_path / "state")


def test_a_cut_off_state_is_refused(tmp_path: Path) -> None:
    network = lively(LIF())
    network.initial_state().save(tmp_path / "state")
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:40])
    with pytest.raises(StreamsnnError, match="no saved state"):
        network.load_state(tmp_path / "state")


@pytest.mark.parametrize(
    ("values", "match"),
    [(np.zeros(3), "3 values"), (np.zeros(2 * GRID.size), "252 values"), (np.full(GRID.size, np.nan), "not finite")],
)
def test_wrong_values_are_refused(values: NDArray[np.float64], match: str) -> None:
    network = lively(LIF())
    with pytest.raises(StreamsnnError, match=match):
        network.step_dense(values, network.initial_state())


def test_scale_norm_keeps_silence_silent() -> None:
    norm = ScaleNorm(3)
    x = torch.randn(50, 3, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 5.0, 0.1])[:, None]
    torch.testing.assert_close(norm(x).square().mean((0, 2)), torch.ones(3), rtol=1e-2, atol=0)
    assert torch.all(norm(torch.zeros(2, 3, 4)) == 0)
    norm.eval()
    assert torch.all(norm(torch.zeros(2, 3, 4)) == 0)


def test_flattened_neurons_have_parameters_of_their_own() -> None:
    spec = NetworkSpec(CARD, (("flat", Flatten()), ("n", Population(Resonator("brf"))), ("out", Linear(3))))
    sequence = SequenceNetwork(spec, 2).double()
    assert spec.parameter_shapes()["n.omega"] == (GRID.size,)
    frames = np.random.default_rng(2).poisson(0.5, (30, GRID.size)).astype(np.float64) * 60
    network = Network(spec, sequence.export())
    state = network.initial_state()
    with torch.no_grad():
        sequence(torch.from_numpy(frames.reshape(30, 1, 2, 7, 9)))
    for t, frame in enumerate(frames):
        output = network.step_dense(frame.reshape(2, 7, 9), state)
        np.testing.assert_array_equal(np.sort(output.spikes["n"]), np.flatnonzero(sequence.spikes["n"][t, 0]))
    assert sequence.spikes["n"].sum() > 0


def test_streaming_never_imports_torch() -> None:
    code = (
        "import sys, streamsnn.network, streamsnn.modelfolder, streamsnn.engine;"
        "sys.exit('torch' in sys.modules or 'PySide6' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
