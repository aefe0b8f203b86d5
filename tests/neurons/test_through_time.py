"""Compiled passes over whole sequences against recursions that torch differentiates step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from streamsnn.neurons import Resonator
from streamsnn.neurons.through_time import leaky_integral


@pytest.mark.parametrize("steps", [1, 127, 128, 129, 300])
@pytest.mark.parametrize("decay", [torch.tensor(0.9), torch.tensor(0.0), torch.tensor([0.5, 0.99, 1.0])])
def test_the_integral_is_the_recursion(steps: int, decay: torch.Tensor) -> None:
    x = torch.from_numpy(np.random.default_rng(steps).normal(size=(steps, 2, 3, 4)))
    across = decay.double().reshape(-1, 1)
    y, expected = torch.zeros_like(x[0]), []
    for row in x:
        y = across * y + row
        expected.append(y)
    torch.testing.assert_close(leaky_integral(x, decay.double()), torch.stack(expected), rtol=0, atol=1e-11)


def test_decays_are_gradients_away_from_their_slope() -> None:
    decay = torch.tensor([0.3, 0.8], dtype=torch.float64, requires_grad=True)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(150, 1, 2)))
    assert torch.autograd.gradcheck(lambda d: leaky_integral(x, d)[-1], decay)


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_brf_neurons_fire_and_learn_as_step_by_step(recurrent: bool, dtype: torch.dtype) -> None:
    neuron = Resonator("brf", recurrent=recurrent)
    rng = np.random.default_rng(2)
    start = neuron.initial((9,), 10.0, rng)
    weights = torch.from_numpy(rng.normal(size=(80, 3, 9))).to(dtype)
    currents = torch.from_numpy(20 * rng.normal(size=(80, 3, 9)) + 10).to(dtype)
    found = []
    for form in ("compiled", "step by step"):
        p = {name: torch.tensor(value, dtype=dtype, requires_grad=True) for name, value in start.items()}
        x = currents.clone().requires_grad_()
        z = (
            neuron.sequence(x, p, 10.0, np.zeros(3, np.int64))
            if form == "compiled"
            else torch.stack(neuron.trace(x, p)["z"])
        )
        (z * weights).sum().backward()  # type: ignore[no-untyped-call]
        found.append((z.detach(), [x.grad, *(each.grad for each in p.values())]))
    assert 0.02 < found[0][0].mean() < 0.9
    assert torch.equal(found[0][0], found[1][0])
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        assert ours is not None
        assert theirs is not None
        tolerance = 1e-10 if dtype == torch.float64 else 1e-4
        assert float((ours - theirs).abs().max()) < tolerance * float(theirs.abs().max())


def test_brf_neurons_of_a_picture_share_a_channels_numbers() -> None:
    neuron = Resonator("brf")
    rng = np.random.default_rng(3)
    p = {name: torch.tensor(value, requires_grad=True) for name, value in neuron.initial((4,), 10.0, rng).items()}
    current = torch.from_numpy(20 * rng.normal(size=(30, 2, 4, 3, 5)) + 10)
    z = neuron.sequence(current, p, 10.0, np.zeros(2, np.int64))
    assert torch.equal(z, torch.stack(neuron.trace(current, p)["z"]))
    z.sum().backward()  # type: ignore[no-untyped-call]
    assert p["omega"].grad is not None
    assert p["omega"].grad.shape == (4,)
