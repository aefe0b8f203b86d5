"""`EgoMotion`: a tracker behind a camera that moves itself, where only what moves against the background is boxed.

The dominant motion is taken out three times. Of the events, before the tracker: only those pass that a textured
background, as lively as it is just now, does not explain. Of where they lie: the tracker sees them on the ground, as if
the camera stood still, so that what goes straight on goes straight on there, too, and its boxes are moved back. Of the
tracks: one is shown while it leaves the background's way, as what is fixed to it, however steep its edges, never does.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking.background import count, flow, sieve, usual, weigh
from streamsnn.types import InputSpec, Step, Track, Tracker

_SMALLEST = 7
"""Cells a side that the kernels need."""
_ENERGIES = 4096
_STIFF = 1e-3
"""How much every kind of motion costs, as a share of what a shift explains: none is made up where nothing tells."""
_APART = 10
"""A track's way is looked at so many times."""


@dataclass(frozen=True)
class EgoMotionSettings:
    """Lengths are in units of the sensor's shorter side / 260.

    Every `beat_us` it is found how the background has moved since the last time, and what it explains of the events of
    the last `window_us`: those whose energy is below the median of all places and `above` times as much as their upper
    sixth lies above it, and those where fewer than `least` of one polarity fell on a pixel. Its brightness is the sum
    of the events of the last `memory_us`. The ground follows the camera within `follow_us`, and at once where they are
    `aside` apart. A track is shown while it is `against` away from where the background would have taken it within
    `within_us`.
    """

    beat_us: int = 10_000
    window_us: int = 20_000
    above: float = 6.0
    least: int = 2
    memory_us: int = 100_000
    follow_us: int = 1_000_000
    aside: float = 16.0
    against: float = 12.0
    within_us: int = 500_000


class EgoMotion:
    """`tracker`, which takes steps of `spec` and `step_us`, without what moves as the background does.

    How the background moves is known some 0.2 s after it has begun to; until then it seems to be slower than it is.
    Where half of the picture is silent the background stands still. Of steps shorter than a beat the motion is that
    of the last beat.
    """

    def __init__(
        self, tracker: Tracker, spec: InputSpec, step_us: int, settings: EgoMotionSettings | None = None
    ) -> None:
        self._tracker, self._step_us, self._spec = tracker, step_us, spec
        self.settings = s = settings or EgoMotionSettings()
        self._scale = min(spec.width, spec.height) / 260
        # Cells of several pixels on large sensors, so that the work is bounded.
        self._cell = max(1, round(self._scale))
        self._plane = spec.width * spec.height * (1 if spec.polarity == "split" else 2)
        self._middle = complex(spec.width, spec.height) / 2
        self._radius = abs(self._middle)
        self._beat = max(1, round(s.beat_us / step_us))
        self._window = max(self._beat, round(s.window_us / step_us))
        self._keeps = math.exp(-self._beat * step_us / s.memory_us)
        self._memory = max(1, s.within_us // step_us)
        shape = tuple(max(_SMALLEST, -(-side // self._cell)) for side in (spec.height, spec.width))
        self._polarities, self._aged, self._energy = (np.zeros(shape, np.int32) for _ in range(3))
        self._brightness = np.zeros(shape, np.float32)
        self._room, self._smooth = np.empty((3, shape[1]), np.int32), np.zeros((2, *shape), np.float32)
        self._squares, self._histogram = np.empty(shape, np.int32), np.empty(_ENERGIES, np.int32)
        self._matrix, self._vector = np.empty((4, 4)), np.empty(4)
        self._kept = np.empty(0, np.int32)
        self._held: deque[tuple[int, NDArray[np.int32]]] = deque()
        self._ways: dict[int, deque[tuple[int, complex]]] = {}
        self._forget()

    def reset(self) -> None:
        """Forget the stream."""
        self._tracker.reset()
        self._forget()

    def _forget(self) -> None:
        self._polarities.fill(0)
        self._aged.fill(0)
        self._brightness.fill(0)
        self._held.clear()
        self._ways.clear()
        self._limit = -1.0
        # The motion of the background in a beat, of a point p off the middle by turn * p + shift; complex numbers
        # are points of the plane, and what turns and grows them. The camera, off the ground in that way, and off where
        # it was when nothing was followed.
        self._turn, self._shift = 0j, 0j
        self._camera, self._path = (1 + 0j, 0j), (1 + 0j, 0j)
        self._now: int | None = None
        self._awake = False

    @property
    def background_px_s(self) -> tuple[float, float]:
        """How the background moves in the middle of the sensor, (vx, vy); (0, 0) where half of it is silent."""
        pace = self._shift * 1e6 / (self._beat * self._step_us)
        return pace.real, pace.imag

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects that move against the background at the end of `step`."""
        passed = 1 if self._now is None else step.index - self._now
        self._take_in(step, passed)
        self._now = step.index
        if passed > self._window or not self._held:
            self._fall_asleep()
        elif (step.index + 1) % self._beat == 0:
            self._judge()
        share = min(passed / self._beat, 1.0)
        before, self._camera = self._camera, self._followed(self._moved(self._camera, share), share)
        self._path = self._moved(self._path, share) if self._ways else (1 + 0j, 0j)
        # Events are taken from where the camera was halfway through the step.
        halfway = (before[0] + self._camera[0]) / 2, (before[1] + self._camera[1]) / 2
        tracks = self._tracker.update(self._sieved(step, halfway))
        return self._leaving(tuple(map(self._seen, tracks)), step.index)

    def _fall_asleep(self) -> None:
        """Silence: nothing moves."""
        self._limit, self._turn, self._shift = -1.0, 0j, 0j
        if self._awake:
            self._brightness.fill(0)
        self._awake = False

    def _take_in(self, step: Step, passed: int) -> None:
        """The polarities of the last window, and of the beat that is not over yet."""
        held = self._held
        if (step.index - passed) // self._beat != step.index // self._beat:
            self._aged.fill(0)
        while held and held[0][0] <= step.index - self._window:
            leaving = held.popleft()[1]
            self._count(leaving, -1, self._polarities)
            self._count(leaving, 1, self._aged)
        if len(step.addresses):
            held.append((step.index, step.addresses))
            self._count(step.addresses, 1, self._polarities)

    def _count(self, addresses: NDArray[np.int32], times: int, into: NDArray[np.int32]) -> None:
        count(addresses, self._plane, self._spec.width, self._cell, times, into)

    def _judge(self) -> None:
        """What the background explains, and how it has moved in this beat."""
        self._awake = True
        weigh(self._polarities, self._squares, self._energy, self._room)
        self._limit = usual(self._energy, self.settings.above, self._histogram)
        matrix, vector = self._matrix, self._vector
        limit = self._limit if self._limit >= 0 else math.inf
        flow(
            self._polarities,
            self._aged,
            self._energy,
            limit,
            self._keeps,
            self._brightness,
            self._smooth,
            matrix,
            vector,
        )
        stiff = _STIFF * (matrix[0, 0] + matrix[1, 1])
        self._turn, self._shift = 0j, 0j
        if self._limit < 0 or stiff <= 0:
            return
        matrix.flat[::5] += stiff
        across, down, grows, turns = np.linalg.solve(matrix, vector).tolist()
        share = self._cell * self._beat / self._window
        turn, shift = complex(grows, turns) / self._radius * share, complex(across, down) * share
        # A picture that is another one after each beat has not moved.
        if abs(shift) + abs(turn) * self._radius < self._radius / 2:
            self._turn, self._shift = turn, shift

    def _moved(self, pose: tuple[complex, complex], share: float) -> tuple[complex, complex]:
        """Where `pose` is after the `share` of a beat."""
        turn = 1 + self._turn * share
        return turn * pose[0], turn * pose[1] + self._shift * share

    def _followed(self, pose: tuple[complex, complex], share: float) -> tuple[complex, complex]:
        """The camera at `pose` once the ground has followed it."""
        s = self.settings
        keeps = math.exp(-share * self._beat * self._step_us / s.follow_us)
        far = abs(pose[1]) + abs(pose[0] - 1) * self._radius
        keeps = min(keeps, s.aside * self._scale / max(far, 1e-9))
        return 1 + (pose[0] - 1) * keeps, pose[1] * keeps

    def _sieved(self, step: Step, pose: tuple[complex, complex]) -> Step:
        """`step` with those events only that the background does not explain, where they lie on the ground."""
        still = abs(pose[1]) + abs(pose[0] - 1) * self._radius < 0.25
        if not len(step.addresses) or (self._limit < 0 and still):
            return step
        if self._kept.size < step.addresses.size:
            self._kept = np.empty(2 * step.addresses.size, np.int32)
        turn = 1 / pose[0]
        shift = self._middle - turn * (self._middle + pose[1])
        size = sieve(
            step.addresses,
            self._plane,
            self._spec.width,
            self._cell,
            self._polarities,
            self._energy,
            self._limit,
            self.settings.least,
            np.array([turn.real, turn.imag, shift.real, shift.imag]),
            self._spec.height,
            self._kept,
        )
        return Step(step.index, self._kept[:size].copy(), step.arrived_ns)

    def _seen(self, track: Track) -> Track:
        """`track` as it is on the sensor."""
        turn, shift = self._camera
        half = complex(track.width, track.height) / 2
        off = turn * (complex(track.x, track.y) + half - self._middle) + shift
        corner = off + self._middle - half * abs(turn)
        beat_s = self._beat * self._step_us * 1e-6
        velocity = turn * complex(track.vx, track.vy) + (self._turn * off + self._shift) / beat_s
        return track._replace(
            x=corner.real,
            y=corner.imag,
            width=track.width * abs(turn),
            height=track.height * abs(turn),
            vx=velocity.real,
            vy=velocity.imag,
        )

    def _leaving(self, tracks: tuple[Track, ...], now: int) -> tuple[Track, ...]:
        """Those of `tracks` that have left the background's way."""
        turn, shift = self._path
        against, apart = self.settings.against * self._scale / abs(turn), self._memory / _APART
        leaving = []
        for track in tracks:
            off = complex(track.x + track.width / 2, track.y + track.height / 2) - self._middle
            place = (off - shift) / turn
            way = self._ways.setdefault(track.id, deque())
            # The last place stays: who is out of sight for a while may come back.
            while len(way) > 1 and now - way[0][0] > self._memory:
                way.popleft()
            if any(abs(place - each) > against for _, each in way):
                leaving.append(track)
            if not way or now - way[-1][0] >= apart:
                way.append((now, place))
        for id_ in [id_ for id_, way in self._ways.items() if now - way[-1][0] > 2 * self._memory]:
            del self._ways[id_]
        return tuple(leaving)
