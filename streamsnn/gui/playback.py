"""What plays in the window, and everything that one can ask of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QObject, QSettings, Signal

from streamsnn.errors import StreamsnnError
from streamsnn.gui.choice import best, choices, look_at, why_unlabelled
from streamsnn.gui.link import Link
from streamsnn.gui.transport import next_speed
from streamsnn.player.messages import (
    Advance,
    Open,
    Opened,
    Pause,
    Play,
    Record,
    Recording,
    ResetState,
    Seek,
    SetLoop,
    SetMarkers,
    SetProbes,
    SetSpeed,
    SetThreshold,
    Status,
    SwitchEgoMotion,
    SwitchFilter,
)
from streamsnn.player.screen import PROBES, Screen
from streamsnn.types import Sensor

_RECENT = 12
_JUMP_US = 1_000_000


class Playback(QObject):
    """One stream at a time, in an engine behind `link`. What is refused comes as `refused` (what, what to do).

    The slots that are named as actions are what keys, menus and buttons call.
    """

    opening = Signal(object)
    """Open: what was asked for, before anything has come of it."""
    opened = Signal(object, object)
    """Opened, and its Screen."""
    status_changed = Signal()
    markers_changed = Signal()
    probes_changed = Signal()
    threshold_changed = Signal(float)
    filter_switched = Signal(str, bool)
    noted = Signal(str)
    refused = Signal(str, str)

    def __init__(self, link: Link, settings: QSettings) -> None:
        super().__init__()
        self.link, self._settings = link, settings
        self.sensor: Sensor | None = None
        """What the stream was seen or heard with; None: nothing is open."""
        self.wanted: Open | None = None
        self.now: Opened | None = None
        """What is open."""
        self.screen: Screen | None = None
        self.status = Status("closed")
        self.held = False
        """Whether the picture of a live stream stands still."""
        self.recording = False
        """Whether what is heard is kept in a file."""
        self.filters: dict[str, bool] = {}
        self.probes: list[tuple[str, int]] = []
        self.threshold = 0.0
        self._classifier: str | None = None
        """Who says what is boxed, wherever it can."""
        self._to_say: list[str] = []
        """What is noted once the stream is open: until then one sees how far that is."""
        self.in_us: int | None = None
        self.out_us: int | None = None
        link.opened.connect(self._take_over)
        link.status.connect(self._take_status)
        link.recording.connect(self._take_recording)

    @property
    def live(self) -> bool:
        """Whether what is open comes in true time by itself."""
        return self.now is not None and self.now.live

    @property
    def offset_us(self) -> int:
        """Where the stream is, from its beginning: the end of the newest step."""
        if self.screen is None or self.now is None or not self.screen.steps_written:
            return 0
        return max(0, self.screen.newest_us - self.now.begin_us)

    @property
    def markers(self) -> tuple[int | None, int | None]:
        """Where the loop begins and ends, offsets in us; None is the beginning or the end."""
        return self.in_us, self.out_us

    @property
    def as_it_is(self) -> Open | None:
        """What would have to be asked for to get what is shown now: with the filters and the threshold of now."""
        if self.wanted is None:
            return None
        return dataclasses.replace(self.wanted, filters=tuple(self.filters.items()), threshold=self.threshold)

    @property
    def recent(self) -> list[str]:
        """What was opened before, the newest first."""
        kept: Any = self._settings.value("recent", [])
        return [kept] if isinstance(kept, str) else [str(each) for each in kept or []]

    def open_source(self, source: str, model: str | None = None, **options: Any) -> None:
        """Play `source` through the model called `model`, or through one that fits; `options` are fields of `Open`."""
        self._to_say.clear()
        try:
            sensor = look_at(source)
            name, fit = self._choose(sensor, model)
        except StreamsnnError as error:
            self.refused.emit(error.message, error.hint or "")
            return
        kept: dict[str, Any] = {"speed": self.status.speed, "loop": self.status.loop}
        kept["filters"] = tuple(self.filters.items())
        if self.wanted is not None and sensor.kind == "vision":
            kept["track"], kept["ego_motion"] = self.wanted.track, self.wanted.ego_motion
        asked = kept | dict(fit) | options
        if "classify" in options:
            self._classifier = options["classify"]
        elif self._classifier is not None and asked.get("track"):
            why = why_unlabelled(self._classifier, name)
            asked["classify"] = None if why else self._classifier
            if why:
                self._to_say.append(f"Boxes have no labels: {why}.")
        self.sensor = sensor
        self.wanted = Open(source, name, **asked)
        self._settings.setValue(f"model/{sensor.kind}", name)
        self._settings.setValue("recent", [source, *(each for each in self.recent if each != source)][:_RECENT])
        self.opening.emit(self.wanted)
        if self.live:
            # A microphone that has gone keeps its engine waiting.
            self.link.restart()
        self.link.send(self.wanted)

    def choose_model(self, name: str) -> None:
        """Play what is open through another model, from its beginning."""
        if self.wanted is not None:
            self.open_source(self.wanted.source, name)

    def toggle_tracking(self) -> None:
        """Box what moves, or no longer; the stream begins anew."""
        if self.sensor is not None and self.sensor.kind != "vision":
            self.refused.emit("What is heard is not boxed.", "Open a recording of a camera first.")
        elif self.wanted is not None:
            self.open_source(self.wanted.source, self.wanted.model, track=None if self.wanted.track else "regions")

    @property
    def takes_ego_motion_out(self) -> bool:
        """Whether only what moves against the background is boxed."""
        return self.wanted is not None and self.wanted.track is not None and self.wanted.ego_motion

    def toggle_ego_motion(self) -> None:
        """Box only what moves against the background, or no longer, while it plays; where nothing is boxed yet the
        stream begins anew."""
        if self.wanted is not None and self.wanted.track is None:
            self.open_source(self.wanted.source, self.wanted.model, track="regions", ego_motion=True)
        elif self.wanted is not None:
            self.wanted = dataclasses.replace(self.wanted, ego_motion=not self.wanted.ego_motion)
            self.link.send(SwitchEgoMotion(self.wanted.ego_motion))
        self.status_changed.emit()

    def play_or_pause(self) -> None:
        if self.live:
            self.held = not self.held
            self.status_changed.emit()
        else:
            self.link.send(Pause() if self.status.mode == "playing" else Play())

    def step_forward(self) -> None:
        self.link.send(Advance(1))

    def step_back(self) -> None:
        self.link.send(Advance(-1))

    def rewind(self) -> None:
        self.seek(self.in_us or 0)

    def seek(self, offset_us: int) -> None:
        """Go to `offset_us` after the beginning."""
        self.link.send(Seek(offset_us))

    def jump_forward(self) -> None:
        self.seek(self.offset_us + _JUMP_US)

    def jump_back(self) -> None:
        self.seek(max(0, self.offset_us - _JUMP_US))

    def faster(self) -> None:
        self.set_speed(next_speed(self.status.speed, 1))

    def slower(self) -> None:
        self.set_speed(next_speed(self.status.speed, -1))

    def true_time(self) -> None:
        self.set_speed(1.0)

    def set_speed(self, speed: float | None) -> None:
        """So many times true time; None is as fast as it goes."""
        self.link.send(SetSpeed(speed))

    def toggle_loop(self) -> None:
        self.link.send(SetLoop(not self.status.loop))

    def forget(self) -> None:
        self.link.send(ResetState())

    def record(self, path: str | None) -> None:
        """Keep what is heard from now on in a sound file; None: no longer."""
        self.link.send(Record(path))

    def set_in(self) -> None:
        self._set_markers(self.offset_us, self.out_us)

    def set_out(self) -> None:
        self._set_markers(self.in_us, self.offset_us)

    def clear_markers(self) -> None:
        self._set_markers(None, None)

    def set_threshold(self, threshold: float) -> None:
        """Show labels above this confidence."""
        self.threshold = threshold
        self.link.send(SetThreshold(threshold))
        self.threshold_changed.emit(threshold)

    def switch_filter(self, spelling: str, on: bool) -> None:
        """Apply a filter from now on, or no longer."""
        self.filters[spelling] = on
        self.link.send(SwitchFilter(spelling, on))
        self.filter_switched.emit(spelling, on)

    def choose_region(self, x: int, y: int, width: int, height: int) -> None:
        """Look at this part of the picture only, instead of any other part."""
        for spelling, on in list(self.filters.items()):
            if on and spelling.startswith("region:"):
                self.switch_filter(spelling, False)
        self.switch_filter(f"region:{x},{y},{width},{height}", True)

    def probe(self, layer: str, neuron: int) -> None:
        """Watch the membrane of a neuron; of too many, no longer that of the first."""
        if self.now is None or (layer, neuron) in self.probes:
            return
        if layer not in self.now.probed:
            self.noted.emit(f"The neurons of {layer} have no membrane to watch.")
            return
        self._set_probes([*self.probes, (layer, neuron)][-PROBES:])

    def remove_probe(self, place: int) -> None:
        """Watch a neuron no longer."""
        self._set_probes(self.probes[:place] + self.probes[place + 1 :])

    def _set_probes(self, probes: list[tuple[str, int]]) -> None:
        self.probes = probes
        self.link.send(SetProbes(tuple(probes)))
        self.probes_changed.emit()

    def _set_markers(self, in_us: int | None, out_us: int | None) -> None:
        if in_us is not None and out_us is not None and in_us >= out_us:
            self.refused.emit("The in marker would not lie before the out marker.", "Move on, then set it again.")
            return
        self.in_us, self.out_us = in_us, out_us
        self.link.send(SetMarkers(in_us, out_us))
        self.markers_changed.emit()

    def _choose(self, sensor: Sensor, model: str | None) -> tuple[str, Mapping[str, Any]]:
        """The model's name, and how the stream is fitted to it."""
        found = choices(sensor)
        named = next((each for each in found if each.name == model), None)
        if model is not None and named is None:
            # A path or a plug-in: the engine says whether it fits.
            return model, {}
        if named is not None and named.fit is None:
            raise StreamsnnError(f"{named.name} cannot see this: {named.why}.", hint="Choose another model.")
        choice = named or best(found, str(self._settings.value(f"model/{sensor.kind}", "")))
        if choice is None or choice.fit is None:
            raise StreamsnnError(f"No model is there for {sensor.kind}.", hint="streamsnn models lists where they lie.")
        fit = choice.fit
        if fit.crop is not None or fit.letterbox:
            self._to_say.append(f"{choice.name} sees {fit.words}.")
        return choice.name, {"crop": fit.crop, "downsample": fit.downsample, "letterbox": fit.letterbox}

    def _take_over(self, opened: Opened, screen: Screen) -> None:
        self.now, self.screen, self.held = opened, screen, False
        self.filters = dict(opened.filters)
        self.probes = []
        self.recording = False
        self.in_us = self.out_us = None
        wanted = None if self.wanted is None else self.wanted.threshold
        self.threshold = opened.card.readout.threshold if wanted is None else wanted
        self.opened.emit(opened, screen)
        if self._to_say:
            self.noted.emit(" ".join(self._to_say))
            self._to_say.clear()

    def _take_status(self, status: Status) -> None:
        self.status = status
        self.status_changed.emit()

    def _take_recording(self, notice: Recording) -> None:
        self.recording = notice.path is not None
        self.noted.emit(notice.text or f"Recording {notice.path}")
