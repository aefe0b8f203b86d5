"""The functional step in torch as it is, compiled by torch.compile, and compiled ahead of time by AOTInductor."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from streamsnn.bench.contender import Answers, spiking_shapes
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.torch_functional import FunctionalStep, States
from streamsnn.bench.torch_settings import compile_alone, fast_inference
from streamsnn.types import Step

Function = Callable[[Tensor, States], tuple[Tensor, tuple[Tensor, ...], States]]


class FunctionalContender:
    """A functional step, made by `prepare` of it, with the state that it hands on."""

    def __init__(self, case: Case, prepare: Callable[[FunctionalStep], Function], *, turning: bool = False) -> None:
        self._case = case
        self._module = FunctionalStep(case, turning=turning).eval()
        self._names = list(spiking_shapes(case))
        self._frame = torch.zeros(self._module.frame_shape)
        self._states: States = ()
        with fast_inference():
            self._function = prepare(self._module)
        self.reset()

    def call(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        scores, spikes, self._states = self._function(self._frame, self._states)
        return scores, spikes

    def settings(self) -> AbstractContextManager[Any]:
        return fast_inference()

    def reset(self) -> None:
        self._states = self._module.initial()
        self._frame.zero_()
        self._shown = Frame(self._case, self._frame.numpy().reshape(-1))

    def ready(self, step: Step) -> tuple[Any, ...]:
        self._shown.show(step)
        return ()

    def answers(self, said: tuple[Tensor, tuple[Tensor, ...]]) -> Answers:
        scores, spikes = said
        fired = {name: (z > 0.5).flatten().numpy() for name, z in zip(self._names, spikes, strict=True)}
        return Answers(scores.double().numpy().copy(), fired)


def as_it_is(module: FunctionalStep) -> Function:
    """Eager, a new tensor for every result."""

    def step(frame: Tensor, states: States) -> tuple[Tensor, tuple[Tensor, ...], States]:
        said = module(frame, states)
        return said.scores, said.spikes, said.states

    return step


def just_in_time(**options: Any) -> Callable[[FunctionalStep], Function]:
    """torch.compile, for exactly these shapes; it compiles here, not at the first step."""

    def prepare(module: FunctionalStep) -> Function:
        step: Function = compile_alone(as_it_is(module), fullgraph=True, **options)
        states = module.initial()
        for _ in range(3):
            _, _, states = step(torch.zeros(module.frame_shape), states)
        return step

    return prepare


class _Flat(nn.Module):
    """The step with its states as arguments and results of their own, which is how torch exports.

    States that are written in place are no results.
    """

    def __init__(self, module: FunctionalStep) -> None:
        super().__init__()
        self.module = module

    def forward(self, frame: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        said = self.module(frame, states)
        new = [state for state, kept in zip(said.states, self.module.in_place, strict=True) if not kept]
        return (said.scores, *said.spikes, *new)


def ahead_of_time(module: FunctionalStep) -> Function:
    """Exported and compiled to a library by AOTInductor, and called past its Python wrapping: C++ all the way."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        with torch.inference_mode(False), torch.no_grad():
            states = module.initial()
            exported = torch.export.export(_Flat(module), (torch.zeros(module.frame_shape), *states))
            package = torch._inductor.aoti_compile_and_package(exported, package_path=str(Path(folder) / "step.pt2"))
            run = torch._inductor.aoti_load_package(package).loader.run
    in_place, fresh = module.in_place, module.in_place.count(False)

    def step(frame: Tensor, states: States) -> tuple[Tensor, tuple[Tensor, ...], States]:
        scores, *rest = run([frame, *states])
        new = rest[-fresh:] if fresh else []
        if fresh < len(in_place):
            given = iter(new)
            new = [state if kept else next(given) for state, kept in zip(states, in_place, strict=True)]
        return scores, tuple(rest[: len(rest) - fresh]), tuple(new)

    return step
