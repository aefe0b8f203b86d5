"""What a long measurement is doing, told in a terminal on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextlib.contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Yield a function that is told what is being done; a bar moves beside it until all is done."""
    columns = (BarColumn(20), TimeElapsedColumn(), TextColumn("{task.description}"))
    console = Console(stderr=True)
    # Where it is no terminal, rich would leave an empty line.
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, refresh_per_second=4, disable=hidden) as progress:
        task = progress.add_task("getting ready", total=None)
        yield lambda text: progress.update(task, description=escape(text))
