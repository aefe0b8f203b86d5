from __future__ import annotations

import numpy as np
import pytest

from streamsnn.tracking.activity import Activity
from streamsnn.types import InputSpec, Step

SPEC = InputSpec(150, 20)
SILENCE = np.empty(0, np.int32)


def step(index: int, *pixels: tuple[int, int, bool]) -> Step:
    return Step(index, np.array([(on * SPEC.height + y) * SPEC.width + x for x, y, on in pixels], np.int32), 0)


def activity(step_us: int = 10_000) -> Activity:
    return Activity(SPEC, step_us=step_us, longest_us=60_000)


def found(of: Activity, shortest_us: int = 60_000) -> set[tuple[int, int, int, int]]:
    of.look(0, shortest_us)
    return set(zip(*(each.tolist() for each in of.pixels), strict=True))


def test_neighbours_are_seen_with_age_and_polarity_and_a_lone_pixel_is_not() -> None:
    seen = activity()
    # 63 and 64 lie in two words.
    seen.push(step(0, (63, 5, True), (64, 5, False), (20, 3, True), (149, 19, True), (148, 18, True), (148, 18, False)))
    seen.push(step(1, (65, 6, False)))
    assert found(seen) == {(63, 5, 1, 1), (64, 5, 1, -1), (65, 6, 0, -1), (149, 19, 1, 1), (148, 18, 1, 0)}
    assert found(seen, 10_000) == {(65, 6, 0, -1)}


def test_borders_have_no_neighbours() -> None:
    seen = activity()
    seen.push(step(0, (149, 4, True), (0, 5, True), (0, 4, True)))
    assert found(seen) == {(0, 5, 0, 1), (0, 4, 0, 1)}


def test_looking_stops_when_there_is_enough() -> None:
    seen = activity()
    for k in range(4):
        seen.push(step(k, *((10 * k + x, 5, True) for x in range(3))))
    assert seen.look(5, 10_000) == 6
    assert seen.look(1, 30_000) == 9


@pytest.mark.parametrize("step_us", [1_000, 5_000, 10_000])
def test_what_was_seen_is_let_go_by_time(step_us: int) -> None:
    seen = activity(step_us)
    seen.push(step(0, (30, 5, True), (31, 5, True)))
    silent = 0
    while seen.look(10**6, 0):
        silent += 1
        seen.push(Step(silent, SILENCE, 0))
    assert 50_000 <= silent * step_us <= 60_000


@pytest.mark.parametrize("step_us", [1_000, 5_000, 10_000])
def test_what_flickers_is_not_seen_until_it_has_been_still(step_us: int) -> None:
    seen = activity(step_us)
    lamp = [(x, y, bool(x % 2)) for x in range(40, 44) for y in range(5, 9)]
    per_10_ms = 10_000 // step_us
    for k in range(40 * per_10_ms):
        seen.push(step(k, *lamp) if k % per_10_ms == 0 else Step(k, SILENCE, 0))
    assert found(seen, 10_000) == set()
    after = 40 * per_10_ms + 20 * per_10_ms
    seen.push(step(after, *lamp))
    assert len(found(seen, 10_000)) == 16


def test_a_long_silence_and_a_reset_forget_all() -> None:
    seen = activity()
    seen.push(step(0, (30, 5, True), (31, 5, True)))
    seen.push(Step(10**9, SILENCE, 0))
    assert found(seen) == set()
    seen.push(step(10**9 + 1, (30, 5, True), (31, 5, True)))
    assert len(found(seen)) == 2
    seen.reset()
    assert found(seen) == set()
    seen.push(step(0, (30, 5, True), (31, 5, True)))
    assert len(found(seen)) == 2
