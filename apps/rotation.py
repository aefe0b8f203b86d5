"""How fast the thing that a tracker follows goes round: python apps/rotation.py SOURCE [STEP_MS [FILTER]]"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_filter, open_source
from streamsnn.tracking.density import RegionTracker
from streamsnn.tracking.following import follow, sensor_spec
from streamsnn.tracking.tracks import TrackSettings

# What goes round is pushed aside all the time: many times as much as what passes by.
TURNING = TrackSettings(acceleration=10_000.0, speed=10_000.0)


def main(name: str, step_ms: str = "1", filter_text: str = "polarity:off") -> None:
    """Print turns a second by the path of the track that lives longest, and by when pixels saw it come."""
    step_us = round(float(step_ms) * 1000)
    source = open_source(name, packet_us=step_us)
    tracker = RegionTracker(sensor_spec(source.sensor), step_us, tracks=TURNING)
    paths = defaultdict(list)
    for result in follow(source, tracker, step_us, filters=[open_filter(filter_text, source.sensor)]):
        for each in result.tracks:
            paths[each.id].append((result.t_us * 1e-6, each.x + each.width / 2, each.y + each.height / 2))
    path = np.array(max(paths.values(), key=len, default=[]))
    if len(path) < 10:
        raise StreamsnnError(f"Nothing was followed in {name} for ten steps.", hint="Try shorter steps.")
    middle, radius = circle(path[:, 1], path[:, 2])
    rate_hz, error_hz = turning(path[:, 0], np.arctan2(path[:, 2] - middle[1], path[:, 1] - middle[0]))
    print(f"path    {rate_hz:+.2f} turns/s (+-{error_hz:.2f}), {len(path)} steps, around ({middle[0]:.0f},", end=" ")
    print(f"{middle[1]:.0f}), radius {radius:.0f} px")
    rate_hz, error_hz = turning(*arrivals(name, middle, radius, filter_text))
    print(f"pixels  {rate_hz:+.2f} turns/s (+-{error_hz:.2f}), by the first events along that circle")


def circle(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Middle and radius of the circle with the least squared error of (distance^2 - radius^2) (Kasa 1976)."""
    solved = np.linalg.lstsq(np.column_stack([2 * x, 2 * y, np.ones_like(x)]), x * x + y * y)[0]
    middle = np.asarray(solved[:2], np.float64)
    return middle, float(np.sqrt(solved[2] + middle @ middle))


def turning(t_s: NDArray[np.float64], angle: NDArray[np.float64]) -> tuple[float, float]:
    """Turns a second, clockwise as one sees it, of what is at `angle` (radians) at `t_s`; their standard error."""
    order = np.argsort(t_s)
    (slope, _), covariance = np.polyfit(t_s[order], np.unwrap(angle[order]) / (2 * np.pi), 1, cov=True)
    return float(slope), float(np.sqrt(covariance[0, 0]))


def arrivals(
    name: str, middle: NDArray[np.float64], radius: float, filter_text: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """When something came along each 60th of the circle: the median over its pixels' first events, no tracker needed;
    and the angle (radians) there."""
    source = open_source(name)
    apply = open_filter(filter_text, source.sensor)
    events = np.concatenate([apply(packet).events for packet in source])
    x, y = events["x"] + 0.5 - middle[0], events["y"] + 0.5 - middle[1]
    near = np.flatnonzero(np.abs(np.hypot(x, y) - radius) < 3)
    pixels = events["y"][near].astype(np.int64) * source.sensor.width + events["x"][near]
    first = near[np.unique(pixels, return_index=True)[1]]
    sector = np.floor((np.arctan2(y[first], x[first]) / (2 * np.pi) + 0.5) * 60).astype(int)
    there = np.array([each for each in np.unique(sector) if np.count_nonzero(sector == each) > 3])
    if len(there) < 10:
        raise StreamsnnError(f"Only {len(there)} of 60 places on the circle of the track's path saw anything.")
    t_s = np.array([np.median(events["t"][first[sector == each]]) * 1e-6 for each in there])
    return t_s, ((there + 0.5) / 60 - 0.5) * 2 * np.pi


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
