"""Pictures of an evaluation, drawn by matplotlib without a screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from streamsnn.cli import canvas
from streamsnn.cli.evaluation import Evaluation

_MOST_NUMBERS = 30
"""Up to so many classes each cell of a confusion matrix holds its count."""


def draw_confusion(evaluation: Evaluation, path: Path) -> None:
    """Write the confusion matrix to `path`: rows are what was shown, columns what was recognised."""
    labels, counts = evaluation.card.labels, evaluation.confusion
    shown = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(shown, 1)
    side = 2.2 + 0.42 * max(len(labels), 6)
    figure = canvas.blank_figure(side, side)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="recognised", ylabel="shown")
    axes.set_title(
        f"{evaluation.card.name}: {evaluation.accuracy:.1%} of {len(evaluation.answers):,} right", fontsize=11
    )
    if len(labels) <= _MOST_NUMBERS:
        for row, column in np.argwhere(counts > 0):
            colour = "white" if shares[row, column] > 0.5 else "black"
            number = str(counts[row, column])
            axes.text(column, row, number, ha="center", va="center", color=colour, fontsize=8)
    canvas.write_figure(figure, path)


def draw_anytime(evaluation: Evaluation, path: Path) -> None:
    """Write accuracy against elapsed stream time to `path`, with chance as a dotted line."""
    t_ms, accuracy = evaluation.anytime()
    figure = canvas.blank_figure(7.0, 4.2)
    axes = figure.add_subplot()
    axes.step(t_ms, 100 * accuracy, where="post")
    axes.axhline(100 / len(evaluation.card.labels), linestyle=":", color="grey")
    axes.annotate(f"{evaluation.accuracy:.1%}", (float(t_ms[-1]), 100 * evaluation.accuracy), ha="right", va="top")
    axes.set(xlabel="elapsed stream time (ms)", ylabel="accuracy (%)", ylim=(0, 102), xlim=(0, float(t_ms[-1]) * 1.02))
    axes.set_title(f"{evaluation.card.name}, {len(evaluation.answers):,} recordings", fontsize=11)
    axes.grid(alpha=0.3)
    canvas.write_figure(figure, path)
