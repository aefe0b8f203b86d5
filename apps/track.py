"""Count what passes the middle of the picture, and how fast: python apps/track.py SOURCE [SPEED]"""

from __future__ import annotations

import sys

from streamsnn.clock import HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_source, open_tracker
from streamsnn.sources.paced import Paced
from streamsnn.tracking.following import follow, sensor_spec

STEP_US = 10_000


def main(source: str, speed: str = "1") -> None:
    """Play `source` at `speed` times true time and print each object as it crosses the middle column."""
    clock = HostClock()
    seen = open_source(source, packet_us=STEP_US, clock=clock)
    tracker = open_tracker("regions", sensor_spec(seen.sensor), STEP_US)
    middle = seen.sensor.width / 2
    centres: dict[int, float] = {}
    begin_us: int | None = None
    passed = {"right": 0, "left": 0}
    for result in follow(Paced(seen, float(speed), clock), tracker, STEP_US, clock=clock):
        begin_us = result.t_us if begin_us is None else begin_us
        for track in result.tracks:
            x = track.x + track.width / 2
            before = centres.get(track.id, x)
            centres[track.id] = x
            if (before < middle) != (x < middle):
                way = "right" if x > before else "left"
                passed[way] += 1
                told = f"{(result.t_us - begin_us) / 1e6:9.3f} s  {track.id:4}  to the {way:<5}"
                print(f"{told}  {abs(track.vx):6.0f} pixels/s", flush=True)
    print(f"{passed['right']} to the right, {passed['left']} to the left")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
