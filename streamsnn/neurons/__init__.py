"""One module a family of neurons: its equations, its sequence form (torch) and its step form (compiled)."""

from streamsnn.neurons.alif import ALIF
from streamsnn.neurons.base import Neuron, Packed
from streamsnn.neurons.cuba_lif import CubaLIF
from streamsnn.neurons.integrator import LI, DoubleLeakyIntegrator
from streamsnn.neurons.lif import LIF
from streamsnn.neurons.paralif import ParaLIF
from streamsnn.neurons.psn import PSN, MaskedPSN
from streamsnn.neurons.resonate import Resonator
from streamsnn.neurons.sliding_psn import SlidingPSN

FAMILIES: dict[str, type[Neuron]] = {
    family.family: family
    for family in (SlidingPSN, MaskedPSN, PSN, ParaLIF, DoubleLeakyIntegrator, Resonator, LIF, ALIF, CubaLIF, LI)
}
"""The name of a family in a model.toml -> its settings."""

__all__ = [
    "ALIF",
    "FAMILIES",
    "LI",
    "LIF",
    "PSN",
    "CubaLIF",
    "DoubleLeakyIntegrator",
    "MaskedPSN",
    "Neuron",
    "Packed",
    "ParaLIF",
    "Resonator",
    "SlidingPSN",
]
