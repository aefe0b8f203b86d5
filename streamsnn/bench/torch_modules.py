"""A step of a network made of torch modules, one after the other: what the adapters of all libraries share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from streamsnn.bench.contender import Answers
from streamsnn.bench.networks import Case, Frame
from streamsnn.bench.torch_settings import compile_alone, fast_inference
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Conv2d, Linear, Population
from streamsnn.neurons import LIF
from streamsnn.types import Step


@dataclass(frozen=True)
class Block:
    """A synaptic layer with its weight, the population that follows and its parameters."""

    layer: Linear | Conv2d
    weight: Tensor
    neuron: Any
    p: dict[str, Tensor]

    def synapse(self, gain: float = 1.0) -> nn.Module:
        """The layer as a torch module, its weight times `gain`."""
        return synapse(self.layer, self.weight * gain)

    def feedback(self, gain: float = 1.0) -> nn.Module:
        """The recurrent synapses as a torch module."""
        return synapse(Linear(self.weight.shape[0]), self.p["recurrent_weight"] * gain)

    def plain_lif(self) -> LIF:
        """The settings, where they are those of a LIF that resets to zero; StreamsnnError where they are not."""
        lif = self.neuron
        if not isinstance(lif, LIF) or lif.v_reset != 0 or not lif.decay_input or lif.learn_tau:
            raise StreamsnnError(f"{lif} is not compared with this library", hint="choose a network of LIF neurons")
        return lif


Function = Callable[[Tensor], tuple[Tensor, list[Tensor]]]


class Stage:
    """One block: what enters its synapses -> its spikes, over a state that it keeps.

    `step` takes the signal and the state and returns spikes and the new state, which is `start` at first; `forget` is
    called on reset, for libraries that keep a state of their own.
    """

    def __init__(
        self,
        step: Callable[[Tensor, Any], tuple[Tensor, Any]],
        start: Any = None,
        forget: Callable[[], object] | None = None,
    ) -> None:
        self._step, self._start, self._forget = step, start, forget
        self._state = start

    def __call__(self, signal: Tensor) -> Tensor:
        fired, self._state = self._step(signal, self._state)
        return fired

    def reset(self) -> None:
        self._state = self._start
        if self._forget is not None:
            self._forget()


def synapse(layer: Linear | Conv2d, weight: Tensor) -> nn.Module:
    """`layer` with `weight`, as a module of torch's own."""
    module: nn.Linear | nn.Conv2d
    if isinstance(layer, Linear):
        module = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    else:
        module = nn.Conv2d(
            weight.shape[1], weight.shape[0], layer.kernel, stride=layer.stride, padding=layer.padding, bias=False
        )
    with torch.no_grad():
        module.weight.copy_(weight)
    return module.eval().requires_grad_(False)


def _through(stages: list[Stage], output: nn.Module, signal: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The scores, and the spikes of every stage."""
    spikes = []
    for stage in stages:
        signal = stage(signal)
        spikes.append(signal)
    return output(signal.flatten(1)), spikes


class ModuleSteps:
    """Blocks that `build` makes with a library, a batch of one through all of them, and the last linear layer.

    With `compile` all of it goes through torch.compile.
    """

    def __init__(
        self, case: Case, build: Callable[[Block], Stage], *, channels_last: bool = False, compile: bool = False
    ) -> None:
        self._case = case
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        grid = case.spec.card.input
        images = any(isinstance(layer, Conv2d) for _, layer in case.spec.layers)
        self._frame = torch.zeros((1, grid.channels, grid.height, grid.width) if images else (1, grid.size))
        if images:
            self._frame = self._frame.contiguous(memory_format=self._layout)
        self._output = synapse(Linear(len(case.spec.card.labels)), self._tensor(case.parameters("output")["weight"]))
        blocks = list(self._blocks())
        self._names = [name for name, _ in blocks]
        self._stages = [build(block) for _, block in blocks]
        self._function = self._compiled() if compile else self._forward
        self.reset()

    def _blocks(self) -> Iterator[tuple[str, Block]]:
        """Each synaptic layer with the population after it, under that one's name."""
        layers = self._case.spec.layers
        for (name, layer), (after, population) in pairwise(layers):
            if isinstance(layer, Linear | Conv2d) and isinstance(population, Population):
                own = {key: self._tensor(value) for key, value in self._case.parameters(after).items()}
                weight = self._tensor(self._case.parameters(name)["weight"])
                yield after, Block(layer, weight, population.neuron, own)

    def _tensor(self, values: NDArray[np.float32]) -> Tensor:
        weight = torch.from_numpy(values)
        return weight.contiguous(memory_format=self._layout) if weight.dim() == 4 else weight

    def _forward(self, frame: Tensor) -> tuple[Tensor, list[Tensor]]:
        return _through(self._stages, self._output, frame)

    def _compiled(self) -> Function:
        stages, output = self._stages, self._output

        def forward(frame: Tensor) -> tuple[Tensor, list[Tensor]]:
            return _through(stages, output, frame)

        function: Function = compile_alone(forward)
        with fast_inference():
            # Twice: from a fresh state, and from one that has the shape of all later ones.
            for _ in range(3):
                function(self._frame)
        return function

    def call(self) -> tuple[Tensor, list[Tensor]]:
        return self._function(self._frame)

    def settings(self) -> AbstractContextManager[Any]:
        return fast_inference()

    def reset(self) -> None:
        for stage in self._stages:
            stage.reset()
        self._frame.zero_()
        self._shown = Frame(self._case)

    def ready(self, step: Step) -> tuple[Any, ...]:
        self._frame.copy_(torch.from_numpy(self._shown.show(step)).reshape(self._frame.shape))
        return ()

    def answers(self, said: tuple[Tensor, list[Tensor]]) -> Answers:
        scores, spikes = said
        fired = {name: (z > 0.5).flatten().numpy() for name, z in zip(self._names, spikes, strict=True)}
        return Answers(scores.flatten().double().numpy().copy(), fired)
