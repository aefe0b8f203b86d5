"""How far a file has been read, as a bar in a terminal on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


@contextlib.contextmanager
def moving(what: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many of `size_bytes` have been read; the bar vanishes in the end."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # Where it is no terminal, rich would leave an empty line.
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, refresh_per_second=4, disable=hidden) as progress:
        task = progress.add_task(escape(what), total=size_bytes)
        yield lambda read: progress.update(task, completed=read)
