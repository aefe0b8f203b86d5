"""A picture of how long steps take: a bar a contender, in groups of networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from streamsnn.bench.entrants import ENTRANTS, OURS
from streamsnn.cli import canvas
from streamsnn.errors import StreamsnnError

_RATE = "typical"


def draw_steps(result: dict[str, Any], path: Path) -> None:
    """Write the median of a step of every contender (logarithmic, whiskers up to p99) to `path`.

    It shows the typical rate, or the first that was measured. Raises StreamsnnError where nothing was.
    """
    networks = result["networks"]
    rate = _RATE if all(_RATE in network["rates"] for network in networks.values()) else None
    chosen = {name: network["rates"][rate or next(iter(network["rates"]))] for name, network in networks.items()}
    timed = {
        name: {who: row for who, row in found["contenders"].items() if "median_ns" in row}
        for name, found in chosen.items()
    }
    order = [OURS, *(entrant.name for entrant in ENTRANTS)]
    everybody = [who for who in order if any(who in rows for rows in timed.values())]
    if not everybody:
        raise StreamsnnError("There is nothing to draw: nobody was timed.", hint="See what is printed with --json.")
    figure = canvas.blank_figure(2.5 + 1.6 * max(len(timed), 3), 5.0)
    axes = figure.add_subplot()
    width = 0.86 / len(everybody)
    for place, who in enumerate(everybody):
        at = [number for number, rows in enumerate(timed.values()) if who in rows]
        rows = [rows[who] for rows in timed.values() if who in rows]
        medians = np.array([row["median_ns"] for row in rows]) / 1e3
        tails = np.array([row["p99_ns"] for row in rows]) / 1e3
        axes.bar(
            np.array(at) + (place - (len(everybody) - 1) / 2) * width,
            medians,
            width,
            yerr=[np.zeros_like(medians), np.maximum(tails - medians, 0)],
            error_kw={"elinewidth": 0.8, "ecolor": "dimgrey"},
            label=who,
            color="black" if who == OURS else None,
        )
    if rate is not None and OURS in everybody:
        many = [network["together"]["batches"][-1] for network in networks.values()]
        first = np.arange(len(many)) - (len(everybody) - 1) / 2 * width
        each = [batch["median_ns"] / 1e3 for batch in many]
        label = f"{OURS}, one of {many[0]['streams']} streams in a call"
        axes.plot(first, each, "D", markersize=4, color="white", markeredgecolor="black", label=label)
    limits = [found["bytes_limit_ns"] / 1e3 for found in chosen.values()]
    axes.hlines(
        limits, np.arange(len(limits)) - 0.45, np.arange(len(limits)) + 0.45, linestyles=":", label="bytes limit"
    )
    axes.set_yscale("log")
    axes.set_xlim(-0.6, len(timed) - 0.4)
    axes.set_xticks(range(len(timed)), [_two_lines(networks[name]["title"]) for name in timed], fontsize=8)
    axes.set(ylabel="one step (us), median and p99")
    busy = sorted({found["events_a_second"] for found in chosen.values()})
    axes.set_title(f"One time step at {busy[0]:,} events a second: {result['machine']['processor']}", fontsize=10)
    figure.legend(fontsize=8, ncols=5, loc="outside lower center")
    axes.grid(axis="y", alpha=0.3)
    canvas.write_figure(figure, path)


def _two_lines(title: str) -> str:
    """A title broken at the space nearest to its middle."""
    spaces = [place for place, letter in enumerate(title) if letter == " "]
    if not spaces:
        return title
    middle = min(spaces, key=lambda place: abs(place - len(title) / 2))
    return f"{title[:middle]}\n{title[middle + 1 :]}"
