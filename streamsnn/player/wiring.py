"""From what was asked for to the parts of a stream: model, source, filters, readout, and how they fit one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from streamsnn.clock import Clock
from streamsnn.player.feed import Switch
from streamsnn.player.messages import Note, Notice, Open, Preparing
from streamsnn.readout import ScoreReadout
from streamsnn.registry import open_filter, open_labelling, open_model, open_source
from streamsnn.sensor_fit import fit_sensor
from streamsnn.sources.files import RecordingSource
from streamsnn.sources.hearing import Heard
from streamsnn.tracking.following import Beside
from streamsnn.tracking.names import DEFAULT
from streamsnn.types import InputSpec, Sensor, Source, Tracker


class Wiring:
    """The parts of the stream that `wanted` names; `source` is open and at its beginning.

    Raises StreamsnnError if one of them cannot be opened, or if they do not fit one another.
    """

    def __init__(self, wanted: Open, clock: Clock, tell: Callable[[Notice], None]) -> None:
        self.wanted = wanted
        self._clock, self._tell = clock, tell
        tell(Preparing(f"Opening {wanted.model}"))
        self.model = open_model(wanted.model)
        self.source = self.open_source(0)
        card, sensor = self.model.card, self.source.sensor
        self.live = bool(getattr(self.source, "live", False))
        """Whether it comes in true time by itself, and only once."""
        self.resumable = isinstance(self.source, RecordingSource)
        """Whether it can be opened in the middle."""
        self.fit = fit_sensor(
            sensor, card.input, crop=wanted.crop, downsample=wanted.downsample, letterbox=wanted.letterbox
        )
        self.filters = [self.make_filter(spelling, on) for spelling, on in wanted.filters]
        settings = card.readout
        if wanted.threshold is not None:
            settings = dataclasses.replace(settings, threshold=wanted.threshold)
        self.readout = ScoreReadout(settings, card.labels, card.step_us)

    def warm_up(self) -> None:
        """Compile the model's step, or load it: slow, and so behind everything that may be refused."""
        warm_up = getattr(self.model, "warm_up", None)
        if warm_up is not None:
            self._tell(Preparing("Compiling the step, once"))
            warm_up()

    @property
    def layers(self) -> dict[str, int]:
        """The layers that spike, and how many neurons each has; of a plug-in, those that it names."""
        return dict(getattr(self.model, "spiking_layers", {}))

    @property
    def operation_names(self) -> tuple[str, ...]:
        """What the model counts its operations of."""
        return tuple(getattr(self.model, "operation_names", ()))

    @property
    def path(self) -> str | None:
        """The file that the stream comes from, if it does."""
        recorded = self.resumable or (isinstance(self.source, Heard) and not self.live)
        return self.wanted.source if recorded else None

    @property
    def duration_us(self) -> int | None:
        """How long it is, where that is known before it was read."""
        sounds = getattr(self.source, "sounds", None)
        duration_us: int | None = getattr(sounds, "duration_us", None)
        return duration_us

    def open_source(self, start_us: int) -> Source:
        """The source once more, from `start_us` after its beginning on."""
        wanted, card = self.wanted, self.model.card
        return open_source(
            wanted.source,
            sensor=None if wanted.sensor is None else Sensor("sensor", *wanted.sensor),
            start_us=start_us,
            packet_us=card.step_us,
            hearing=card.hearing,
            ears=card.input.height,
            clock=self._clock,
            on_change=lambda told: self._tell(Note(told)),
        )

    def make_filter(self, spelling: str, on: bool) -> Switch:
        """A filter for this sensor. Raises StreamsnnError if there is none of this spelling."""
        return Switch(spelling, open_filter(spelling, self.source.sensor), on)

    def make_tracker(self) -> Beside | None:
        """What follows the objects on the whole sensor, at its beginning; None if that was not asked for."""
        if self.wanted.track is None:
            return None
        return Beside(self.source.sensor, self.model.card.step_us, self.open_tracker)

    def open_tracker(self, spec: InputSpec, step_us: int) -> Tracker:
        """The tracker alone, for steps of `spec` and `step_us`."""
        wanted = self.wanted
        return open_labelling(wanted.track or DEFAULT, wanted.classify, spec, step_us, ego_motion=wanted.ego_motion)

    def switch_ego_motion(self, on: bool) -> None:
        """Trackers that are made from now on take the camera's own motion out, or do not."""
        self.wanted = dataclasses.replace(self.wanted, ego_motion=on)

    def fresh_state(self) -> Any:
        """A state that has seen nothing."""
        return self.model.initial_state()
