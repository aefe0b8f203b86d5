"""Where the time goes between an event and the decision: python apps/latency.py SOURCE MODEL [SPEED]"""

from __future__ import annotations

import sys

from streamsnn.clock import HostClock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.latency import StageLatency
from streamsnn.registry import open_model, open_source
from streamsnn.sources.paced import Paced


def main(source: str, model_name: str, speed: str = "1") -> None:
    """Play `source` at `speed` times true time and print how long each stage took, in milliseconds."""
    clock = HostClock()
    model = open_model(model_name)
    played = open_source(source, packet_us=model.card.step_us, clock=clock)
    latency = StageLatency(model.card.step_us)
    for result in stream(Paced(played, float(speed), clock), model, clock=clock):
        latency.record(result.stamps)
    waits = model.card.step_us / 1000
    print(f"bin      {waits / 2:8.3f} mean  {waits:8.3f} at most: an event waits for its step to end")
    for name in ("queue", "compute", "total"):
        stage = latency.as_dict()[name]
        print(
            f"{name:<8} {stage['mean_ms']:8.3f} mean  {stage['p99_ms']:8.3f} 99 %  {stage['max_ms']:8.3f} worst  (ms)"
        )


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
