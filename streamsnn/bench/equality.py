"""Whether a contender computes the network at all: its spikes against a reference in float64, step after step.

Sums in float32 depend on their order. Now and then a membrane comes so close to its threshold that the order decides
whether it fires, and from there on two right answers go different ways. Such a difference is forgiven when the
reference, too, is that close, and is counted; the comparison then begins anew from a fresh state with the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from streamsnn.bench.contender import Answers, Contender, spiking_shapes
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.torch_functional import FunctionalStep
from streamsnn.types import Step

CLOSE = 1e-4
"""Membranes as close to a threshold of about 1 as this may fall on either side of it in float32."""

_SCORES = 1e-4
"""Scores may differ by this part of the largest of them."""


@dataclass(frozen=True)
class Verdict:
    """Whether a contender is equal over `steps` steps, with how many spikes decided by rounding; else `difference`."""

    equal: bool
    steps: int
    rounded: int
    difference: str = ""


class _Truth(NamedTuple):
    scores: NDArray[np.float64]
    fired: dict[str, NDArray[np.bool_]]
    close: dict[str, NDArray[np.bool_]]


class Reference:
    """What the network says to `steps`, in float64, from a fresh state at whatever step one begins."""

    def __init__(self, case: Case, steps: Sequence[Step]) -> None:
        self.case, self.steps = case, steps
        self._module = FunctionalStep(case, torch.float64, margins=True).eval()
        self._names = list(spiking_shapes(case))
        self._known: dict[int, list[_Truth]] = {}
        self._states = {0: self._module.initial()}

    def at(self, begin: int, place: int) -> _Truth:
        """What is right in step `place` of the stream that began with step `begin`."""
        known = self._known.setdefault(begin, [])
        while len(known) <= place - begin:
            known.append(self._next(begin, self.steps[begin + len(known)]))
        return known[place - begin]

    def _next(self, begin: int, step: Step) -> _Truth:
        frame = torch.from_numpy(Frame(self.case).show(step)).double().reshape(self._module.frame_shape)
        states = self._states.get(begin) or self._module.initial()
        with torch.inference_mode():
            said = self._module(frame, states)
        self._states[begin] = said.states
        fired = {name: (z > 0.5).flatten().numpy() for name, z in zip(self._names, said.spikes, strict=True)}
        close = {
            name: (margin.abs() <= CLOSE).flatten().numpy()
            for name, margin in zip(self._names, said.margins, strict=True)
        }
        return _Truth(said.scores.flatten().numpy(), fired, close)


def check(contender: Contender, reference: Reference, count: int | None = None) -> Verdict:
    """Step `contender` through the reference's steps (the first `count` of them) and compare every layer of each.

    More differences that rounding explains than one in ten steps are too many.
    """
    steps = reference.steps[:count]
    begin = rounded = 0
    with contender.settings():
        contender.reset()
        for place, step in enumerate(steps):
            answers = contender.answers(contender.call(*contender.ready(step)))
            explained, difference = _compare(reference.at(begin, place), answers)
            if difference:
                return Verdict(False, place, rounded, f"step {place}: {difference}")
            if explained:
                rounded += explained
                begin = place + 1
                contender.reset()
                if rounded > max(len(steps) // 10, 1):
                    return Verdict(False, place, rounded, f"step {place}: rounding decided {rounded} spikes so far")
        contender.reset()
    return Verdict(True, len(steps), rounded)


def _compare(truth: _Truth, answers: Answers) -> tuple[int, str]:
    """How many spikes of the first layer that differs rounding explains, or in words what it does not explain."""
    for name, fired in truth.fired.items():
        given = answers.spikes.get(name)
        if given is None or given.shape != fired.shape:
            return 0, f"layer {name} has no spikes to compare"
        wrong = fired != given
        if wrong.any():
            unexplained = wrong & ~truth.close[name]
            if unexplained.any():
                which = int(np.flatnonzero(unexplained)[0])
                what = "fires" if given[which] else "is silent"
                return 0, f"{int(wrong.sum())} of {wrong.size} neurons of {name} differ; neuron {which} {what}"
            # What comes after this layer has other input, and says nothing.
            return int(wrong.sum()), ""
    off = np.abs(answers.scores - truth.scores)
    worst = float(off.max(initial=0.0))
    # Written so that a score that is no number is wrong, too.
    if not worst <= _SCORES * (1 + float(np.abs(truth.scores).max(initial=0.0))):
        return 0, f"a score is off by {worst:.3g}"
    return 0, ""
