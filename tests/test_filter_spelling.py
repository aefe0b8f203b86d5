"""A filter is what its spelling says; what cannot be read is refused with what is close to it."""

from __future__ import annotations

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.filter_spelling import parse_filter
from streamsnn.types import EVENT, Packet, Sensor

SENSOR = Sensor("toy", 6, 5)


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("background", {"tau_us": 5_000}),
        ("background:tau=2.5ms", {"tau_us": 2_500}),
        ("background:800us", {"tau_us": 800}),
        ("refractory:1s", {"period_us": 1_000_000}),
        (" refractory : period = 3 ms ", {"period_us": 3_000}),
        ("hot", {"factor": 10.0, "window_us": 1_000_000, "rate_hz": 100.0}),
        ("hot:4,rate=20", {"factor": 4.0, "rate_hz": 20.0}),
    ],
)
def test_parses_settings(text: str, attributes: dict[str, float]) -> None:
    apply = parse_filter(text, SENSOR)
    assert {name: getattr(apply, name) for name in attributes} == attributes


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("region:1,0,2,1", [(1, 1, 0, True)]),
        ("region:x=1,y=0,height=1,width=2", [(1, 1, 0, True)]),
        ("flip:x", [(1, 4, 0, True), (2, 5, 3, False)]),
        ("polarity:off", [(2, 0, 3, False)]),
        ("polarity:keep=on", [(1, 1, 0, True)]),
    ],
)
def test_parses_what_has_no_memory(text: str, kept: list[tuple[int, int, int, bool]]) -> None:
    rows = [(1, 1, 0, True), (2, 0, 3, False)]
    assert parse_filter(text, SENSOR)(Packet(np.array(rows, EVENT), 0, 10, 0)).events.tolist() == kept


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("backgroud:5ms", 'no filter "backgroud"', 'Did you mean "background"?'),
        ("", 'no filter ""', "There is: background, refractory, hot, region, flip, polarity."),
        ("hot:windw=1s", 'no setting "windw"', 'Did you mean "window"?'),
        ("background:5", '"5" in "background:5" is not a duration with its unit', "background:tau=5ms"),
        ("background:tau=fast", "is not a duration", "background:tau=5ms"),
        ("background:tau=5ms,tau=6ms", "sets tau twice", "background:tau=5ms"),
        ("background:0ms", "tau must be above 0", ""),
        ("hot:k=-1", "k must be above 0", ""),
        ("hot:k=nan", "k must be above 0", ""),
        ("hot:k=many", "is not a number", "hot:k=10"),
        ("refractory:1ms,2ms", "too many settings", "refractory:1ms"),
        ("region:1,1,2", "does not say height", "region:10,10,50,50"),
        ("region:1,1,2,a", '"a" in "region:1,1,2,a" is not a whole number of pixels', "region:10,10,50,50"),
        ("region:1,1,6,2", "6x2 pixels at \\(1, 1\\) is not inside the sensor", "x,y,width,height"),
        ("flip", "does not say axes", "flip:x"),
        ("flip:z", 'no axis "z"', "x, y or xy"),
        ("polarity:bright", 'no polarity "bright"', "on \\(brighter\\)"),
    ],
)
def test_refuses_what_it_cannot_read(text: str, message: str, hint: str) -> None:
    with pytest.raises(StreamsnnError, match=message) as error:
        parse_filter(text, SENSOR)
    assert hint.replace("\\", "") in error.value.hint
