"""Snapshots are found again, are nobody else's, and never become too many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from streamsnn.player import snapshots
from streamsnn.player.snapshots import Snapshot, Snapshots


@dataclass
class Held:
    values: Any = field(default_factory=lambda: np.zeros(1000))

    def copy(self) -> Held:
        return Held(self.values.copy())


def snapshot(index: int) -> Snapshot:
    return Snapshot(index, Held(), lambda output: output, (Held(),), 0)  # type: ignore[arg-type]


def test_the_last_one_that_is_not_after_a_step_is_found() -> None:
    kept = Snapshots(10)
    for index in (20, 10, 40):
        assert kept.wants(index)
        kept.keep(snapshot(index))
    assert not kept.wants(20)
    assert not kept.wants(15)
    assert [getattr(kept.before(index), "index", None) for index in (9, 10, 39, 40, 99)] == [None, 10, 20, 40, 40]
    kept.clear()
    assert kept.before(99) is None
    assert kept.wants(20)


def test_a_copy_shares_nothing() -> None:
    first = snapshot(0)
    second = first.copied()
    second.state.values[0] = second.filters[0].values[0] = 1
    assert first.state.values[0] == first.filters[0].values[0] == 0


def test_too_many_become_half_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "_BUDGET_BYTES", 20 * 16_384)
    kept = Snapshots(1)
    for index in range(1, 1001):
        if kept.wants(index):
            kept.keep(snapshot(index))
    found = {before.index for index in range(1001) if (before := kept.before(index)) is not None}
    assert 10 <= len(found) <= 20
    assert max(found) > 800
