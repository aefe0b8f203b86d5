"""What a stream's step costs where many streams share one set of weights and one call, `Network.step_many`."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.bench.contender import Ours
from streamsnn.bench.networks import Case, event_steps
from streamsnn.bench.timing import Effort, Times, computing_clock, ratios, take_turns, trial
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

_ALONE, _ONE_BY_ONE = "alone", "one by one"


Call = Callable[[Sequence[Step], StateBatch], list[Output]]


class Together:
    """Streams of one network that step by one `call`, through as many series of `events`.

    Of the step that is made ready only the index counts: it says which of each series comes.
    """

    def __init__(self, call: Call, states: Sequence[NetworkState], events: Sequence[Sequence[Step]]) -> None:
        self.call, self._batch, self._events = call, StateBatch(states), events

    def settings(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()

    def ready(self, step: Step) -> tuple[Any, ...]:
        return [own[step.index] for own in self._events], self._batch

    def reset(self) -> None:
        for state in self._batch.states:
            state.reset()


def one_by_one(network: Network) -> Call:
    """What `network.step_many` does, as a step each: what a batch saves shows beside this.

    Streams that are fewer than the steps take turns. One alone finds all that it remembers near; of many none does,
    however it is called.
    """

    def call(steps: Sequence[Step], batch: StateBatch) -> list[Output]:
        states = itertools.cycle(batch.states)
        return [network.step(step, next(states)) for step in steps]

    return call


def together(case: Case, ours: Ours, rate_hz: float, effort: Effort, told: Callable[[str], None]) -> dict[str, Any]:
    """What a stream of each of `SIZES` costs a step (ns), beside one that steps alone and the most of them one by one.

    What counts is the time that the thread computes. Reading that clock may take half a microsecond, which weighs on a
    batch of one. `streams_a_core` is how many streams one core holds in true time.
    Raises StreamsnnError where a stream says something else in a batch than alone.
    """
    most = max(SIZES)
    events = [event_steps(case, rate_hz, _POOL, seed) for seed in range(most)]
    states = [ours.network.initial_state() for _ in range(most)]
    batches = {size: Together(ours.network.step_many, states[:size], events[:size]) for size in SIZES}
    told("comparing outputs")
    for size, differs in _differences(ours, batches, events).items():
        if differs:
            raise StreamsnnError(
                f"a stream of {case.name} differs in a batch of {size}", hint="report it, with what machine this is"
            )
    each = one_by_one(ours.network)
    contenders = {str(size): batch for size, batch in batches.items()}
    contenders |= {_ALONE: Together(each, states[:1], events), _ONE_BY_ONE: Together(each, states, events)}
    # A call is many steps.
    effort = replace(effort, fewest=3, trial=3)
    times = take_turns(contenders, events[0], effort, trial(contenders, events[0], effort), told, computing_clock())
    alone, in_turn = ([calls // most for calls in times[name]] for name in (_ALONE, _ONE_BY_ONE))
    step_us, rows = case.spec.card.step_us, []
    for size in SIZES:
        rounds = [calls // size for calls in times[str(size)]]
        rows.append({"streams": size, **_figures(rounds, step_us), "ratio_to_alone": ratios(rounds, alone)})
    rows[-1]["ratio_to_one_by_one"] = ratios(rounds, in_turn)
    return {
        "events_a_second": rate_hz,
        "compared_steps": _COMPARED,
        "alone": _figures(alone, step_us),
        "one_by_one": {"streams": most, **_figures(in_turn, step_us)},
        "batches": rows,
    }


def _figures(rounds: Sequence[Times], step_us: int) -> dict[str, Any]:
    """Of one stream's steps: how many calls were timed, their median, and how many streams that leaves time for."""
    times = np.concatenate(rounds)
    median_ns = float(np.median(times))
    return {"calls": int(times.size), "median_ns": median_ns, "streams_a_core": step_us * 1e3 / median_ns}


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
