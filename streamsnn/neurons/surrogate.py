"""Step functions whose gradients are surrogates: forward exactly 0 or 1, backward a smooth bump.

Imports torch, so only sequence forms load this module, and only when they run.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


class _FiresAtOrAbove(torch.autograd.Function):
    """z = [x >= 0], backward arctan: (alpha / 2) / (1 + (pi/2 alpha x)^2) (Fang et al. 2021, PLIF)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * (ctx.alpha / 2) / (1 + (math.pi / 2 * ctx.alpha * x).square()), None


class _FiresAbove(torch.autograd.Function):
    """z = [x > 0], backward one of the named bumps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bump: str, scale: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bump, ctx.scale = bump, scale
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return grad * BUMPS[ctx.bump](x, ctx.scale), None, None


def _gaussian(x: Tensor, sigma: float) -> Tensor:
    return torch.exp(-0.5 * (x / sigma).square()) / (sigma * math.sqrt(2 * math.pi))


def _double_gaussian(x: Tensor, scale: float) -> Tensor:
    return 0.5 * (1.15 * _gaussian(x, scale) - 0.3 * _gaussian(x, 6 * scale))


def _fast_sigmoid(x: Tensor, scale: float) -> Tensor:
    return 1 / (scale * x.abs() + 1).square()


def _arctan(x: Tensor, scale: float) -> Tensor:
    return (scale / 2) / (1 + (math.pi / 2 * scale * x).square())


BUMPS = {"double-gaussian": _double_gaussian, "fast-sigmoid": _fast_sigmoid, "arctan": _arctan}


def fires_at_or_above(x: Tensor, alpha: float = 2.0) -> Tensor:
    """[x >= 0] with the arctan surrogate: the rule of PSN, LIF and PLIF."""
    return _FiresAtOrAbove.apply(x, alpha)  # type: ignore[no-any-return,no-untyped-call]


def fires_above(x: Tensor, bump: str, scale: float) -> Tensor:
    """[x > 0] with a named surrogate: the rule of ParaLIF and the resonators.

    `bump` is "fast-sigmoid" (1 / (scale |x| + 1)^2; Yarga & Wood 2024), "arctan" or "double-gaussian" (0.5 (1.15 N(x;
    0, scale) - 0.3 N(x; 0, 6 scale)) with normalised Gaussians; Higuchi et al. 2024, where scale = 0.5).
    """
    return _FiresAbove.apply(x, bump, scale)  # type: ignore[no-any-return,no-untyped-call]


class _Bernoulli(torch.autograd.Function):
    """z = [uniform < p], backward p: the straight-through estimator as the ParaLIF paper's implementation has it."""

    @staticmethod
    def forward(ctx: Any, probability: Tensor, uniform: Tensor) -> Tensor:
        ctx.save_for_backward(probability)
        return (uniform < probability).to(probability.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (probability,) = ctx.saved_tensors
        return grad * probability, None


def bernoulli(probability: Tensor, uniform: Tensor) -> Tensor:
    """One draw a probability, decided by the `uniform` numbers of the same shape."""
    return _Bernoulli.apply(probability, uniform)  # type: ignore[no-any-return,no-untyped-call]


class _Gumbel(torch.autograd.Function):
    """z = [logit > logit(uniform)], backward the slope of the soft sample sigmoid(logit - logit(uniform))."""

    @staticmethod
    def forward(ctx: Any, logit: Tensor, uniform: Tensor) -> Tensor:
        soft = torch.sigmoid(logit - torch.logit(uniform, eps=1e-7))
        ctx.save_for_backward(soft)
        return (uniform < torch.sigmoid(logit)).to(logit.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (soft,) = ctx.saved_tensors
        return grad * soft * (1 - soft), None


def gumbel(logit: Tensor, uniform: Tensor) -> Tensor:
    """A hard sample of the two-class Gumbel softmax at temperature 1 whose logits differ by `logit`.

    The difference of two Gumbel variables is logistic, so that one uniform number decides: P(1) = sigmoid(logit).
    """
    return _Gumbel.apply(logit, uniform)  # type: ignore[no-any-return,no-untyped-call]
