"""The cochlea is measured at all sizes and told as it is; spikes come when its delay says."""

from __future__ import annotations

import json

import pytest

from streamsnn.bench import cochlea
from streamsnn.types import DeltaHearing, Hearing


def test_all_sizes_are_measured_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (("20 x 2", Hearing(channels=20, cells=2), 1e9), ("delta, 20", DeltaHearing(channels=20), 1.0))
    monkeypatch.setattr(cochlea, "_SIZES", sizes)
    monkeypatch.setattr(cochlea, "_lauscher_speed", lambda sound: 0.5)
    told: list[str] = []
    found = cochlea.measure(True, told.append)
    assert told[0] == "20 x 2"
    one, delta = found["sizes"]
    assert delta["reached"] is True
    assert delta["stages_ms"] == {}
    assert delta["speech"]["spikes_a_second"] > 100
    assert delta["silence"]["spikes_a_second"] == 0
    assert one["reached"] is False
    assert one["speech"]["times_real_time"] > 1
    assert one["speech"]["spikes_a_second"] > 2 * one["silence"]["spikes_a_second"] > 0
    assert one["stages_ms"].keys() == {"resampling", "level", "membrane", "hair cells", "bushy cells"}
    assert one["stages_ms"]["membrane"] > 0
    for title, headings, rows in cochlea.tables(found):
        assert title
        assert {len(row) for row in rows} == {len(headings)}
    json.dumps(found, allow_nan=False)
    shown = cochlea.tables(found)[0][2]
    assert [row[0] for row in shown] == ["20 x 2", "delta, 20", "lauscher, 70 x 1"]
    assert shown[0][4] == "no"


def test_spikes_come_when_the_stated_delay_says() -> None:
    rows = cochlea._delays(3)
    assert len(rows) == 12
    for row in rows:
        assert row["spikes_ms"] is not None, row
        assert row["stated_ms"] is not None
        assert row["best_hz"] is not None
        # Cells fire with the first large movement; the largest may be the next, a period of the place later.
        assert row["spikes_ms"] < row["stated_ms"] + 0.4
        assert row["spikes_ms"] > row["stated_ms"] - 1300 / row["best_hz"]
    stated = [row["stated_ms"] or 0 for row in rows]
    assert stated == sorted(stated)


def test_speech_has_pauses_and_a_voice() -> None:
    sound = cochlea.speech(3.0)
    assert sound.shape == (48_000,)
    assert 0.3 < abs(sound).max() < 1
    assert (sound == 0).mean() > 0.3


def test_lauscher_is_slower_than_the_sound() -> None:
    pytest.importorskip("lauscher")
    speed = cochlea._lauscher_speed(cochlea.speech(0.05))
    assert speed is not None
    assert 0 < speed < 1
