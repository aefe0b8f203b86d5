"""DVS128 Gesture's folder: recordings of a minute or two, and beside each a table of what is shown when in it.

Amir et al. 2017, "A low power, fully event-based gesture recognition system": user01_led.aedat, user01_led_labels.csv
(class,startTime_usec,endTime_usec), gesture_mapping.csv (action,label), trials_to_train.txt and trials_to_test.txt,
which list recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamsnn.errors import StreamsnnError
from streamsnn.spotting import Span, read_spans

_LABELS = "_labels.csv"


def is_gestures(folder: Path) -> bool:
    """Whether a folder is laid out like that."""
    return next(folder.glob(f"*{_LABELS}"), None) is not None


def shown_in(folder: Path, trials: Path | None) -> Iterator[tuple[str, Span]]:
    """Each span of each recording that `trials` lists, or of all that have a table, by the recording's name.

    Raises StreamsnnError where a recording or its table is missing, or a table says something else.
    """
    if trials is None:
        names = sorted(table.name.removesuffix(_LABELS) + ".aedat" for table in folder.glob(f"*{_LABELS}"))
    else:
        names = [line.strip() for line in trials.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    for name in names:
        if not (folder / name).is_file():
            raise StreamsnnError(f"There is no recording {folder / name}.", hint="Copy the whole dataset.")
        table = folder / (name.removesuffix(".aedat") + _LABELS)
        for span in read_spans(table):
            yield name, span
