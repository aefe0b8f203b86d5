"""Numbers, tables and plots as text, for people: every number with its unit."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BLOCKS = " ▏▎▍▌▋▊▉█"


def number(value: float) -> str:
    """Three figures and a prefix: "0.251", "12", "34.1 k", "1.2 M"; whole numbers below 1,000 as they are."""
    for factor, prefix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor * 0.99995:
            return f"{value / factor:.3g}{prefix}" if abs(value) < 999.5 * factor else f"{value / factor:.0f}{prefix}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


def duration(t_us: float) -> str:
    """Microseconds as "250 us", "2.5 ms", "1.25 s", or "3 min 20 s"."""
    if abs(t_us) < 1_000:
        return f"{t_us:.3g} us"
    if abs(t_us) < 1_000_000:
        return f"{t_us / 1_000:.4g} ms"
    if abs(t_us) < 120_000_000:
        return f"{t_us / 1_000_000:.4g} s"
    minutes, seconds = divmod(round(t_us / 1_000_000), 60)
    return f"{minutes} min {seconds} s"


def bytes_of(size: float) -> str:
    """A number of bytes as "512 B", "3.1 kB", "1.2 MB"."""
    text = number(size)
    return text + "B" if " " in text else text + " B"


def power(power_w: float) -> str:
    """Watts as "31.2 uW", "1.5 mW", "2 W"."""
    for unit, factor in (("W", 1.0), ("mW", 1e-3), ("uW", 1e-6)):
        if power_w >= factor:
            return f"{power_w / factor:.3g} {unit}"
    return f"{power_w * 1e9:.3g} nW"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def ears(count: int) -> str:
    return "1 ear" if count == 1 else f"{count} ears"


def bar(share: float, width: int) -> str:
    """A bar of `width` characters at most for `share` of 1, to an eighth of a character, filled up with spaces."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_BLOCKS[rest] if rest else "")).ljust(width)


def columns(values: Sequence[float], height: int = 4) -> list[str]:
    """A plot of `values` as `height` lines of columns, the highest value as high as all lines together."""
    heights = " ▁▂▃▄▅▆▇█"
    top = max(values, default=0.0)
    eighths = [round(value / top * height * 8) if top > 0 else 0 for value in values]
    return [
        "".join(heights[min(max(eighth - 8 * line, 0), 8)] for eighth in eighths) for line in range(height - 1, -1, -1)
    ]


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values in two columns; a value may have several lines."""
    width = max(len(name) for name, _ in rows)
    lines = []
    for name, value in rows:
        first, *more = value.split("\n")
        lines += [f"{name:<{width}}  {first}".rstrip(), *(" " * (width + 2) + line for line in more)]
    return "\n".join(lines)


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table on stdout, with lines where that is a terminal; columns `right` are set to the right."""
    if sys.stdout.isatty():
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, padding=(0, 1))
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="right" if place in right else "left")
        for row in rows:
            table.add_row(*map(Text, row))
        Console().print(table)
        return
    widths = [max(len(line[place]) for line in (headings, *rows)) for place in range(len(headings))]
    for line in (headings, *rows):
        cells = (
            f"{cell:>{width}}" if place in right else f"{cell:<{width}}"
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells).rstrip())
