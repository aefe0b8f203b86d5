"""norse, step by step: LIFBoxCell (a membrane and no synaptic current) and LIFRecurrentCell.

Its step v + dt / tau_mem (x - v) is ours for dt = 1 and 1 / tau_mem = 1 / tau. LIFRecurrentCell has a synaptic current,
too, which 1 / tau_syn = 1 makes last for no more than its own step, and it leaves out what a neuron sends itself unless
told otherwise. The threshold is "heaviside": all others are for training. Parameters are numbers, not tensors as by
default, which saves a conversion a step.
"""

from __future__ import annotations

from typing import Any

import torch
from norse.torch import LIFBoxCell, LIFBoxParameters, LIFParameters, LIFRecurrentCell
from norse.torch.functional.lif import LIFState
from norse.torch.functional.lif_box import LIFBoxFeedForwardState
from torch import Tensor

from streamsnn.bench.contender import Variant
from streamsnn.bench.torch_modules import Block, ModuleSteps, Stage


def _box(block: Block) -> Stage:
    """A LIFBoxCell after a linear or convolutional layer, or after two layers where it is recurrent."""
    lif = block.plain_lif()
    parameters: Any = LIFBoxParameters(
        tau_mem_inv=1 / lif.tau, v_leak=0.0, v_th=lif.v_threshold, v_reset=0.0, method="heaviside"
    )
    cell, synapse = LIFBoxCell(parameters, dt=1.0), block.synapse()
    at_rest = LIFBoxFeedForwardState(v=torch.tensor(0.0))
    if not lif.recurrent:
        return Stage(lambda signal, state: cell(synapse(signal), state), at_rest)
    feedback = block.feedback()

    def recurrent(signal: Tensor, before: tuple[Tensor, Any]) -> tuple[Tensor, Any]:
        fired, state = cell(synapse(signal) + feedback(before[0]), before[1])
        return fired, (fired, state)

    return Stage(recurrent, (torch.zeros(1, block.weight.shape[0]), at_rest))


def _recurrent_cell(block: Block) -> Stage:
    lif = block.plain_lif()
    parameters: Any = LIFParameters(
        tau_syn_inv=1.0, tau_mem_inv=1 / lif.tau, v_leak=0.0, v_th=lif.v_threshold, v_reset=0.0, method="heaviside"
    )
    outputs, inputs = block.weight.shape
    cell = LIFRecurrentCell(
        inputs,
        outputs,
        p=parameters,
        input_weights=block.weight,
        recurrent_weights=block.p["recurrent_weight"],
        autapses=True,
        dt=1.0,
    )
    zeros = torch.zeros(1, outputs)
    return Stage(cell, LIFState(z=zeros, v=zeros, i=zeros))


VARIANTS = (
    Variant("LIFBoxCell", lambda case: ModuleSteps(case, _box)),
    Variant("LIFBoxCell, channels last", lambda case: ModuleSteps(case, _box, channels_last=True), images=True),
    Variant("LIFBoxCell, torch.compile", lambda case: ModuleSteps(case, _box, compile=True), slow=True),
)
RECURRENT_VARIANTS = (
    Variant("LIFRecurrentCell", lambda case: ModuleSteps(case, _recurrent_cell)),
    Variant("LIFBoxCell and a second layer", lambda case: ModuleSteps(case, _box)),
    Variant(
        "LIFRecurrentCell, torch.compile", lambda case: ModuleSteps(case, _recurrent_cell, compile=True), slow=True
    ),
)
