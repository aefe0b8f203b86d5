"""All trackers: what each promises, whatever it does inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving import SPEC, STEP_US, square_at, steps_of

from streamsnn.tracking.names import NAMES, make_tracker
from streamsnn.tracking.truth import overlaps
from streamsnn.types import Step, Track

SILENCE = np.empty(0, np.int32)


def tracked(name: str, steps: list[Step]) -> list[tuple[Track, ...]]:
    tracker = make_tracker(name, SPEC, STEP_US)
    return [tracker.update(step) for step in steps]


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_lone_noise_are_no_objects(name: str) -> None:
    assert not any(tracked(name, [Step(k, SILENCE, 0) for k in range(20)]))
    assert not any(tracked(name, steps_of([], 50, noise=3)))


@pytest.mark.parametrize("name", NAMES)
def test_a_square_has_one_id_and_its_box(name: str) -> None:
    square = (10.0, 40.0, 20.0, 80.0, 20.0)
    found = tracked(name, steps_of([square], 100, noise=5))
    shown = [(k, tracks[0]) for k, tracks in enumerate(found) if tracks]
    assert shown[0][0] < 20
    # Clusters begin as several, which merge.
    settled = 20
    assert all(len(tracks) == 1 for tracks in found[settled:])
    assert len({track.id for _, track in shown}) == 1
    for k, track in shown[20:]:
        truth = np.array(square_at(square, (k + 1) * STEP_US * 1e-6))
        assert overlaps(truth, np.array(track[1:5]))[0, 0] > (0.7 if name == "regions" else 0.5)
    last = shown[-1][1]
    assert last.vx == pytest.approx(80, abs=15)
    assert last.vy == pytest.approx(20, abs=15)


def test_crossing_squares_keep_their_ids() -> None:
    squares = [(10.0, 45.0, 20.0, 80.0, 0.0), (130.0, 55.0, 22.0, -70.0, 0.0)]
    found = tracked("regions", steps_of(squares, 140, noise=5))
    before, after = found[30], found[135]
    assert len(before) == len(after) == 2
    for square in squares:
        ids = []
        for k in (30, 135):
            truth = np.array(square_at(square, (k + 1) * STEP_US * 1e-6))
            fits = overlaps(truth, np.array([track[1:5] for track in found[k]]))[0]
            assert fits.max() > 0.6
            ids.append(found[k][int(fits.argmax())].id)
        assert ids[0] == ids[1]


def test_an_object_comes_back_from_behind_something_with_its_id() -> None:
    steps = steps_of([(10.0, 40.0, 20.0, 100.0, 0.0)], 110)
    hidden = [step if not 50 <= step.index < 75 else Step(step.index, SILENCE, 0) for step in steps]
    found = tracked("regions", hidden)
    assert {track.id for tracks in found for track in tracks} == {1}
    assert not found[74]
    assert found[80]


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_not_used_twice(name: str) -> None:
    tracker = make_tracker(name, SPEC, STEP_US)
    steps = steps_of([(10.0, 40.0, 20.0, 80.0, 0.0)], 40)
    first = {track.id for step in steps for track in tracker.update(step)}
    for k in range(40, 300):
        tracker.update(Step(k, SILENCE, 0))
    again = {track.id for step in steps for track in tracker.update(Step(step.index + 300, step.addresses, 0))}
    tracker.reset()
    third = {track.id for step in steps for track in tracker.update(step)}
    assert first
    assert again
    assert third
    assert not first & again
    assert not (first | again) & third


def test_what_flickers_without_moving_is_no_object() -> None:
    rng = np.random.default_rng(1)
    lamp = np.array([(y * SPEC.width + x) for y in range(30, 40) for x in range(50, 60)], np.int32)
    on = SPEC.width * SPEC.height
    steps = [Step(k, (lamp + on * (rng.random() < 0.5)).astype(np.int32), 0) for k in range(150)]
    assert not any(tracked("regions", steps))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), name=st.sampled_from(NAMES))
def test_boxes_lie_inside_the_sensor(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    squares = [(*rng.uniform(-20, 140, 2), rng.uniform(5, 40), *rng.uniform(-300, 300, 2)) for _ in range(4)]
    for tracks in tracked(name, steps_of(squares, 40, noise=20, seed=seed)):
        ids = [track.id for track in tracks]
        assert len(set(ids)) == len(ids)
        for track in tracks:
            assert track.x >= 0
            assert track.y >= 0
            assert track.width >= 1
            assert track.height >= 1
            assert track.x + track.width <= SPEC.width + 1e-9
            assert track.y + track.height <= SPEC.height + 1e-9
            assert np.isfinite([track.vx, track.vy]).all()
