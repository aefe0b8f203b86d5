"""Checks of what stands behind the model: readouts, trackers and sinks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from streamsnn.checks.findings import SEED, Finding, findings, require
from streamsnn.energy import Operations
from streamsnn.errors import StreamsnnError
from streamsnn.types import Decision, InputSpec, Output, Readout, Result, Sink, Stamps, Step, Track, Tracker


def check_readout(factory: Callable[[], Readout], classes: int) -> list[Finding]:
    """Check a readout for scores of `classes` classes on noise, on clear winners and on what is no number."""

    # Made anew for each use: a readout that writes into what it was given must not spoil the other checks.
    def outputs() -> list[Output]:
        rng = np.random.default_rng(SEED)
        return [Output(scores, {}) for scores in rng.normal(0, 4, (200, classes)).astype(np.float32)]

    def decisions_are_sound() -> None:
        readout = factory()
        for output in outputs():
            label, confidence, scores = readout(output)
            require(label is None or isinstance(label, str), f"label is {label!r}")
            require(0 <= confidence <= 1, f"confidence is {confidence}")
            require(scores.shape == (classes,) and np.all(np.isfinite(scores)), f"scores are {scores}")

    def decisions_stay() -> None:
        readout = factory()
        given = []
        for output in outputs():
            own = Output(output.scores.copy(), {})
            decision = readout(own)
            given.append((decision, decision.scores.copy()))
            own.scores.fill(99)
        for decision, scores in given:
            require(np.array_equal(decision.scores, scores), "scores that were given out change later")

    def input_untouched() -> None:
        readout = factory()
        for output in outputs():
            before = output.scores.copy()
            readout(output)
            require(np.array_equal(before, output.scores), "writes into the scores that it was given")

    def alike() -> None:
        first, second = factory(), factory()
        for output, same in zip(outputs(), outputs(), strict=True):
            require(_equal(first(output), second(same)), "two fresh readouts decide differently")

    def resets() -> None:
        used, fresh = factory(), factory()
        for output in reversed(outputs()):
            used(output)
        used.reset()
        for output, same in zip(outputs(), outputs(), strict=True):
            require(_equal(used(output), fresh(same)), "after reset it decides as if it remembered")

    def clear_winners_show() -> None:
        shown = []
        for winner in range(classes):
            readout = factory()
            scores = np.zeros(classes, np.float32)
            scores[winner] = 1_000
            for _ in range(1_000):
                decision = readout(Output(scores, {}))
            shown.append(decision.label)
        require(
            None not in shown and len(set(shown)) == classes, f"winners that nobody challenges are shown as {shown}"
        )

    def refuses_nonsense() -> None:
        for value in (np.nan, np.inf):
            readout = factory()
            scores = np.zeros(classes, np.float32)
            scores[0] = value
            try:
                readout(Output(scores, {}))
            except StreamsnnError:
                continue
            require(False, f"takes a score of {value}")

    return findings(
        [
            ("readout: decisions are well formed", decisions_are_sound),
            ("readout: decisions own their scores", decisions_stay),
            ("readout: the scores given to it are not changed", input_untouched),
            ("readout: the same scores give the same decisions", alike),
            ("readout: reset forgets", resets),
            ("readout: a clear winner is shown", clear_winners_show),
            ("readout: scores that are not finite are refused", refuses_nonsense),
        ]
    )


def check_tracker(factory: Callable[[], Tracker], spec: InputSpec) -> list[Finding]:
    """Check a tracker on steps for `spec`: noise, a square that crosses the view, and silence."""

    # Made anew for each use: a tracker that writes into what it was given must not spoil the other checks.
    def steps() -> list[Step]:
        return _crossing(spec)

    def tracks_are_sound() -> None:
        tracker = factory()
        for step in steps():
            tracks = tracker.update(step)
            require(isinstance(tracks, tuple), f"tracks are a {type(tracks).__name__}, not a tuple")
            for track in tracks:
                require(isinstance(track, Track), f"{track!r} is no Track")
                require(all(math.isfinite(value) for value in track[1:7]), f"{track} is not finite")
                require(
                    track.width >= 0 and track.height >= 0 and track.age_us >= 0, f"{track} has a negative size or age"
                )
            ids = [track.id for track in tracks]
            require(len(set(ids)) == len(ids), f"ids repeat: {ids}")

    def ages_grow() -> None:
        tracker = factory()
        ages: dict[int, int] = {}
        for step in steps():
            for track in tracker.update(step):
                require(track.age_us >= ages.get(track.id, 0), f"track {track.id} grew younger")
                ages[track.id] = track.age_us

    def takes_silence() -> None:
        tracker = factory()
        for k in range(1_000):
            require(tracker.update(Step(k, np.empty(0, np.int32), 0)) == (), f"sees something in silent step {k}")

    def alike() -> None:
        first, second = factory(), factory()
        for step, same in zip(steps(), steps(), strict=True):
            require(first.update(step) == second.update(same), "two fresh trackers see different things")

    def resets() -> None:
        used, fresh = factory(), factory()
        for step in steps():
            used.update(step)
        used.reset()
        for step, same in zip(steps(), steps(), strict=True):
            require(used.update(step) == fresh.update(same), "after reset it tracks as if it remembered")

    def input_untouched() -> None:
        tracker = factory()
        for step in steps():
            before = step.addresses.copy()
            tracker.update(step)
            require(np.array_equal(before, step.addresses), "writes into the addresses that it was given")

    return findings(
        [
            ("tracker: tracks are well formed", tracks_are_sound),
            ("tracker: tracks grow older", ages_grow),
            ("tracker: silence shows nothing", takes_silence),
            ("tracker: the same steps give the same tracks", alike),
            ("tracker: reset forgets", resets),
            ("tracker: the step given to it is not changed", input_untouched),
        ]
    )


def check_sink(factory: Callable[[], Sink]) -> list[Finding]:
    """Check a sink with decisions that come, change and go; `factory` gives one that writes to a place of its own."""

    def takes_results() -> None:
        sink = factory()
        try:
            for result in _results():
                sink.write(result)
        finally:
            sink.close()

    def results_untouched() -> None:
        sink = factory()
        try:
            for result, same in zip(_results(), _results(), strict=True):
                sink.write(result)
                require(
                    np.array_equal(result.step.addresses, same.step.addresses)
                    and np.array_equal(result.output.scores, same.output.scores)
                    and _equal(result.decision, same.decision),
                    "writes into the result that it was given",
                )
        finally:
            sink.close()

    def closes_twice() -> None:
        sink = factory()
        sink.write(_results()[0])
        sink.close()
        sink.close()

    def closes_unused() -> None:
        sink = factory()
        sink.close()
        sink.close()

    return findings(
        [
            ("sink: every kind of result is taken", takes_results),
            ("sink: the results given to it are not changed", results_untouched),
            ("sink: close is idempotent", closes_twice),
            ("sink: close without a result", closes_unused),
        ]
    )


def _equal(first: Decision, second: Decision) -> bool:
    return first[:2] == second[:2] and np.array_equal(first.scores, second.scores)


def _crossing(spec: InputSpec) -> list[Step]:
    rng = np.random.default_rng(SEED)
    side = max(1, min(spec.width, spec.height) // 5)
    steps = []
    for k in range(120):
        addresses = rng.integers(0, spec.size, 3)
        if k < 100:
            left = (spec.width - side) * k // 100
            xs, ys = left + rng.integers(0, side, 12), (spec.height - side) // 2 + rng.integers(0, side, 12)
            addresses = np.concatenate([addresses, ys * spec.width + xs])
        if spec.value == "binary":
            addresses = np.unique(addresses)
        steps.append(Step(k, addresses.astype(np.int32), k * 1_000))
    return steps


def _results() -> Sequence[Result]:
    """Nothing decided yet, a label, another with a track and losses, and again none after a gap."""
    track = Track(1, 1.0, 2.0, 3.0, 4.0, -5.0, 6.0, 7, "mug")
    return [
        _result(-1, (), None, (), 0),
        _result(0, (1, 1, 5), "mug", (), 0),
        _result(1, (2,), 'a "cup", or not', (track,), 17),
        _result(400, (), None, (), 17),
    ]


def _result(index: int, addresses: tuple[int, ...], label: str | None, tracks: tuple[Track, ...], lost: int) -> Result:
    scores = np.linspace(0, 1, 3, dtype=np.float32)
    output = Output(
        scores,
        {"hidden": np.arange(len(addresses), dtype=np.int32)},
        Operations(np.array([6, 2]), np.zeros(2, np.int64)),
    )
    stamps = Stamps(1_000 * (index + 2), 1_000 * (index + 2) + 100, 1_000 * (index + 2) + 900)
    step = Step(index, np.array(addresses, np.int32), stamps.arrived_ns)
    return Result(step, output, Decision(label, 0.75, scores.copy()), tracks, stamps, lost)
