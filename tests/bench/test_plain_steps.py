"""Plain numpy and torch, and our own step, say what the equations say, on every network that is compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from small_cases import small_case, small_images

from streamsnn.bench.contender import Contender, Ours, Variant
from streamsnn.bench.entrants import ENTRANTS, OURS, chosen
from streamsnn.bench.equality import Reference, check
from streamsnn.bench.networks import CASES, RATES, Case, event_steps
from streamsnn.bench.numpy_steps import NumpyStep
from streamsnn.bench.torch_compiled import FunctionalContender, ahead_of_time, as_it_is, just_in_time
from streamsnn.bench.torch_functional import FunctionalStep
from streamsnn.bench.torch_inplace import InPlaceStep
from streamsnn.errors import StreamsnnError
from streamsnn.layers import Linear, Population
from streamsnn.neurons import ALIF, LIF

PLAIN = ("torch", "numpy", "sequence again")


def ways(case: Case) -> list[Variant]:
    """Our step, and every way in which plain code is set up for `case`."""
    plain = [variant for entrant in chosen(list(PLAIN)) for variant in entrant.variants(case) if variant.suits(case)]
    return [Variant(OURS, Ours), Variant("as it is", lambda case: FunctionalContender(case, as_it_is)), *plain]


@pytest.mark.parametrize("name", CASES)
def test_all_say_the_same(name: str) -> None:
    case = CASES[name]()
    reference = Reference(case, event_steps(case, RATES["typical"], 60 if case.kind == "full" else 10))
    labels = []
    for variant in ways(case):
        contender = variant.build(case)
        # Twice, because a reset must leave nothing behind.
        for count in (12 if "sequence" in variant.label else None, 10):
            verdict = check(contender, reference, count)
            assert verdict.equal, (variant.label, verdict)
        labels.append(variant.label)
    assert len(labels) >= (4 if case.kind == "convolutional" else 6)
    assert any("sequence" in label for label in labels) == (name in ("brf", "paralif"))


@pytest.mark.parametrize("case", [small_case(), small_images()], ids=["flat", "images"])
@pytest.mark.parametrize("turning", [False, True])
def test_a_compiled_function_keeps_its_state(case: Case, turning: bool) -> None:
    reference = Reference(case, event_steps(case, 3_000, 20))
    contender = FunctionalContender(case, just_in_time(backend="eager"), turning=turning)
    assert check(contender, reference).equal
    assert check(contender, reference).equal


@pytest.mark.parametrize("case", [small_case(), small_images()], ids=["flat", "images"])
@pytest.mark.parametrize("turning", [False, True])
def test_a_library_made_ahead_of_time_keeps_its_state(
    case: Case, turning: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[Any] = []

    class Package:
        @property
        def loader(self) -> Package:
            return self

        def run(self, given: list[torch.Tensor]) -> list[torch.Tensor]:
            return list(exported[0].module()(*given))

    def package(program: Any, package_path: str) -> str:
        exported.append(program)
        return package_path

    # Compiling takes longer than all other tests together.
    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", package)
    monkeypatch.setattr(torch._inductor, "aoti_load_package", lambda path: Package())
    contender = FunctionalContender(case, ahead_of_time, turning=turning)
    assert check(contender, Reference(case, event_steps(case, 3_000, 20))).equal


@pytest.mark.parametrize("build", [NumpyStep, InPlaceStep])
def test_a_family_that_is_not_compared_is_refused(build: Callable[[Case], Contender]) -> None:
    case = small_case(("synapses", Linear(4)), ("hidden", Population(ALIF())), ("output", Linear(3)))
    with pytest.raises(StreamsnnError, match="no plain step"):
        build(case)
    with pytest.raises(StreamsnnError, match="no plain step"):
        FunctionalStep(case).initial()


def test_who_is_compared_where() -> None:
    assert [entrant.name for entrant in chosen(None)] == [entrant.name for entrant in ENTRANTS]
    with pytest.raises(StreamsnnError, match='"nunpy"'):
        chosen(["nunpy"])
    lif = small_case(("synapses", Linear(4)), ("hidden", Population(LIF())), ("output", Linear(3)))
    window = next(entrant for entrant in ENTRANTS if entrant.stands_in)
    assert window.variants(lif) == ()
    assert window.variants(CASES["brf"]()) != ()
