"""What pictures are drawn on, by matplotlib without a screen, and how they are written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PICTURES = (".png", ".pdf", ".svg")


def refuse_unwritable(picture: str | None) -> None:
    """Find out before minutes of work, not after."""
    if picture is None:
        return
    path = Path(picture)
    if path.suffix.lower() not in _PICTURES:
        raise StreamsnnError(f"{picture} is no name of a picture.", hint=f"Let it end with {', '.join(_PICTURES)}.")
    if not path.parent.is_dir():
        raise StreamsnnError(f"There is no folder {path.parent} to put {path.name} into.", hint="Make it first.")


def blank_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def write_figure(figure: Figure, path: Path) -> None:
    """Write a picture that appears under its name only when it is whole."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:].lower(), dpi=120)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_bytes(buffer.getvalue())
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StreamsnnError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Free some space, or choose another place."
        ) from error
