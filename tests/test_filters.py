"""What a filter lets through follows its definition, for any packets, and nothing but events is ever changed."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsnn.checks import assert_conforms, check_filter
from streamsnn.errors import StreamsnnError
from streamsnn.filter_spelling import parse_filter
from streamsnn.filters import (
    BackgroundActivity,
    Flip,
    HotPixels,
    Polarity,
    Refractory,
    Region,
    ResettableFilter,
)
from streamsnn.types import EVENT, Packet, Sensor

SENSOR = Sensor("toy", 6, 5)
Row = tuple[int, int, int, bool]


def near(rows: list[Row]) -> list[Row]:
    """Background activity with tau = 50 us, by definition."""
    return [
        (t, x, y, p)
        for k, (t, x, y, p) in enumerate(rows)
        if any(max(abs(x - u), abs(y - v)) == 1 and t - s <= 50 for s, u, v, _ in rows[:k])
    ]


def rested(rows: list[Row]) -> list[Row]:
    """Refractory with a period of 50 us, by definition."""
    kept: list[Row] = []
    for row in rows:
        if all(row[1:3] != other[1:3] or row[0] - other[0] >= 50 for other in kept):
            kept.append(row)
    return kept


def calm(rows: list[Row]) -> list[Row]:
    """Hot pixels with k = 2, windows of 200 us and a least rate of 3 events a window, by definition."""
    windows = sorted({row[0] // 200 for row in rows})
    kept = []
    for k, window in enumerate(windows):
        hot: set[tuple[int, int]] = set()
        if k:
            before = [row[1:3] for row in rows if row[0] // 200 == windows[k - 1]]
            counts = {pixel: before.count(pixel) for pixel in before}
            limit = max(2 * statistics.median(counts.values()), 3)
            hot = {pixel for pixel, count in counts.items() if count > limit}
        kept += [row for row in rows if row[0] // 200 == window and row[1:3] not in hot]
    return kept


CASES: dict[str, tuple[Callable[[], ResettableFilter], Callable[[list[Row]], list[Row]]]] = {
    "background": (lambda: BackgroundActivity(SENSOR, tau_us=50), near),
    "refractory": (lambda: Refractory(SENSOR, period_us=50), rested),
    "hot": (lambda: HotPixels(SENSOR, factor=2, window_us=200, rate_hz=15_000), calm),
    "region": (
        lambda: Region(SENSOR, x=1, y=2, width=4, height=2),
        lambda rows: [row for row in rows if 1 <= row[1] < 5 and 2 <= row[2] < 4],
    ),
    "flip x": (lambda: Flip(SENSOR, axes="x"), lambda rows: [(t, 5 - x, y, p) for t, x, y, p in rows]),
    "flip y": (lambda: Flip(SENSOR, axes="y"), lambda rows: [(t, x, 4 - y, p) for t, x, y, p in rows]),
    "flip xy": (lambda: Flip(SENSOR, axes="xy"), lambda rows: [(t, 5 - x, 4 - y, p) for t, x, y, p in rows]),
    "on": (lambda: Polarity(SENSOR, keep="on"), lambda rows: [row for row in rows if row[3]]),
    "off": (lambda: Polarity(SENSOR, keep="off"), lambda rows: [row for row in rows if not row[3]]),
}


@st.composite
def recordings(draw: st.DrawFn) -> tuple[list[Row], list[int]]:
    """Up to a second-long stream in miniature, [-300, 1200) us, and where to cut it."""
    # Few pixels, so that neighbours, repetitions and hot ones happen.
    pixel = st.sampled_from([(0, 0), (1, 0), (1, 1), (3, 3), (4, 3), (5, 4)])
    rows = draw(st.lists(st.tuples(st.integers(-300, 1199), pixel, st.booleans()), max_size=70))
    flat = sorted(((t, x, y, p) for t, (x, y), p in rows), key=lambda row: row[0])
    return flat, draw(st.lists(st.integers(-300, 1200), max_size=15))


@pytest.mark.parametrize("name", CASES)
@settings(deadline=None, max_examples=60)
@given(recording=recordings())
def test_follows_its_definition_for_any_packets(name: str, recording: tuple[list[Row], list[int]]) -> None:
    make, definition = CASES[name]
    rows, cuts = recording
    apply = make()
    edges = [-300, *sorted(cuts), 1200]
    got: list[Row] = []
    for k, (begin, end) in enumerate(itertools.pairwise(edges)):
        events = np.array([row for row in rows if begin <= row[0] < end], EVENT)
        packet = apply(Packet(events, begin, end, k, k % 3))
        assert packet[1:] == (begin, end, k, k % 3)
        assert packet.events.dtype == EVENT
        got += packet.events.tolist()
    assert got == definition(rows)


@pytest.mark.parametrize("name", CASES)
def test_conforms(name: str) -> None:
    sensor = Sensor("eye", 34, 34)
    spellings = {
        "background": "background:tau=5ms",
        "refractory": "refractory:1ms",
        "hot": "hot:k=3,window=100ms,rate=50",
        "region": "region:10,10,20,20",
        "flip x": "flip:x",
        "flip y": "flip:y",
        "flip xy": "flip:xy",
        "on": "polarity:on",
        "off": "polarity:off",
    }
    assert_conforms(check_filter(lambda: parse_filter(spellings[name], sensor), sensor))


def test_background_activity_reaches_over_the_sensor_s_edges() -> None:
    apply = BackgroundActivity(SENSOR, tau_us=10)
    rows = [(0, 5, 0, True), (1, 0, 1, True), (2, 0, 0, True), (3, 5, 4, True), (4, 4, 4, True)]
    kept = apply(Packet(np.array(rows, EVENT), 0, 10, 0)).events.tolist()
    assert kept == [(2, 0, 0, True), (4, 4, 4, True)]  # (5, 0) and (0, 1) are one address apart and no neighbours


def test_hot_pixels_come_back_once_they_are_calm() -> None:
    apply = HotPixels(SENSOR, factor=3, window_us=1000, rate_hz=5_000)

    def window(index: int, hot_events: int) -> int:
        """Every pixel fires once, and (2, 2) `hot_events` times more; how many of its events are kept."""
        rows = [(index * 1000 + 10, x, y, True) for x in range(6) for y in range(5)]
        rows += [(index * 1000 + 20 + k, 2, 2, False) for k in range(hot_events)]
        kept = apply(Packet(np.array(rows, EVENT), index * 1000, (index + 1) * 1000, 0)).events
        return int(np.count_nonzero((kept["x"] == 2) & (kept["y"] == 2)))

    assert window(0, 50) == 51  # nothing is known yet
    assert window(1, 50) == 0
    assert apply.hot.sum() == 1
    assert apply.hot[2, 2]
    assert window(2, 0) == 0
    assert window(3, 4) == 5  # one event more than the median in window 2: calm
    assert window(4, 0) == 1  # 5 events are more than 3 times the median, but not above 5,000 a second
    assert not apply.hot.any()


def test_no_filter_takes_events_from_outside_the_sensor() -> None:
    for name, (make, _) in CASES.items():
        for x, y in ((6, 0), (0, 5), (65_535, 65_535)):
            with pytest.raises(StreamsnnError, match=rf"\({x}, {y}\) is outside the sensor .toy., which is 6x5"):
                make()(Packet(np.array([(0, 1, 1, True), (5, x, y, True)], EVENT), 0, 10, 0))
            assert name


@pytest.mark.parametrize("name", ["background", "refractory", "hot"])
def test_filters_with_a_memory_refuse_the_past_until_they_are_reset(name: str) -> None:
    apply = CASES[name][0]()
    apply(Packet(np.array([(900, 1, 1, True)], EVENT), 0, 1000, 0))
    with pytest.raises(StreamsnnError, match="begins at 0 us, before the end of the one before it at 1000 us"):
        apply(Packet(np.empty(0, EVENT), 0, 1000, 0))
    apply.reset()
    apply(Packet(np.empty(0, EVENT), 0, 1000, 0))
