"""What was measured of steps, as sentences and tables for people."""

from __future__ import annotations

from typing import Any

from streamsnn.bench.bars import bars
from streamsnn.bench.entrants import OURS
from streamsnn.bench.together import SIZES

Table = tuple[str, list[str], list[list[str]]]
"""A title, headings, and rows."""

_HEADINGS = ["rate", "contender", "set up as", "median", "p99", "p99.9", "steps/s", "streams", "ours is faster by"]
RIGHT = (3, 4, 5, 6, 7)
"""Columns of numbers in the tables of networks."""


def time_of(nanoseconds: float | None) -> str:
    """Nanoseconds as "480 ns", "12.3 us" or "1.25 ms"; "-" for None."""
    if nanoseconds is None:
        return "-"
    if nanoseconds < 999.5:
        return f"{nanoseconds:.0f} ns"
    return f"{nanoseconds / 1e3:.3g} us" if nanoseconds < 999_500 else f"{nanoseconds / 1e6:.3g} ms"


def sentences(result: dict[str, Any]) -> str:
    """Where it was measured, who is missing, and what does not work, a line each."""
    machine, versions = result["machine"], result["versions"]
    shown = ", ".join(f"{name} {version}" for name, version in versions.items() if version is not None)
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}",
        f"{shown}; batch 1, one thread, steps of {result['step_us']} us; reading the clock takes"
        f" {time_of(result['timer_ns'])}, which is in every figure",
    ]
    busy = [value for value in (machine.get("load"), machine.get("load_at_end")) if value is not None]
    if machine["cores"] and busy and max(busy) > machine["cores"]:
        lines.append(f"note: the machine was busy with other work (load {max(busy):.1f} on {machine['cores']} cores)")
    if result["effort"] == "quick":
        lines.append(
            "note: a quick look; what takes long to compile (torch AOT) is left out, and it may be the fastest"
        )
    if result["missing"]:
        lines.append(f"not installed: {', '.join(result['missing'])} ({result['install_missing_with']})")
    for name, network in result["networks"].items():
        lines += [f"does not work here: {name}, {what}: {why}" for what, why in network["do_not_work"].items()]
        for rate, found in network["rates"].items():
            for contender, row in found["contenders"].items():
                lines += [
                    f"not compared: {name}, {rate}, {contender} ({variant}): {why}"
                    for variant, why in row["differs"].items()
                ]
    return "\n".join(lines)


def tables(result: dict[str, Any]) -> list[Table]:
    """A table for each network, those of many, silent and long streams, and the goals."""
    found = [_network(network) for network in result["networks"].values()]
    found += [_together(result), _ours(result)]
    goals = [
        [
            bar.network,
            bar.goal,
            bar.wanted,
            bar.measured,
            {True: "reached", False: "NOT reached", None: "not measured"}[bar.reached],
        ]
        for bar in bars(result)
    ]
    found.append(("Goals, at the typical rate", ["network", "goal", "wanted", "measured", ""], goals))
    return found


def _network(network: dict[str, Any]) -> Table:
    rows = []
    for rate, found in network["rates"].items():
        firing = " ".join(f"{100 * share:.2g}" for share in found["firing"].values())
        label = f"{rate} ({found['active_inputs']:.0f} inputs; {firing} % fire)"
        for name, row in found["contenders"].items():
            rows.append([label, name, *_row(name, row)])
            label = ""
        rows.append(
            [
                "",
                "bytes limit",
                f"{found['touched_bytes'] / 1e3:.1f} kB",
                time_of(found["bytes_limit_ns"]),
                "",
                "",
                "",
                "",
                "",
            ]
        )
    empty = network["empty_calls"]
    title = (
        f"{network['title']}: weights {network['weight_bytes'] / 1e3:.0f} kB,"
        f" a stream {network['state_bytes'] / 1e3:.0f} kB;"
        f" an empty call {time_of(empty['compiled_ns'])} (compiled), {time_of(empty['python_ns'])} (Python);"
        f" to read a step's energy {time_of(network['reading_operations_ns'])}"
    )
    return title, _HEADINGS, rows


def _row(name: str, row: dict[str, Any]) -> list[str]:
    if not row["equal"]:
        return ["its outputs differ: not timed", *[""] * 6]
    if "median_ns" not in row:
        return [row["variant"], *[""] * 6]
    ratio = row["ratio_to_ours"]
    faster = "" if name == OURS else f"{ratio['median']:.3g} x ({ratio['min']:.3g} to {ratio['max']:.3g})"
    return [
        row["variant"],
        time_of(row["median_ns"]),
        time_of(row["p99_ns"]),
        time_of(row["p99_9_ns"]),
        f"{row['steps_a_second']:,.0f}",
        _held(row["streams_in_true_time"]),
        faster,
    ]


def _held(streams: float) -> str:
    """How many streams keep up with true time."""
    return f"{streams:,.0f}" if streams >= 1 else "none"


def _together(result: dict[str, Any]) -> Table:
    rows = []
    for name, network in result["networks"].items():
        alone, batches = network["together"]["alone"], network["together"]["batches"]
        rows.append(
            [
                name,
                f"{network['held_weight_bytes'] / 1e3:.0f} kB",
                f"{network['state_bytes'] / 1e3:.0f} kB",
                time_of(alone["median_ns"]),
                *(time_of(batch["median_ns"]) for batch in batches),
                time_of(network["together"]["one_by_one"]["median_ns"]),
                _held(batches[-1]["streams_a_core"]),
            ]
        )
    sizes = [f"one of {size}" for size in SIZES]
    headings = ["network", "weights hold", "a stream holds", "alone", *sizes, f"in {SIZES[-1]} calls", "streams a core"]
    return "Many streams in one call, at the typical rate: a stream's step (streamsnn alone)", headings, rows


def _ours(result: dict[str, Any]) -> Table:
    rows = []
    for name, network in result["networks"].items():
        silence, growth = network["silence"], network["growth"]
        rows.append(
            [
                name,
                time_of(silence["busy_ns"]),
                time_of(silence["after_busy_ns"]),
                time_of(silence["after_long_silence_ns"]),
                f"{growth['steps']:,}",
                time_of(growth["aged_ns"]),
                f"{growth['ratio']:.2f} x",
            ]
        )
    headings = ["network", "busy", "silent, just after", "silent for long", "steps old", "a step", "of a fresh one"]
    return "Silence, and a long stream (streamsnn alone)", headings, rows
