from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.tracking.truth import overlaps, read_boxes


def test_reading_boxes(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text("t_us,track_id,x,y,width,height\n20,2,1,2,3,4\n10,1,0,0,5,5\n20,1,1,1,5,5\n")
    first, second = read_boxes(path)
    assert (first.t_us, second.t_us) == (10, 20)
    assert second.ids.tolist() == [2, 1]
    assert second.boxes.tolist() == [[1, 2, 3, 4], [1, 1, 5, 5]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t_us,track_id,x,y,width\n1,1,1,1,1\n",
        "t_us,track_id,x,y,width,height\n",
        "t_us,track_id,x,y,width,height\n1,1,1,1,0,5\n",
    ],
)
def test_what_is_no_table_of_boxes(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    with pytest.raises(StreamsnnError):
        read_boxes(path)
    with pytest.raises(StreamsnnError):
        read_boxes(tmp_path / "none.csv")


def test_overlaps() -> None:
    a = np.array([[0.0, 0.0, 2.0, 2.0]])
    b = np.array([[0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 2.0, 2.0], [5.0, 5.0, 1.0, 1.0]])
    np.testing.assert_allclose(overlaps(a, b), [[1.0, 1 / 3, 0.0]])
    assert overlaps(a, np.empty((0, 4))).shape == (1, 0)
