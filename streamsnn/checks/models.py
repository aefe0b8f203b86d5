"""Checks of models and their states."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.checks.findings import SEED, Finding, findings, require
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.types import InputSpec, Model, ModelCard, Output, Step

_Said = tuple[NDArray[np.float32], dict[str, NDArray[np.int32]]]


def check_model(model: Model, *, silent_steps: int = 5_000) -> list[Finding]:
    """Check a model on made-up input: noise, bursts, repeated addresses, and `silent_steps` steps of silence.

    A model that works for a limited number of steps may refuse with `StreamsnnError` after that number, if it is 40
    or more; where it offers `warm_up()`, `operation_names` for `Output.operations`, or `load_state(path)` for what its
    state's `save(path)` wrote, these are checked as well.
    """
    card = model.card

    # Made anew for each use: a model that writes into what it was given must not spoil the other checks.
    def steps() -> list[Step]:
        return _noise(card.input, 24, SEED)

    def others() -> list[Step]:
        return _noise(card.input, 24, SEED + 1)

    def alike() -> None:
        _same(
            _run(model, model.initial_state(), steps()),
            _run(model, model.initial_state(), steps()),
            "two fresh states give different answers",
        )

    def holds_no_state() -> None:
        mine, yours = model.initial_state(), model.initial_state()
        mixed = [
            (_run(model, mine, [step])[0], _run(model, yours, [other])[0])
            for step, other in zip(steps(), others(), strict=True)
        ]
        detail = "two streams that take turns disturb each other"
        _same([said for said, _ in mixed], _run(model, model.initial_state(), steps()), detail)
        _same([said for _, said in mixed], _run(model, model.initial_state(), others()), detail)

    def copies() -> None:
        state = model.initial_state()
        _run(model, state, steps()[:12])
        twin, spare = state.copy(), state.copy()
        wanted = _run(model, state, steps()[12:])
        _same(_run(model, twin, steps()[12:]), wanted, "a copy goes on differently, or shares memory with its original")
        _run(model, spare, others())
        _same(
            _run(model, spare.copy(), steps()[:3]),
            _run(model, spare, steps()[:3]),
            "a copy of a copy goes on differently",
        )

    def resets() -> None:
        state = model.initial_state()
        _run(model, state, others())
        state.reset()
        _same(
            _run(model, state, steps()),
            _run(model, model.initial_state(), steps()),
            "after reset a state is not like a fresh one",
        )

    def takes_silence() -> None:
        state = model.initial_state()
        for k in range(silent_steps):
            try:
                output = model.step(_step(k, []), state)
            except StreamsnnError:
                require(k >= 40, f"refuses silent step {k}")
                return
            require(np.all(np.isfinite(output.scores)), f"scores are {output.scores} after {k + 1} silent steps")

    def takes_floods() -> None:
        state = model.initial_state()
        everything = np.arange(card.input.size, dtype=np.int32)
        repeats = 3 if card.input.value == "count" else 1
        for k in range(4):
            output = model.step(_step(k, np.tile(everything, repeats)), state)
            require(np.all(np.isfinite(output.scores)), f"scores are {output.scores} when every address is active")

    def refuses_strangers() -> None:
        for address in (card.input.size, -1, np.iinfo(np.int32).max):
            try:
                model.step(_step(0, [address]), model.initial_state())
            except StreamsnnError:
                continue
            require(False, f"takes the address {address}, but its input ends at {card.input.size}")

    def input_untouched() -> None:
        state = model.initial_state()
        for step in steps():
            before = step.addresses.copy()
            model.step(step, state)
            require(np.array_equal(before, step.addresses), "writes into the addresses that it was given")

    def warms_up() -> None:
        state = model.initial_state()
        wanted = _run(model, state.copy(), steps())
        warm_up: Callable[[], None] | None = getattr(model, "warm_up", None)
        if warm_up is not None:
            warm_up()
            warm_up()
            _same(_run(model, state, steps()), wanted, "warm_up() changes what comes after it")

    return findings(
        [
            ("model: the card is sound", lambda: _sound_card(card)),
            ("model: scores and spikes are well formed", lambda: _sound_outputs(model, steps())),
            ("model: equal states give equal answers", alike),
            ("model: holds no state itself", holds_no_state),
            ("model: a state's copy is independent", copies),
            ("model: a state that was reset is like a fresh one", resets),
            ("model: silence is endured", takes_silence),
            ("model: every address at once is endured", takes_floods),
            ("model: addresses outside the input are refused", refuses_strangers),
            ("model: the step given to it is not changed", input_untouched),
            ("model: warming up leaves no trace", warms_up),
            ("model: a saved state goes on bit for bit", lambda: _saves(model, steps())),
        ]
    )


def _sound_card(card: ModelCard) -> None:
    require(card.name, "has no name")
    require(card.labels and len(set(card.labels)) == len(card.labels), f"labels are {card.labels}")
    require(card.step_us >= 1, f"step_us is {card.step_us}")
    require(card.memory_us >= 0, f"memory_us is {card.memory_us}")
    require(card.input.width >= 1 and card.input.height >= 1, f"the input is {card.input.width}x{card.input.height}")
    ScoreReadout(card.readout, card.labels, card.step_us)


def _sound_outputs(model: Model, steps: Sequence[Step]) -> None:
    state = model.initial_state()
    layers: list[str] | None = None
    for step in steps:
        output = model.step(step, state)
        _sound_scores(output, len(model.card.labels))
        require(isinstance(output.spikes, Mapping), f"spikes are a {type(output.spikes).__name__}")
        require(layers in (None, list(output.spikes)), f"the layers that spike changed to {list(output.spikes)}")
        layers = list(output.spikes)
        for layer, indices in output.spikes.items():
            require(indices.dtype == np.int32 and indices.ndim == 1, f"spikes of {layer} are not int32 indices")
            require(np.all(indices >= 0), f"spikes of {layer} have negative indices")
            require(len(np.unique(indices)) == len(indices), f"in {layer} a neuron fires twice in a step")
        if output.operations is not None:
            for counts in output.operations:
                require(counts.dtype == np.int64, f"operations are {counts.dtype}")
                require(np.all(counts >= 0), f"operations are {counts}")
            names = getattr(model, "operation_names", None)
            counted = len(output.operations.accumulates)
            require(len(output.operations.multiplies) == counted, "operations are of different layers")
            require(names is None or len(names) == counted, f"operations of {counted} layers are called {names}")


def _sound_scores(output: Output, classes: int) -> None:
    scores = output.scores
    require(isinstance(scores, np.ndarray) and scores.dtype == np.float32, "scores are not an array of float32")
    require(scores.shape == (classes,), f"scores have the shape {scores.shape} for {classes} labels")
    require(np.all(np.isfinite(scores)), f"scores are {scores}")


def _saves(model: Model, steps: Sequence[Step]) -> None:
    state = model.initial_state()
    load: Callable[[Path], Any] | None = getattr(model, "load_state", None)
    if load is None or not hasattr(state, "save"):
        return
    _run(model, state, steps[:12])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        state.save(path)
        loaded = load(path)
    _same(_run(model, loaded, steps[12:]), _run(model, state, steps[12:]), "a loaded state goes on differently")


def _noise(spec: InputSpec, count: int, seed: int) -> list[Step]:
    """Steps of random addresses, every fifth silent; addresses repeat only where the input counts."""
    rng = np.random.default_rng(seed)
    steps = []
    for k in range(count):
        addresses = rng.integers(0, spec.size, 0 if k % 5 == 4 else rng.integers(1, 2 + spec.size // 8))
        if spec.value == "binary":
            addresses = rng.permutation(np.unique(addresses))
        elif len(addresses):
            addresses[-1] = addresses[0]
        steps.append(_step(k, addresses))
    return steps


def _step(index: int, addresses: Sequence[int] | NDArray[Any]) -> Step:
    return Step(index, np.asarray(addresses, np.int32), 0)


def _run(model: Model, state: Any, steps: Sequence[Step]) -> list[_Said]:
    """What the model says to `steps`, copied out of the state."""
    said = []
    for step in steps:
        output = model.step(step, state)
        said.append((output.scores.copy(), {layer: indices.copy() for layer, indices in output.spikes.items()}))
    return said


def _same(got: Sequence[_Said], wanted: Sequence[_Said], detail: str) -> None:
    for k, ((scores, spikes), (wanted_scores, wanted_spikes)) in enumerate(zip(got, wanted, strict=True)):
        equal = np.array_equal(scores, wanted_scores) and list(spikes) == list(wanted_spikes)
        equal = equal and all(np.array_equal(spikes[layer], wanted_spikes[layer]) for layer in spikes)
        require(equal, f"{detail} (step {k})")
