"""`Tracks`: the objects that are followed: predicted, corrected, born, confirmed, lost; ages count in sensor time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking import kalman
from streamsnn.tracking.crowd import BORN, ID, SEEN, SERIAL, WATCHED, join, leave, unite
from streamsnn.tracking.judging import judge
from streamsnn.tracking.lives import outlive, settle, show
from streamsnn.types import Sensor, Track

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
MOST = 64
"""Tracks at a time."""


@dataclass(frozen=True)
class TrackSettings:
    """How tracks live; lengths are in units of `scale` = the sensor's shorter side / 260, at least 1/2 pixel.

    A track is reported once it has been seen for `confirm_us` and has moved by `moved`, or sooner where it has moved by
    its size times `leap`. It is shown without being seen
    for `shown_us` at most, and followed for `coast_us`; before it is confirmed it lives for `tentative_us` without
    being seen, and what it is like is known after `mature_us`. `acceleration` (per s^1.5), `breathing` (of an edge, per
    s^0.5) and `blur` (of a measured edge) are standard deviations; `speed` (per s) is how fast new objects may be.
    """

    confirm_us: int = 40_000
    moved: float = 3.0
    leap: float = 0.5
    shown_us: int = 150_000
    coast_us: int = 600_000
    tentative_us: int = 40_000
    mature_us: int = 200_000
    acceleration: float = 40.0
    breathing: float = 6.0
    blur: float = 1.5
    speed: float = 150.0


class Tracks:
    """At most 64 tracks of `sensor`, in the order of their birth. Ids count from 1 and are never used twice."""

    def __init__(self, sensor: Sensor, settings: TrackSettings) -> None:
        self.sensor, self.settings = sensor, settings
        self.scale = max(0.5, min(sensor.width, sensor.height) / 260.0)
        self._limits = np.array([sensor.width, sensor.height], np.float64)
        blur, speed = settings.blur * self.scale, settings.speed * self.scale
        self._unknown = np.diag([blur, blur, speed]) ** 2
        self._next_id = self._next_serial = 1
        self.reset()

    def reset(self) -> None:
        """Lose all tracks; their ids do not come back."""
        self._state = np.zeros((MOST, 2, 3))
        self._covariance = np.zeros((MOST, 2, 3, 3))
        self._longs = np.zeros((5, MOST), np.int64)
        self._sure = np.zeros(MOST, np.bool_)
        self._origin = np.zeros((MOST, 4))
        self._on = np.zeros(MOST)
        self._usual = np.zeros((MOST, 2))
        self._arrays = (
            self._state,
            self._covariance,
            self._origin,
            self._usual,
            self._on,
            self._sure,
            self._longs,
        )
        self._verdicts = np.zeros((MOST, 4), np.int8)
        self._stay = np.zeros(MOST, np.bool_)
        self._which, self._shown = np.zeros(MOST, np.int32), np.zeros((MOST, 6))
        self.count = 0
        self._now_us: int | None = None

    @property
    def boxes(self) -> Floats:
        """left, top, right, bottom of each track, (n, 4), a copy."""
        return np.ascontiguousarray(self._state[: self.count, :, :2].transpose(0, 2, 1).reshape(-1, 4))

    @property
    def velocity(self) -> Floats:
        """Pixels a second, (n, 2), a copy."""
        return np.ascontiguousarray(self._state[: self.count, :, 2])

    @property
    def serials(self) -> NDArray[np.int64]:
        """A number of each track's own, shown or not."""
        return self._longs[SERIAL, : self.count]

    @property
    def speed_variance(self) -> Floats:
        """How uncertain each velocity is, the worse of both axes, (n,)."""
        return np.asarray(self._covariance[: self.count, :, 2, 2].max(axis=1))

    @property
    def now_us(self) -> int:
        return self._now_us or 0

    @property
    def sure(self) -> NDArray[np.bool_]:
        """Which tracks are confirmed."""
        return self._sure[: self.count]

    @property
    def usual(self) -> Floats:
        """The size that each track has had so far, (n, 2)."""
        return self._usual[: self.count]

    @property
    def seen_us(self) -> NDArray[np.int64]:
        return self._longs[SEEN, : self.count]

    @property
    def on(self) -> Floats:
        """The share of ON among each track's newest events, averaged over some steps."""
        return self._on[: self.count]

    def predict(self, now_us: int) -> None:
        """Move all tracks on to `now_us`."""
        if self._now_us is not None and self.count:
            s, scale = self.settings, self.scale
            n = self.count
            q_v, q_e = (s.acceleration * scale) ** 2, (s.breathing * scale) ** 2
            kalman.predict(self._state[:n], self._covariance[:n], (now_us - self._now_us) * 1e-6, q_v, q_e)
        self._now_us = now_us

    def correct(
        self, edges: Floats, pixels: Longs, signs: Longs, shared: Bools, *, margin: float, elapsed_us: int
    ) -> None:
        """Every track that has `pixels` (n,) was seen with these `edges` (n, 4: left, right, top, bottom), and this sum
        of polarities. `shared` (n,) says whose region was divided among tracks: of these, edges more than `margin` / 2
        outside of where they are expected are not believed. `elapsed_us` is the step's length.
        """
        assert self._now_us is not None
        n, s = self.count, self.settings
        state, sure, verdicts = self._state[:n], self._sure[:n], self._verdicts[:n]
        watched_us = self._longs[WATCHED, :n]
        judge(
            edges,
            pixels,
            self.boxes,
            self._usual[:n],
            sure,
            sure & (watched_us >= s.mature_us),
            shared,
            self._limits,
            margin,
            self.scale,
            elapsed_us * 1e-6,
            verdicts,
        )
        kalman.update(state, self._covariance[:n], edges, verdicts, pixels, (s.blur * self.scale) ** 2)
        settle(
            state,
            self._origin[:n],
            self._longs,
            self._on[:n],
            sure,
            pixels,
            signs,
            self._limits,
            self._now_us,
            elapsed_us,
            s.confirm_us,
            s.moved * self.scale,
            s.leap,
        )

    def begin(self, boxes: Floats, sums: Longs, track_of: Ints, owners: Ints, least: int) -> None:
        """Begin a track with each of the regions `boxes` (m, 4: left, top, right, bottom) with `sums` (m, 2) of pixels,
        `least` or more, and polarities, that has none (`track_of`, m) and no owner -2; none beyond 64."""
        before = self.count
        self.count = join(
            *self._arrays, before, boxes, sums, track_of, owners, least, self._unknown, self._next_serial, self.now_us
        )
        self._next_serial += self.count - before

    def unite(self, index: int, other: int) -> None:
        """Track `index` becomes as large as both together."""
        unite(*self._arrays, index, other, (3.0 * self.settings.blur * self.scale) ** 2)

    def prune(self) -> None:
        """Lose tracks that were not seen for too long, or have left the sensor."""
        n = self.count
        if n == 0:
            return
        s, stay = self.settings, self._stay[:n]
        left = outlive(
            self._state[:n],
            self._longs[WATCHED, :n],
            self._longs[SEEN, :n],
            self._sure[:n],
            self._limits,
            self.now_us,
            s.coast_us,
            s.tentative_us,
            stay,
        )
        if left < n:
            self.keep(stay)

    def keep(self, stay: NDArray[np.bool_]) -> None:
        """Lose all tracks but those that `stay` (n,)."""
        self.count = leave(*self._arrays, stay)

    def report(self) -> tuple[Track, ...]:
        """The confirmed tracks that were seen lately, inside the sensor; an id is given when a track is first shown."""
        n = self.count
        count = show(
            self._state[:n],
            self._longs[WATCHED, :n],
            self._longs[SEEN, :n],
            self._sure[:n],
            self._limits,
            self.now_us,
            self.settings.shown_us,
            self._which,
            self._shown,
        )
        found = []
        ids, born_us = self._longs[ID, :n].tolist(), self._longs[BORN, :n].tolist()
        for i, (x, y, width, height, vx, vy) in zip(
            self._which[:count].tolist(), self._shown[:count].tolist(), strict=True
        ):
            if ids[i] == 0:
                ids[i] = self._longs[ID, i] = self._next_id
                self._next_id += 1
            found.append(Track(ids[i], x, y, width, height, vx, vy, self.now_us - born_us[i]))
        return tuple(found)
