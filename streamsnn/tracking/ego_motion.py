"""`EgoMotion`: a tracker behind a camera that moves itself, where only what moves against the background is boxed.

The dominant motion is taken out twice. Before the tracker, of the events: a textured background that moves over the
sensor makes about as many events everywhere, and only those where far more of them fall are passed on. After it, of the
tracks: what is fixed to the background, however steep its edges, goes where the background goes, whose velocity is
estimated all the time; a track is shown once it has left that way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import hypot

import numpy as np

from streamsnn.tracking.background import add_up, count_events, flow, smooth, standing_out, usual
from streamsnn.types import InputSpec, Step, Track, Tracker


@dataclass(frozen=True)
class EgoMotionSettings:
    """Lengths are in units of the sensor's shorter side / 260.

    Events are counted over `window_us`, in squares of 2 `reach` + 1. Where there are more than the median of all places
    and `above` times as much as their upper sixth lies above it, something moves against the background. A track is
    shown once it is `against` away from where the background would have taken it within `within_us`.
    """

    window_us: int = 20_000
    reach: int = 3
    above: float = 6.0
    against: float = 12.0
    within_us: int = 500_000


class EgoMotion:
    """`tracker`, which takes steps of `spec` and `step_us`, without what moves as the background does.

    `background_px_s` is how the background moves over the sensor, (vx, vy) in pixels a second, about 20 ms ago; (0, 0) where
    half of the picture is silent. Steps shorter than half a window are judged by the last half that is complete.
    """

    def __init__(
        self, tracker: Tracker, spec: InputSpec, step_us: int, settings: EgoMotionSettings | None = None
    ) -> None:
        self._tracker, self._step_us = tracker, step_us
        self.settings = s = settings or EgoMotionSettings()
        scale = min(spec.width, spec.height) / 260
        # Cells of several pixels on large sensors, so that the work is bounded.
        self._cell = max(1, round(scale))
        self._width = spec.width
        self._plane = spec.width * spec.height * (1 if spec.polarity == "split" else 2)
        self._against = s.against * scale
        self._memory = max(1, s.within_us // step_us)
        self._per_slot = max(1, round(s.window_us / 2 / step_us))
        slots = 2 if step_us < s.window_us else 1
        self._pace = self._cell * 1e6 / (slots * self._per_slot * step_us)
        shape = (-(-spec.height // self._cell), -(-spec.width // self._cell))
        # Of each slot, a ring over two windows: the events of a cell, and the sum of their polarities.
        self._counts = np.zeros((2, 2 * slots, *shape), np.float32)
        self._density, self._older, self._newer, self._room = (np.zeros(shape, np.float32) for _ in range(4))
        self._ways: dict[int, deque[tuple[int, float, float]]] = {}
        self._left: set[int] = set()
        self._forget()

    def reset(self) -> None:
        """Forget the stream."""
        self._tracker.reset()
        self._forget()

    def _forget(self) -> None:
        self._counts.fill(0)
        self._ways.clear()
        self._left.clear()
        self.background_px_s: tuple[float, float] = (0.0, 0.0)
        self._gone = (0.0, 0.0)
        self._limit = -1.0
        self._quiet = self._counts.shape[1] * self._per_slot
        self._now: int | None = None

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects that move against the background at the end of `step`."""
        slots, slot = self._counts.shape[1], step.index // self._per_slot
        before = step.index - 1 if self._now is None else self._now
        passed, self._now = step.index - before, step.index
        for each in range(max(before // self._per_slot, slot - slots) + 1, slot + 1):
            self._counts[:, each % slots].fill(0)
        self._quiet = 0 if len(step.addresses) else self._quiet + passed
        if self._quiet >= slots * self._per_slot:
            self.background_px_s, self._limit = (0.0, 0.0), -1.0
        else:
            count_events(step.addresses, self._plane, self._width, self._cell, slot % slots, self._counts)
            if (step.index + 1) % self._per_slot == 0:
                self._measure(slot % slots)
        seconds = passed * self._step_us * 1e-6
        self._gone = (self._gone[0] + self.background_px_s[0] * seconds, self._gone[1] + self.background_px_s[1] * seconds)
        return self._leaving(self._tracker.update(self._sieved(step)), step.index)

    def _measure(self, newest: int) -> None:
        """How dense the events are and usually are, and how the background moves, by the slots up to `newest`."""
        add_up(self._counts, newest, self._density, self._older, self._newer)
        smooth(self._density, self.settings.reach, self._room)
        self._limit = usual(self._density, self.settings.above)
        self.background_px_s = (0.0, 0.0)
        if self._limit < 0.0:
            return
        for image in (self._older, self._newer):
            smooth(image, 1, self._room)
            smooth(image, 1, self._room)
        across, down = flow(self._older, self._newer, self._density, self._limit).tolist()
        self.background_px_s = (across * self._pace, down * self._pace)

    def _sieved(self, step: Step) -> Step:
        """`step` with those events only that the background does not explain."""
        if self._limit < 0.0 or not len(step.addresses):
            return step
        stand_out = standing_out(step.addresses, self._plane, self._width, self._cell, self._density, self._limit)
        return Step(step.index, step.addresses[stand_out], step.arrived_ns)

    def _leaving(self, tracks: tuple[Track, ...], now: int) -> tuple[Track, ...]:
        """Those of `tracks` that have left the background's way."""
        for track in tracks:
            x, y = track.x + track.width / 2 - self._gone[0], track.y + track.height / 2 - self._gone[1]
            way = self._ways.setdefault(track.id, deque())
            while way and now - way[0][0] > self._memory:
                way.popleft()
            way.append((now, x, y))
            if track.id not in self._left and any(hypot(x - u, y - v) > self._against for _, u, v in way):
                self._left.add(track.id)
        # Who is out of sight for a while may come back.
        for id_ in [id_ for id_, way in self._ways.items() if now - way[-1][0] > 2 * self._memory]:
            del self._ways[id_]
            self._left.discard(id_)
        return tuple(track for track in tracks if track.id in self._left)
