"""What `streamsnn track` does: a stream through a tracker, and its boxes into lines."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from streamsnn.cli import options, text
from streamsnn.cli.boxes import HEADER, box_row, boxes_line
from streamsnn.cli.outputs import refuse_outputs
from streamsnn.clock import HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.latency import Histogram
from streamsnn.registry import is_heard, open_labelling, open_source
from streamsnn.sources.paced import Paced
from streamsnn.tracking.following import Followed, follow, sensor_spec
from streamsnn.types import Source, Track

_DONE, _INTERRUPTED = 0, 130


def refuse_no_step(arguments: argparse.Namespace) -> None:
    """Raise StreamsnnError where --step is 0."""
    if arguments.step < 1:
        raise StreamsnnError("A step of 0 us is impossible.", hint="Write for example --step 10ms.")


def open_followed(arguments: argparse.Namespace, source: Source, clock: HostClock) -> Iterator[Followed]:
    """The objects in `source`, as `arguments` ask for them."""
    refuse_no_step(arguments)
    classifier = getattr(arguments, "classify", None)
    tracker = open_labelling(
        arguments.tracker, classifier, sensor_spec(source.sensor), arguments.step, ego_motion=arguments.ego_motion
    )
    filters = options.filters_of(arguments, source.sensor)
    return follow(source, tracker, arguments.step, filters=filters, clock=clock)


def track(arguments: argparse.Namespace, on_start: Callable[[], None]) -> int:
    """Follow what moves until the stream ends or Ctrl-C; the exit code. `on_start` is called at the first step."""
    if arguments.stop is not None and arguments.stop <= arguments.start:
        raise StreamsnnError("--stop is not after --start.", hint="Both count from the beginning of the recording.")
    if is_heard(arguments.source):
        raise StreamsnnError(
            f"{arguments.source} is heard, and only what is seen moves.", hint="Name a recording of a camera."
        )
    refuse_outputs(arguments.source, {"--csv": arguments.csv})
    clock = HostClock()
    source = open_source(
        arguments.source,
        sensor=options.sensor_of(arguments),
        start_us=arguments.start,
        stop_us=arguments.stop,
        packet_us=max(1, arguments.step),
        strict=arguments.strict,
        clock=clock,
    )
    live = getattr(source, "live", False)
    paced = source if arguments.speed is None or live else Paced(source, arguments.speed, clock)
    followed = open_followed(arguments, paced, clock)
    seen = _Seen(arguments.step, say=None if arguments.json else sys.stdout)
    code = _DONE
    with contextlib.ExitStack() as closing:
        closing.callback(source.close)
        table = None if not arguments.csv else closing.enter_context(_table(arguments.csv))
        try:
            for result in followed:
                if seen.steps == 0:
                    on_start()
                seen.write(result)
                if arguments.json:
                    line = boxes_line(result.t_us, result.tracks, result.background_px_s)
                    print(json.dumps(line, ensure_ascii=False, allow_nan=False), flush=arguments.speed == 1)
                if table is not None:
                    for each in result.tracks:
                        print(box_row(result.t_us, each), file=table)
        except KeyboardInterrupt:
            code = _INTERRUPTED
    summary = {"source": arguments.source, "tracker": arguments.tracker, **seen.as_dict()}
    summary["damage"] = list(options.damage_of(source))
    if arguments.json:
        print(json.dumps({"summary": summary}, ensure_ascii=False, allow_nan=False))
    else:
        print(_sentences(summary))
    return code


@contextlib.contextmanager
def _table(path: str) -> Iterator[TextIO]:
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            print(HEADER, file=file)
            yield file
    except OSError as error:
        raise StreamsnnError(
            f"{path} cannot be written: {error.strerror or error}.", hint="Choose another place."
        ) from None


class _Seen:
    """What was followed, and what it cost; tells `say` when objects appear and vanish."""

    def __init__(self, step_us: int, say: TextIO | None) -> None:
        self._step_us, self._say = step_us, say
        self.steps = self.events = self.dropped = 0
        self._lives: dict[int, list[int]] = {}
        self._shown: dict[int, Track] = {}
        self._begin_us = self._end_us = 0
        self._compute, self._compute_ns = Histogram(), 0

    def write(self, result: Followed) -> None:
        if self.steps == 0:
            self._begin_us = result.t_us - self._step_us
        self.steps += 1
        self.events += len(result.step.addresses)
        self.dropped, self._end_us = result.dropped, result.t_us
        spent_ns = result.stamps.finished_ns - result.stamps.started_ns
        self._compute.record(spent_ns)
        self._compute_ns += spent_ns
        shown = {each.id: each for each in result.tracks}
        for each in result.tracks:
            if each.id not in self._lives:
                self._lives[each.id] = [result.t_us, result.t_us]
                self._tell(result.t_us, each, "appears")
            self._lives[each.id][1] = result.t_us
        for id_, last in self._shown.items():
            if id_ not in shown:
                self._tell(result.t_us, last, "gone")
        self._shown = shown

    def _tell(self, t_us: int, track: Track, what: str) -> None:
        if self._say is not None:
            speed = f"{track.vx:+.0f} {track.vy:+.0f} px/s"
            box = f"{track.width:.0f}x{track.height:.0f} at ({track.x:.0f}, {track.y:.0f})"
            print(f"{(t_us - self._begin_us) * 1e-6:10.3f} s  {track.id:>4}  {what:<8} {box}, {speed}", file=self._say)

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        lives_us = [end - begin + self._step_us for begin, end in self._lives.values()]
        return {
            "steps": self.steps,
            "step_ms": self._step_us / 1000,
            "duration_s": (self._end_us - self._begin_us) * 1e-6,
            "events": self.events,
            "dropped": self.dropped,
            "tracks": len(lives_us),
            "track_s": sum(lives_us) * 1e-6,
            "compute": self._compute.as_dict(),
            "events_per_second_of_compute": self.events * 1e9 / self._compute_ns if self._compute_ns else None,
        }


def _sentences(summary: dict[str, Any]) -> str:
    if summary["steps"] == 0:
        return "followed nothing"
    compute = summary["compute"]
    rate = summary["events"] / summary["duration_s"]
    dropped = f"; {summary['dropped']:,} dropped" if summary["dropped"] else ""
    rows = [
        (
            "followed",
            f"{text.duration(summary['duration_s'] * 1e6)} in {summary['steps']:,} steps of {summary['step_ms']:g} ms",
        ),
        ("events", f"{summary['events']:,}, {text.number(rate)}/s{dropped}"),
        ("objects", f"{summary['tracks']:,}, for {text.duration(summary['track_s'] * 1e6)} in all"),
        (
            "compute",
            f"{text.duration(compute['p50_ms'] * 1e3)} (median),"
            f" {text.duration(compute['p99_ms'] * 1e3)} (99 %) a step;"
            f" {text.number(summary['events_per_second_of_compute'] or 0)} events a second of it",
        ),
    ]
    rows += [("damage", sentence) for sentence in summary["damage"]]
    return text.facts(rows)
