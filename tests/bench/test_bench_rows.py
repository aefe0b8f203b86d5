"""What limits the adding of rows is measured on equal sums, with or without a C compiler."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from streamsnn.bench import rows
from streamsnn.errors import StreamsnnError


@pytest.mark.parametrize("compiler", [True, False])
def test_every_way_is_measured_and_told(compiler: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiler:
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif shutil.which("cc") is None:
        pytest.skip("there is no C compiler here")
    monkeypatch.setattr(rows, "SIZES", ((20, 32),))
    found = rows.measure(True, lambda text: None)
    assert found["c_compiler"] is compiler
    (one,) = found["sizes"]
    assert ("c_loop" in one["ns"]) is compiler
    assert {"numba_loop", "registers", "reading"} <= one["ns"].keys()
    for name, ns in one["ns"].items():
        assert one["gigabytes_a_second"][name] == pytest.approx(4 * 200 * 32 / ns)
    ((_, headings, table),) = rows.tables(found)
    assert {len(row) for row in table} == {len(headings)}


def test_wrong_sums_are_not_timed() -> None:
    x = np.zeros(2)
    with pytest.raises(StreamsnnError, match="broken gives wrong sums"):
        rows._check({"broken": lambda: x.fill(3)}, x, np.array([3.0, 4.0]))
