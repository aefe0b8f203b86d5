"""What a training leaves behind: a model folder with weights, recipe, learning curve, and a README with the figures."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamsnn.binning import Binner
from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import save_model
from streamsnn.network import Network
from streamsnn.readout import ScoreReadout
from streamsnn.training.batches import Take
from streamsnn.training.checkpoint import write_whole
from streamsnn.training.config import Config
from streamsnn.training.dataset import Sample, write_table
from streamsnn.training.trainer import Epoch, Trained
from streamsnn.types import Packet

HELD_OUT_FILE = "held-out.csv"
"""The recordings that a model never saw, as a labels.csv."""


@dataclass(frozen=True)
class Streamed:
    """How a network does step by step: the confusion (true, predicted), spikes and operations a recording."""

    confusion: NDArray[np.int64]
    spikes: float
    operations: float

    @property
    def count(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion)) / self.count


def stream_through(network: Network, takes: Sequence[Take], targets: NDArray[np.int64]) -> Streamed:
    """Feed recordings to the step form as `streamsnn run` would, and count what it says at the end of each."""
    card = network.card
    confusion = np.zeros((len(card.labels), len(card.labels)), np.int64)
    spikes = operations = 0
    for take, target in zip(takes, targets, strict=True):
        binner, readout = Binner(card.step_us, take.fit), ScoreReadout(card.readout, card.labels, card.step_us)
        state = network.initial_state()
        scores = np.zeros(len(card.labels), np.float32)
        packet = Packet(take.events, take.t_begin_us, take.t_end_us, 0)
        for step in (*binner.push(packet), *binner.flush()):
            output = network.step(step, state)
            scores = readout(output).scores
            spikes += sum(fired.size for fired in output.spikes.values())
            operations += 0 if output.operations is None else output.operations.total
        confusion[target, scores.argmax()] += 1
    return Streamed(confusion, spikes / len(takes), operations / len(takes))


def figures(trained: Trained, held_out: Streamed | None) -> dict[str, float]:
    """The numbers that a model card carries."""
    numbers = {"epoch": float(trained.best.number), "epochs": float(len(trained.history))}
    if held_out is not None:
        numbers |= {
            "accuracy": held_out.accuracy,
            "held_out": float(held_out.count),
            "spikes_per_sample": held_out.spikes,
            "synaptic_operations_per_sample": held_out.operations,
        }
    return numbers


def write_report(
    folder: Path,
    network: Network,
    trained: Trained,
    config: Config,
    held_out: Streamed | None,
    held: Sequence[Sample],
    trained_on: int,
    command: str,
) -> None:
    """Put a whole model folder in place of `folder`: it is written beside it and moved there when it is complete.

    `held` are the recordings that were held out, `trained_on` is how many were not. Raises StreamsnnError where the
    disk refuses.
    """
    staging = folder.with_name(f".{folder.name}.partial")
    aside = folder.with_name(f".{folder.name}.old")
    try:
        for left_over in (staging, aside):
            if left_over.exists():
                shutil.rmtree(left_over)
        save_model(staging, network.spec, trained.weights)
        write_whole(staging / "learning-curve.png", learning_curve(trained.history, trained.best))
        write_whole(staging / "recipe.toml", config.text.encode())
        if held:
            write_table(staging / HELD_OUT_FILE, held)
        text = readme(network, trained, config, held_out, (trained_on, len(held)), folder, command)
        write_whole(staging / "README.md", text.encode())
        if folder.exists():
            folder.replace(aside)
        staging.replace(folder)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise StreamsnnError(
            f"The model cannot be written to {folder}: {error.strerror or error}.",
            hint="Free some space, then resume: the training itself is kept.",
        ) from error
    finally:
        if aside.exists() and not folder.exists():
            aside.replace(folder)
        shutil.rmtree(staging, ignore_errors=True)


def learning_curve(history: Sequence[Epoch], best: Epoch) -> bytes:
    """A PNG: losses and error rates over epochs, with the best marked."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    numbers = [epoch.number for epoch in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot(numbers, [epoch.loss for epoch in history], label="training (augmented)")
    left.plot(numbers, [epoch.validation_loss for epoch in history], label="held out")
    left.set(xlabel="epoch", ylabel="cross-entropy")
    right.plot(numbers, [100 * epoch.accuracy for epoch in history], label="training (augmented)")
    right.plot(numbers, [100 * epoch.validation_accuracy for epoch in history], label="held out")
    right.plot([best.number], [100 * best.validation_accuracy], "o", color="C1", label=f"kept: epoch {best.number}")
    right.set(xlabel="epoch", ylabel="accuracy (%)")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _where(config: Config) -> str:
    return ", ".join(f"`{folder}`" for folder in (config.data.folder, *config.data.also))


def _voiced(config: Config) -> str:
    """How often recorded words were heard."""
    voices = config.voices
    if config.hearing is None or voices.variants == 0:
        return ""
    pieces = f"; for every 100 words {100 * voices.pieces:g} pieces of several" if voices.pieces else ""
    return f", as recorded and in {voices.variants} other voices and rooms{pieces}"


def _which(config: Config) -> str:
    data = config.data
    if data.held_out is not None:
        return f"those of `{data.held_out}`"
    if data.held_out_speakers:
        return f"speakers {', '.join(data.held_out_speakers)}"
    return f"share {data.holdout:g} of every class"


def readme(
    network: Network,
    trained: Trained,
    config: Config,
    held_out: Streamed | None,
    sizes: tuple[int, int],
    folder: Path,
    command: str,
) -> str:
    """The README of a model folder; `sizes` are how many recordings were trained on and held out."""
    card = network.card
    minutes = sum(epoch.seconds for epoch in trained.history) / 60
    rows = [
        ("Trained on", f"{sizes[0]} recordings of {_where(config)}{_voiced(config)}"),
        ("Held out", f"{sizes[1]} recordings ({_which(config)})"),
        ("Epoch kept", f"{trained.best.number} of {len(trained.history)}"),
        ("Training time", f"{minutes:.0f} minutes on one CPU thread"),
        ("Trained numbers", f"{network.parameter_count:,}"),
        ("Step", f"{card.step_us / 1000:g} ms"),
        ("Input", f"{card.input.channels} x {card.input.height} x {card.input.width}, {card.input.value}"),
    ]
    if held_out is not None:
        rows[2:2] = [
            ("**Accuracy on these**", f"**{held_out.accuracy:.1%}**, streamed step by step"),
            ("Spikes a recording", f"{held_out.spikes:,.0f}"),
            ("Synaptic operations a recording", f"{held_out.operations:,.0f}"),
        ]
    lines = [f"# {card.name}", ""]
    lines += [card.description, ""] if card.description else []
    lines += ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows), ""]
    if held_out is None:
        lines += ["Nothing was held out, so that there is no figure of how well it does on what it has not seen.", ""]
    else:
        lines += [
            "The epoch was chosen by the same held-out recordings, which flatters the accuracy a little.",
            "Measured with",
            "",
            f"    streamsnn evaluate {config.data.folder} --labels {folder / HELD_OUT_FILE} --model {folder}"
            + (f" --duration {config.data.duration_ms:g}ms" if config.data.pad else ""),
            "",
            "Rows: what was shown; columns: what was recognised.",
            "",
            "| | " + " | ".join(card.labels) + " |",
            "|---" * (len(card.labels) + 1) + "|",
        ]
        for label, counts in zip(card.labels, held_out.confusion, strict=True):
            lines.append(f"| **{label}** | " + " | ".join(str(count) if count else "" for count in counts) + " |")
        lines.append("")
    lines += ["![Learning curve](learning-curve.png)", "", "Trained with", "", f"    {command}", ""]
    lines += ["`recipe.toml` is the configuration that it was trained with.", ""]
    return "\n".join(lines)
