"""The loop: every step once, in order, with the right state, stamps and counts, whatever the source does."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn import binning
from streamsnn.binning import Binner
from streamsnn.clock import ManualClock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.filters import Polarity, Region
from streamsnn.readout import ScoreReadout
from streamsnn.sensor_fit import fit_sensor
from streamsnn.types import (
    EVENT,
    Filter,
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

SENSOR = Sensor("toy", 4, 3)
LABELS = ("left", "right")


class ListSource:
    """A source of given packets that counts how often it was closed."""

    def __init__(self, packets: list[Packet], sensor: Sensor = SENSOR, log: list[str] | None = None) -> None:
        self.sensor = sensor
        self.closed = 0
        self._packets = packets
        self._log = [] if log is None else log

    def __iter__(self) -> Iterator[Packet]:
        self._log.append("opened")
        yield from self._packets

    def close(self) -> None:
        self.closed += 1


@dataclass
class ToyState:
    scores: np.ndarray = field(default_factory=lambda: np.zeros(2, np.float32))
    steps: int = 0
    resets: int = 0

    def copy(self) -> Self:
        return type(self)(self.scores.copy(), self.steps, self.resets)

    def reset(self) -> None:
        self.scores.fill(0)
        self.steps = 0
        self.resets += 1


class ToyModel:
    """Scores: events in the left and in the right half, forgotten by a tenth a step."""

    def __init__(
        self, step_us: int = 1_000, memory_us: int = 5_000, on_step: Callable[[], None] = lambda: None
    ) -> None:
        settings_ = ReadoutSettings(kind="last", patience=1)
        self.card = ModelCard("toy", LABELS, step_us, InputSpec(4, 3), memory_us, settings_)
        self._on_step = on_step

    def initial_state(self) -> ToyState:
        return ToyState()

    def step(self, step: Step, state: ToyState) -> Output:
        self._on_step()
        right = int(np.count_nonzero(step.addresses % 4 >= 2))
        state.scores *= np.float32(0.9)
        state.scores += np.array([len(step.addresses) - right, right], np.float32)
        state.steps += 1
        return Output(state.scores, {})


class LogTracker:
    def __init__(self) -> None:
        self.resets = 0
        self.steps = 0

    def update(self, step: Step) -> tuple[Track, ...]:
        self.steps += 1
        return (Track(self.steps, 0, 0, 1, 1, 0, 0, 0),)

    def reset(self) -> None:
        self.resets += 1
        self.steps = 0


def packet(
    begin_us: int, end_us: int, *rows: tuple[int, int, int, bool], arrived_ns: int = 0, dropped: int = 0
) -> Packet:
    return Packet(np.array(list(rows), EVENT), begin_us, end_us, arrived_ns, dropped)


def noise(count: int, end_us: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    events["t"] = np.sort(rng.integers(0, end_us, count))
    events["x"], events["y"] = rng.integers(0, 4, count), rng.integers(0, 3, count)
    events["p"] = rng.integers(0, 2, count)
    return events


def cut(events: np.ndarray, edges: list[int]) -> list[Packet]:
    return [Packet(events[(events["t"] >= a) & (events["t"] < b)], a, b, 0) for a, b in itertools.pairwise(edges)]


def kept(results: Iterator[Result]) -> list[tuple[int, list[float], str | None, float]]:
    """What of a stream does not depend on host time, copied as it passes."""
    return [(r.step.index, r.output.scores.tolist(), r.decision.label, r.decision.confidence) for r in results]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 20_500), max_size=20), st.integers(0, 3))
def test_results_do_not_depend_on_the_packets(cuts: list[int], seed: int) -> None:
    events = noise(300, 20_500, seed)
    whole = kept(stream(ListSource(cut(events, [0, 20_500])), ToyModel()))
    assert [index for index, *_ in whole] == list(range(21))  # the last one is a half step
    assert kept(stream(ListSource(cut(events, [0, *sorted(cuts), 20_500])), ToyModel())) == whole


def test_is_the_loop_that_one_would_write_by_hand() -> None:
    packets = cut(noise(300, 20_500), [0, 3_000, 3_001, 20_500])
    model = ToyModel()
    card, state = model.card, model.initial_state()
    binner = Binner(card.step_us, fit_sensor(SENSOR, card.input))
    readout = ScoreReadout(card.readout, card.labels, card.step_us)
    by_hand = []
    for part in packets:
        for step in binner.push(part):
            output = model.step(step, state)
            decision = readout(output)
            by_hand.append((step.index, output.scores.tolist(), decision.label, decision.confidence))
    assert kept(stream(ListSource(packets), model))[:-1] == by_hand


def test_silence_is_steps() -> None:
    model = ToyModel(memory_us=10**9)
    results = kept(stream(ListSource([packet(0, 10_000), packet(10_000, 20_000)]), model))
    assert [index for index, *_ in results] == list(range(20))


def test_a_gap_shorter_than_the_memory_is_silence() -> None:
    source = ListSource([packet(0, 1_500, (1_400, 0, 0, True)), packet(6_499, 7_000, dropped=3)])
    state = ToyState()
    tracker = LogTracker()
    results = list(stream(source, ToyModel(memory_us=5_000), state=state, tracker=tracker))
    assert [r.step.index for r in results] == list(range(7))
    assert (state.resets, tracker.resets) == (0, 0)
    assert state.steps == 7
    assert state.scores[0] == pytest.approx(0.9**5, rel=1e-5)


def test_a_gap_as_long_as_the_memory_resets_everything() -> None:
    source = ListSource([packet(0, 1_500, (1_400, 0, 0, True)), packet(6_500, 7_000, dropped=3, arrived_ns=99)])
    state = ToyState()
    tracker = LogTracker()
    results = []
    for result in stream(source, ToyModel(memory_us=5_000), state=state, tracker=tracker):
        results.append((result.step.index, len(result.step.addresses), result.decision.label, result.dropped))
        if result.step.index == 1:  # the step that the gap cut off still belongs to the time before
            assert result.output.scores.tolist() == [1, 0]
            assert result.stamps.arrived_ns == 99
        if result.step.index == 6:
            assert [track.id for track in result.tracks] == [1]
    assert results == [(0, 0, None, 0), (1, 1, "left", 3), (6, 0, None, 3)]
    assert (state.resets, tracker.resets) == (1, 1)
    assert (state.steps, tracker.steps) == (1, 1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 2_500), st.integers(0, 2_500)), min_size=1, max_size=12),
    st.sampled_from([0, 1, 700, 1_000, 2_000]),
)
def test_steps_never_repeat_or_go_back_for_any_gaps_and_memory(spans: list[tuple[int, int]], memory_us: int) -> None:
    packets, t_us = [], 0
    for gap_us, length_us in spans:
        packets.append(packet(t_us + gap_us, t_us + gap_us + length_us))
        t_us += gap_us + length_us
    model = ToyModel(memory_us=memory_us)
    indices = [index for index, *_ in kept(stream(ListSource(packets), model))]
    assert indices == sorted(set(indices))
    covered = {
        k for p in packets for k in range(p.t_begin_us // 1_000, -(-p.t_end_us // 1_000)) if p.t_end_us > p.t_begin_us
    }
    assert covered <= set(indices)


def test_stamps_are_in_the_order_in_which_things_happen() -> None:
    clock = ManualClock(1_000)
    model = ToyModel(on_step=lambda: clock.advance_ns(70))
    source = ListSource([packet(0, 2_000, arrived_ns=900), packet(2_000, 3_000, arrived_ns=1_100)])
    results = list(stream(source, model, clock=clock))
    assert [tuple(r.stamps) for r in results] == [(900, 1_000, 1_070), (900, 1_070, 1_140), (1_100, 1_140, 1_210)]


def test_what_is_too_much_for_a_step_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binning, "MOST_ADDRESSES", 0)
    monkeypatch.setattr(binning, "MOST_PER_US", 0)
    most = ToyModel().card.input.size
    crowd = [(5, 0, 0, True)] * (most + 4)
    packets = [packet(0, 1_000, *crowd, dropped=2), packet(1_000, 2_000)]
    results = list(stream(ListSource(packets), ToyModel()))
    assert [(len(each.step.addresses), each.dropped) for each in results] == [(most, 6), (0, 6)]


def test_dropped_adds_up() -> None:
    packets = [packet(0, 1_000, dropped=2), packet(1_000, 2_000), packet(2_000, 4_000, dropped=5)]
    assert [r.dropped for r in stream(ListSource(packets), ToyModel())] == [2, 2, 7, 7]


def test_filters_are_applied_in_their_order() -> None:
    rows = [(10, 0, 0, True), (20, 3, 0, True), (30, 3, 0, False)]
    filters: list[Filter] = [Polarity(SENSOR, keep="on"), Region(SENSOR, x=2, y=0, width=2, height=3)]
    results = list(stream(ListSource([packet(0, 1_000, *rows)]), ToyModel(), filters=filters))
    assert [r.step.addresses.tolist() for r in results] == [[4 * 3 + 3]]


def test_a_readout_of_one_s_own_is_used() -> None:
    readout = ScoreReadout(ReadoutSettings(kind="mean", patience=3), ("x", "y"), 1_000)
    source = ListSource([packet(0, 4_000, (0, 0, 0, True))])
    assert [r.decision.label for r in stream(source, ToyModel(), readout=readout)] == [None, None, "x", "x"]


def test_a_state_that_is_passed_in_is_carried_on_from() -> None:
    events = noise(200, 10_000)
    whole = kept(stream(ListSource(cut(events, [0, 10_000])), ToyModel()))
    state = ToyState()
    first = kept(stream(ListSource(cut(events, [0, 4_000])), ToyModel(), state=state))
    second = kept(stream(ListSource(cut(events, [4_000, 10_000])), ToyModel(), state=state))
    assert first + second == whole


def test_a_fit_of_one_s_own_is_used() -> None:
    sensor = Sensor("wide", 8, 6)
    source = ListSource([packet(0, 1_000, (1, 7, 5, True))], sensor)
    fit = fit_sensor(sensor, ToyModel().card.input, downsample=2)
    assert [r.step.addresses.tolist() for r in stream(source, ToyModel(), fit=fit)] == [[4 * 3 * 2 - 1]]


def test_a_sensor_that_does_not_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(StreamsnnError, match="8x6, but the model's input is 4x3"):
        stream(ListSource([], Sensor("wide", 8, 6)), ToyModel())
    with pytest.raises(StreamsnnError, match=r'The fit is for a sensor "wide" of 8x3'):
        stream(ListSource([]), ToyModel(), fit=fit_sensor(Sensor("wide", 8, 3), InputSpec(4, 3), crop=(0, 0, 4, 3)))


def test_packets_that_go_back_in_time_are_refused_and_the_source_is_closed() -> None:
    source = ListSource([packet(0, 2_000), packet(1_000, 3_000)])
    results = stream(source, ToyModel())
    assert [next(results).step.index, next(results).step.index] == [0, 1]
    with pytest.raises(StreamsnnError, match="begins at 1000 us, before the end"):
        next(results)
    assert source.closed == 1


def test_the_source_is_closed_at_the_end_on_close_and_on_failure() -> None:
    source = ListSource([packet(0, 2_000)])
    list(stream(source, ToyModel()))
    assert source.closed == 1

    source = ListSource([packet(0, 2_000)])
    results = stream(source, ToyModel())
    next(results)
    results.close()
    assert source.closed == 1

    def fail() -> None:
        raise StreamsnnError("the model broke")

    source = ListSource([packet(0, 2_000)])
    with pytest.raises(StreamsnnError, match="the model broke"):
        next(stream(source, ToyModel(on_step=fail)))
    assert source.closed == 1


def test_a_model_is_warmed_up_before_the_source_is_opened() -> None:
    log: list[str] = []

    class Warm(ToyModel):
        def warm_up(self) -> None:
            log.append("warm")

    results = stream(ListSource([packet(0, 1_000)], log=log), Warm())
    assert log == []
    list(results)
    assert log == ["warm", "opened"]


def test_an_empty_source_gives_nothing() -> None:
    assert list(stream(ListSource([]), ToyModel())) == []
    assert list(stream(ListSource([packet(500, 500)]), ToyModel())) == []
