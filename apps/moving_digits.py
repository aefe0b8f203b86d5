"""How many digits that pass by are told right, each in its box: python apps/moving_digits.py MODEL [FIRST LAST]"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_labelling
from streamsnn.sources.passing import make_passing
from streamsnn.sources.synthetic import open_synthetic
from streamsnn.tracking.following import follow, sensor_spec
from streamsnn.tracking.truth import overlaps

STEP_US = 10_000
LENGTH_US = 20_000_000


def main(model: str, first: str = "0", last: str = "9") -> None:
    """Look at 20 s of each of the scenes `synthetic:passing:FIRST` to LAST; asked is what a digit's track says in the
    end, the last time that the digit is wholly inside."""
    total: Counter[str] = Counter()
    for seed in range(int(first), int(last) + 1):
        told = scene(model, seed)
        total.update(told.values())
        print(f"{seed:>4}  {dict(Counter(told.values()))}")
    count = sum(total.values())
    print(f"right {total['right']} of {count} ({100 * total['right'] / count:.1f} %), wrong {total['wrong']},", end=" ")
    print(f"not sure {total['not sure']}, not tracked {total['not tracked']}")


def scene(model: str, seed: int) -> dict[int, str]:
    """What became of each digit: "right", "wrong", "not sure" or "not tracked"."""
    truth = make_passing(str(seed))
    source = open_synthetic(f"passing:{seed}", clock=ManualClock(), duration_us=LENGTH_US, packet_us=STEP_US)
    tracker = open_labelling("regions", model, sensor_spec(source.sensor), STEP_US)
    told = {}
    for result in follow(source, tracker, STEP_US, clock=ManualClock()):
        for number, digit, *box in truth.boxes(result.t_us):
            fits = overlaps(np.array([box]), np.array([each[1:5] for each in result.tracks], np.float64))[0]
            told[number] = "not tracked"
            if len(fits) and fits.max() >= 0.5:
                label = result.tracks[int(fits.argmax())].label
                told[number] = "not sure" if label is None else "right" if label == digit else "wrong"
    return told


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (TypeError, ValueError):
        sys.exit(__doc__)
    except KeyboardInterrupt:
        sys.exit(130)
