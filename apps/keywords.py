"""Say which words are heard, while they are said: python apps/keywords.py [SOURCE] [MODEL]

SOURCE is a sound or a microphone (mic, the default); MODEL is one that listens (english-digits).
"""

from __future__ import annotations

import sys

from streamsnn.clock import HostClock
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_model, open_source
from streamsnn.sources.paced import Paced


def main(source: str = "mic", model_name: str = "english-digits") -> None:
    """Print every word once, with the time at which it was recognised, until the sound ends."""
    clock = HostClock()
    model = open_model(model_name)
    step_us = model.card.step_us
    heard = open_source(source, packet_us=step_us, hearing=model.card.hearing, clock=clock)
    live = getattr(heard, "live", False)
    said = None
    for result in stream(heard if live else Paced(heard, 1.0, clock), model, clock=clock):
        label = result.decision.label
        if label is not None and label != said:
            at_s = (result.step.index + 1) * step_us * 1e-6
            print(f"{at_s:8.2f} s  {label:<10} {result.decision.confidence:4.0%}", flush=True)
        said = label


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except TypeError:
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
