"""Leaky integrals over whole sequences: exact, causal, and the same for any length."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from streamsnn.errors import StreamsnnError
from streamsnn.neurons import CubaLIF, ParaLIF
from streamsnn.neurons.integrator import decays, double_leaky_integral


def test_the_last_input_moves_nothing_before_it() -> None:
    x = torch.zeros(60, 1, 1, dtype=torch.float64)
    x[-1] = 1e6
    a = b = torch.tensor(0.95, dtype=torch.float64)
    assert torch.all(double_leaky_integral(x, a, b)[:-1] == 0)


def test_decays_are_times() -> None:
    assert decays(4.0, 20.0, 10.0) == pytest.approx((np.exp(-0.2), np.exp(-0.4)))
    assert decays(1.0, None, 10.0)[0] == 0.0


def test_time_constants_must_be_positive() -> None:
    for build in (lambda: ParaLIF(tau_mem_ms=0), lambda: ParaLIF(tau_syn_ms=-1), lambda: CubaLIF(tau_mem_ms=0)):
        with pytest.raises(StreamsnnError, match="not positive"):
            build()
