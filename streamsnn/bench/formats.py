"""How fast recordings are read, filtered and cut into steps, beside faery, expelliarmus, eventcv and others.

All read the same files, which are written here, and take turns in every round. Whoever gives other events or other
steps than those that were written is named with the first difference, and not timed. The files are those of this
program's writers: EVT3 without vectors, AEDAT4 in packets of 1,024 events compressed with LZ4.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from streamsnn.bench.format_checks import (
    View,
    expected_steps,
    first_difference_of_events,
    first_difference_of_steps,
)
from streamsnn.bench.format_peers import ALL, MODULES, PIPELINES, READERS, Pipeline, Reader, background_steps
from streamsnn.bench.format_scene import Scene, synthetic_events
from streamsnn.formats import write_recording

OURS = "streamsnn"
_DECODE, _STEPS, _FILTER = "decode", "decode, filter, bin", "decode, background filter, filter, bin"
EXTENSIONS = {"DAT": ".dat", "EVT2": ".evt2.raw", "EVT3": ".raw", "AEDAT4": ".aedat4", "ES": ".es"}


@dataclass(frozen=True)
class Settings:
    """What is read, and how often each contender reads it."""

    scene: Scene
    rounds: int
    step_us: int = 10_000


QUICK = Settings(Scene(events=1_000_000, duration_us=1_000_000), rounds=5)
FULL = Settings(Scene(events=5_000_000, duration_us=5_000_000), rounds=9)


@dataclass(frozen=True)
class Contender:
    """Somebody who reads one file: `check()` says what is wrong with it, `run()` does what is timed."""

    name: str
    distribution: str | None
    what: str
    check: Callable[[], str | None]
    run: Callable[[], None]


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Write a recording in each format and let everybody read it; JSON-ready, units stand in the keys' names.

    `quick` reads a smaller one fewer times. `progress` is told in a line what is being done. Peers that are not
    installed are listed under "missing_peers". Raises StreamsnnError where there is no space for the recordings.
    """
    return measure_with(QUICK if quick else FULL, progress)


def measure_with(
    settings: Settings,
    progress: Callable[[str], None],
    readers: Sequence[Reader] = READERS,
    pipelines: Sequence[Pipeline] = PIPELINES,
) -> dict[str, Any]:
    """As `measure`, with settings and contenders of one's own."""
    _one_thread()
    scene = settings.scene
    progress(f"making {scene.events:,} events")
    events = synthetic_events(scene)
    view = View.middle_of(scene.sensor, settings.step_us, scene.t_begin_us)
    steps = expected_steps(events, view)
    kept = sum(len(step) for step in steps)
    stages: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamsnn-") as folder:
        for name in ALL:
            path = Path(folder) / f"recording{EXTENSIONS[name]}"
            progress(f"writing {name}")
            write_recording(path, events, scene.sensor)
            decoding = [_decoding(reader, path, events) for reader in readers if name in reader.formats]
            binning = [_binning(pipeline, path, view, steps) for pipeline in pipelines if name in pipeline.formats]
            alone = [
                Contender(OURS, None, "background:tau=5ms before it", _unchecked, _drain(background_steps, path, view))
            ]
            for stage, contenders in ((_DECODE, decoding), (_STEPS, binning), (_FILTER, alone)):
                say = partial(_say, progress, name)
                rows = _compare(contenders, scene.events, settings.rounds, say)
                stages.append({"format": name, "stage": stage, "file_bytes": path.stat().st_size, "contenders": rows})
            path.unlink()
    versions = {name: _version(name) for name in MODULES}
    return {
        "scene": asdict(scene),
        "rounds": settings.rounds,
        "view": asdict(view),
        "kept_events": kept,
        "peer_versions": versions,
        "missing_peers": [name for name, version in versions.items() if version is None],
        "stages": stages,
    }


def _say(progress: Callable[[str], None], format_name: str, text: str) -> None:
    progress(f"{format_name}: {text}")


def _decoding(reader: Reader, path: Path, events: Any) -> Contender:
    def check() -> str | None:
        return first_difference_of_events(events, map(reader.columns, reader.packets(path)))

    def run() -> None:
        for _ in reader.packets(path):
            pass

    return Contender(reader.name, reader.distribution, reader.what, check, run)


def _binning(pipeline: Pipeline, path: Path, view: View, steps: Any) -> Contender:
    def check() -> str | None:
        return first_difference_of_steps(steps, view, pipeline.steps(path, view))

    return Contender(pipeline.name, pipeline.distribution, pipeline.what, check, _drain(pipeline.steps, path, view))


def _drain(steps: Callable[[Path, View], Iterable[Any]], path: Path, view: View) -> Callable[[], None]:
    def run() -> None:
        for _ in steps(path, view):
            pass

    return run


def _unchecked() -> None:
    """Nobody computes the same, so that there is nothing to hold it against; its tests are elsewhere."""


def _compare(
    contenders: Sequence[Contender], events: int, rounds: int, progress: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Check everybody, then time those that are right in turns. One row a contender."""
    rows: list[dict[str, Any]] = []
    right: list[tuple[Contender, dict[str, Any]]] = []
    for contender in contenders:
        row: dict[str, Any] = {"name": contender.name, "what": contender.what, "verdict": "right", "reason": ""}
        rows.append(row)
        progress(f"checking {contender.name} ({contender.what})")
        row["verdict"], row["reason"] = _verdict(contender)
        if row["verdict"] == "right":
            right.append((contender, row))
    times: list[list[tuple[int, int]]] = [[] for _ in right]
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        gc.collect()
        for place in _rotated(len(right), number):
            times[place].append(_timed(right[place][0].run))
    ours = next((taken for (contender, _), taken in zip(right, times, strict=True) if contender.name == OURS), None)
    for (_, row), taken in zip(right, times, strict=True):
        row["million_events_per_cpu_s"] = _spread([1e3 * events / cpu_ns for cpu_ns, _ in taken])
        row["million_events_per_wall_s"] = _spread([1e3 * events / wall_ns for _, wall_ns in taken])
        if ours is not None:
            ratios = [theirs[0] / mine[0] for theirs, mine in zip(taken, ours, strict=True)]
            row["our_speed_over_its"] = _spread(ratios)
    return rows


def _verdict(contender: Contender) -> tuple[str, str]:
    """ "right", "wrong", "missing" or "failed", and why."""
    if contender.distribution is not None and _version(contender.distribution) is None:
        return "missing", "not installed: make peers"
    try:
        difference = contender.check()
    except (KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # A reader in Rust panics with what is no Exception.
        if contender.distribution is None:
            raise
        return "failed", f"{type(error).__name__}: {error}"
    return ("right", "") if difference is None else ("wrong", difference)


def _timed(run: Callable[[], None]) -> tuple[int, int]:
    """CPU and wall time in ns, of all threads."""
    wall_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
    run()
    return max(time.process_time_ns() - cpu_ns, 1), max(time.perf_counter_ns() - wall_ns, 1)


def _rotated(count: int, by: int) -> Iterator[int]:
    """Everybody once, and somebody else first in every round."""
    return ((by + place) % count for place in range(count))


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def _version(distribution: str) -> str | None:
    """The installed version, or None where it cannot be imported for not being there."""
    if importlib.util.find_spec(MODULES[distribution]) is None:
        return None
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "?"


def _one_thread() -> None:
    """Peers in Rust start as many threads as there are cores, once they are used: what is compared is one."""
    os.environ.setdefault("RAYON_NUM_THREADS", "1")


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """A measurement as tables: title, headings, rows of text."""
    scene, view = result["scene"], result["view"]
    about = (
        f"{scene['events'] / 1e6:g} M synthetic events, {scene['width']}x{scene['height']},"
        f" {result['rounds']} rounds; medians (lowest to highest)"
    )
    region = f"brighter events of the middle {view['width']}x{view['height']}, steps of {view['step_us'] / 1000:g} ms"
    titles = {
        _DECODE: f"Decode, in packets (EVT3 without vectors, AEDAT4 with LZ4): {about}",
        _STEPS: f"Decode, filter, bin ({region}): {about}",
        _FILTER: f"The same behind the background filter, which no peer computes alike: {about}",
    }
    headings = ["format", "who", "with", "M events/CPU s", "M events/s", "streamsnn is x as fast"]
    made = []
    unmeasured: list[list[str]] = []
    for stage, title in titles.items():
        rows = []
        for group in result["stages"]:
            if group["stage"] != stage:
                continue
            for row in group["contenders"]:
                if row["verdict"] == "right":
                    rows.append([group["format"], row["name"], row["what"], *_figures(row)])
                else:
                    unmeasured.append([group["format"], row["name"], row["what"], row["verdict"], row["reason"]])
        made.append((title, headings, rows))
    if unmeasured:
        made.append(("Not timed", ["format", "who", "with", "is", "because"], unmeasured))
    return made


def _figures(row: dict[str, Any]) -> list[str]:
    ratio = row.get("our_speed_over_its")
    compared = _text(ratio, 2) if ratio and row["name"] != OURS else "-"
    return [_text(row["million_events_per_cpu_s"], 1), _text(row["million_events_per_wall_s"], 1), compared]


def _text(spread: dict[str, float], digits: int) -> str:
    return f"{spread['median']:.{digits}f} ({spread['lowest']:.{digits}f} to {spread['highest']:.{digits}f})"
