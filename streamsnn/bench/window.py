"""What the window costs the stream: the same stream without it and with it, in turns; stalled; and over an hour.

The stream is a million events a second in steps of 1 ms through five convolutions of LIF neurons, in true time. Without
the window it is the plain loop in a process of its own. The window is drawn by Qt without a display, into memory.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from streamsnn.bench.machine import machine
from streamsnn.bench.networks import CASES
from streamsnn.bench.noise import RATE_HZ, Noise
from streamsnn.clock import HostClock
from streamsnn.engine import stream
from streamsnn.modelfolder import save_model
from streamsnn.player.messages import Pause, Totals
from streamsnn.registry import open_model, recordings_folder
from streamsnn.sources.paced import Paced
from streamsnn.summary import Summary

RIGHT = tuple(range(1, 9))
_SOURCE = "streamsnn.bench.noise:Noise"
_CASE = "conv-lif"
_WARM_S = 3.0
_STALLED_S = 2.0


def measure(quick: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Latencies of pairs of runs, of a long run and of one whose window stalls, and memory over an hour of stream.

    All of it is ready for JSON.
    """
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    pairs, seconds, long_s, hour_s = (1, 3.0, 6.0, 60.0) if quick else (3, 20.0, 600.0, 3_600.0)
    found: dict[str, Any] = {"machine": machine(), "events_a_second": RATE_HZ, "seconds": seconds, "pairs": []}
    found["long_s"] = long_s
    with tempfile.TemporaryDirectory() as folder:
        case = CASES[_CASE]()
        model = str(Path(folder) / case.name)
        save_model(model, case.spec, case.weights)
        for number in range(pairs):
            progress(f"pair {number + 1} of {pairs}: without the window")
            alone = _in_process(_play, model, seconds)
            progress(f"pair {number + 1} of {pairs}: with the window")
            found["pairs"].append({"without": alone, "with": _in_process(_watched, model, seconds, 0.0)})
        progress(f"the window for {long_s:g} s")
        found["long"] = _in_process(_watched, model, long_s, 0.0)
        progress("a window that stalls")
        found["stalled"] = _in_process(_watched, model, seconds, _STALLED_S)
    progress("an hour of stream, as fast as it goes")
    found["hour"] = _in_process(_hour, hour_s)
    ratios = [pair["with"]["compute_p99_ms"] / pair["without"]["compute_p99_ms"] for pair in found["pairs"]]
    found["p99_ratio"] = {"median": float(np.median(ratios)), "min": min(ratios), "max": max(ratios)}
    return found


def sentences(result: dict[str, Any]) -> str:
    """The result for people, before the tables."""
    ratio, hour = result["p99_ratio"], result["hour"]
    return (
        f"With the window the 99th percentile of a step's computing is {ratio['median']:.2f} times that without"
        f" ({ratio['min']:.2f} to {ratio['max']:.2f} in {len(result['pairs'])} pairs).\n"
        f"{hour['stream_s']:,.0f} s of stream in {hour['host_s']:.0f} s: the engine took"
        f" {hour['engine_mib'][0]:.0f} MiB after the first pass and {hour['engine_mib'][-1]:.0f} at the end,"
        f" the window {hour['window_mib'][0]:.0f} and {hour['window_mib'][-1]:.0f}."
    )


def tables(result: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    """One row a run."""
    runs = [(f"{number}: {name}", pair[name]) for number, pair in enumerate(result["pairs"], 1) for name in pair]
    runs += [(f"with, for {result['long_s']:g} s", result["long"]), ("window stalls", result["stalled"])]
    headings = ["run", "steps", "lost", "late", "compute p50", "p99", "p99.9", "total p99", "frames/s"]
    rows = [
        [
            name,
            f"{run['steps']:,}",
            f"{run['lost']:,}",
            f"{run['late']:,}",
            *(f"{run[key]:.3f} ms" for key in ("compute_p50_ms", "compute_p99_ms", "compute_p99_9_ms", "total_p99_ms")),
            "-" if run["frames_a_second"] is None else f"{run['frames_a_second']:.1f}",
        ]
        for name, run in runs
    ]
    return [(f"{result['seconds']:g} s of a million events a second, steps of 1 ms", headings, rows)]


def _figures(
    summary: dict[str, Any], elapsed_s: float, steps: int, lost: int, late: int, frames: int | None
) -> dict[str, Any]:
    compute, total = summary["latency"]["compute"], summary["latency"]["total"]
    return {
        "steps": steps,
        "lost": lost,
        "late": late,
        "compute_p50_ms": compute["p50_ms"],
        "compute_p99_ms": compute["p99_ms"],
        "compute_p99_9_ms": compute["p99_9_ms"],
        "total_p99_ms": total["p99_ms"],
        "frames_a_second": None if frames is None else frames / elapsed_s,
    }


def _in_process(what: Callable[..., Any], *arguments: Any) -> Any:
    """What `what` gives in a process of its own, which is as a new one is."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(what, arguments, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def _answer(what: Callable[..., Any], arguments: tuple[Any, ...], connection: Connection) -> None:
    connection.send(what(*arguments))


def _play(model_folder: str, seconds: float) -> dict[str, Any]:
    """The plain loop, for `seconds` after a while in which everything gets warm."""
    model, clock = open_model(model_folder), HostClock()
    step_us = model.card.step_us
    results = stream(Paced(Noise(), 1.0, clock), model, clock=clock)
    # With the first step everything is compiled.
    begin_ns = next(results).stamps.finished_ns + round(_WARM_S * 1e9)
    end_ns = begin_ns + round(seconds * 1e9)
    summary, late, first, last = Summary(step_us), 0, 0, 0
    for result in results:
        now_ns = result.stamps.finished_ns
        if now_ns < begin_ns:
            first = result.step.index + 1
            continue
        if now_ns >= end_ns:
            break
        last = result.step.index
        summary.write(result)
        late += now_ns - result.stamps.arrived_ns > step_us * 1000
    lost = last - first + 1 - summary.steps
    return _figures(summary.as_dict(), seconds, summary.steps, lost, late, None)


def _watched(model: str, seconds: float, stalled_s: float) -> dict[str, Any]:
    """The stream with the window open; `stalled_s` of each second it does not draw or listen at all."""
    from streamsnn.gui.unattended import run_until, unattended_window

    totals: list[Totals] = []
    with unattended_window() as (window, app):
        window.link.summed.connect(totals.append)
        window.playback.open_source(_SOURCE, model)
        run_until(app, lambda: window.playback.offset_us > 0)
        screen = window.playback.screen
        assert screen is not None
        _wait(app, _WARM_S)
        # The summary begins anew: nothing of the warming is in it.
        window.playback.rewind()
        run_until(app, lambda: screen.epoch > 0 and window.playback.status.mode == "playing")
        late, steps, began = screen.late_steps, screen.steps_written, time.perf_counter()
        window.frames = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            if stalled_s:
                time.sleep(min(stalled_s, seconds - elapsed))
            _wait(app, min(0.5, max(0.0, seconds - elapsed)))
        elapsed = time.perf_counter() - began
        late, steps, frames = screen.late_steps - late, screen.steps_written - steps, window.frames
        window.link.send(Pause())
        run_until(app, lambda: len(totals) > 0)
        summary = dict(totals[-1].summary)
        lost = screen.newest_us // screen.layout.step_us - summary["steps"]
        return _figures(summary, elapsed, steps, lost, late, frames)


def _hour(stream_s: float) -> dict[str, Any]:
    """Memory of both processes while so much stream goes by, round and round, as fast as it goes."""
    from streamsnn.gui.unattended import run_until, unattended_window

    engine_mib, window_mib = [], []
    began = time.perf_counter()
    with unattended_window() as (window, app):
        recording = str(recordings_folder() / "sequence.dat")
        window.playback.open_source(recording, "nmnist-sliding-psn", speed=None, loop=True)
        run_until(app, lambda: window.playback.offset_us > 0)
        screen = window.playback.screen
        assert screen is not None
        run_until(app, lambda: screen.epoch > 1)
        step_s = screen.layout.step_us * 1e-6
        while (done_s := screen.steps_written * step_s) < stream_s:
            engine_mib.append(_resident_mib(window.link.pid))
            window_mib.append(_resident_mib(os.getpid()))
            _wait(app, 1.0)
    return {
        "stream_s": done_s,
        "host_s": time.perf_counter() - began,
        "engine_mib": engine_mib,
        "window_mib": window_mib,
    }


def _wait(app: Any, seconds: float) -> None:
    """Let Qt draw for so long."""
    from streamsnn.gui.unattended import run_until

    end = time.perf_counter() + seconds
    run_until(app, lambda: time.perf_counter() >= end)


def _resident_mib(pid: int | None) -> float:
    """What a process holds in memory; NaN where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
