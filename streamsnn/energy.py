"""What a step costs: synaptic operations, counted as they happen, and the energy that they would take in hardware.

An estimate in the usual terms: 32-bit floating point arithmetic in 45 nm, 0.9 pJ for an addition and 4.6 pJ for a
multiplication with an addition (Horowitz 2014, "Computing's Energy Problem (and what we can do about it)"). It leaves
out memory and the neurons themselves, as such estimates do, and serves to compare networks, not to size batteries.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ACCUMULATE_PJ = 0.9
MULTIPLY_PJ = 4.6


class Operations(NamedTuple):
    """The synaptic operations of one step, exactly as they happened: (layers,) int64 each.

    A spike that reaches a neuron through a synapse is one of the `accumulates`: its weight is added. A real number that
    does is one of the `multiplies`: it is multiplied by the weight and added. What is zero reaches nobody and counts
    nothing; biases and the neurons' own arithmetic are no synapses. The share of an average pool is part of the weights
    behind it.
    """

    accumulates: NDArray[np.int64]
    multiplies: NDArray[np.int64]

    @property
    def total(self) -> int:
        """Operations of both kinds in all layers."""
        return _sum(self.accumulates) + _sum(self.multiplies)

    @property
    def energy_pj(self) -> float:
        """The estimate for all layers, in picojoules."""
        return energy_pj(_sum(self.accumulates), _sum(self.multiplies))


def _sum(counts: NDArray[np.int64]) -> int:
    # Of a number a layer: numpy's own sum takes several times as long, and as long as a small network's step.
    return sum(counts.tolist())


def energy_pj(accumulates: int, multiplies: int) -> float:
    """The estimate for so many operations of each kind, in picojoules."""
    return ACCUMULATE_PJ * accumulates + MULTIPLY_PJ * multiplies
