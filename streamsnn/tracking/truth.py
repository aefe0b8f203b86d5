"""Boxes in a table, and which of them stand at which step."""

from __future__ import annotations

import csv
import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError

COLUMNS = ("t_us", "track_id", "x", "y", "width", "height")


class Boxes(NamedTuple):
    """The objects at sensor time `t_us`: their `ids` (n,) and `boxes` (n, 4: x, y, width, height)."""

    t_us: int
    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]


def read_boxes(path: str | os.PathLike[str]) -> list[Boxes]:
    """The boxes in a CSV with the columns t_us,track_id,x,y,width,height, in the order of time.

    Raises StreamsnnError for a file that cannot be read or has anything else in it.
    """
    found: dict[int, list[tuple[int, float, float, float, float]]] = {}
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise StreamsnnError(
                    f"{path} has no column {missing[0]}.", hint=f"Its columns are {','.join(COLUMNS)}."
                )
            for row in rows:
                x, y, width, height = (float(row[name]) for name in COLUMNS[2:])
                if not (np.isfinite([x, y]).all() and 0 < width < np.inf and 0 < height < np.inf):
                    raise ValueError(f"line {rows.line_num} is no box")
                found.setdefault(int(row["t_us"]), []).append((int(row["track_id"]), x, y, width, height))
    except OSError as error:
        raise StreamsnnError(
            f"{path} cannot be read: {error.strerror}.", hint=f"It is a CSV: {','.join(COLUMNS)}."
        ) from None
    except (ValueError, TypeError, csv.Error) as error:
        raise StreamsnnError(f"{path} cannot be read: {error}.", hint=f"It is a CSV: {','.join(COLUMNS)}.") from None
    if not found:
        raise StreamsnnError(f"{path} has no boxes.", hint=f"It is a CSV: {','.join(COLUMNS)}.")
    return [
        Boxes(t_us, np.array([row[0] for row in rows_]), np.array([row[1:] for row in rows_], np.float64))
        for t_us, rows_ in sorted(found.items())
    ]


def overlaps(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of all boxes x, y, width, height: (n, 4) and (m, 4) give (n, m)."""
    a, b = first.reshape(-1, 1, 4), second.reshape(1, -1, 4)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=2)
    return np.asarray(common / (a[..., 2:].prod(axis=2) + b[..., 2:].prod(axis=2) - common))
