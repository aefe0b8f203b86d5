"""Surrogate gradients: hard steps forward, the published bumps backward."""

from __future__ import annotations

import math

import torch

from streamsnn.neurons.surrogate import bernoulli, fires_above, fires_at_or_above, gumbel

X = torch.tensor([-1.0, -0.01, 0.0, 0.01, 2.0], dtype=torch.float64)


def slope(function: object, x: torch.Tensor = X) -> torch.Tensor:
    leaf = x.clone().requires_grad_()
    assert callable(function)
    function(leaf).sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def test_ties_fire_or_not_as_the_family_says() -> None:
    assert fires_at_or_above(X).tolist() == [0, 0, 1, 1, 1]
    assert fires_above(X, "arctan", 2.0).tolist() == [0, 0, 0, 1, 1]


def test_bumps() -> None:
    torch.testing.assert_close(slope(fires_at_or_above), 1 / (1 + (math.pi * X) ** 2))
    torch.testing.assert_close(slope(lambda x: fires_above(x, "arctan", 5.0)), 2.5 / (1 + (2.5 * math.pi * X) ** 2))
    torch.testing.assert_close(slope(lambda x: fires_above(x, "fast-sigmoid", 100.0)), (100 * X.abs() + 1) ** -2)
    narrow = torch.exp(-2 * X**2) / (0.5 * math.sqrt(2 * math.pi))
    wide = torch.exp(-(X**2) / 18) / (3 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(slope(lambda x: fires_above(x, "double-gaussian", 0.5)), 0.575 * narrow - 0.15 * wide)


def test_draws_follow_their_probability_and_pass_gradients() -> None:
    chance = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    p = torch.full_like(chance, 0.3)
    assert bernoulli(p, chance).sum() == 300
    torch.testing.assert_close(slope(lambda x: bernoulli(x, chance), p), p)
    logit = torch.full_like(chance, 0.4)
    assert gumbel(logit, chance).sum() == round(1000 / (1 + math.exp(-0.4)))
    soft = torch.sigmoid(0.4 - torch.logit(chance))
    torch.testing.assert_close(slope(lambda x: gumbel(x, chance), logit), soft * (1 - soft))
