"""What a stream's step costs where many streams share one set of weights and one call, `Network.step_many`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.contender import Ours, Timed
from streamsnn.bench.networks import Case, event_steps
from streamsnn.bench.timing import Effort, figures, ratios, take_turns, trial
from streamsnn.errors import StreamsnnError
from streamsnn.network import Network
from streamsnn.state import NetworkState, StateBatch
from streamsnn.types import Output, Step

SIZES = (1, 8, 64)
"""Streams a call."""

_POOL = 100
"""Different steps a stream."""

_COMPARED = 20
"""Steps that are compared, longer than a ring of past inputs; the answers of all streams are held meanwhile."""

_ALONE = "alone"


class Together:
    """Streams of one network that step in one call, each through `events` of its own.

    Of the step that is made ready only the index counts: it says which of each stream's own comes.
    """

    def __init__(self, network: Network, states: Sequence[NetworkState], events: Sequence[Sequence[Step]]) -> None:
        self._network, self._batch = network, StateBatch(states)
        self._events = events[: len(states)]

    @property
    def call(self) -> Callable[..., list[Output]]:
        return self._network.step_many

    def settings(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def ready(self, step: Step) -> tuple[Any, ...]:
        return [own[step.index] for own in self._events], self._batch

    def reset(self) -> None:
        for state in self._batch.states:
            state.reset()


def together(case: Case, ours: Ours, rate_hz: float, effort: Effort, told: Callable[[str], None]) -> dict[str, Any]:
    """What a stream of each of `SIZES` costs a step (ns), beside one that steps alone, in turn with it.

    Raises StreamsnnError where a stream says something else in a batch than alone.
    """
    most = max(SIZES)
    events = [event_steps(case, rate_hz, _POOL, seed) for seed in range(most)]
    states = [ours.network.initial_state() for _ in range(most)]
    batches = {size: Together(ours.network, states[:size], events) for size in SIZES}
    told("comparing outputs")
    for size, differs in _differences(ours, batches, events).items():
        if differs:
            raise StreamsnnError(
                f"a stream of {case.name} differs in a batch of {size}", hint="report it, with what machine this is"
            )
    contenders: dict[str, Timed] = {_ALONE: ours, **{str(size): batch for size, batch in batches.items()}}
    times = take_turns(contenders, events[0], effort, trial(contenders, events[0], effort), told)
    ours.reset()
    step_us, alone = case.spec.card.step_us, times[_ALONE]
    rows = []
    for size in SIZES:
        rounds = [calls // size for calls in times[str(size)]]
        row = figures(np.concatenate(rounds), step_us)
        rows.append({"streams": size, **row, "ratio_to_alone": ratios(rounds, alone)})
    return {
        "events_a_second": rate_hz,
        "compared_steps": _COMPARED,
        "alone": figures(np.concatenate(alone), step_us),
        "batches": rows,
    }


def _differences(ours: Ours, batches: dict[int, Together], events: Sequence[Sequence[Step]]) -> dict[int, bool]:
    """Whether any stream of each batch differs, in any bit, from one that takes the same steps alone."""
    alone = []
    for own in events:
        ours.reset()
        alone.append([_said(ours.network.step(step, ours.state)) for step in own[:_COMPARED]])
    differs = dict.fromkeys(batches, False)
    for size, batch in batches.items():
        batch.reset()
        for place, step in enumerate(events[0][:_COMPARED]):
            outputs = batch.call(*batch.ready(step))
            for output, said in zip(outputs, alone[:size], strict=True):
                same = all(map(np.array_equal, _said(output), said[place]))
                differs[size] |= not same
        batch.reset()
    ours.reset()
    return differs


def _said(output: Output) -> list[NDArray[Any]]:
    """Scores, and who fired in each layer; copies, as the next step overwrites an output."""
    return [output.scores.copy(), *(fired.copy() for fired in output.spikes.values())]
