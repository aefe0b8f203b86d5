"""What `streamsnn run` does: passes of a stream through a model, into sinks, and a summary of all of it."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Callable, Sequence
from typing import Any

from streamsnn.cli import options, text
from streamsnn.cli.boxes import boxes_line
from streamsnn.cli.outputs import Begun, refuse_outputs
from streamsnn.cli.track import refuse_without_track
from streamsnn.clock import HostClock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.registry import open_labelling, open_model, open_readout, open_sink, open_source
from streamsnn.sinks import Csv, JsonLines, terminal
from streamsnn.sources.hearing import Heard
from streamsnn.sources.paced import Paced
from streamsnn.sources.sound_recorder import SoundRecorder, refuse_recording
from streamsnn.summary import Summary
from streamsnn.tracking.following import Beside
from streamsnn.types import Model, Readout, Result, Sink, Source

_DONE, _INTERRUPTED = 0, 130


class Playing:
    """The passes of the stream that `arguments` name, and what they come to.

    Raises StreamsnnError when it is made if anything is wrong with the command: before anybody waits for a compiler,
    and before a file is written to.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        _refuse_contradictions(arguments)
        self.arguments = arguments
        self.model = open_model(arguments.model)
        self._summary = Summary(self.model.card.step_us, getattr(self.model, "operation_names", ()))
        self._passes = 0
        self._clock = HostClock()
        self._source = self._open()
        if getattr(self._source, "live", False) and (arguments.loop or arguments.speed != 1):
            raise StreamsnnError(
                f"{arguments.source} is live: it comes in true time, and once.", hint="Leave out --speed and --loop."
            )
        if arguments.record and not (isinstance(self._source, Heard) and self._source.live):
            raise StreamsnnError(
                f"--record keeps what a microphone hears, and {arguments.source} is none.", hint="Leave it out."
            )
        options.filters_of(arguments, self._source.sensor)
        self._tracker()
        self._fit = options.fit_of(arguments, self._source.sensor, self.model)
        self._state = options.fresh_state(arguments, self.model)
        self._readout = _readout(arguments, self.model)

    def play_all(self, sinks: Sequence[Sink], on_start: Callable[[], None]) -> None:
        """One pass, or with --loop one after the other, each from a fresh state."""
        options.start_engine(self.model)
        while True:
            self._passes += 1
            self._play_once(sinks, on_start)
            if self._summary.steps == 0:
                raise StreamsnnError(f"{self.arguments.source} ended before its first step.")
            if not self.arguments.loop:
                break
            print(f"pass {self._passes + 1}: from the beginning, with a fresh state", file=sys.stderr, flush=True)
            self._state.reset()
            self._readout.reset()
            self._source = self._open()

    def _play_once(self, sinks: Sequence[Sink], on_start: Callable[[], None]) -> None:
        speed = self.arguments.speed
        # What is live has its own pace.
        live = getattr(self._source, "live", False)
        filters = options.filters_of(self.arguments, self._source.sensor)
        tracker = self._tracker()
        if tracker is not None:
            filters.append(tracker)
        with contextlib.ExitStack() as closing:
            closing.enter_context(contextlib.closing(self._source))
            if self.arguments.record and isinstance(self._source, Heard):
                sounds = self._source.sounds
                recorder = SoundRecorder(self.arguments.record, sounds.rate_hz, sounds.ears)
                closing.callback(recorder.close)
                self._source.on_sound = recorder
            for result in stream(
                self._source if speed is None or live else Paced(self._source, speed, self._clock),
                self.model,
                filters=filters,
                readout=self._readout,
                tracker=tracker,
                state=self._state,
                fit=self._fit,
                clock=self._clock,
            ):
                if self._summary.steps == 0:
                    on_start()
                self._summary.write(result)
                for sink in sinks:
                    sink.write(result)

    def _tracker(self) -> Beside | None:
        """What follows the objects on the whole sensor, if --track asks for it."""
        name = self.arguments.track
        if name is None:
            return None
        classifier, ego_motion = self.arguments.classify, self.arguments.ego_motion
        return Beside(
            self._source.sensor,
            self.model.card.step_us,
            lambda spec, step_us: open_labelling(name, classifier, spec, step_us, ego_motion=ego_motion),
        )

    def _open(self) -> Source:
        arguments = self.arguments
        return open_source(
            arguments.source,
            sensor=options.sensor_of(arguments),
            start_us=arguments.start,
            stop_us=arguments.stop,
            strict=arguments.strict,
            # In true time a packet arrives when it is over: one longer than a step would make steps wait for it.
            packet_us=self.model.card.step_us,
            hearing=self.model.card.hearing,
            ears=self.model.card.input.height,
            clock=self._clock,
            on_change=lambda told: print(f"note: {told}", file=sys.stderr, flush=True),
        )

    def as_dict(self) -> dict[str, Any]:
        """The summary so far, with what was played."""
        return {
            "source": self.arguments.source,
            "model": self.model.card.name,
            "speed": self.arguments.speed,
            "step_ms": self.model.card.step_us / 1000,
            "passes": self._passes,
            **self._summary.as_dict(),
            **(_heard(self._source) if isinstance(self._source, Heard) else {}),
            "damage": list(options.damage_of(self._source)),
        }


def play(playing: Playing, on_start: Callable[[], None]) -> int:
    """Play into the sinks that were asked for; the exit code. Ctrl-C is an end of the stream, but for that code.

    `on_start` is called when the first step has been taken.
    """
    arguments, card = playing.arguments, playing.model.card
    lines = JsonLines(sys.stdout, card.step_us) if arguments.json else None
    sinks: list[Sink] = []
    interrupted = False
    with contextlib.ExitStack() as closing:
        closing.callback(_close, sinks)
        try:
            sinks.append(lines or terminal(card.step_us))
            if lines is not None and arguments.track is not None:
                sinks.append(_TrackLines(lines, card.step_us))
            if arguments.csv:
                sinks.append(Begun(lambda: Csv(arguments.csv, card.step_us)))
            if arguments.jsonl:
                sinks.append(Begun(lambda: JsonLines(arguments.jsonl, card.step_us)))
            if arguments.sink:
                sinks.append(open_sink(arguments.sink, card))
            playing.play_all(sinks, on_start)
        except KeyboardInterrupt:
            interrupted = True
        summary = playing.as_dict() | {"interrupted": interrupted}
        if lines is not None:
            lines.write_object({"summary": summary})
    if lines is None:
        print(_sentences(summary))
    return _INTERRUPTED if interrupted else _DONE


class _TrackLines:
    """Adds a line with the boxes of every step that has some."""

    def __init__(self, lines: JsonLines, step_us: int) -> None:
        self._lines, self._step_us = lines, step_us

    def write(self, result: Result) -> None:
        if result.tracks:
            self._lines.write_object(boxes_line((result.step.index + 1) * self._step_us, result.tracks))

    def close(self) -> None:
        """The lines are closed by whoever opened them."""


def _refuse_contradictions(arguments: argparse.Namespace) -> None:
    refuse_outputs(arguments.source, {"--csv": arguments.csv, "--jsonl": arguments.jsonl, "--record": arguments.record})
    if arguments.record:
        refuse_recording(arguments.record)
    if arguments.stop is not None and arguments.stop <= arguments.start:
        raise StreamsnnError(
            f"--stop {text.duration(arguments.stop)} is not after --start {text.duration(arguments.start)}.",
            hint="Both count from the beginning of the recording.",
        )
    refuse_without_track(arguments, "classify", "ego_motion")
    if arguments.readout and _changes(arguments):
        raise StreamsnnError(
            "--readout brings its own settings.", hint="Leave out --threshold, --hysteresis and --patience."
        )


def _changes(arguments: argparse.Namespace) -> dict[str, Any]:
    """The readout settings that the command line sets."""
    given = {name: getattr(arguments, name) for name in ("threshold", "hysteresis", "patience")}
    return {name: value for name, value in given.items() if value is not None}


def _readout(arguments: argparse.Namespace, model: Model) -> Readout:
    card = model.card
    if arguments.readout:
        return open_readout(arguments.readout, card)
    return ScoreReadout(dataclasses.replace(card.readout, **_changes(arguments)), card.labels, card.step_us)


def _close(sinks: Sequence[Sink]) -> None:
    with contextlib.ExitStack() as closing:
        for sink in sinks:
            closing.callback(sink.close)


def _sentences(summary: dict[str, Any]) -> str:
    """The summary for people."""
    if summary["steps"] == 0:
        return "played nothing"
    latency = summary["latency"]
    total, compute = latency["total"], latency["compute"]
    played = f"{text.duration(summary['duration_s'] * 1e6)} in {summary['steps']:,} steps of {summary['step_ms']:g} ms"
    if summary["passes"] > 1:
        played += f", {summary['passes']} passes"
    rate_hz = summary["events"] / summary["duration_s"]
    events = f"{summary['events']:,} into the network, {text.number(rate_hz)}/s"
    if summary["dropped"]:
        events += f"; {summary['dropped']:,} dropped"
    if summary.get("overruns"):
        events += f"; {summary['overruns']:,} overruns, of which nobody knows how many samples they took"
    label = "none" if summary["label"] is None else summary["label"]
    rows = [
        ("played", played),
        ("events", events),
        ("decision", f"{label}, {text.percent(summary['confidence'])} at the end; {_times(summary['decisions'])}"),
        ("lag", _spread(total) + f", after each step's {summary['step_ms']:g} ms"),
        *_hearing(summary.get("hearing")),
        ("compute", _spread(compute) + f" a step, {text.percent(summary['load'])} of true time"),
    ]
    if summary["synaptic_operations"] is not None:
        operations = summary["synaptic_operations"]["total"] / summary["duration_s"]
        power_w = summary["synaptic_operations"]["energy_uj"] * 1e-6 / summary["duration_s"]
        spikes = sum(summary["spikes"].values()) / summary["duration_s"]
        rows.append(("work", f"{text.number(operations)} synaptic operations/s, {text.number(spikes)} spikes/s"))
        rows.append(("energy", f"{text.power(power_w)} for these operations in 45 nm hardware (an estimate)"))
    rows += [("damage", sentence) for sentence in summary["damage"]]
    return text.facts(rows)


def _hearing(delays_ms: dict[str, float] | None) -> list[tuple[str, str]]:
    if delays_ms is None:
        return []
    resampling, least, most = (
        text.duration(1e3 * delays_ms[f"{name}_ms"]) for name in ("resampling", "membrane_least", "membrane_most")
    )
    return [("hearing", f"{resampling} of resampling, and {least} (high) to {most} (low) in the ear, before a step")]


def _heard(source: Heard) -> dict[str, Any]:
    """What came before the first step, and how often a device, where there is one, lost sound before it came here."""
    overruns = {} if source.overruns is None else {"overruns": source.overruns}
    return {"hearing": source.delays_ms(), **overruns}


def _times(changes: int) -> str:
    return "1 change" if changes == 1 else f"{changes:,} changes"


def _spread(stage: dict[str, float]) -> str:
    return (
        f"{text.duration(stage['p50_ms'] * 1e3)} (median), {text.duration(stage['p99_ms'] * 1e3)} (99 %),"
        f" {text.duration(stage['max_ms'] * 1e3)} (worst)"
    )
