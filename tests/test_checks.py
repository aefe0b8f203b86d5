"""The kit passes what keeps its promises, and names the very promise that a broken object breaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import pytest

from streamsnn.checks import (
    Finding,
    assert_conforms,
    check_filter,
    check_model,
    check_readout,
    check_sink,
    check_source,
    check_tracker,
)
from streamsnn.energy import Operations
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.types import (
    EVENT,
    Decision,
    InputSpec,
    ModelCard,
    Output,
    Packet,
    ReadoutSettings,
    Result,
    Sensor,
    Step,
    Track,
)

SENSOR = Sensor("toy", 12, 10)
SPEC = InputSpec(12, 10)


def broken(findings: Sequence[Finding]) -> set[str]:
    """The promises that were broken; each must say how."""
    assert all(finding.detail for finding in findings if not finding.passed)
    return {finding.name.partition(": ")[2] for finding in findings if not finding.passed}


def test_assert_conforms_names_what_is_broken() -> None:
    assert_conforms([Finding("a", True)])
    with pytest.raises(AssertionError, match="b: how"):
        assert_conforms(iter([Finding("a", True), Finding("b", False, "how")]))
    with pytest.raises(AssertionError, match="nothing was checked"):
        assert_conforms([])


# --------------------------------------------------------------------------------------------------------- sources


class ToySource:
    def __init__(self, packets: list[Packet] | None = None, sensor: Sensor = SENSOR) -> None:
        events = np.array([(5, 0, 0, True), (5, 11, 9, False)], EVENT)
        sound = [Packet(events, 0, 10, 1), Packet(events[:0], 10, 20, 2), Packet(events[:0], 25, 30, 3, 4)]
        self.sensor = sensor
        self._packets = sound if packets is None else packets

    def __iter__(self) -> Iterator[Packet]:
        return iter(self._packets)

    def close(self) -> None:
        pass


class ClosesOnce(ToySource):
    _closed = False

    def close(self) -> None:
        if self._closed:
            raise RuntimeError("closed already")
        self._closed = True


def one_packet(*rows: tuple[int, int, int, bool]) -> ToySource:
    return ToySource([Packet(np.array(list(rows), EVENT), 0, 10, 1)])


def test_a_sound_source_passes() -> None:
    assert_conforms(check_source(ToySource))


def test_an_endless_source_is_looked_at_for_a_while() -> None:
    class Endless(ToySource):
        def __iter__(self) -> Iterator[Packet]:
            return (Packet(np.empty(0, EVENT), k, k + 1, k) for k in itertools.count())

    assert_conforms(check_source(Endless, packets=7))


EVENTS = "events are ordered, inside packet and sensor"
ORDER = "packets follow one another"


@pytest.mark.parametrize(
    ("make", "promises"),
    [
        (lambda: ToySource(sensor=Sensor("none", 0, 5)), {"has a real sensor", EVENTS}),
        (lambda: ToySource([]), {"gives packets", "can be opened again"}),
        (lambda: ToySource([Packet(np.empty(0, EVENT), 10, 9, 0)]), {ORDER}),
        (lambda: ToySource([Packet(np.empty(0, EVENT), *t, 0) for t in ((0, 10), (9, 20))]), {ORDER}),
        (lambda: ToySource([Packet(np.empty(0, EVENT), k, k + 1, 10 - k) for k in range(2)]), {ORDER}),
        (lambda: ToySource([Packet(np.empty(0, EVENT), 0, 1, 0, -1)]), {ORDER}),
        (lambda: ToySource([Packet(np.empty(0, EVENT), 0, cast(Any, np.int64(1)), 0)]), {"times and counts are ints"}),
        (lambda: one_packet((5, 12, 0, True)), {EVENTS}),
        (lambda: one_packet((5, 0, 10, True)), {EVENTS}),
        (lambda: one_packet((10, 0, 0, True)), {EVENTS}),
        (lambda: one_packet((-1, 0, 0, True)), {EVENTS}),
        (lambda: one_packet((6, 0, 0, True), (5, 0, 0, True)), {EVENTS}),
        (lambda: ToySource([Packet(np.zeros(1, [("t", "<i8"), ("x", "<u2")]), 0, 10, 0)]), {EVENTS}),
        (ClosesOnce, {"close is idempotent"}),
    ],
)
def test_a_broken_source_is_found_out(make: Callable[[], ToySource], promises: set[str]) -> None:
    assert broken(check_source(make)) == promises


def test_a_source_that_runs_only_once_is_found_out() -> None:
    packets = iter([[Packet(np.empty(0, EVENT), 0, 1, 0)]])
    assert "can be opened again" in broken(check_source(lambda: ToySource(next(packets, []))))


# --------------------------------------------------------------------------------------------------------- filters


class PassFilter:
    def __call__(self, packet: Packet) -> Packet:
        return packet

    def reset(self) -> None:
        pass


class Stretches(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        return packet._replace(t_end_us=packet.t_end_us + 1)


class ForgetsDropped(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        return packet._replace(dropped=0)


class WritesInPlace(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        packet.events["x"] = 11 - packet.events["x"]
        return packet


class LeavesTheSensor(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        events = packet.events.copy()
        events["x"] += 1
        return packet._replace(events=events)


class FirstOfEachPacket(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        return packet._replace(events=packet.events[:1])


class EveryThird(PassFilter):
    """Right in all but that it remembers in `shared` where it was, whatever is done to it."""

    def __init__(self, shared: list[int] | None = None) -> None:
        self._seen = [0] if shared is None else shared

    def __call__(self, packet: Packet) -> Packet:
        first = -self._seen[0] % 3
        self._seen[0] += len(packet.events)
        return packet._replace(events=packet.events[first::3])


class ReusesItsBuffer(PassFilter):
    def __init__(self) -> None:
        self._buffer = np.empty(20_000, EVENT)

    def __call__(self, packet: Packet) -> Packet:
        out = self._buffer[: len(packet.events)]
        out[:] = packet.events
        return packet._replace(events=out)


class Chokes(PassFilter):
    def __call__(self, packet: Packet) -> Packet:
        return packet._replace(events=packet.events[packet.events["t"] >= packet.events["t"][0]])


def test_a_sound_filter_passes() -> None:
    assert_conforms(check_filter(PassFilter, SENSOR))


FRAME = "time range, arrival and dropped pass unchanged"
SIZE = "the size of packets does not matter"
FORGETS = "reset forgets"


@pytest.mark.parametrize(
    ("make", "promises"),
    [
        (Stretches, {FRAME, "empty packets pass"}),
        (ForgetsDropped, {FRAME, "empty packets pass"}),
        (LeavesTheSensor, {"events stay ordered, inside packet and sensor"}),
        (FirstOfEachPacket, {SIZE}),
        (EveryThird, {FORGETS}),
        (lambda shared=[0]: EveryThird(shared), {SIZE, "the same events give the same answer", FORGETS}),
        (ReusesItsBuffer, {"the events it gave out are not changed", SIZE}),
    ],
)
def test_a_broken_filter_is_found_out(make: Callable[[], PassFilter], promises: set[str]) -> None:
    assert broken(check_filter(make, SENSOR)) == promises


def test_a_filter_that_writes_into_its_input_is_found_out() -> None:
    assert "the events given to it are not changed" in broken(check_filter(WritesInPlace, SENSOR))


def test_a_filter_that_chokes_on_silence_is_found_out() -> None:
    assert {"empty packets pass", SIZE} <= broken(check_filter(Chokes, SENSOR))


# ---------------------------------------------------------------------------------------------------------- models


class ToyState:
    def __init__(self) -> None:
        self.sums = np.zeros(3, np.float32)

    def copy(self) -> Self:
        twin = type(self)()
        twin.sums[:] = self.sums
        return twin

    def reset(self) -> None:
        self.sums.fill(0)

    def save(self, path: Path) -> None:
        path.write_bytes(self.sums.tobytes())


class ToyModel:
    """Three leaky sums of addresses; subclasses break one promise each."""

    card = ModelCard("toy", ("a", "b", "c"), 1_000, SPEC, 10_000)

    def initial_state(self) -> ToyState:
        return ToyState()

    def step(self, step: Step, state: ToyState) -> Output:
        addresses = step.addresses
        if len(addresses) and not 0 <= addresses.min() <= addresses.max() < self.card.input.size:
            raise StreamsnnError("an address is outside the input")
        state.sums *= np.float32(0.9)
        state.sums += np.bincount(addresses % 3, minlength=3).astype(np.float32)
        return Output(
            state.sums,
            {"hidden": np.flatnonzero(state.sums > 2).astype(np.int32)},
            Operations(np.array([len(addresses)]), np.zeros(1, np.int64)),
        )

    def load_state(self, path: Path) -> ToyState:
        state = self.initial_state()
        state.sums[:] = np.frombuffer(path.read_bytes(), np.float32)
        return state

    def warm_up(self) -> None:
        pass


class KeepsState(ToyModel):
    def __init__(self) -> None:
        self._all = ToyState()

    def step(self, step: Step, state: ToyState) -> Output:
        return super().step(step, self._all)


class SharedCopy(ToyState):
    def copy(self) -> Self:
        return self


class HalfReset(ToyState):
    def reset(self) -> None:
        self.sums[0] = 0


class LossySave(ToyState):
    def save(self, path: Path) -> None:
        path.write_bytes(self.sums.round().tobytes())


class Random(ToyModel):
    rng = np.random.default_rng(0)

    def step(self, step: Step, state: ToyState) -> Output:
        output = super().step(step, state)
        return output._replace(scores=(output.scores + self.rng.random(3)).astype(np.float32))


class DividesByEvents(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        output = super().step(step, state)
        with np.errstate(all="ignore"):
            return output._replace(scores=output.scores / np.float32(len(step.addresses)))


class BlowsUp(ToyModel):
    """Unstable: a rounding error doubles in every step."""

    def step(self, step: Step, state: ToyState) -> Output:
        with np.errstate(all="ignore"):
            output = super().step(step, state)
            state.sums *= np.float32(2)
            state.sums += np.float32(1e-6)
        return output


class ReadsAnything(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        return super().step(step._replace(addresses=step.addresses % self.card.input.size), state)


class SortsItsInput(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        output = super().step(step, state)
        step.addresses.sort()
        return output


class WrongScores(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        return super().step(step, state)._replace(scores=cast(Any, np.zeros(3)))


class FiresTwice(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        return super().step(step, state)._replace(spikes={"hidden": np.array([1, 1], np.int32)})


class MissesAName(ToyModel):
    operation_names = ("hidden", "last")


class OneScore(ToyModel):
    def step(self, step: Step, state: ToyState) -> Output:
        return super().step(step, state)._replace(scores=np.zeros(1, np.float32))


class TwinLabels(ToyModel):
    card = ModelCard("toy", ("a", "a", "c"), 1_000, SPEC, 10_000)


class BadReadout(ToyModel):
    card = ModelCard("toy", ("a", "b", "c"), 1_000, SPEC, 10_000, ReadoutSettings(patience=0))


class LeavesTraces(ToyModel):
    _warm = 0

    def warm_up(self) -> None:
        self._warm += 1

    def step(self, step: Step, state: ToyState) -> Output:
        output = super().step(step, state)
        return output._replace(scores=output.scores + np.float32(self._warm))


class Tires(ToyModel):
    """Refuses the 41st step, as a masked PSN of 40 steps would."""

    limit = 40

    class State(ToyState):
        steps = 0

        def reset(self) -> None:
            super().reset()
            self.steps = 0

        def copy(self) -> Self:
            twin = super().copy()
            twin.steps = self.steps
            return twin

    def initial_state(self) -> ToyState:
        return self.State()

    def step(self, step: Step, state: Any) -> Output:
        if state.steps >= self.limit:
            raise StreamsnnError("no more steps")
        state.steps += 1
        return super().step(step, state)


class TiresSoon(Tires):
    limit = 30


def with_state(state: type[ToyState]) -> ToyModel:
    class Model(ToyModel):
        def initial_state(self) -> ToyState:
            return state()

    return Model()


def test_a_sound_model_passes() -> None:
    assert_conforms(check_model(ToyModel()))
    assert_conforms(check_model(Tires()))


ALIKE = "equal states give equal answers"
NO_STATE = "holds no state itself"
COPY = "a state's copy is independent"
RESET = "a state that was reset is like a fresh one"
SILENCE = "silence is endured"
FLOOD = "every address at once is endured"
SAVED = "a saved state goes on bit for bit"
FORM = "scores and spikes are well formed"
STRANGERS = "addresses outside the input are refused"
WARM = "warming up leaves no trace"


@pytest.mark.parametrize(
    ("model", "promises"),
    [
        (KeepsState(), {ALIKE, NO_STATE, COPY, RESET, WARM, SAVED}),
        (with_state(SharedCopy), {COPY, WARM}),
        (with_state(HalfReset), {RESET}),
        (with_state(LossySave), {SAVED}),
        (Random(), {ALIKE, NO_STATE, COPY, RESET, WARM, SAVED}),
        (DividesByEvents(), {FORM, SILENCE}),
        (BlowsUp(), {SILENCE}),
        (ReadsAnything(), {STRANGERS}),
        (WrongScores(), {FORM}),
        (OneScore(), {FORM}),
        (FiresTwice(), {FORM}),
        (MissesAName(), {FORM}),
        (TwinLabels(), {"the card is sound"}),
        (BadReadout(), {"the card is sound"}),
        (LeavesTraces(), {WARM}),
        (TiresSoon(), {COPY, SILENCE}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_model_is_found_out(model: ToyModel, promises: set[str]) -> None:
    assert broken(check_model(model, silent_steps=300)) == promises


def test_a_model_that_writes_into_its_input_is_found_out() -> None:
    assert "the step given to it is not changed" in broken(check_model(SortsItsInput(), silent_steps=1))


def test_a_binary_input_never_gets_an_address_twice() -> None:
    class Binary(ToyModel):
        card = ModelCard("toy", ("a", "b", "c"), 1_000, InputSpec(12, 10, "merge", "binary"), 10_000)

        def step(self, step: Step, state: ToyState) -> Output:
            assert len(np.unique(step.addresses)) == len(step.addresses)
            return super().step(step, state)

    assert_conforms(check_model(Binary()))


# -------------------------------------------------------------------------------------------------------- readouts


class ToyReadout(ScoreReadout):
    def __init__(self) -> None:
        super().__init__(ReadoutSettings(), ("a", "b", "c"), 1_000)


class NeverForgets(ToyReadout):
    def reset(self) -> None:
        if not hasattr(self, "_steps"):
            super().reset()


class Percent(ToyReadout):
    def __call__(self, output: Output) -> Decision:
        decision = super().__call__(output)
        return decision._replace(confidence=100 * decision.confidence)


class GivesViews(ToyReadout):
    def __call__(self, output: Output) -> Decision:
        return super().__call__(output)._replace(scores=output.scores)


class Mute(ToyReadout):
    def __call__(self, output: Output) -> Decision:
        return super().__call__(output)._replace(label=None)


class Swallows(ToyReadout):
    def __call__(self, output: Output) -> Decision:
        return super().__call__(output._replace(scores=np.nan_to_num(output.scores)))


class Erases(ToyReadout):
    def __call__(self, output: Output) -> Decision:
        decision = super().__call__(output)
        output.scores.fill(0)
        return decision


@pytest.mark.parametrize(
    ("make", "promises"),
    [
        (ToyReadout, set()),
        (NeverForgets, {"reset forgets"}),
        (Percent, {"decisions are well formed"}),
        (GivesViews, {"decisions own their scores"}),
        (Mute, {"a clear winner is shown"}),
        (Swallows, {"scores that are not finite are refused"}),
    ],
)
def test_a_broken_readout_is_found_out(make: Callable[[], ToyReadout], promises: set[str]) -> None:
    assert broken(check_readout(make, 3)) == promises


def test_a_readout_that_writes_into_the_scores_is_found_out() -> None:
    assert "the scores given to it are not changed" in broken(check_readout(Erases, 3))


# -------------------------------------------------------------------------------------------------------- trackers


class ToyTracker:
    """One box around the step's events, as long as there are more than five."""

    def __init__(self) -> None:
        self._steps = 0

    def update(self, step: Step) -> tuple[Track, ...]:
        if len(step.addresses) < 6:
            self._steps = 0
            return ()
        self._steps += 1
        xs, ys = step.addresses % 12, step.addresses // 12 % 10
        box = float(xs.min()), float(ys.min()), float(np.ptp(xs)), float(np.ptp(ys))
        return (Track(1, *box, 0.0, 0.0, self._steps * 1_000),)

    def reset(self) -> None:
        self._steps = 0


class Twins(ToyTracker):
    def update(self, step: Step) -> tuple[Track, ...]:
        return super().update(step) * 2


class Lists(ToyTracker):
    def update(self, step: Step) -> tuple[Track, ...]:
        return cast(tuple[Track, ...], list(super().update(step)))


class Nowhere(ToyTracker):
    def update(self, step: Step) -> tuple[Track, ...]:
        return tuple(track._replace(vx=float("nan")) for track in super().update(step))


class Rejuvenates(ToyTracker):
    def update(self, step: Step) -> tuple[Track, ...]:
        return tuple(track._replace(age_us=10**9 - track.age_us) for track in super().update(step))


class Ghosts(ToyTracker):
    def update(self, step: Step) -> tuple[Track, ...]:
        return super().update(step) or (Track(2, 0, 0, 1, 1, 0, 0, 1),)


class Elephant(ToyTracker):
    def __init__(self) -> None:
        super().__init__()
        self._ever = 0

    def update(self, step: Step) -> tuple[Track, ...]:
        self._ever += 1
        return tuple(track._replace(age_us=self._ever) for track in super().update(step))


@pytest.mark.parametrize(
    ("make", "promises"),
    [
        (ToyTracker, set()),
        (Twins, {"tracks are well formed"}),
        (Lists, {"tracks are well formed", "silence shows nothing"}),
        (Nowhere, {"tracks are well formed", "the same steps give the same tracks", FORGETS}),
        (Rejuvenates, {"tracks grow older"}),
        (Ghosts, {"silence shows nothing"}),
        (Elephant, {FORGETS}),
    ],
)
def test_a_broken_tracker_is_found_out(make: Callable[[], ToyTracker], promises: set[str]) -> None:
    assert broken(check_tracker(make, SPEC)) == promises


# ----------------------------------------------------------------------------------------------------------- sinks


class ToySink:
    closed = False

    def write(self, result: Result) -> None:
        str(result)

    def close(self) -> None:
        self.closed = True


class OnlyLabels(ToySink):
    def write(self, result: Result) -> None:
        assert result.decision.label is not None


class SinkClosesOnce(ToySink):
    def close(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True


class Scribbles(ToySink):
    def write(self, result: Result) -> None:
        result.decision.scores.fill(0)


class NeedsAResult(ToySink):
    count = 0

    def write(self, result: Result) -> None:
        self.count += 1

    def close(self) -> None:
        1 / self.count


@pytest.mark.parametrize(
    ("make", "promises"),
    [
        (ToySink, set()),
        (
            OnlyLabels,
            {"every kind of result is taken", "the results given to it are not changed", "close is idempotent"},
        ),
        (SinkClosesOnce, {"close is idempotent", "close without a result"}),
        (Scribbles, {"the results given to it are not changed"}),
        (NeedsAResult, {"close without a result"}),
    ],
)
def test_a_broken_sink_is_found_out(make: Callable[[], ToySink], promises: set[str]) -> None:
    assert broken(check_sink(make)) == promises
