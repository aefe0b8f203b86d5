from __future__ import annotations

import copy

import numpy as np

from streamsnn.cropping import Cropping
from streamsnn.types import InputSpec, Step, Track

SPEC = InputSpec(100, 80)
FIRST, SECOND = Track(1, 10, 10, 10, 10, 0, 0, 0), Track(7, 50, 40, 20, 20, 0, 0, 0)


def step_of(*events: tuple[int, int, int]) -> Step:
    """A step with events (x, y, on)."""
    return Step(3, np.array([(on * SPEC.height + y) * SPEC.width + x for x, y, on in events], np.int32), 5)


def cells(steps: list[Step]) -> list[list[int]]:
    return [step.addresses.tolist() for step in steps]


def test_boxes_are_brought_to_the_size_of_the_input() -> None:
    crop = Cropping(SPEC, InputSpec(20, 20), 0.65)
    given = crop(step_of((50, 40, 0), (69, 59, 1), (14, 15, 0), (95, 5, 1)), [FIRST, SECOND], [10.0, 20.0])
    # 20 pixels become 0.65 * 20 = 13 cells around the middle; ON lies a plane further; what is in no box is nobody's.
    assert cells(given) == [[10 * 20 + 9], [3 * 20 + 3, 400 + 16 * 20 + 16]]
    assert [(each.index, each.arrived_ns) for each in given] == [(3, 5)] * 2
    merged = Cropping(SPEC, InputSpec(20, 20, polarity="merge"), 0.65)
    assert cells(merged(step_of((50, 40, 0), (69, 59, 1)), [SECOND], [20.0])) == [[3 * 20 + 3, 16 * 20 + 16]]


def test_an_event_in_two_boxes_is_in_both() -> None:
    crop = Cropping(SPEC, InputSpec(20, 20), 0.65)
    given = crop(step_of((14, 15, 0)), [FIRST, FIRST], [10.0, 20.0])
    assert [each.addresses.size for each in given] == [1, 1]


def test_an_address_comes_once_where_the_input_is_binary() -> None:
    once, often = Cropping(SPEC, InputSpec(4, 4, value="binary"), 0.65), Cropping(SPEC, InputSpec(4, 4), 0.65)
    rng = np.random.default_rng(0)
    inside = step_of(*((int(x), int(y), int(on)) for x, y, on in rng.integers((50, 40, 0), (70, 60, 2), (200, 3))))
    for _ in range(2):  # What was seen in one box, or one step, is not in the way of the next.
        first, empty, last = once(inside, [SECOND, FIRST, SECOND], [20.0, 10.0, 20.0])
        (all_of_them,) = often(inside, [SECOND], [20.0])
        assert (all_of_them.addresses.size, empty.addresses.size) == (200, 0)
        assert sorted(first.addresses.tolist()) == np.unique(all_of_them.addresses).tolist()
        np.testing.assert_array_equal(first.addresses, last.addresses)


def test_room_grows_with_the_busiest_step_and_is_used_again() -> None:
    crop = Cropping(SPEC, InputSpec(20, 20), 0.65)
    busy = step_of(*[(x, y, 1) for x in range(50, 70) for y in range(40, 60)])
    (many,) = crop(busy, [SECOND], [20.0])
    assert many.addresses.size == 400
    kept = many.addresses.copy()
    (again,) = crop(busy, [SECOND], [20.0])
    assert again.addresses.base is many.addresses.base
    copied = copy.deepcopy(crop)
    copied(step_of((14, 15, 0)), [FIRST], [10.0])
    np.testing.assert_array_equal(many.addresses, kept)


def test_silence_is_a_silent_step_for_each() -> None:
    crop = Cropping(SPEC, InputSpec(20, 20), 0.65)
    assert cells(crop(step_of(), [FIRST, SECOND], [10.0, 20.0])) == [[], []]
