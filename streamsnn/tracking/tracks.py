"""`Tracks`: the objects that are followed: predicted, corrected, born, confirmed, lost; ages count in sensor time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking import kalman
from streamsnn.tracking.judging import judge
from streamsnn.types import Sensor, Track

Floats = NDArray[np.float64]
_MOST = 64


@dataclass(frozen=True)
class TrackSettings:
    """How tracks live; lengths are in units of `scale` = the sensor's shorter side / 260, at least 1/2 pixel.

    A track is reported once it has been seen for `confirm_us` and has moved by `moved`. It is shown without being seen
    for `shown_us` at most, and followed for `coast_us`; before it is confirmed it lives for `tentative_us` without
    being seen, and what it is like is known after `mature_us`. `acceleration` (per s^1.5), `breathing` (of an edge, per
    s^0.5) and `blur` (of a measured edge) are standard deviations; `speed` (per s) is how fast new objects may be.
    """

    confirm_us: int = 40_000
    moved: float = 2.0
    shown_us: int = 150_000
    coast_us: int = 600_000
    tentative_us: int = 40_000
    mature_us: int = 200_000
    acceleration: float = 150.0
    breathing: float = 12.0
    blur: float = 1.5
    speed: float = 150.0


class Tracks:
    """At most 64 tracks of `sensor`, in the order of their birth. Ids count from 1 and are never used twice."""

    def __init__(self, sensor: Sensor, settings: TrackSettings) -> None:
        self.sensor, self.settings = sensor, settings
        self.scale = max(0.5, min(sensor.width, sensor.height) / 260.0)
        self._limits = np.array([sensor.width, sensor.height], np.float64)
        self._next_id = self._next_serial = 1
        self.reset()

    def reset(self) -> None:
        """Lose all tracks; their ids do not come back."""
        self._state = np.zeros((_MOST, 2, 3))
        self._covariance = np.zeros((_MOST, 2, 3, 3))
        self._ids, self._serials = np.zeros(_MOST, np.int64), np.zeros(_MOST, np.int64)
        self._born_us, self._seen_us, self._watched_us = (np.zeros(_MOST, np.int64) for _ in range(3))
        self._sure = np.zeros(_MOST, np.bool_)
        self._origin = np.zeros((_MOST, 4))
        self._on = np.zeros(_MOST)
        self._usual = np.zeros((_MOST, 2))
        self._verdicts = np.zeros((_MOST, 4), np.int8)
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
        return self._serials[: self.count]

    @property
    def speed_deviation(self) -> Floats:
        """How uncertain each velocity is, the worse of both axes, (n,)."""
        return np.asarray(np.sqrt(self._covariance[: self.count, :, 2, 2].max(axis=1)))

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
        return self._seen_us[: self.count]

    @property
    def born_us(self) -> NDArray[np.int64]:
        return self._born_us[: self.count]

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
        self, edges: Floats, pixels: NDArray[np.int64], on: Floats, *, shared: bool, margin: float, elapsed_us: int
    ) -> None:
        """Every track that has `pixels` (n,) was seen with these `edges` (n, 4: left, right, top, bottom), and this
        share of ON. `shared` says that regions were divided among tracks; then edges more than `margin` / 2 outside of
        where they are expected are not believed. `elapsed_us` is the step's length.
        """
        assert self._now_us is not None
        n, s = self.count, self.settings
        state, sure, verdicts = self._state[:n], self._sure[:n], self._verdicts[:n]
        judge(
            edges,
            pixels,
            self.boxes,
            self._usual[:n],
            sure,
            sure & (self._watched_us[:n] >= s.mature_us),
            shared,
            self._limits,
            margin,
            self.scale,
            elapsed_us * 1e-6,
            verdicts,
        )
        kalman.update(state, self._covariance[:n], edges, verdicts, pixels, (s.blur * self.scale) ** 2)
        seen = pixels > 0
        self._watched_us[:n][seen] += elapsed_us
        self._seen_us[:n][seen] = self._now_us
        self._on[:n][seen] += 0.3 * (on[seen] - self._on[:n][seen])
        if not sure.all():
            sure |= (self._watched_us[:n] >= s.confirm_us) & (self._moved() >= s.moved * self.scale)

    def _moved(self) -> Floats:
        """How far each track has come since its birth, (n,): what both edges of an axis have moved in one direction, or
        one of them where the other lies at the sensor's border."""
        n = self.count
        edges = self._state[:n, :, :2]
        way = edges - self._origin[:n].reshape(n, 2, 2)
        low, high = way[:, :, 0], way[:, :, 1]
        together = np.where(low * high > 0, np.minimum(np.abs(low), np.abs(high)), 0.0)
        together = np.where(edges[:, :, 0] <= 1.0, np.abs(high), together)
        together = np.where(edges[:, :, 1] >= self._limits - 1.0, np.abs(low), together)
        return np.asarray(np.hypot(*together.T))

    def add(self, edges: Floats, on: float) -> None:
        """Begin a track with its `edges` (left, right, top, bottom); none where there are 64 already."""
        if self.count == _MOST:
            return
        assert self._now_us is not None
        i, scale = self.count, self.scale
        self._state[i, :, :2] = edges.reshape(2, 2)
        self._state[i, :, 2] = 0.0
        blur, speed = (self.settings.blur * scale) ** 2, (self.settings.speed * scale) ** 2
        self._covariance[i] = np.diag([blur, blur, speed])
        self._ids[i], self._serials[i] = 0, self._next_serial
        self._next_serial += 1
        self._born_us[i] = self._seen_us[i] = self._now_us
        self._watched_us[i] = 0
        self._sure[i] = False
        self._origin[i] = edges
        self._on[i] = on
        self._usual[i] = edges[1] - edges[0], edges[3] - edges[2]
        self.count += 1

    def unite(self, index: int, other: int) -> None:
        """Track `index` becomes as large as both together."""
        for axis in range(2):
            mine, its = self._state[index, axis], self._state[other, axis]
            mine[0], mine[1] = min(mine[0], its[0]), max(mine[1], its[1])
            self._covariance[index, axis, :2, :2] += np.eye(2) * (3.0 * self.settings.blur * self.scale) ** 2
        self._usual[index] = self._state[index, :, 1] - self._state[index, :, 0]
        self._seen_us[index] = max(self._seen_us[index], self._seen_us[other])
        self._watched_us[index] = max(self._watched_us[index], self._watched_us[other])
        if self._sure[other] and not self._sure[index]:
            self._sure[index], self._ids[index] = True, self._ids[other]
        self._origin[index] = self._state[index, :, :2].reshape(4)

    def prune(self) -> None:
        """Lose tracks that were not seen for too long, or have left the sensor."""
        n = self.count
        if n == 0:
            return
        assert self._now_us is not None
        s = self.settings
        limit_us = np.where(self._sure[:n], np.minimum(s.coast_us, self._watched_us[:n]), 0)
        limit_us = np.maximum(limit_us, s.tentative_us)
        middle = self._state[:n, :, :2].mean(axis=2)
        inside = (middle > 0).all(axis=1) & (middle < (self.sensor.width, self.sensor.height)).all(axis=1)
        stay = (self._now_us - self._seen_us[:n] < limit_us) & (inside | (self._seen_us[:n] == self._now_us))
        self.keep(stay)

    def keep(self, stay: NDArray[np.bool_]) -> None:
        """Lose all tracks but those that `stay` (n,)."""
        n, left = self.count, int(np.count_nonzero(stay))
        if left == n:
            return
        for each in (
            self._state,
            self._covariance,
            self._ids,
            self._serials,
            self._born_us,
            self._seen_us,
            self._watched_us,
            self._sure,
            self._origin,
            self._on,
            self._usual,
        ):
            each[:left] = each[:n][stay]
        self.count = left

    def report(self) -> tuple[Track, ...]:
        """The confirmed tracks that were seen lately, inside the sensor; an id is given when a track is first shown."""
        found = []
        for i in range(self.count):
            shown_us = min(self.settings.shown_us, self._watched_us[i] // 3)
            if not self._sure[i] or self._now_us - self._seen_us[i] > shown_us:
                continue
            if self._ids[i] == 0:
                self._ids[i] = self._next_id
                self._next_id += 1
            (left, right, vx), (top, bottom, vy) = self._state[i].tolist()
            left, right = max(left, 0.0), min(right, float(self.sensor.width))
            top, bottom = max(top, 0.0), min(bottom, float(self.sensor.height))
            if right - left >= 1.0 and bottom - top >= 1.0:
                age_us = int(self._now_us - self._born_us[i])
                found.append(Track(int(self._ids[i]), left, top, right - left, bottom - top, vx, vy, age_us))
        return tuple(found)
