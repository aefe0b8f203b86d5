"""The whole sequence form, run again over a window at every step: how most people stream a network today."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from streamsnn.bench.contender import Answers
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.torch_settings import fast_inference
from streamsnn.sequence import SequenceNetwork
from streamsnn.types import Step

WINDOW_STEPS = 250


class WindowStep:
    """Our own sequence form over the last 250 steps, in float32.

    What came before the window is forgotten, so that it says the same as a step only for the first 250 steps.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        grid = case.spec.card.input
        self._network = SequenceNetwork(case.spec)
        self._network.load(case.weights)
        self._network.float().eval()
        # Twice as long as the window, which slides along it and is moved back to its front when it has come to its end.
        self._frames = torch.zeros(2 * WINDOW_STEPS, 1, grid.channels, grid.height, grid.width)
        self._end = WINDOW_STEPS

    def call(self, window: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        scores = self._network(window)
        return scores[-1], {name: spikes[-1] for name, spikes in self._network.spikes.items()}

    def settings(self) -> AbstractContextManager[Any]:
        return fast_inference()

    def reset(self) -> None:
        self._frames.zero_()
        self._end = WINDOW_STEPS

    def ready(self, step: Step) -> tuple[Any, ...]:
        if self._end == 2 * WINDOW_STEPS:
            self._frames[:WINDOW_STEPS] = self._frames[WINDOW_STEPS:].clone()
            self._end = WINDOW_STEPS
        frame = self._frames[self._end].numpy().reshape(-1)
        frame[:] = 0
        Frame(self._case, frame).show(step)
        self._end += 1
        return (self._frames[self._end - WINDOW_STEPS : self._end],)

    def answers(self, said: tuple[Tensor, dict[str, Tensor]]) -> Answers:
        scores, spikes = said
        fired = {name: (z > 0.5).flatten().numpy() for name, z in spikes.items()}
        return Answers(scores.flatten().double().numpy().copy(), fired)
