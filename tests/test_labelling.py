from __future__ import annotations

import copy

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.labelling import Labelling
from streamsnn.network import Network
from streamsnn.registry import open_model
from streamsnn.state import NetworkState
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
        self.given.append(step.addresses.copy())
        x = step.addresses % 20
        return Output(np.array([5.0 * np.sum(x < 10), 5.0 * np.sum(x >= 10)], np.float32), {})


class Two:
    """A tracker that always has two tracks, of 10 x 10 and 20 x 20 pixels."""

    def update(self, step: Step) -> tuple[Track, ...]:
        del step
        return (Track(1, 10, 10, 10, 10, 0, 0, 0), Track(7, 50, 40, 20, 20, 0, 0, 0))

    def reset(self) -> None:
        pass


class Given:
    """A tracker that has the tracks that it is given."""

    def __init__(self) -> None:
        self.tracks: tuple[Track, ...] = ()

    def update(self, step: Step) -> tuple[Track, ...]:
        del step
        return self.tracks

    def reset(self) -> None:
        self.tracks = ()


class OneByOne:
    """A network as a plug-in would be: one step of one stream at a time."""

    def __init__(self, network: Network) -> None:
        self._network, self.card = network, network.card

    def initial_state(self) -> NetworkState:
        return self._network.initial_state()

    def step(self, step: Step, state: NetworkState) -> Output:
        return self._network.step(step, state)


def crowd(index: int, rng: np.random.Generator) -> tuple[Track, ...]:
    """Tracks that come, go, come back and change places; each moves and breathes."""
    there = [id_ for id_ in range(6) if (index // 7 + id_) % 3 or id_ == 0]
    if index % 11 == 0:
        there = []
    rng.shuffle(there)
    return tuple(
        Track(id_, 12 * id_ + rng.uniform(0, 3), 8 * id_ + 0.2 * index, 22 + rng.uniform(0, 3), 20, 0, 0, 0)
        for id_ in there
    )


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


def test_a_box_that_breathes_is_seen_at_a_steady_size() -> None:
    model, tracker = Sides(), Given()
    labelling = Labelling(tracker, model, SPEC, 10_000)
    for index in range(60):
        grown = 3 * (-1) ** index
        tracker.tracks = (Track(1, 40 - grown / 2, 30 - grown / 2, 20 + grown, 20 + grown, 0, 0, 0),)
        labelling.update(Step(index, np.array([address(41, 39, 0)], np.int32), 0))
    columns = [int(given[0]) % 20 for given in model.given]
    # 8.5 pixels left of the middle are 5.5 cells at 20 pixels, 4.8 at 23 and 6.5 at 17.
    assert columns[0] == 5
    assert set(columns[30:]) == {4}


def test_a_box_that_stays_larger_is_seen_at_its_new_size() -> None:
    model, tracker = Sides(), Given()
    labelling = Labelling(tracker, model, SPEC, 10_000)
    for index in range(200):
        size = 10 if index < 50 else 20
        tracker.tracks = (Track(1, 50 - size / 2, 40 - size / 2, size, size, 0, 0, 0),)
        labelling.update(Step(index, np.array([address(50 - size // 2, 40, 0)], np.int32), 0))
    # Half a pixel off either border: 4.5 pixels are 5.85 cells at 10 pixels, and 9.5 are 6.2 at 20, but too many at 10.
    assert [given.tolist() for given in (model.given[0], model.given[50])] == [[204], []]
    assert model.given[-1].tolist() == [203]


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


@pytest.mark.parametrize("name", ["nmnist-brf", "nmnist-sliding-psn"])
def test_tracks_together_are_tracks_one_by_one(name: str) -> None:
    model = open_model(name)
    assert isinstance(model, Network)
    trackers = Given(), Given()
    together = Labelling(trackers[0], model, SPEC, 10_000)
    alone = Labelling(trackers[1], OneByOne(model), SPEC, 10_000)
    rng = np.random.default_rng(1)
    told = []
    for index in range(80):
        step = Step(index, rng.integers(0, 2 * 100 * 80, 4000).astype(np.int32), 0)
        trackers[0].tracks = trackers[1].tracks = crowd(index, rng)
        first = together.update(step)
        assert first == alone.update(step)
        told.append(first)
        if index == 40:  # A copy goes on as the one that it was made of, in states of its own.
            trackers[0].tracks = ()
            together = copy.deepcopy(together)
            assert together._batch is None, "a snapshot holds on to no states but its own"
            trackers = together._tracker, trackers[1]  # type: ignore[assignment]
    counts = [len(tracks) for tracks in told]
    assert 0 in counts
    assert max(counts) >= 4
    assert len({track.confidence for tracks in told for track in tracks}) > 100


def test_who_comes_back_goes_on_where_it_was_unless_the_model_has_forgotten() -> None:
    model = open_model("nmnist-sliding-psn")
    tracker = Given()
    labelling = Labelling(tracker, model, SPEC, 10_000)
    track, other = Track(3, 20, 20, 20, 20, 0, 0, 0), Track(4, 60, 40, 20, 20, 0, 0, 0)
    step = np.array([address(x, y, 1) for x in range(22, 36) for y in range(22, 36, 3)], np.int32)

    def look(index: int, *tracks: Track) -> int:
        tracker.tracks = tracks
        labelling.update(Step(index, step, 0))
        return int(labelling._looked[3].state.steps)

    assert [look(index, track) for index in range(5)] == [1, 2, 3, 4, 5]
    assert look(6, other) == 5
    assert look(7) == 5
    assert look(8, other, track) == 6
    memory_steps = model.card.memory_us // 10_000
    assert look(8 + memory_steps, track) == 7
    assert look(9 + 2 * memory_steps, track) == 1


def test_as_many_are_told_as_there_are_and_a_few_are_remembered() -> None:
    tracker = Given()
    labelling = Labelling(tracker, Sides(), SPEC, 10_000)
    everyone = tuple(Track(id_, id_ % 90, id_ % 70, 10, 10, 0, 0, 0) for id_ in range(100))
    silence = np.empty(0, np.int32)
    for index in range(2):
        tracker.tracks = everyone
        assert len(labelling.update(Step(index, silence, 0))) == 100
    kept = labelling._looked[99]
    assert (kept.steps, len(labelling._looked)) == (2, 100)
    tracker.tracks = everyone[:1]
    labelling.update(Step(2, silence, 0))
    # The longest out of sight are forgotten first.
    assert set(labelling._looked) == {0, *range(37, 100)}
    assert labelling._looked[0].steps == 3
    assert labelling._looked[99] is kept
    labelling.reset()
    assert not labelling._looked
