"""Play a recording in true time and print what a model thinks: python apps/replay.py SOURCE MODEL [SPEED]"""

from __future__ import annotations

import sys

from streamsnn.clock import HostClock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_model, open_source
from streamsnn.sinks import terminal
from streamsnn.sources.paced import Paced


def main(source: str, model_name: str, speed: str = "1") -> None:
    """Print every change of the model's decision while `source` plays at `speed` times true time."""
    clock = HostClock()
    model = open_model(model_name)
    played = open_source(source, packet_us=model.card.step_us, clock=clock)
    sink = terminal(model.card.step_us)
    for result in stream(Paced(played, float(speed), clock), model, clock=clock):
        sink.write(result)
    sink.close()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
