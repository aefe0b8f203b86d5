"""`follow`: a stream's objects, step by step, without a model; `Beside`: the same beside a model that sees less."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from streamsnn.binning import Binner
from streamsnn.clock import Clock, HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.sensor_fit import fit_sensor
from streamsnn.types import Filter, InputSpec, Packet, Sensor, Source, Stamps, Step, Track, Tracker

MakeTracker = Callable[[InputSpec, int], Tracker]
"""Makes a tracker for steps of an input, and of so many microseconds."""


class Followed(NamedTuple):
    """The objects at the end of a step, `t_us`; `dropped` counts the events lost since the stream began."""

    step: Step
    t_us: int
    tracks: tuple[Track, ...]
    stamps: Stamps
    dropped: int


def sensor_spec(sensor: Sensor) -> InputSpec:
    """What a tracker sees: all pixels of the sensor. Refused with StreamsnnError where it hears."""
    if sensor.kind != "vision":
        raise StreamsnnError(
            f'"{sensor.name}" hears, and only what is seen can be followed.', hint="Choose a recording of a camera."
        )
    return InputSpec(sensor.width, sensor.height)


def follow(
    source: Source, tracker: Tracker, step_us: int, *, filters: Sequence[Filter] = (), clock: Clock | None = None
) -> Iterator[Followed]:
    """The objects of every step of `source`, silent ones too; a long hole in the stream is silence. Closes the
    source."""
    clock = clock or HostClock()
    binner = Binner(step_us, fit_sensor(source.sensor, sensor_spec(source.sensor)))
    dropped = 0

    def followed(step: Step) -> Followed:
        started_ns = clock.now_ns()
        tracks = tracker.update(step)
        stamps = Stamps(step.arrived_ns, started_ns, clock.now_ns())
        return Followed(step, (step.index + 1) * step_us, tracks, stamps, dropped + binner.dropped)

    try:
        for packet in source:
            dropped += packet.dropped
            for apply in filters:
                packet = apply(packet)
            yield from map(followed, binner.push(packet))
        yield from map(followed, binner.flush())
    finally:
        source.close()


class Beside:
    """A tracker of the whole sensor for the engine, whatever part of it the model sees, and however coarsely.

    It is a filter too, which passes packets on as they are: put it behind the other filters, and give it to the engine
    as its tracker. `step_us` is the model's.
    """

    def __init__(self, sensor: Sensor, step_us: int, make: MakeTracker) -> None:
        spec = sensor_spec(sensor)
        self._tracker = make(spec, step_us)
        self._binner = Binner(step_us, fit_sensor(sensor, spec))
        self._steps: deque[Step] = deque()

    def __call__(self, packet: Packet) -> Packet:
        self._steps.extend(self._binner.push(packet))
        return packet

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects at the end of the model's `step`."""
        if not self._steps:
            self._steps.extend(self._binner.flush())
        while self._steps and self._steps[0].index < step.index:
            self._steps.popleft()
        if not self._steps or self._steps[0].index > step.index:
            return self._tracker.update(Step(step.index, step.addresses[:0], step.arrived_ns))
        return self._tracker.update(self._steps.popleft())

    def reset(self) -> None:
        """Lose all tracks, and go on with the stream where it is."""
        self._tracker.reset()
