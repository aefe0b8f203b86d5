"""Pixels: pictures of events that a plain count of them agrees with."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from stage import events

from streamsnn.gui.palettes import PALETTES, STRONGEST
from streamsnn.gui.pixels import LOOKS_BACK, Pixels, coloured
from streamsnn.types import EVENT, Events


def noise(count: int, begin_us: int, end_us: int, seed: int = 0, width: int = 9, height: int = 7) -> Events:
    rng = np.random.default_rng(seed)
    made = np.zeros(count, EVENT)
    made["t"] = np.sort(rng.integers(begin_us, end_us, count))
    made["x"], made["y"], made["p"] = (
        rng.integers(0, width, count),
        rng.integers(0, height, count),
        rng.random(count) > 0.5,
    )
    return made


def counted(seen: Events, since_us: int, width: int = 9, height: int = 7) -> NDArray[np.int64]:
    counts = np.zeros((height, width), np.int64)
    new = seen[seen["t"] >= since_us]
    np.add.at(counts, (new["y"], new["x"]), np.where(new["p"], 1, -1))
    shades: NDArray[np.int64] = 2 * np.minimum(np.abs(counts) * (STRONGEST // 3), STRONGEST) + (counts > 0)
    return shades


def test_a_surface_fades_exponentially_and_shows_the_last_polarity() -> None:
    pixels = Pixels(4, 2)
    pixels.add(events((0, 0, 0, True), (10_000, 1, 0, False), (10_000, 2, 0, False), (20_000, 2, 0, True)))
    shades = pixels.surface(20_000, 10_000)
    assert [shade & 1 for shade in shades[0, :3].tolist()] == [1, 0, 1]
    strengths = shades >> 1
    assert strengths[0, 2] == STRONGEST
    assert strengths[0, 1] == pytest.approx(STRONGEST * np.exp(-1), rel=0.03)
    assert strengths[0, 0] == pytest.approx(STRONGEST * np.exp(-2), rel=0.08)
    assert not strengths[1].any()
    assert not (pixels.surface(10**6, 10_000) >> 1).any()


def test_the_surface_stands_still_with_its_time() -> None:
    pixels = Pixels(9, 7)
    pixels.add(noise(100, 0, 50_000))
    first = pixels.surface(50_000, 20_000).copy()
    np.testing.assert_array_equal(pixels.surface(50_000, 20_000), first)


@pytest.mark.parametrize("hours", [1, 2, 30])
def test_what_is_old_never_comes_back(hours: int) -> None:
    pixels = Pixels(4, 2)
    pixels.add(events((5, 0, 0, True)))
    pixels.surface(100, 10_000)
    for minute in range(0, hours * 60, 7):
        assert not (pixels.surface(minute * 60_000_000 + 10**6, 10_000) >> 1).any()
    once = Pixels(4, 2)
    once.add(events((5, 0, 0, True)))
    assert not (once.surface((1 << 32) + 10, 10_000) >> 1).any()


def test_accumulation_is_on_minus_off_of_the_window_wherever_it_moves() -> None:
    pixels = Pixels(9, 7)
    seen = noise(4_000, 0, 1_000_000)
    for begin in range(0, 4_000, 400):
        pixels.add(seen[begin : begin + 400])
        now_us = int(seen["t"][begin + 399]) + 1
        for window_us in (10_000, 200_000, 37_000):
            expected = counted(seen[: begin + 400], now_us - window_us)
            np.testing.assert_array_equal(pixels.accumulation(now_us, window_us), expected)


def test_more_events_than_are_held_leave_the_newest() -> None:
    pixels = Pixels(9, 7)
    seen = noise(LOOKS_BACK + 300_000, 0, 10**6)
    for begin in range(0, len(seen), 100_000):
        pixels.add(seen[begin : begin + 100_000])
        pixels.accumulation(10**6, 10**7, contrast=127)
    counts = np.zeros((7, 9), np.int64)
    new = seen[-LOOKS_BACK:]
    np.add.at(counts, (new["y"], new["x"]), np.where(new["p"], 1, -1))
    shades = pixels.accumulation(10**6, 10**7, contrast=127)
    np.testing.assert_array_equal(shades >> 1, np.minimum(np.abs(counts), STRONGEST))


def test_a_stream_that_begins_again_forgets_the_one_before() -> None:
    pixels = Pixels(9, 7)
    pixels.add(noise(500, 900_000, 1_000_000))
    pixels.surface(1_000_000, 50_000)
    pixels.accumulation(1_000_000, 50_000)
    pixels.add(events((1_000, 3, 3, True)))
    assert np.argwhere(pixels.surface(1_000, 50_000) >> 1).tolist() == [[3, 3]]
    assert np.argwhere(pixels.accumulation(1_000, 10**6) >> 1).tolist() == [[3, 3]]
    assert pixels.newest_us == 1_000


def test_clear_forgets_and_events_outside_are_left_out() -> None:
    pixels = Pixels(4, 2)
    pixels.add(events((5, 4, 0, True), (6, 0, 2, True)))
    assert pixels.newest_us is None
    pixels.add(events((7, 1, 1, True)))
    pixels.clear()
    assert not (pixels.surface(7, 1_000) >> 1).any()
    assert not (pixels.accumulation(7, 1_000) >> 1).any()
    assert pixels.newest_us is None


def test_in_a_smaller_picture_no_event_is_lost() -> None:
    words = PALETTES["dark"].words()
    for x, y in ((0, 0), (63, 47), (31, 20), (17, 46)):
        shades = np.zeros((48, 64), np.uint8)
        shades[y, x] = 255
        small = np.zeros((33, 45), np.uint32)
        coloured(shades, words, small)
        [[row, column]] = np.argwhere(small == words[255]).tolist()
        assert row * 48 // 33 <= y < (row + 1) * 48 // 33
        assert column * 64 // 45 <= x < (column + 1) * 64 // 45
    full = np.zeros((48, 64), np.uint32)
    coloured(shades, words, full)
    np.testing.assert_array_equal(full, words[shades])
