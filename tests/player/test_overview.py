"""How busy a recording is, from its beginning to its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.player.overview import Cells, Overview, OverviewReader, is_file, read_overview


@settings(deadline=None)
@given(times=st.lists(st.integers(0, 10_000_000), min_size=1, max_size=200).map(sorted), parts=st.integers(1, 5))
def test_every_event_falls_into_its_stretch(times: list[int], parts: int) -> None:
    cells = Cells()
    for part in np.array_split(np.array(times, np.int64), parts):
        cells.add(part)
    overview = cells.overview(True)
    assert overview.duration_us == times[-1] + 1
    assert len(overview.counts) <= 1024
    wanted = np.bincount(np.array(times) // overview.cell_us, minlength=len(overview.counts))
    assert np.array_equal(overview.counts, wanted)


def test_a_recording_and_a_sound(recording: str) -> None:
    told: list[Overview] = []
    read_overview(recording, None, told.append)
    assert told[-1].done
    assert told[-1].counts.sum() == 15 * 400
    assert told[-1].duration_us == pytest.approx(3_000_000, rel=0.01)
    told.clear()
    read_overview(str(Path(__file__).parents[2] / "recordings" / "spoken-digits.flac"), None, told.append)
    loudness = told[-1].counts
    assert told[-1].done
    assert loudness.max() > 10 * np.median(loudness)


def test_a_reader_in_the_background(recording: str) -> None:
    assert is_file(recording)
    assert not is_file("mic")
    reader = OverviewReader(recording)
    reader._connection.poll(120)
    newest = reader.newest()
    assert newest is not None
    assert newest.counts.sum() > 0
    reader.close()
    assert reader._process.exitcode is not None
