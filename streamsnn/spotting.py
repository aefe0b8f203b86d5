"""Words, or whatever else comes and goes, spotted in a stream: what was reported, held against what was there."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from streamsnn.errors import StreamsnnError

LATE_US = 500_000
"""A report that comes this long after its span's end still counts, if no other span has begun by then."""

_COLUMNS = ("begin_us", "end_us", "label")
_GESTURES = {"startTime_usec": "begin_us", "endTime_usec": "end_us", "class": "label"}
"""The columns of the tables beside DVS128 Gesture's recordings."""
_GESTURE_NAMES = "gesture_mapping.csv"


class Span(NamedTuple):
    """What `label` names is there in [begin_us, end_us) of the stream's own time."""

    begin_us: int
    end_us: int
    label: str


class Report(NamedTuple):
    """At `t_us` the decision became `label`."""

    t_us: int
    label: str


@dataclass(frozen=True)
class Spotting:
    """Every span is hit or missed, every report a hit, wrong, or a false alarm.

    The first report of a span's label while it counts is a hit, `delays_us` after the span's beginning; another label
    then is wrong; what is reported where nothing is, or once more, is a false alarm. `missed` are the spans not hit.
    """

    spans: int
    missed: tuple[Span, ...]
    wrong: tuple[Report, ...]
    false_alarms: tuple[Report, ...]
    delays_us: tuple[int, ...]
    duration_us: int

    @property
    def hits(self) -> int:
        return len(self.delays_us)

    @property
    def false_alarms_an_hour(self) -> float:
        """Wrong reports count: somebody who waits for that label is alarmed by them."""
        return (len(self.false_alarms) + len(self.wrong)) * 3.6e9 / self.duration_us

    def as_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {
            "spans": self.spans,
            "hits": self.hits,
            "missed": [span._asdict() for span in self.missed],
            "wrong": [report._asdict() for report in self.wrong],
            "false_alarms": [report._asdict() for report in self.false_alarms],
            "false_alarms_an_hour": self.false_alarms_an_hour,
            "delays_ms": [delay_us / 1000 for delay_us in self.delays_us],
            "duration_s": self.duration_us * 1e-6,
        }


def spot(spans: Sequence[Span], reports: Sequence[Report], duration_us: int, late_us: int = LATE_US) -> Spotting:
    """Hold `reports` of a stream of `duration_us` against the `spans` in it, both in order of time."""
    counted = [min(span.end_us + late_us, then.begin_us) for span, then in itertools.pairwise(spans)]
    counted += [span.end_us + late_us for span in spans[-1:]]
    hit: dict[int, int] = {}
    wrong, false_alarms = [], []
    for report in reports:
        inside = [
            place for place, span in enumerate(spans) if span.begin_us < report.t_us <= max(counted[place], span.end_us)
        ]
        same = [place for place in inside if spans[place].label == report.label]
        fresh = [place for place in same if place not in hit]
        if fresh:
            hit[fresh[0]] = report.t_us - spans[fresh[0]].begin_us
        elif inside and not same:
            wrong.append(report)
        else:
            false_alarms.append(report)
    missed = tuple(span for place, span in enumerate(spans) if place not in hit)
    delays_us = tuple(hit[place] for place in sorted(hit))
    return Spotting(len(spans), missed, tuple(wrong), tuple(false_alarms), delays_us, duration_us)


def read_spans(path: str | os.PathLike[str]) -> tuple[Span, ...]:
    """The spans of a CSV file with the columns begin_us, end_us and label, in order of time; or with those of DVS128
    Gesture: class, startTime_usec and endTime_usec. Its classes are numbers, to which gesture_mapping.csv in the same
    folder, if it is there, gives names.

    Raises StreamsnnError for a file that is missing or says something else.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, skipinitialspace=True)
            given = [name.strip() for name in rows.fieldnames or ()]
            rows.fieldnames = [_GESTURES.get(name, name) for name in given]
            missing = [column for column in _COLUMNS if column not in (rows.fieldnames or ())]
            if missing:
                raise StreamsnnError(f"{path} has no column {missing[0]}.", hint=f"Write {','.join(_COLUMNS)} first.")
            names = _gesture_names(Path(path).parent) if "class" in given else {}
            spans = [_span(row, f"{path}, line {rows.line_num}") for row in rows]
            return tuple(sorted(span._replace(label=names.get(span.label, span.label)) for span in spans))
    except FileNotFoundError as error:
        raise StreamsnnError(f"There is no file {path}.", hint="Name a CSV of what is in the stream.") from error
    except OSError as error:
        raise StreamsnnError(f"{path} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
    except UnicodeDecodeError as error:
        raise StreamsnnError(f"{path} is not a text in UTF-8.", hint="Name a CSV of what is in the stream.") from error


def _gesture_names(folder: Path) -> dict[str, str]:
    table = folder / _GESTURE_NAMES
    if not table.exists():
        return {}
    rows = csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines(), skipinitialspace=True)
    if not {"action", "label"} <= set(rows.fieldnames or ()):
        raise StreamsnnError(f"{table} has no columns action and label.", hint="Take the data set's own, or none.")
    return {str(row["label"] or "").strip(): str(row["action"] or "").strip() for row in rows}


def _span(row: dict[str, Any], where: str) -> Span:
    try:
        span = Span(int(row["begin_us"]), int(row["end_us"]), str(row["label"] or "").strip())
    except (TypeError, ValueError) as error:
        raise StreamsnnError(f"{where}: a time is no whole number of us.", hint="Mend the line.") from error
    if not span.label or not 0 <= span.begin_us < span.end_us:
        raise StreamsnnError(
            f"{where}: {span.label or 'nothing'} from {span.begin_us} to {span.end_us} us.",
            hint="Give every span a label, and an end after its beginning.",
        )
    return span
