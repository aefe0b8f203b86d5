"""SpikingJelly, step by step: its SlidingPSN and LIFNode with step_mode "s", as its documentation streams.

Equations are the same as ours: LIFNode with decay_input, tau = 2 and v_reset = 0; SlidingPSN with our taps and bias.
"""

from __future__ import annotations

from typing import Any

import torch
from spikingjelly.activation_based import neuron as nodes
from torch import Tensor

from streamsnn.bench.contender import Variant
from streamsnn.bench.torch_modules import Block, ModuleSteps, Stage
from streamsnn.neurons import SlidingPSN


def _stage(block: Block, *, simple: bool = False) -> Stage:
    """A node after a linear or convolutional layer, or after two layers where it is recurrent."""
    synapse = block.synapse()
    if isinstance(block.neuron, SlidingPSN):
        psn = nodes.SlidingPSN(block.neuron.k, step_mode="s").eval().requires_grad_(False)
        with torch.no_grad():
            psn.weight.copy_(block.p["weight"])
            psn.bias.copy_(block.p["bias"])
        return Stage(lambda signal, _: (psn(synapse(signal)), None), forget=psn.reset)
    lif = block.plain_lif()
    kind = nodes.SimpleLIFNode if simple else nodes.LIFNode
    node = kind(tau=lif.tau, decay_input=True, v_threshold=lif.v_threshold, v_reset=0.0, step_mode="s").eval()
    if not lif.recurrent:
        return Stage(lambda signal, _: (node(synapse(signal)), None), forget=node.reset)
    feedback = block.feedback()

    def recurrent(signal: Tensor, before: Tensor) -> tuple[Tensor, Any]:
        fired = node(synapse(signal) + feedback(before))
        return fired, fired

    return Stage(recurrent, torch.zeros(1, block.weight.shape[0]), node.reset)


def _simple(block: Block) -> Stage:
    return _stage(block, simple=True)


LIF_VARIANTS = (
    Variant("LIFNode", lambda case: ModuleSteps(case, _stage)),
    Variant("SimpleLIFNode", lambda case: ModuleSteps(case, _simple)),
    Variant("SimpleLIFNode, channels last", lambda case: ModuleSteps(case, _simple, channels_last=True), images=True),
    Variant("LIFNode, torch.compile", lambda case: ModuleSteps(case, _stage, compile=True), slow=True),
)
PSN_VARIANTS = (
    Variant("SlidingPSN", lambda case: ModuleSteps(case, _stage)),
    Variant("SlidingPSN, channels last", lambda case: ModuleSteps(case, _stage, channels_last=True), images=True),
    Variant("SlidingPSN, torch.compile", lambda case: ModuleSteps(case, _stage, compile=True), slow=True),
)
