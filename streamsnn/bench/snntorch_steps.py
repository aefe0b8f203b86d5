"""snnTorch, step by step: Leaky and RLeaky with reset to zero and without surrogate gradients.

Its membrane is beta mem + x, which for beta = 1 - 1 / tau is ours when weights are multiplied by 1 / tau. Leaky resets
one step late by default, before it adds what comes then: the same spikes. RLeaky would lose that input, and is set to
reset at once.
"""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch import Tensor

from streamsnn.bench.contender import Variant
from streamsnn.bench.torch_modules import Block, ModuleSteps, Stage


def _leaky(block: Block) -> Stage:
    """Leaky after a linear or convolutional layer, or after two layers where it is recurrent."""
    lif = block.plain_lif()
    gain = 1 / lif.tau
    cell = snntorch.Leaky(beta=1 - gain, threshold=lif.v_threshold, reset_mechanism="zero", surrogate_disable=True)
    synapse, at_rest = block.synapse(gain), torch.tensor(0.0)
    if not lif.recurrent:
        return Stage(lambda signal, membrane: cell(synapse(signal), membrane), at_rest)
    feedback = block.feedback(gain)

    def recurrent(signal: Tensor, before: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        fired, membrane = cell(synapse(signal) + feedback(before[0]), before[1])
        return fired, (fired, membrane)

    return Stage(recurrent, (torch.zeros(1, block.weight.shape[0]), at_rest))


def _rleaky(block: Block) -> Stage:
    lif = block.plain_lif()
    gain, size = 1 / lif.tau, block.weight.shape[0]
    cell = snntorch.RLeaky(
        beta=1 - gain,
        linear_features=size,
        threshold=lif.v_threshold,
        reset_mechanism="zero",
        reset_delay=False,
        surrogate_disable=True,
    )
    cell.recurrent = block.feedback(gain)
    synapse = block.synapse(gain)

    def recurrent(signal: Tensor, before: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        fired, membrane = cell(synapse(signal), *before)
        return fired, (fired, membrane)

    return Stage(recurrent, (torch.zeros(1, size), torch.zeros(1, size)))


VARIANTS = (
    Variant("Leaky", lambda case: ModuleSteps(case, _leaky)),
    Variant("Leaky, channels last", lambda case: ModuleSteps(case, _leaky, channels_last=True), images=True),
    Variant("Leaky, torch.compile", lambda case: ModuleSteps(case, _leaky, compile=True), slow=True),
)
RECURRENT_VARIANTS = (
    Variant("RLeaky", lambda case: ModuleSteps(case, _rleaky)),
    Variant("Leaky and a second layer", lambda case: ModuleSteps(case, _leaky)),
    Variant("Leaky and a second layer, torch.compile", lambda case: ModuleSteps(case, _leaky, compile=True), slow=True),
)
