"""Training that begins with what another model has learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_spec, load_weights
from streamsnn.neurons.base import Array
from streamsnn.sequence import ScaleNorm, SequenceNetwork, SequenceNeurons, SequenceSynapse


def start_from(network: SequenceNetwork, folder: str, inputs: Tensor) -> tuple[str, ...]:
    """Give the layers of `network` the numbers of the layers of the same names in the model `folder`; their names.

    Layers of other sizes stay as they were drawn. A model's batch norms are folded into its weights; where `network`
    has one, it is set to the mean and the spread that it meets in `inputs` (T, B, channels, height, width), so that
    the layer gives what it gave in the model (in the line of Salimans & Kingma 2016, where data set a norm).

    Raises StreamsnnError for a folder that is no model, or one of other steps, and where no layer fits.
    """
    theirs_us, ours_us = load_spec(folder).card.step_us, network.spec.card.step_us
    if theirs_us != ours_us:
        raise StreamsnnError(
            f"{folder} takes steps of {theirs_us / 1000:g} ms, and what is to be trained of {ours_us / 1000:g} ms.",
            hint="Start from a model with the same steps.",
        )
    weights = load_weights(folder)
    taken = tuple(name for name, module in network.layers.items() if _take(module, _of(weights, name)))
    if not taken:
        raise StreamsnnError(
            f"No layer of {folder} has the name and the size of one that is to be trained.",
            hint="Give the layers the names that they have in its model.toml.",
        )
    shifts = {name: torch.as_tensor(weights[f"{name}.bias"]) for name in taken if f"{name}.bias" in weights}
    _settle_norms(network, {name: shifts.get(name) for name in taken}, inputs)
    return taken


def _of(weights: Mapping[str, Array], layer: str) -> dict[str, Array]:
    return {name.rpartition(".")[2]: value for name, value in weights.items() if name.rpartition(".")[0] == layer}


def _take(module: nn.Module, given: Mapping[str, Array]) -> bool:
    """Whether `module` could take what an exported layer has. What shifts a norm comes later."""
    own: Mapping[str, nn.Parameter] = {}
    if isinstance(module, SequenceNeurons):
        own = dict(module.parameters_by_name.items())
    elif isinstance(module, SequenceSynapse):
        own = dict(module.inner.named_parameters())
        if isinstance(module.norm, nn.BatchNorm1d | nn.BatchNorm2d):
            given = {name: value for name, value in given.items() if name != "bias"}
    if not own or {name: tuple(value.shape) for name, value in own.items()} != {
        name: np.shape(value) for name, value in given.items()
    }:
        return False
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(torch.as_tensor(np.asarray(given[name])))
    return True


def _settle_norms(network: SequenceNetwork, shifts: Mapping[str, Tensor | None], inputs: Tensor) -> None:
    """Make the norm of each layer in `shifts` add its shift, and nothing else, for inputs like these."""

    def settle(norm: nn.Module, shift: Tensor | None, x: Tensor) -> None:
        rest = [0, *range(2, x.dim())]
        if isinstance(norm, ScaleNorm):
            norm.running_square.copy_(x.square().mean(rest))
            norm.weight.copy_(torch.sqrt(norm.running_square + norm.eps))
            return
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(x.mean(rest))
        norm.running_var.copy_(x.var(rest))
        norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))
        norm.bias.copy_(norm.running_mean if shift is None else norm.running_mean + shift)

    hooks = []
    for name, shift in shifts.items():
        module = network.layers[name]
        if isinstance(module, SequenceSynapse) and module.norm is not None:
            hooks.append(module.norm.register_forward_pre_hook(lambda norm, x, shift=shift: settle(norm, shift, x[0])))
    # One pass settles all of them, from the first to the last: each sees what the settled ones before it give.
    network.eval()
    with torch.no_grad():
        network(inputs)
    for hook in hooks:
        hook.remove()
