"""What `streamsnn evaluate --spans` finds out: which words of a stream a model reported, when, and what else."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable

import numpy as np

from streamsnn.cli import options, text
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.registry import open_model, open_source
from streamsnn.spotting import Report, Spotting, read_spans, spot

_LISTED = 12


def spotted(arguments: argparse.Namespace, on_start: Callable[[], None]) -> Spotting:
    """Stream the recording that `arguments` name through their model and hold its reports against --spans.

    Raises StreamsnnError for a recording, a table or a model that cannot be used.
    """
    spans = read_spans(arguments.spans)
    model = open_model(arguments.model)
    card = model.card
    strange = sorted({span.label for span in spans} - set(card.labels))
    if strange:
        raise StreamsnnError(
            f"{arguments.spans} has labels that {card.name} does not know, such as {strange[0]!r}.",
            hint=f"The model's are {', '.join(card.labels)}.",
        )
    options.start_engine(model)
    source = open_source(
        arguments.dataset,
        sensor=options.sensor_of(arguments),
        packet_us=card.step_us,
        strict=arguments.strict,
        hearing=card.hearing,
        ears=card.input.height,
    )
    on_start()
    reports: list[Report] = []
    begin_us = end_us = 0
    shown: str | None = None
    with contextlib.closing(source):
        for result in stream(
            source,
            model,
            filters=options.filters_of(arguments, source.sensor),
            readout=ScoreReadout(card.readout, card.labels, card.step_us),
            state=options.fresh_state(arguments, model),
            fit=options.fit_of(arguments, source.sensor, model),
        ):
            if not end_us:
                begin_us = result.step.index * card.step_us
            end_us = (result.step.index + 1) * card.step_us
            if result.decision.label not in (shown, None):
                reports.append(Report(end_us, str(result.decision.label)))
            shown = result.decision.label
    if not end_us:
        raise StreamsnnError(f"{arguments.dataset} ended before its first step.")
    return spot(spans, reports, end_us - begin_us)


def sentences(found: Spotting) -> str:
    """All of it, for people."""
    rows = [
        ("played", text.duration(found.duration_us)),
        ("hits", f"{found.hits:,} of {found.spans:,}"),
        ("wrong", f"{len(found.wrong):,} with another label"),
        ("false alarms", f"{len(found.false_alarms):,} where nothing was"),
        ("an hour", f"{text.number(found.false_alarms_an_hour)} wrong or false"),
    ]
    if found.delays_us:
        middle, late, last = np.percentile(found.delays_us, (50, 90, 100))
        rows.append(
            (
                "delay",
                f"{text.duration(middle)} (median), {text.duration(late)} (90 %), {text.duration(last)} (worst),"
                " from the beginning of what was hit",
            )
        )
    for name, listed in (
        ("missed", [f"{span.label} at {text.duration(span.begin_us)}" for span in found.missed]),
        ("taken for", [f"{report.label} at {text.duration(report.t_us)}" for report in found.wrong]),
        ("alarms", [f"{report.label} at {text.duration(report.t_us)}" for report in found.false_alarms]),
    ):
        if listed:
            more = [f"and {len(listed) - _LISTED:,} more (all of them with --json)"] if len(listed) > _LISTED else []
            rows.append((name, "\n".join(listed[:_LISTED] + more)))
    return text.facts(rows)
