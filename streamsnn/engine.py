"""The loop: packets come out of a source, and what the network thinks comes out of the loop, one step at a time.

It is a generator, so that a test, the command line, a notebook and a window's thread all pull it alike.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from streamsnn.binning import Binner
from streamsnn.clock import Clock, HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.sensor_fit import SensorFit, fit_sensor
from streamsnn.types import Filter, Model, Readout, Result, Source, Stamps, Step, Tracker


def stream(
    source: Source,
    model: Model,
    *,
    filters: Sequence[Filter] = (),
    readout: Readout | None = None,
    tracker: Tracker | None = None,
    state: Any = None,
    fit: SensorFit | None = None,
    clock: Clock | None = None,
) -> Generator[Result, None, None]:
    """Push `source` through `model` and yield one `Result` a step, silent steps too, until the source ends.

    Left out, `readout` is what the model's card asks for, `state` a fresh one, `fit` an exact match of sensor and input
    (else refused here, before anything runs), and `clock` the machine's, which must be the clock that the source stamps
    `arrived_ns` with. All are used as they come and updated in place: a `state` that is passed in is carried on from,
    and holds the end of the stream afterwards; nothing is reset at the beginning.

    - A gap between two packets is silence where it is shorter than the model's memory (`card.memory_us`, at least one
      step). After a longer one the step that the gap cut off is given, then state, readout and tracker are reset, and
      the steps go on where the stream does.
    - The last step of a recording is given also where the recording ends in the middle of it.
    - `Result.dropped` counts every event that the source lost since the beginning, and those that were too many for
      their step (see `Binner`).
    - `Result.output` holds views into the state, good until the next result is asked for: copy what must live longer.
      Step, decision, tracks and stamps are the receiver's to keep.
    - A model with a `warm_up()` is warmed up before the source is opened: no event waits for a compiler.
    - The source is closed when the stream ends, fails, or is closed (`stream(...).close()`), once it has begun.

    Raises `StreamsnnError` for packets that go back in time, and passes on what source, model and readout raise.
    """
    card = model.card
    if fit is None:
        fit = fit_sensor(source.sensor, card.input)
    elif (fit.sensor, fit.spec) != (source.sensor, card.input):
        raise StreamsnnError(
            f'The fit is for a sensor "{fit.sensor.name}" of {fit.sensor.width}x{fit.sensor.height} and an input of'
            f" {fit.spec.width}x{fit.spec.height}, but source or model are others.",
            hint="Make it with fit_sensor(source.sensor, model.card.input, ...).",
        )
    return _results(
        source,
        model,
        filters,
        Binner(card.step_us, fit),
        ScoreReadout(card.readout, card.labels, card.step_us) if readout is None else readout,
        tracker,
        model.initial_state() if state is None else state,
        HostClock() if clock is None else clock,
    )


def _results(
    source: Source,
    model: Model,
    filters: Sequence[Filter],
    binner: Binner,
    readout: Readout,
    tracker: Tracker | None,
    state: Any,
    clock: Clock,
) -> Generator[Result, None, None]:
    def forget() -> None:
        state.reset()
        readout.reset()
        if tracker is not None:
            tracker.reset()

    now_ns = clock.now_ns
    try:
        warm_up = getattr(model, "warm_up", None)
        if warm_up is not None:
            warm_up()
        for step, dropped in _steps(source, filters, binner, max(model.card.memory_us, binner.step_us), forget):
            started_ns = now_ns()
            output = model.step(step, state)
            decision = readout(output)
            tracks = () if tracker is None else tracker.update(step)
            yield Result(step, output, decision, tracks, Stamps(step.arrived_ns, started_ns, now_ns()), dropped)
    finally:
        source.close()


def _steps(
    source: Source, filters: Sequence[Filter], binner: Binner, memory_us: int, forget: Callable[[], None]
) -> Iterator[tuple[Step, int]]:
    """All steps of the stream, each with how many events were lost so far; `forget` is called after a long gap."""
    dropped = 0
    reached_us: int | None = None
    for packet in source:
        dropped += packet.dropped
        for apply in filters:
            packet = apply(packet)
        if reached_us is not None and packet.t_begin_us - reached_us >= memory_us:
            for step in binner.flush(packet.arrived_ns):
                yield step, dropped + binner.dropped
            forget()
        reached_us = packet.t_end_us
        for step in binner.push(packet):
            yield step, dropped + binner.dropped
    for step in binner.flush():
        yield step, dropped + binner.dropped
