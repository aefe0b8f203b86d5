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
    """The objects at the end of a step, `t_us`; `dropped` counts the events lost since the stream began.

    `background_px_s` is how the background moves, where the tracker takes the camera's own motion out.
    """

    step: Step
    t_us: int
    tracks: tuple[Track, ...]
    stamps: Stamps
    dropped: int
    background_px_s: tuple[float, float] | None = None


def sensor_spec(sensor: Sensor) -> InputSpec:
    """What a tracker sees: all pixels of the sensor. Refused with StreamsnnError where it hears."""
    if sensor.kind != "vision":
        raise StreamsnnError(
            f'"{sensor.name}" hears, and only what is seen can be followed.', hint="Choose a recording of a camera."
        )
    return InputSpec(sensor.width, sensor.height)


def background_of(tracker: Tracker) -> tuple[float, float] | None:
    """How the background moves, in pixels a second; None where the camera's own motion is not taken out."""
    found: tuple[float, float] | None = getattr(tracker, "background_px_s", None)
    return found


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
        return Followed(
            step, (step.index + 1) * step_us, tracks, stamps, dropped + binner.dropped, background_of(tracker)
        )

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
        self._spec, self._step_us = sensor_spec(sensor), step_us
        self._tracker = make(self._spec, step_us)
        self._binner = Binner(step_us, fit_sensor(sensor, self._spec))
        self._steps: deque[Step] = deque()
        self._newest_id = self._ids_before = 0

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
            tracks = self._tracker.update(Step(step.index, step.addresses[:0], step.arrived_ns))
        else:
            tracks = self._tracker.update(self._steps.popleft())
        if self._ids_before:
            tracks = tuple(each._replace(id=each.id + self._ids_before) for each in tracks)
        self._newest_id = max([self._newest_id, *(each.id for each in tracks)])
        return tracks

    @property
    def background_px_s(self) -> tuple[float, float] | None:
        """See `background_of`."""
        return background_of(self._tracker)

    def change(self, make: MakeTracker) -> None:
        """Follow with another tracker from the next step on. Its objects are new ones, and no id is used twice."""
        self._tracker = make(self._spec, self._step_us)
        self._ids_before = self._newest_id

    def reset(self) -> None:
        """Lose all tracks, and go on with the stream where it is."""
        self._tracker.reset()
