"""How long it takes from nothing to the first step: with an empty cache of compiled kernels, and with a full one.

Every start is a process of its own, timed from before it is made. Peers do what is comparable: import, build a network
of the same layers, and take one step.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamsnn.bench.format_scene import Scene, synthetic_events
from streamsnn.errors import StreamsnnError

_CACHE_VARIABLE = "NUMBA_CACHE_DIR"
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_PATIENCE_S = 600
PEERS = ("torch", "snntorch", "norse", "spikingjelly")


@dataclass(frozen=True)
class Settings:
    """How often each start is made. `model` is a name or folder as on the command line."""

    cold_rounds: int
    warm_rounds: int
    model: str = "nmnist-sliding-psn"


QUICK = Settings(cold_rounds=1, warm_rounds=3)
FULL = Settings(cold_rounds=2, warm_rounds=9)


@dataclass(frozen=True)
class Ran:
    """One process that has ended: its exit code, what it printed, and when it was begun and over."""

    code: int
    stdout: str
    stderr: str
    started_ns: int
    finished_ns: int
    cpu_ns: int


Run = Callable[[Sequence[str], Mapping[str, str]], Ran]
"""Runs Python with these words, and these variables besides the environment's."""


@dataclass(frozen=True)
class Start:
    """One way to start: `words` for Python; `probed` if it prints the stages of `startup_probe`."""

    name: str
    what: str
    words: tuple[str, ...]
    probed: bool = False


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Start this program and its peers many times over; JSON-ready, units stand in the keys' names.

    `quick` starts them less often. `progress` is told in a line what is being done. Peers that are not installed are
    listed under "missing_peers". Raises StreamsnnError if the model is not there, or if this program does not start.
    """
    return measure_with(QUICK if quick else FULL, progress)


def measure_with(settings: Settings, progress: Callable[[str], None], run: Run | None = None) -> dict[str, Any]:
    """As `measure`, with settings and a way to run Python of one's own."""
    from streamsnn.formats import write_recording
    from streamsnn.modelfolder import load_spec
    from streamsnn.registry import find_model

    run = run_python if run is None else run
    folder = find_model(settings.model).resolve()
    grid = load_spec(folder).card.input
    scene = Scene(events=2_000, duration_us=200_000, width=grid.width, height=grid.height)
    missing = [name for name in PEERS if not is_installed(name)]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamsnn-") as place:
        recording = Path(place) / "recording.dat"
        write_recording(recording, synthetic_events(scene), scene.sensor)
        probe = ("-m", "streamsnn.bench.startup_probe")
        ours = Start("streamsnn", "until the first step", (*probe, "streamsnn", str(folder), str(recording)), True)
        cache = Path(place) / "none"
        cold: list[Ran] = []
        for number in range(settings.cold_rounds):
            progress(f"cold start {number + 1} of {settings.cold_rounds}: everything is compiled")
            cache = Path(place) / f"cache-{number}"
            cold.append(_expect(run(ours.words, {_CACHE_VARIABLE: str(cache)}), ours))
        if cold:
            rows.append(_row(ours, "cold", cold))
        variables = {_CACHE_VARIABLE: str(cache)}
        for each in (ours, *_others(folder, recording)):
            progress(f"filling caches: {each.name}, {each.what}")
            _expect(run(each.words, variables), each)
        starts = [ours, *_others(folder, recording)]
        peers = [Start(name, _peer_work(name), (*probe, name), True) for name in PEERS if name not in missing]
        failed = {}
        for peer in peers:
            progress(f"filling caches: {peer.name}")
            ran = run(peer.words, variables)
            if ran.code:
                failed[peer.name] = _last_line(ran)
        starts += [peer for peer in peers if peer.name not in failed]
        warm: list[list[Ran]] = [[] for _ in starts]
        for number in range(settings.warm_rounds):
            progress(f"warm starts, round {number + 1} of {settings.warm_rounds}")
            for turn in range(len(starts)):
                at = (number + turn) % len(starts)
                warm[at].append(_expect(run(starts[at].words, variables), starts[at]))
        rows += [_row(start, "warm", ran) for start, ran in zip(starts, warm, strict=True) if ran]
    return {
        "settings": asdict(settings),
        "python_version": platform.python_version(),
        "missing_peers": missing,
        "failed_peers": failed,
        "starts": rows,
    }


def is_installed(module: str) -> bool:
    """Whether there is such a Python package; imports nothing."""
    return importlib.util.find_spec(module) is not None


def _others(folder: Path, recording: Path) -> tuple[Start, ...]:
    play = ("-m", "streamsnn", "run", str(recording), "--model", str(folder), "--speed", "max")
    return (
        Start("python", "-c pass", ("-c", "pass")),
        Start("streamsnn", "--help", ("-m", "streamsnn", "--help")),
        Start("streamsnn", "run, a recording of 0.2 s, to its end", play),
    )


def _peer_work(name: str) -> str:
    return "import only" if name == "torch" else "until the first step of the same layers, untrained"


def run_python(words: Sequence[str], variables: Mapping[str, str]) -> Ran:
    """Run this very Python and this very program in a process of its own, and wait for its end."""
    import resource

    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **_ONE_THREAD, **variables, "PYTHONPATH": path}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started_ns = time.perf_counter_ns()
    # -P: the folder where one happens to be must not lend its modules.
    done = subprocess.run(
        [sys.executable, "-P", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    finished_ns = time.perf_counter_ns()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(done.returncode, done.stdout, done.stderr, started_ns, finished_ns, round(cpu_s * 1e9))


def _expect(ran: Ran, start: Start) -> Ran:
    if ran.code:
        raise StreamsnnError(
            f"{start.name} ({start.what}) ended with exit code {ran.code}: {_last_line(ran)}",
            hint=f"See what happens: python {' '.join(start.words)}",
        )
    return ran


def _last_line(ran: Ran) -> str:
    return next((line for line in reversed(ran.stderr.splitlines()) if line.strip()), "it printed no error")


def stages_ms(ran: Ran) -> dict[str, float]:
    """How long each stage took that a probe printed, in ms; the first one begins before the process is made.

    Raises StreamsnnError if what was printed is something else.
    """
    try:
        stages = [(str(name), int(end_ns)) for name, end_ns in json.loads(ran.stdout.splitlines()[-1])]
    except (ValueError, TypeError, IndexError) as error:
        raise StreamsnnError(f"A probe of the start printed no stages: {ran.stdout[-200:]!r}") from error
    taken: dict[str, float] = {}
    begin_ns = ran.started_ns
    for name, end_ns in stages:
        taken[name] = (end_ns - begin_ns) * 1e-6
        begin_ns = end_ns
    return taken


def _row(start: Start, cache: str, runs: Sequence[Ran]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": start.name,
        "what": start.what,
        "cache": cache,
        "wall_ms": _spread([(ran.finished_ns - ran.started_ns) * 1e-6 for ran in runs]),
        "cpu_ms": _spread([ran.cpu_ns * 1e-6 for ran in runs]),
    }
    if start.probed:
        stages = [stages_ms(ran) for ran in runs]
        row["until_ready_ms"] = _spread([sum(each.values()) for each in stages])
        row["stages_ms"] = {name: _spread([each[name] for each in stages]) for name in stages[0]}
    return row


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """A measurement as tables: title, headings, rows of text."""
    settings = result["settings"]
    title = (
        f"From the start of a process, model {settings['model']}, Python {result['python_version']};"
        f" {settings['cold_rounds']} cold starts, {settings['warm_rounds']} warm ones; medians (lowest to highest)"
    )
    totals = []
    parts = []
    for row in result["starts"]:
        until = row.get("until_ready_ms", row["wall_ms"])
        totals.append([row["name"], row["what"], row["cache"], _text(until), _text(row["cpu_ms"])])
        whole = sum(spread["median"] for spread in row.get("stages_ms", {}).values())
        for stage, spread in row.get("stages_ms", {}).items():
            share = f"{100 * spread['median'] / whole:.0f} %" if whole else "-"
            parts.append([row["name"], row["cache"], stage, _text(spread), share])
    made = [
        (title, ["who", "what", "cache", "ms until done", "CPU ms, whole process"], totals),
        ("Where it goes", ["who", "cache", "stage", "ms", "share"], parts),
    ]
    unmeasured = [[name, "missing", "not installed: make peers"] for name in result["missing_peers"]]
    unmeasured += [[name, "failed", reason] for name, reason in result["failed_peers"].items()]
    if unmeasured:
        made.append(("Not timed", ["who", "is", "because"], unmeasured))
    return made


def _text(spread: dict[str, float]) -> str:
    median, lowest, highest = (f"{spread[key]:,.0f}" for key in ("median", "lowest", "highest"))
    return f"{median} ({lowest} to {highest})"
