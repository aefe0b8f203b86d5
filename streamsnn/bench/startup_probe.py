"""What a fresh process does until its first step, with the time at the end of each stage. Run by `startup`.

`python -m streamsnn.bench.startup_probe streamsnn MODEL RECORDING`, or with a peer's name alone. It prints one line of
JSON: [[stage, end in ns of the machine's monotonic clock], ...]. Kernels whose types are stated are compiled, or
loaded, while their module is imported, all others when they are first called.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

Stages = list[tuple[str, int]]
"""Names of stages, in order, and when each of them was over."""


def main(arguments: list[str]) -> None:
    """Run the probe that is named first, with the other words, and print its stages."""
    stages: Stages = [("interpreter", time.perf_counter_ns())]

    def over(stage: str) -> None:
        stages.append((stage, time.perf_counter_ns()))

    name, *rest = arguments
    if name == "streamsnn":
        _our_first_step(*rest, over=over)
    else:
        _first_step_of(name, over)
    print(json.dumps(stages), flush=True)


def _our_first_step(model_folder: str, recording: str, *, over: Callable[[str], None]) -> None:
    importlib.import_module("numpy")
    over("import numpy")
    importlib.import_module("numba")
    over("import numba")
    from streamsnn.engine import stream
    from streamsnn.modelfolder import load_model
    from streamsnn.sources.files import RecordingSource
    from streamsnn.types import Packet

    class Watched(RecordingSource):
        """Tells when the first packet has come."""

        def __iter__(self) -> Iterator[Packet]:
            packets = super().__iter__()
            first = next(packets)
            over("first packet")
            yield first
            yield from packets

    over("import streamsnn")
    model = load_model(model_folder)
    over("load model")
    warm_up = getattr(model, "warm_up", None)
    if warm_up is not None:
        warm_up()
    over("load kernels")
    next(stream(Watched(recording), model))
    over("first step")


def _first_step_of(peer: str, over: Callable[[str], None]) -> None:
    """A network of the layers of nmnist-sliding-psn with the peer's neurons, untrained, over one empty frame."""
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    over("import torch")
    if peer == "torch":
        return
    nn = torch.nn
    neuron: Any
    sequential: Any = nn.Sequential
    if peer == "spikingjelly":
        neurons: Any = importlib.import_module("spikingjelly.activation_based.neuron")
        neuron = partial(neurons.SlidingPSN, k=8, step_mode="s")
    elif peer == "snntorch":
        snntorch: Any = importlib.import_module("snntorch")
        neuron = partial(snntorch.Leaky, beta=0.9, init_hidden=True)
    else:
        norse: Any = importlib.import_module("norse.torch")
        neuron, sequential = norse.LIFCell, norse.SequentialState
    over(f"import {peer}")
    network = sequential(
        nn.Conv2d(2, 16, 5, stride=2, bias=False),
        neuron(),
        nn.Conv2d(16, 32, 3, bias=False),
        neuron(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(1152, 128, bias=False),
        neuron(),
        nn.Linear(128, 10, bias=False),
    )
    over("build model")
    with torch.no_grad():
        network(torch.zeros(1, 2, 34, 34))
    over("first step")


if __name__ == "__main__":
    main(sys.argv[1:])
