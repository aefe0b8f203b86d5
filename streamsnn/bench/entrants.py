"""Who is compared on a network: our own step, libraries that do the same, and plain code."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Callable
from dataclasses import dataclass

from streamsnn.bench.contender import Variant
from streamsnn.bench.networks import Case
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Population
from streamsnn.neurons import LIF, ParaLIF, Resonator, SlidingPSN
from streamsnn.neurons.base import Neuron

OURS = "streamsnn"


@dataclass(frozen=True)
class Entrant:
    """A library, or plain code: `variants` says in which ways it is set up for a case, none if it cannot do it.

    `needs` is the module that must be installed. `stands_in` marks what is no step at all but what people do today.
    """

    name: str
    needs: str
    torch_based: bool
    variants: Callable[[Case], tuple[Variant, ...]]
    stands_in: bool = False

    @property
    def installed(self) -> bool:
        return importlib.util.find_spec(self.needs) is not None


def _neuron(case: Case) -> Neuron:
    return next(layer.neuron for _, layer in case.spec.layers if isinstance(layer, Population))


def _adapter(module: str, choice: str) -> tuple[Variant, ...]:
    # Not above: an adapter loads its library. What that warns of is its own affair.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        variants: tuple[Variant, ...] = getattr(importlib.import_module(f"streamsnn.bench.{module}"), choice)
    return variants


def _spikingjelly(case: Case) -> tuple[Variant, ...]:
    neuron = _neuron(case)
    if isinstance(neuron, SlidingPSN):
        return _adapter("spikingjelly_steps", "PSN_VARIANTS")
    return _adapter("spikingjelly_steps", "LIF_VARIANTS") if isinstance(neuron, LIF) else ()


def _lif_only(module: str) -> Callable[[Case], tuple[Variant, ...]]:
    def variants(case: Case) -> tuple[Variant, ...]:
        neuron = _neuron(case)
        if not isinstance(neuron, LIF):
            return ()
        return _adapter(module, "RECURRENT_VARIANTS" if neuron.recurrent else "VARIANTS")

    return variants


def _torch(case: Case) -> tuple[Variant, ...]:
    from streamsnn.bench.torch_inplace import InPlaceStep

    return (
        Variant("in place", InPlaceStep),
        Variant("in place, rows of active inputs", lambda case: InPlaceStep(case, rows=True), flat=True),
        Variant("in place, channels last", lambda case: InPlaceStep(case, channels_last=True), images=True),
    )


def _torch_compile(case: Case) -> tuple[Variant, ...]:
    from streamsnn.bench.torch_compiled import FunctionalContender, just_in_time

    turning = isinstance(_neuron(case), SlidingPSN)
    wrapped = {"options": {"cpp_wrapper": True}}
    return (
        Variant("default", lambda case: FunctionalContender(case, just_in_time())),
        Variant(
            "C++ wrapper", lambda case: FunctionalContender(case, just_in_time(**wrapped), turning=turning), slow=True
        ),
    )


def _torch_ahead(case: Case) -> tuple[Variant, ...]:
    from streamsnn.bench.torch_compiled import FunctionalContender, ahead_of_time

    turning = isinstance(_neuron(case), SlidingPSN)
    return (Variant("AOTInductor", lambda case: FunctionalContender(case, ahead_of_time, turning=turning), slow=True),)


def _numpy(case: Case) -> tuple[Variant, ...]:
    from streamsnn.bench.numpy_steps import NumpyStep

    return (
        Variant("in place", NumpyStep),
        Variant("in place, rows of active inputs", lambda case: NumpyStep(case, rows=True), flat=True),
    )


def _window(case: Case) -> tuple[Variant, ...]:
    from streamsnn.bench.sequence_window import WINDOW_STEPS, WindowStep

    # Families that no library streams: what people do with them today is the whole sequence, again and again.
    if not isinstance(_neuron(case), Resonator | ParaLIF):
        return ()
    return (Variant(f"sequence form over {WINDOW_STEPS} steps", WindowStep),)


ENTRANTS = (
    Entrant("SpikingJelly", "spikingjelly", True, _spikingjelly),
    Entrant("norse", "norse", True, _lif_only("norse_steps")),
    Entrant("snnTorch", "snntorch", True, _lif_only("snntorch_steps")),
    Entrant("torch", "torch", True, _torch),
    Entrant("torch.compile", "torch", True, _torch_compile),
    Entrant("torch AOT", "torch", True, _torch_ahead),
    Entrant("numpy", "numpy", False, _numpy),
    Entrant("sequence again", "torch", True, _window, stands_in=True),
)

HOW_TO_INSTALL = "make peers, then .venv-peers/bin/streamsnn bench"


def chosen(names: list[str] | None) -> list[Entrant]:
    """The entrants of these names, or all. Raises StreamsnnError for a name that nobody has."""
    if names is None:
        return list(ENTRANTS)
    known = {entrant.name: entrant for entrant in ENTRANTS}
    if unknown := [name for name in names if name not in known]:
        raise StreamsnnError(f'nobody named "{unknown[0]}" is compared', hint=f"choose of {', '.join(known)}")
    return [entrant for entrant in ENTRANTS if entrant.name in names]
