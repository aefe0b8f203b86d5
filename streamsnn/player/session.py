"""One opened stream, taken step by step, and taken up again at any of its steps."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from streamsnn.clock import Clock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.player.feed import Feed, Pace, Tap
from streamsnn.player.messages import Note, Notice, Open, Opened
from streamsnn.player.recording import Recorder
from streamsnn.player.screen import PROBES, Layout, Screen, layout_of
from streamsnn.player.snapshots import Snapshot, Snapshots
from streamsnn.player.wiring import Wiring
from streamsnn.sources.hearing import Heard
from streamsnn.summary import Summary
from streamsnn.types import Filter, Packet, Result, Source

_SNAPSHOT_US = 1_000_000
_SHOWN_US = 6_000_000
"""How much before the place that was sought is shown as well."""
_LEAD_US = 1_000_000
_REPLAYED_US = 60_000_000
"""A place farther than this from where the stream can be taken up is reached by warming up, where a model forgets."""

MakeScreen = Callable[[Layout], tuple[Screen, str | None]]
"""Gives a screen for a layout, and the name of its shared memory."""


class Session:
    """The stream that `wanted` names, from its source to a screen; `tell` hears what people should know.

    Raises StreamsnnError when it is made if source, model or filters cannot be opened or do not fit one another.
    """

    def __init__(self, wanted: Open, clock: Clock, make_screen: MakeScreen, tell: Callable[[Notice], None]) -> None:
        self._clock, self._tell = clock, tell
        self.pace = Pace(clock, wanted.speed, self._fell_behind)
        self._wiring = wiring = Wiring(wanted, clock, tell)
        self.model, self.live, self.filters = wiring.model, wiring.live, wiring.filters
        self.step_us = self.model.card.step_us
        self.readout, self.state = wiring.readout, wiring.fresh_state()
        self._tracker = wiring.make_tracker()
        self.layout = layout_of(self.model.card, wiring.source.sensor, wiring.layers)
        self.screen, self._memory = make_screen(self.layout)
        self._snapshots = Snapshots(max(1, _SNAPSHOT_US // self.step_us))
        self._keeps = wiring.resumable
        self._pure = True
        self._probes: tuple[tuple[str, int], ...] = ()
        self._membranes = np.full(PROBES, np.nan, np.float32)
        self.set_probes(wanted.probes)
        wiring.warm_up()
        self._show_from = 0
        self.summary = self._fresh_summary()
        """What the stream came to since it was last begun."""
        self._dropped = self._dropped_before = 0
        self.recorder = Recorder(wiring.source, tell)
        self._run: Generator[Result, None, None] | None = None
        self._feed: Feed | None = None
        self._first: Result | None = None
        self.target: int | None = None
        """The step that is being sought; None: none."""
        self.next_index = 0
        """The step that comes next."""
        self.begin_us = 0
        self._start(wiring.source)
        if not self.live:
            self._peek()

    def opened(self) -> Opened:
        """What a display needs to know of it."""
        wiring = self._wiring
        return Opened(
            wiring.wanted.source,
            self.model.card,
            self.layout,
            self._memory,
            self.begin_us,
            wiring.duration_us,
            self.live,
            wiring.path,
            tuple((each.spelling, each.on) for each in self.filters),
            wiring.layers if hasattr(self.state, "membrane") else {},
        )

    def advance(self) -> bool:
        """Take one step; whether there was one left. Raises whatever source and model raise."""
        result, self._first = self._first, None
        if result is None:
            assert self._run is not None
            result = next(self._run, None)
            if result is None:
                self.target = None
                return False
        self.next_index = result.step.index + 1
        self._dropped = self._dropped_before + result.dropped
        if self.target is None or self.next_index > self._show_from:
            self._show(result)
        if self.target is None:
            self.summary.write(result)
        elif self.next_index >= self.target:
            self.target = None
            self.pace.hold()
        if self._pure and self._keeps and self._snapshots.wants(self.next_index):
            self._keep()
        return True

    def seek(self, index: int) -> None:
        """Make step `index` the next one, with everything as if the stream had been played until there.

        Nothing is done yet but the beginning: `advance` leads there step by step, and `target` is None once it has.
        What was left out because the model forgets it anyway is told. Raises StreamsnnError for a live stream.
        """
        if self.live:
            raise StreamsnnError("A live stream cannot be wound.", hint="Record it first, then open the recording.")
        first, run = self.begin_us // self.step_us, self._run
        index = max(index, first)
        # A little before it, so that one sees what led there.
        kept = self._snapshots.before(max(first, index - _LEAD_US // self.step_us))
        here = self._pure and self.target is None and self.next_index <= index
        at = max(self.next_index if here else first, kept.index if kept else first)
        memory_us = self.model.card.memory_us
        if self._wiring.resumable and (index - at) * self.step_us > max(_REPLAYED_US, 2 * memory_us):
            self._warm_up_before(index, memory_us)
        elif kept is not None and (not here or kept.index > self.next_index):
            self._restore(kept.copied())
        elif not here:
            self.restart()
        self._show_from = index - _SHOWN_US // self.step_us
        # What is a short way on is only played faster, and nothing of the picture is lost.
        if not (here and self._run is run and self.next_index >= self._show_from):
            self.screen.clear(index * self.step_us)
        self.target = index if self.next_index < index else None
        self.pace.hold()

    def restart(self) -> None:
        """Go to the beginning, with a fresh state."""
        self.state.reset()
        self.readout.reset()
        for each in self.filters:
            each.reset()
        # Another one: this one knows where in the stream it is.
        self._tracker = self._wiring.make_tracker()
        self.summary = self._fresh_summary()
        self._dropped = 0
        self._pure = True
        self.target = None
        self._start(self._wiring.open_source(0))
        self.next_index = self.begin_us // self.step_us
        self.screen.clear(self.begin_us)

    def reset_state(self) -> None:
        """Forget everything heard or seen, here."""
        self.state.reset()
        self.readout.reset()
        self._pure = False
        self.screen.clear(self.next_index * self.step_us)

    def switch_filter(self, spelling: str, on: bool) -> None:
        """Apply a filter from the next packet on, or no longer. Raises StreamsnnError if there is no such filter."""
        for each in self.filters:
            if each.spelling == spelling:
                each.on = on
                break
        else:
            self.filters.append(self._wiring.make_filter(spelling, on))
            self._take_up_here()
        self._changed()

    def switch_ego_motion(self, on: bool) -> None:
        """Box only what moves against the background from the next step on, or no longer."""
        self._wiring.switch_ego_motion(on)
        if self._tracker is not None:
            self._tracker.change(self._wiring.open_tracker)
            self._changed()

    def set_threshold(self, threshold: float) -> None:
        """Show labels above this confidence. Raises StreamsnnError if it is none."""
        if not 0 <= threshold < 1:
            raise StreamsnnError(f"A threshold lies in [0, 1), not at {threshold}.", hint="Choose another.")
        self.readout.settings = dataclasses.replace(self.readout.settings, threshold=threshold)
        self._changed()

    def set_probes(self, probes: tuple[tuple[str, int], ...]) -> None:
        """Show the membranes of these (layer, neuron). Raises StreamsnnError for what is not there, or too many."""
        if len(probes) > PROBES:
            raise StreamsnnError(
                f"At most {PROBES} neurons can be watched at a time.", hint="Let go of one of the others first."
            )
        if not hasattr(self.state, "membrane"):
            raise StreamsnnError("This model does not show its membranes.", hint="Plug-ins may offer state.membrane.")
        for layer, neuron in probes:
            if not 0 <= neuron < self._wiring.layers.get(layer, 0):
                there = ", ".join(f"{name}:0 to {count - 1}" for name, count in self._wiring.layers.items())
                raise StreamsnnError(f"There is no neuron {neuron} in a layer {layer}.", hint=f"There is: {there}.")
        self._probes = probes
        self._membranes.fill(math.nan)

    def close(self) -> None:
        """Let go of the source, and of what is recorded of it."""
        self.recorder.stop()
        if self._run is not None:
            self._run.close()
        self._source.close()

    def _start(self, source: Source) -> None:
        """Take the stream up at the beginning of `source`, with everything as it is."""
        if self._run is not None:
            self._run.close()
        self._source, self._first = source, None
        self._feed = Feed(source, self.step_us, self._release)
        self._dropped_before = self._dropped
        self._run = stream(
            self._feed,
            self.model,
            filters=[*self.filters, Tap(self._show_events), *self._following],
            tracker=self._tracker,
            readout=self.readout,
            state=self.state,
            fit=self._wiring.fit,
            clock=self._clock,
        )

    def _peek(self) -> None:
        """Take the first step, which tells when the stream begins, without showing it yet."""
        assert self._run is not None
        assert self._feed is not None
        speed, self.pace.speed = self.pace.speed, None
        self._first = next(self._run, None)
        self.pace.speed = speed
        if self._first is None or self._feed.begin_us is None:
            raise StreamsnnError(f"{self._wiring.wanted.source} ended before its first step.")
        self.begin_us = self._feed.begin_us
        self.next_index = self._first.step.index

    def _take_up_here(self) -> None:
        """Go on from here with the filters that there are now."""
        if self._first is not None:
            self.restart()
        elif not self._wiring.resumable:
            self._tell(Note("The new filter applies once the stream begins anew."))
        else:
            self._start(self._wiring.open_source(max(0, self.next_index * self.step_us - self.begin_us)))

    def _restore(self, snapshot: Snapshot) -> None:
        self.state, self.readout = snapshot.state, snapshot.readout  # type: ignore[assignment]
        *self.filters, self._tracker = snapshot.filters
        self._dropped, self._pure = snapshot.dropped, True
        self.next_index = snapshot.index
        self._start(self._wiring.open_source(max(0, snapshot.index * self.step_us - self.begin_us)))

    def _warm_up_before(self, index: int, memory_us: int) -> None:
        """Begin afresh so long before step `index` that the model has forgotten what came before."""
        self.restart()
        self.next_index = max(index - -(-max(memory_us, _SHOWN_US) // self.step_us), self.next_index)
        self._start(self._wiring.open_source(max(0, self.next_index * self.step_us - self.begin_us)))
        # Not what playing from the beginning gives to the last bit: nothing is kept of it.
        self._pure = False
        self._tell(
            Note(
                f"Warmed up over the {(index - self.next_index) * self.step_us / 1e6:.1f} s before this place:"
                " the model forgets what is older, the readout may not."
            )
        )

    def _keep(self) -> None:
        try:
            filters = copy.deepcopy((*self.filters, self._tracker))
            snapshot = Snapshot(self.next_index, self.state.copy(), copy.deepcopy(self.readout), filters, self._dropped)
        except (TypeError, AttributeError, NotImplementedError):
            # A plug-in that cannot be copied: the stream is then played again from its beginning.
            self._keeps = False
            return
        self._snapshots.keep(snapshot)

    def _changed(self) -> None:
        """What was kept is not what playing there would give from now on."""
        self._snapshots.clear()
        self._pure = False

    def _release(self, packet: Packet) -> Packet:
        return packet if self.live or self.target is not None else self.pace.release(packet)

    def _show_events(self, events: Any) -> None:
        if self.target is None or self.next_index >= self._show_from:
            self.screen.write_events(events)

    def _show(self, result: Result) -> None:
        for place, (layer, neuron) in enumerate(self._probes):
            self._membranes[place] = self.state.membrane(layer)[neuron]
        level_db = self._source.level_db if isinstance(self._source, Heard) else math.nan
        background_px_s = None if self._tracker is None else self._tracker.background_px_s
        self.screen.write(result._replace(dropped=self._dropped), self._membranes, level_db, background_px_s)

    @property
    def _following(self) -> tuple[Filter, ...]:
        """The tracker, which looks at packets as a filter does."""
        return () if self._tracker is None else (self._tracker,)

    def _fresh_summary(self) -> Summary:
        return Summary(self.step_us, self._wiring.operation_names)

    def _fell_behind(self, seconds: float) -> None:
        self._tell(Note(f"Computing fell {seconds:.1f} s behind; true time counts anew from here."))
