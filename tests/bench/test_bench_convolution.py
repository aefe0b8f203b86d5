"""The crossing of the two convolutions is measured on equal sums and said as it is."""

from __future__ import annotations

import pytest

from streamsnn.bench import convolution
from streamsnn.bench.convolution import Geometry, _Bench, _crossing
from streamsnn.errors import StreamsnnError


def test_every_geometry_is_measured_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "GEOMETRIES", (Geometry(2, 16, 8), Geometry(3, 16, 9, kernel=5, stride=2)))
    monkeypatch.setattr(convolution, "DENSITIES", (0.02, 0.5))
    told: list[str] = []
    found = convolution.measure(True, told.append)
    assert len(told) == len(found["convolutions"]) == 2
    for one in found["convolutions"]:
        assert [row["density"] for row in one["densities"]] == [0.02, 0.5]
        for row in one["densities"]:
            best = min(row["by_spike_us"], row["by_pixel_us"])
            chosen = row["by_pixel_us"] if row["by_pixel_is_chosen"] else row["by_spike_us"]
            assert row["chosen_over_best"] == chosen / best >= 1
    ((_, headings, rows),) = convolution.tables(found)
    assert {len(row) for row in rows} == {len(headings)}


def test_different_sums_are_not_timed() -> None:
    bench = _Bench(Geometry(2, 16, 8))
    bench.check(bench.spikes(0.3))
    bench.by_pixel = bench.by_spike  # type: ignore[method-assign]
    bench.check(bench.spikes(0.3))
    bench.by_pixel = lambda spikes: bench.by_spike(spikes[1:])  # type: ignore[method-assign]
    with pytest.raises(StreamsnnError, match="differ"):
        bench.check(bench.spikes(0.3))


@pytest.mark.parametrize(
    ("ratios", "crossing"),
    [([2, 1.5, 1.0], None), ([0.9, 0.8, 0.5], 0.01), ([4, 2, 0.5], 0.2), ([0.9, 2.0, 0.5], 0.2)],
)
def test_where_a_ratio_crosses_one(ratios: list[float], crossing: float | None) -> None:
    found = _crossing((0.01, 0.1, 0.4), ratios)
    assert found == (None if crossing is None else pytest.approx(crossing))
