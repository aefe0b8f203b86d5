"""A training, watched in a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining

from streamsnn.training.trainer import Epoch


class TerminalObserver:
    """Shows a bar over all epochs and a line for each; use it as a context."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            Remaining(),
            console=console or Console(stderr=True),
        )
        self._heard: TaskID | None = None
        self._epochs: TaskID | None = None
        self._batches: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def preparing(self, done: int, total: int) -> None:
        if self._heard is None:
            self._heard = self._progress.add_task("hearing", total=total)
        self._progress.update(self._heard, completed=done, total=total, visible=done < total)

    def begin(self, epochs: int, done: tuple[Epoch, ...]) -> None:
        self._epochs = self._progress.add_task("epochs", total=epochs, completed=len(done))
        self._batches = self._progress.add_task("batches", total=None)
        if done:
            self._progress.console.print(f"resumed after epoch {done[-1].number}")

    def batch(self, number: int, batches: int, loss: float) -> None:
        assert self._batches is not None
        self._progress.update(self._batches, completed=number, total=batches, description=f"batches, loss {loss:.3f}")

    def epoch(self, epoch: Epoch, best: bool) -> None:
        assert self._epochs is not None
        self._progress.advance(self._epochs)
        self._progress.console.print(
            f"epoch {epoch.number:3d}  loss {epoch.loss:.3f}  right {epoch.accuracy:.1%}"
            f"  held out {epoch.validation_accuracy:.1%} (loss {epoch.validation_loss:.3f})"
            f"  {epoch.seconds:.1f} s{'  best' if best else ''}",
            highlight=False,
        )
