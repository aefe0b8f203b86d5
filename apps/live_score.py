"""How many labelled spans had their right label shown: python apps/live_score.py SOURCE SPANS.csv MODEL"""

from __future__ import annotations

import csv
import sys

from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_model, open_source

LATE_US = 300_000
"""A label that is shown this long after its span's end still counts: until the next digit appears."""


def main(source: str, spans: str, model_name: str) -> None:
    """Print the labels shown during each line of SPANS.csv (begin_us,end_us,label), and how many were right."""
    model = open_model(model_name)
    step_us = model.card.step_us
    shown = [
        ((result.step.index + 1) * step_us, result.decision.label)
        for result in stream(open_source(source, packet_us=step_us), model)
    ]
    with open(spans, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = wrong = 0
    before = ""
    for row in rows:
        begin_us, end_us = int(row["begin_us"]), int(row["end_us"]) + LATE_US
        labels = list(dict.fromkeys(label for t_us, label in shown if label and begin_us < t_us <= end_us))
        right += row["label"] in labels
        # A label may still stand there from the span before.
        wrong += any(label not in (row["label"], before) for label in labels)
        before = row["label"]
        print(f"{row['label']}: {' '.join(labels) or '-'}")
    print(f"{right} of {len(rows)} had their right label shown, {wrong} a wrong one")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except StreamsnnError as error:
        sys.exit(f"{error}\n{__doc__}")
    except (OSError, TypeError, ValueError, KeyError):
        sys.exit(__doc__)
