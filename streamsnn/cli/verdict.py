"""What `streamsnn evaluate` prints for people."""

from __future__ import annotations

import shutil

import numpy as np

from streamsnn.cli import text
from streamsnn.cli.evaluation import Evaluation, Flaw

_CURVE_LINES = 12
_LISTED = 5
_SOON_MS = 500


def print_evaluation(evaluation: Evaluation) -> None:
    """Accuracy with its interval, classes, confusions, the anytime curve, and what it cost."""
    low, high = evaluation.interval
    card, n = evaluation.card, len(evaluation.answers)
    rows = [
        ("model", f"{card.name}, steps of {card.step_us / 1000:g} ms"),
        ("dataset", f"{evaluation.dataset}, {n:,} recordings"),
        (
            "accuracy",
            f"{text.percent(evaluation.accuracy)} ({evaluation.right:,} of {n:,};"
            f" 95 % interval {100 * low:.1f} to {100 * high:.1f} %)",
        ),
    ]
    if evaluation.operations_per_sample is not None:
        rows.append(("work", f"{text.number(evaluation.operations_per_sample)} synaptic operations a recording"))
    rows += [
        ("spikes", f"{text.number(evaluation.spikes_per_sample)} a recording"),
        (
            "compute",
            f"{text.duration(evaluation.compute.percentile_ns(50) / 1e3)} a step (median),"
            f" {text.duration(evaluation.compute.percentile_ns(99) / 1e3)} (99 %)",
        ),
    ]
    delays_ms = evaluation.delays_ms()
    if delays_ms.size:
        soon = float((delays_ms <= _SOON_MS).mean())
        rows.append(
            (
                "delay",
                f"{text.percent(soon)} of the right answers stood {_SOON_MS} ms after the word's beginning"
                f" (median {text.duration(1e3 * float(np.median(delays_ms)))})",
            )
        )
    rows += _flaws("unreadable", evaluation.unreadable, "left out")
    rows += _flaws("damaged", evaluation.damaged, "read as far as possible")
    print(text.facts(rows))
    print()
    _print_classes(evaluation)
    print("\naccuracy against elapsed stream time")
    _print_curve(evaluation)


def _flaws(name: str, flaws: tuple[Flaw, ...], what: str) -> list[tuple[str, str]]:
    if not flaws:
        return []
    lines = [f"{len(flaws):,} recordings, {what}", *(f"{flaw.file}: {flaw.reason}" for flaw in flaws[:_LISTED])]
    if len(flaws) > _LISTED:
        lines.append(f"and {len(flaws) - _LISTED:,} more (all of them with --json)")
    return [(name, "\n".join(lines))]


def _print_classes(evaluation: Evaluation) -> None:
    """A row a class: how many, how many were right, and as what they were recognised, as far as there is room."""
    labels, confusion = evaluation.card.labels, evaluation.confusion
    widest = len(str(confusion.max()))
    matrix_width = sum(2 + max(len(label), widest) for label in labels)
    whole = matrix_width + max(map(len, labels)) + 20 <= shutil.get_terminal_size().columns
    rows = []
    for place, (label, counts) in enumerate(zip(labels, confusion.tolist(), strict=True)):
        n = sum(counts)
        if n:
            cells = [str(count) if count else "." for count in counts] if whole else [_mistaken(labels, place, counts)]
            rows.append([label, f"{n:,}", text.percent(counts[place] / n), *cells])
    headings = ["class", "n", "correct", *(labels if whole else ["taken for"])]
    text.print_table(headings, rows, right=range(1, len(headings) if whole else 3))


def _mistaken(labels: tuple[str, ...], place: int, counts: list[int]) -> str:
    others = sorted(((count, labels[other]) for other, count in enumerate(counts) if other != place), reverse=True)
    return ", ".join(f"{label} ({count})" for count, label in others[:3] if count)


def _print_curve(evaluation: Evaluation) -> None:
    t_ms, accuracy = evaluation.anytime()
    for place in np.unique(np.linspace(0, t_ms.size - 1, _CURVE_LINES).round().astype(int)):
        share = float(accuracy[place])
        print(f"{text.duration(1e3 * float(t_ms[place])):>9}  {text.bar(share, 50)}  {text.percent(share):>7}")
