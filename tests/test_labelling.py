from __future__ import annotations

import copy

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.labelling import Labelling
from streamsnn.registry import open_model
from streamsnn.types import InputSpec, ModelCard, Output, ReadoutSettings, Step, Track

SPEC = InputSpec(100, 80)
CARD = ModelCard(
    "sides", ("left", "right"), 10_000, InputSpec(20, 20), 10_000, ReadoutSettings(kind="last", patience=1)
)


class Sides:
    """A model that says on which side of its input the events are, and notes what it was given."""

    def __init__(self, card: ModelCard = CARD) -> None:
        self.card = card
        self.given: list[np.ndarray] = []

    def initial_state(self) -> None:
        return None

    def step(self, step: Step, state: None) -> Output:
        self.given.append(step.addresses)
        x = step.addresses % 20
        return Output(np.array([5.0 * np.sum(x < 10), 5.0 * np.sum(x >= 10)], np.float32), {})


class Two:
    """A tracker that always has two tracks, of 10 x 10 and 20 x 20 pixels."""

    def update(self, step: Step) -> tuple[Track, ...]:
        del step
        return (Track(1, 10, 10, 10, 10, 0, 0, 0), Track(7, 50, 40, 20, 20, 0, 0, 0))

    def reset(self) -> None:
        pass


def address(x: int, y: int, on: int) -> int:
    return (on * SPEC.height + y) * SPEC.width + x


def test_each_track_has_a_label_of_its_own() -> None:
    model = Sides()
    labelling = Labelling(Two(), model, SPEC, 10_000)
    events = [address(11, 12, 0), address(12, 15, 1), address(68, 50, 1), address(90, 70, 1)]
    first, second = labelling.update(Step(0, np.array(events, np.int32), 0))
    assert (first.id, first.label, second.id, second.label) == (1, "left", 7, "right")
    assert first.confidence == pytest.approx(1 / (1 + np.exp(-10)))
    # What lies in no box is nobody's.
    assert [len(each) for each in model.given] == [2, 1]


def test_boxes_are_brought_to_the_size_of_the_input() -> None:
    model = Sides()
    labelling = Labelling(Two(), model, SPEC, 10_000)
    corners = [address(50, 40, 0), address(69, 59, 1)]
    labelling.update(Step(0, np.array(corners, np.int32), 0))
    # 20 pixels become 0.65 * 20 = 13 cells around the middle; ON lies a plane further.
    assert model.given[1].tolist() == [3 * 20 + 3, 400 + 16 * 20 + 16]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(StreamsnnError, match="steps of 10 ms"):
        Labelling(Two(), Sides(), SPEC, 5_000)
    ears = CARD.__class__("ears", ("a", "b"), 10_000, InputSpec(40, 1, kind="audio"), 10_000)
    with pytest.raises(StreamsnnError, match="listens"):
        Labelling(Two(), Sides(ears), SPEC, 10_000)


def test_a_copy_goes_on_by_itself_and_shares_the_model() -> None:
    model = open_model("nmnist-brf")
    labelling = Labelling(Two(), model, SPEC, model.card.step_us)
    rng = np.random.default_rng(2)
    inside = [address(x, y, on) for x in range(12, 15) for y in range(10, 20) for on in (0, 1)]
    steps = [Step(index, rng.choice(np.array(inside, np.int32), 40), 0) for index in range(40)]
    for step in steps[:20]:
        labelling.update(step)
    copied = copy.deepcopy(labelling)
    assert copied._model is model
    told = [labelling.update(step) for step in steps[20:]]
    assert [copied.update(step) for step in steps[20:]] == told
    assert len({tracks[0].confidence for tracks in told}) > 1
