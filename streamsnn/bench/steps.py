"""One time step of our networks beside everybody else's: batch 1, one thread, the same weights and the same events.

Everybody is set up as fast as it goes and gets its input ready made: a frame's making is charged to nobody. Outputs are
compared first, and whoever computes something else is named and not timed. numpy can be told to use one thread before
it is loaded only, which the command line does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamsnn.bench import endurance, entrants, limits
from streamsnn.bench.contender import Contender, Ours, Variant
from streamsnn.bench.entrants import HOW_TO_INSTALL, OURS, Entrant
from streamsnn.bench.equality import Reference, Verdict, check
from streamsnn.bench.machine import load, machine, versions
from streamsnn.bench.networks import CASES, RATES, STEP_US, Case, event_steps
from streamsnn.bench.timing import (
    FULL,
    QUICK,
    Effort,
    figures,
    ratios,
    take_turns,
    timer_ns,
    trial,
)
from streamsnn.bench.together import together
from streamsnn.types import Step

_POOL = 400
"""Different steps a rate; a run goes through them again and again."""

_LONG = 1_000_000

Built = list[tuple[Variant, Contender]]


@dataclass(frozen=True)
class Question:
    """What is to be measured: networks, rates and entrants by name (None: all), and with how much effort."""

    networks: Sequence[str] | None = None
    rates: Sequence[str] | None = None
    against: Sequence[str] | None = None
    quick: bool = False
    long: bool = False

    @property
    def effort(self) -> Effort:
        effort = QUICK if self.quick else FULL
        return replace(effort, growth=_LONG) if self.long else effort


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Everything, ready for JSON; `progress` is told what is being done."""
    return answer(Question(quick=quick), progress)


def answer(question: Question, progress: Callable[[str], None]) -> dict[str, Any]:
    """What `question` asks for, ready for JSON. Raises StreamsnnError for names that do not exist."""
    against = entrants.chosen(None if question.against is None else list(question.against))
    there = [entrant for entrant in against if entrant.installed]
    found: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(),
        "effort": "quick" if question.quick else "full",
        "timer_ns": timer_ns(),
        "missing": [entrant.name for entrant in against if not entrant.installed],
        "install_missing_with": HOW_TO_INSTALL,
        "step_us": STEP_US,
        "networks": {},
    }
    for name in question.networks or CASES:
        case = CASES[name]()
        found["networks"][name] = _network(case, there, question, _under(progress, name))
    found["machine"]["load_at_end"] = load()
    return found


def _under(progress: Callable[[str], None], where: str) -> Callable[[str], None]:
    return lambda text: progress(f"{where}: {text}")


def _network(
    case: Case, there: Sequence[Entrant], question: Question, progress: Callable[[str], None]
) -> dict[str, Any]:
    """Everything about one network."""
    effort = question.effort
    progress("compiling our step")
    ours = Ours(case)
    ours.network.warm_up()
    broken: dict[str, str] = {}
    built = {entrant.name: _build(case, entrant, effort, broken, progress) for entrant in there}
    built = {name: variants for name, variants in built.items() if variants}
    bandwidth = limits.read_bandwidth(case.weight_bytes + ours.state_bytes)
    found: dict[str, Any] = {
        "title": case.title,
        "kind": case.kind,
        "parameters": ours.network.parameter_count,
        "weight_bytes": case.weight_bytes,
        "held_weight_bytes": ours.held_weight_bytes,
        "state_bytes": ours.state_bytes,
        "working_set_bytes": case.weight_bytes + ours.state_bytes,
        "bytes_a_second": bandwidth,
        "empty_calls": limits.empty_calls(ours),
        "reading_operations_ns": limits.reading_ns(ours),
        "do_not_work": broken,
        "rates": {},
    }
    for rate in question.rates or RATES:
        found["rates"][rate] = _rate(case, rate, ours, built, effort, bandwidth, _under(progress, rate))
    found["together"] = together(case, ours, RATES["typical"], effort, _under(progress, "together"))
    progress("silence")
    found["silence"] = endurance.silence(ours, event_steps(case, RATES["busy"], 100), effort.silence)
    typical = event_steps(case, RATES["typical"], _POOL)
    found["growth"] = endurance.growth(ours, typical, effort.growth, _under(progress, "growth"))
    return found


def _build(
    case: Case, entrant: Entrant, effort: Effort, broken: dict[str, str], progress: Callable[[str], None]
) -> Built:
    """Every way of setting up `entrant` that works; what does not is written into `broken`."""
    built: Built = []
    for variant in entrant.variants(case):
        if not variant.suits(case) or (variant.slow and not effort.builds_slowly):
            continue
        progress(f"building {entrant.name} ({variant.label})")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                built.append((variant, variant.build(case)))
        except Exception as error:
            # Whatever another library raises, the others are still to be measured.
            broken[f"{entrant.name} ({variant.label})"] = _first_line(error)
    return built


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _rate(
    case: Case,
    rate: str,
    ours: Ours,
    built: Mapping[str, Built],
    effort: Effort,
    bandwidth: float,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """All contenders on one network at one rate."""
    steps = event_steps(case, RATES[rate], _POOL)
    reference = Reference(case, steps[: effort.check])
    progress("comparing outputs")
    contenders: dict[str, Contender] = {}
    typical_ns: dict[str, float] = {}
    rows: dict[str, dict[str, Any]] = {}
    field: dict[str, Built] = {OURS: [(Variant("compiled step", Ours), ours)], **built}
    for name, variants in field.items():
        progress(f"comparing outputs of {name}")
        rows[name], best = _best(variants, reference, steps, effort)
        if best is not None:
            contenders[name], typical_ns[name] = best
    activity = _activity(case, ours, steps[: effort.check])
    limit_ns = activity["touched_bytes"] / bandwidth * 1e9
    times = take_turns(contenders, steps, effort, typical_ns, progress) if OURS in contenders else {}
    for name, rounds in times.items():
        rows[name] |= figures(np.concatenate(rounds), case.spec.card.step_us)
        rows[name]["ratio_to_ours"] = ratios(rounds, times[OURS])
        rows[name]["ratio_to_bytes_limit"] = rows[name]["median_ns"] / limit_ns
    return {
        "events_a_second": RATES[rate],
        **activity,
        "bytes_limit_ns": limit_ns,
        "contenders": rows,
    }


def _best(
    variants: Built, reference: Reference, steps: Sequence[Step], effort: Effort
) -> tuple[dict[str, Any], tuple[Contender, float] | None]:
    """What is known of a contender's variants, and the fastest of those that are equal with its median (ns)."""
    right: dict[str, Contender] = {}
    rounded: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for variant, contender in variants:
        try:
            verdict = check(contender, reference)
        except Exception as error:
            verdict = Verdict(False, 0, 0, _first_line(error))
        if verdict.equal:
            right[variant.label], rounded[variant.label] = contender, verdict.rounded
        else:
            wrong[variant.label] = verdict.difference
    tried = trial(right, steps, effort)
    best = min(tried, key=lambda label: tried[label]) if tried else None
    row: dict[str, Any] = {
        "equal": best is not None,
        "compared_steps": len(reference.steps),
        "decided_by_rounding": rounded.get(best or "", 0),
        "variant": best,
        "tried_ns": tried,
        "differs": wrong,
    }
    return row, None if best is None else (right[best], tried[best])


def _activity(case: Case, ours: Ours, steps: Sequence[Step]) -> dict[str, Any]:
    """Means over `steps`, from a fresh state: active inputs, firing shares of each layer, and bytes touched."""
    ours.reset()
    inputs, touched, firing = [], [], []
    for step in steps:
        said = ours.network.step(step, ours.state)
        spikes = dict(ours.answers(said).spikes)
        inputs.append(np.unique(step.addresses).size)
        rows = limits.recurrent_rows(case, ours, said.operations)
        touched.append(limits.touched_bytes(case, step.addresses, spikes, rows))
        firing.append([float(fired.mean()) for fired in spikes.values()])
    ours.reset()
    shares = np.mean(firing, axis=0)
    return {
        "active_inputs": float(np.mean(inputs)),
        "firing": dict(zip(spikes, map(float, shares), strict=True)),
        "touched_bytes": float(np.mean(touched)),
    }
