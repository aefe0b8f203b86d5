"""Events that hypothesis invents, and how to read a recording whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from streamsnn.formats import Damage, open_recording
from streamsnn.types import EVENT, Events, Sensor

SENSOR = Sensor("test", 60, 40)


def make_events(t_us: object, x: object = 0, y: object = 0, p: object = False) -> Events:
    """Events from columns; scalars are repeated."""
    t_us = np.asarray(t_us, np.int64)
    events = np.empty(t_us.size, EVENT)
    events["t"], events["x"], events["y"], events["p"] = t_us, x, y, p
    return events


@st.composite
def sorted_events(draw: st.DrawFn, *, max_gap_us: int = 40_000_000, first_us: int = 1 << 40) -> Events:
    """Up to 40 events in order of time on SENSOR, dense or sparse."""
    gaps = draw(st.lists(st.one_of(st.integers(0, 300), st.integers(0, max_gap_us)), max_size=40))
    n = len(gaps)
    start_us = draw(st.integers(0, first_us))
    columns = (st.integers(0, SENSOR.width - 1), st.integers(0, SENSOR.height - 1), st.booleans())
    x, y, p = (draw(st.lists(column, min_size=n, max_size=n)) for column in columns)
    return make_events(start_us + np.cumsum(np.array(gaps, np.int64)), x, y, p)


def read_all(path: Path, chunk_bytes: int = 1 << 18, sensor: Sensor | None = None) -> tuple[Events, Damage]:
    """Every event of a recording, and its damage; what every recording must hold is checked on the way."""
    recording = open_recording(path, sensor=sensor)
    chunks = list(recording.chunks(chunk_bytes))
    assert all(chunk.size and chunk.dtype == EVENT for chunk in chunks)
    events = np.concatenate([np.empty(0, EVENT), *chunks])
    assert np.all(np.diff(events["t"]) >= 0)
    assert np.all(events["x"] < recording.sensor.width)
    assert np.all(events["y"] < recording.sensor.height)
    if events.size and recording.format_name != "N-MNIST":
        assert recording.t_begin_us == events["t"][0]
    return events, recording.damage
