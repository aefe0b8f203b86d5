"""`Tracks`: the objects that are followed: predicted, corrected, born, confirmed, lost; ages count in sensor time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamsnn.tracking import kalman
from streamsnn.tracking.crowd import TRACK, Crowd, join, leave, unite
from streamsnn.tracking.judging import judge
from streamsnn.tracking.lives import outlive, settle, show
from streamsnn.types import Sensor, Track

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
MOST = 64
"""Tracks at a time."""

_UNSEEN_US = 20_000


@dataclass(frozen=True)
class TrackSettings:
    """How tracks live; lengths are in units of `scale` = the sensor's shorter side / 260, at least 1/2 pixel.

    A track is reported once it has been seen for `confirm_us` and has moved by `moved`, or sooner where it has moved by
    its size times `leap`. It is shown without being seen for `shown_us` at most, and followed for `coast_us`; before it
    is confirmed it lives for `tentative_us` without being seen. Until it was watched for `young_us` it is soon a part
    of another. How large it usually is counts after `mature_us`, and is known for certain once it has been seen whole,
    farther than `border` from the sensor's, for `known_us`. `acceleration` (per s^1.5), `breathing` (of an edge, per
    s^0.5), `blur` (of a measured edge) and `rigidity` (of the size of who is known, while it shares a region) are
    standard deviations; `speed` (per s) is how fast new objects may be.
    """

    confirm_us: int = 40_000
    moved: float = 3.0
    leap: float = 0.5
    shown_us: int = 150_000
    coast_us: int = 600_000
    tentative_us: int = 40_000
    mature_us: int = 200_000
    known_us: int = 300_000
    young_us: int = 400_000
    border: float = 6.0
    acceleration: float = 40.0
    breathing: float = 6.0
    blur: float = 1.5
    rigidity: float = 1.5
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
        self._crowd = np.zeros(MOST, TRACK)
        self._verdicts = np.zeros((MOST, 4), np.int8)
        self._stay = np.zeros(MOST, np.bool_)
        self._which, self._shown = np.zeros(MOST, np.int32), np.zeros((MOST, 6))
        self.count = 0
        self._now_us: int | None = None

    @property
    def crowd(self) -> Crowd:
        """All that is known of the tracks, (n,); a view."""
        return self._crowd[: self.count]

    @property
    def boxes(self) -> Floats:
        """left, top, right, bottom of each track, (n, 4), a copy."""
        return np.ascontiguousarray(self.crowd["state"][:, :, :2].transpose(0, 2, 1).reshape(-1, 4))

    @property
    def velocity(self) -> Floats:
        """Pixels a second, (n, 2), a copy."""
        return np.ascontiguousarray(self.crowd["state"][:, :, 2])

    @property
    def now_us(self) -> int:
        return self._now_us or 0

    def margins(self, gap: float) -> Floats:
        """How far from each track what belongs to it may be found, (n,): `gap`, and of who was out of sight for 20 ms
        two standard deviations of where it is, 30 at most."""
        unseen = self.now_us - self.crowd["seen_us"] > _UNSEEN_US
        spread = 2.0 * np.sqrt(self.crowd["covariance"][:, :, 0, 0].max(axis=1))
        return np.asarray(gap + unseen * np.minimum(spread, 30.0 * self.scale))

    def predict(self, now_us: int) -> None:
        """Move all tracks on to `now_us`."""
        if self._now_us is not None and self.count:
            s, scale = self.settings, self.scale
            q_v, q_e = (s.acceleration * scale) ** 2, (s.breathing * scale) ** 2
            kalman.predict(self.crowd, (now_us - self._now_us) * 1e-6, q_v, q_e)
        self._now_us = now_us

    def correct(
        self,
        edges: Floats,
        pixels: Longs,
        signs: Longs,
        shared: Bools,
        pieces: Ints,
        *,
        margin: float,
        elapsed_us: int,
    ) -> None:
        """Every track that has `pixels` (n,) was seen with these `edges` (n, 4: left, right, top, bottom), and this sum
        of polarities, in so many `pieces` (n,). `shared` (n,) says whose region was divided among tracks: of these,
        edges more than `margin` / 2 outside of where they are expected are not believed. `elapsed_us` is the step's
        length.
        """
        assert self._now_us is not None
        s, crowd, scale = self.settings, self.crowd, self.scale
        verdicts = self._verdicts[: self.count]
        judge(
            crowd,
            edges,
            pixels,
            shared,
            pieces,
            self._limits,
            s.mature_us,
            margin,
            scale,
            elapsed_us * 1e-6,
            verdicts,
        )
        rigid = shared & crowd["sure"] & (crowd["whole_us"] >= s.known_us)
        kalman.update(crowd, edges, verdicts, pixels, rigid, (s.blur * scale) ** 2, (s.rigidity * scale) ** 2)
        settle(
            crowd,
            pixels,
            signs,
            shared,
            self._limits,
            s.border * scale,
            self._now_us,
            elapsed_us,
            s.confirm_us,
            s.moved * scale,
            s.leap,
        )

    def begin(self, boxes: Floats, sums: Longs, track_of: Ints, owners: Ints, least: int) -> None:
        """Begin a track with each of the regions `boxes` (m, 4: left, top, right, bottom) with `sums` (m, 2) of pixels,
        `least` or more, and polarities, that has none (`track_of`, m) and no owner -2; none beyond 64."""
        before = self.count
        self.count = join(
            self._crowd,
            before,
            boxes,
            sums,
            track_of,
            owners,
            least,
            self._unknown,
            self._next_serial,
            self.now_us,
        )
        self._next_serial += self.count - before

    def unite(self, index: int, other: int) -> None:
        """Track `index` becomes as large as both together."""
        unite(self._crowd, index, other, (3.0 * self.settings.blur * self.scale) ** 2)

    def prune(self) -> None:
        """Lose tracks that were not seen for too long, or have left the sensor."""
        if self.count == 0:
            return
        s, stay = self.settings, self._stay[: self.count]
        if outlive(self.crowd, self._limits, self.now_us, s.coast_us, s.tentative_us, stay) < self.count:
            self.keep(stay)

    def keep(self, stay: NDArray[np.bool_]) -> None:
        """Lose all tracks but those that `stay` (n,)."""
        self.count = leave(self._crowd, stay)

    def report(self) -> tuple[Track, ...]:
        """The confirmed tracks that were seen lately, inside the sensor; an id is given when a track is first shown."""
        crowd = self.crowd
        count = show(crowd, self._limits, self.now_us, self.settings.shown_us, self._which, self._shown)
        found = []
        ids, born_us = crowd["id"].tolist(), crowd["born_us"].tolist()
        for i, (x, y, width, height, vx, vy) in zip(
            self._which[:count].tolist(), self._shown[:count].tolist(), strict=True
        ):
            if ids[i] == 0:
                ids[i] = crowd["id"][i] = self._next_id
                self._next_id += 1
            found.append(Track(ids[i], x, y, width, height, vx, vy, self.now_us - born_us[i]))
        return tuple(found)
