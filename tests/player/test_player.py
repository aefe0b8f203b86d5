"""What the player does when it is told to, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from desk import Desk
from numpy.typing import NDArray

from streamsnn.engine import stream
from streamsnn.gui.choice import fit_of
from streamsnn.modelfolder import load_model
from streamsnn.player.messages import (
    Advance,
    Failed,
    Note,
    Open,
    Pause,
    Play,
    ResetState,
    Seek,
    SetLoop,
    SetMarkers,
    SetProbes,
    SetSpeed,
    SetThreshold,
    Status,
    SwitchEgoMotion,
    SwitchFilter,
    Totals,
)
from streamsnn.registry import open_model, open_source, recordings_folder
from streamsnn.sources.files import RecordingSource

STEP_US = 5_000


def played(model: str, recording: str) -> dict[int, NDArray[Any]]:
    """The evidence after every step, as the plain loop has it."""
    results = stream(RecordingSource(recording), load_model(model))
    return {result.step.index: result.decision.scores.copy() for result in results}


def shown(desk: Desk, since: int = 0) -> dict[int, NDArray[Any]]:
    watched = desk.screen.steps_since(since)
    return dict(zip(watched.records["index"].tolist(), watched.scores, strict=True))


def assert_same(found: dict[int, NDArray[Any]], wanted: dict[int, NDArray[Any]], indices: Sequence[int]) -> None:
    assert set(indices) <= set(found)
    for index in indices:
        assert np.array_equal(found[index], wanted[index]), index


def test_it_plays_what_the_plain_loop_plays(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides))
    wanted = played(sides, recording)
    found = shown(desk)
    assert list(found) == list(wanted)
    assert_same(found, wanted, list(wanted))
    assert desk.modes == ["closed", "playing", "ended"]
    assert desk.opened.begin_us == 1_234
    assert desk.of(Totals)[-1].summary["steps"] == len(wanted)


def test_it_plays_in_true_time_and_at_other_speeds(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=2.0))
    wanted_ns = (3_000_000 - 1) * 500
    assert desk.clock.now_ns() == pytest.approx(wanted_ns, rel=0.01)
    assert desk.screen.late_steps == 0


@pytest.mark.parametrize("offset_us", [0, 4_999, 5_000, 1_000_000, 1_502_501, 2_900_000])
@pytest.mark.parametrize("before", [0, 40, 350, 10_000])
def test_seeking_gives_what_playing_there_gives(
    desk: Desk, sides: str, recording: str, offset_us: int, before: int
) -> None:
    desk.play(
        Open(recording, sides, speed=None), desk.steps(before), Pause(), Seek(offset_us), desk.steps(9), Advance(60)
    )
    wanted = played(sides, recording)
    first = (1_234 + offset_us) // STEP_US
    last = max(wanted)
    assert_same(shown(desk), wanted, [index for index in range(first, first + 60) if index <= last])


def test_seeking_back_and_forth_with_filters_gives_the_same(desk: Desk, sides: str, recording: str) -> None:
    filters = (("background:tau=5ms", True), ("hot:k=3,window=100ms", True), ("flip:x", False))
    places = (2_500_000, 1_200_000, 2_950_000, 300_000, 1_900_000)
    first = Desk()
    first.play(Open(recording, sides, filters=filters, speed=None))
    wanted = shown(first)
    desk.play(
        Open(recording, sides, filters=filters, speed=None, paused=True), *(Seek(place) for place in places), Advance(3)
    )
    end = (1_234 + places[-1]) // STEP_US
    assert_same(shown(desk), wanted, range(end, end + 3))
    # A place that is sought while another one is still approached replaces it.
    assert desk.modes[-1] == "paused"


def test_steps_on_and_back(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, paused=True), Advance(5), desk.steps(5), Advance(-1), desk.steps(3), Advance(1))
    indices = desk.screen.steps_since(0).records["index"].tolist()
    assert indices[:5] == [0, 1, 2, 3, 4]
    assert indices[-1] == 4
    assert desk.modes[-1] == "paused"
    wanted = played(sides, recording)
    assert np.array_equal(desk.screen.steps_since(0).scores[-1], wanted[4])


def test_a_filter_that_is_switched_changes_the_stream_from_there(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=None), desk.steps(100), SwitchFilter("flip:x", True))
    wanted = played(sides, recording)
    found = shown(desk)
    assert_same(found, wanted, range(90))
    assert not np.array_equal(found[200], wanted[200])


def test_an_unknown_filter_is_refused_and_the_stream_goes_on(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=None), desk.steps(10), SwitchFilter("flop:x", True))
    (failed,) = desk.of(Failed)
    assert not failed.fatal
    assert "flop" in failed.message
    assert_same(shown(desk), played(sides, recording), range(500))


def test_loop_and_markers(desk: Desk, sides: str, recording: str) -> None:
    rounds = 3
    desk.play(
        Open(recording, sides, speed=None, paused=True),
        SetMarkers(1_000_000, 1_100_000),
        SetLoop(True),
        Seek(1_000_000),
        Play(),
        desk.steps(30 * rounds),
        SetLoop(False),
    )
    indices = desk.screen.steps_since(0).records["index"]
    begin, end = 1_001_234 // STEP_US, 1_101_234 // STEP_US
    assert np.count_nonzero(indices == begin) >= rounds - 1
    assert indices.max() == end
    assert desk.modes[-1] == "ended"
    wanted = played(sides, recording)
    watched = desk.screen.steps_since(0)
    for index, scores in zip(watched.records["index"].tolist(), watched.scores, strict=True):
        assert np.array_equal(scores, wanted[index])


def test_what_has_ended_can_be_played_again(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=None), desk.steps(700), Play())
    indices = desk.screen.steps_since(0).records["index"].tolist()
    assert indices == list(range(indices[-1] + 1)) * 2
    assert desk.modes == ["closed", "playing", "ended", "playing", "ended"]


def test_the_threshold_decides_what_is_shown(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=None), desk.steps(100), SetThreshold(0.999))
    labels = desk.screen.steps_since(0).records["label"]
    assert set(labels[10:95].tolist()) == {1}
    assert set(labels[150:].tolist()) == {-1}


def test_forgetting_is_a_fresh_state_in_the_middle(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, speed=None), desk.steps(100), ResetState(), desk.steps(1), Pause())
    model = load_model(sides)
    fresh = next(stream(RecordingSource(recording, start_us=100 * STEP_US - 1_234), model))
    assert fresh.step.index == 100
    assert np.array_equal(shown(desk)[100], fresh.decision.scores)


def test_membranes_are_those_of_the_neurons_that_were_picked(desk: Desk) -> None:
    desk.play(
        Open("synthetic:digit:7", "nmnist-brf", speed=None, paused=True),
        SetProbes((("spikes3", 5), ("spikes3", 90))),
        Advance(60),
    )
    membranes = desk.screen.steps_since(0).membranes
    assert np.isnan(membranes[:, 2:]).all()
    model = open_model("nmnist-brf")
    state = model.initial_state()
    source = open_source("synthetic:digit:7", stop_us=600_000)
    wanted = np.array([state.membrane("spikes3")[[5, 90]] for _ in stream(source, model, state=state)], np.float32)
    assert np.ptp(wanted[:, 0]) > 0
    assert np.array_equal(membranes[:, :2], wanted)


def test_probes_that_are_not_there_are_refused(desk: Desk, sides: str, recording: str) -> None:
    desk.play(Open(recording, sides, paused=True), SetProbes((("spikes", 7),)), SetProbes((("spikes", 1),) * 5))
    assert len(desk.of(Failed)) == 2
    assert not any(failed.fatal for failed in desk.of(Failed))


@pytest.mark.parametrize("command", [Play(), Seek(0), Advance(1), ResetState(), SetThreshold(0.5)])
def test_without_a_stream_there_is_nothing_to_do(desk: Desk, command: Any) -> None:
    desk.play(command)
    assert "Nothing is open" in desk.of(Failed)[0].message


def test_speeds_that_make_no_sense_are_refused(desk: Desk) -> None:
    desk.play(SetSpeed(0.0), SetSpeed(float("nan")), SetSpeed(5.0))
    assert len(desk.of(Failed)) == 2
    assert desk.of(Status)[-1].speed == 5.0


@pytest.mark.parametrize("what", ["no.dat", "empty", "other model", "synthetic:nothing"])
def test_what_cannot_be_opened_is_told_and_another_one_can_be(
    desk: Desk, sides: str, recording: str, tmp_path: Path, what: str
) -> None:
    (tmp_path / "empty").write_bytes(b"")
    wrong = {
        "no.dat": Open(str(tmp_path / "no.dat"), sides),
        "empty": Open(str(tmp_path / "empty"), sides),
        "other model": Open(recording, "nmnist-brf"),
        "synthetic:nothing": Open("synthetic:nothing", sides),
    }[what]
    desk.play(wrong, Open(recording, sides, speed=None))
    (failed,) = desk.of(Failed)
    assert failed.fatal
    assert failed.hint
    assert desk.modes[-1] == "ended"


class Fragile:
    """A model that fails in the middle of a stream."""

    def __init__(self, folder: str) -> None:
        self._model = load_model(folder)
        self.card = self._model.card

    def initial_state(self) -> Any:
        return self._model.initial_state()

    def step(self, step: Any, state: Any) -> Any:
        if step.index == 50:
            raise ZeroDivisionError("a mistake in a plug-in")
        return self._model.step(step, state)


def test_a_model_that_fails_in_the_middle_ends_its_stream_only(
    desk: Desk, sides: str, recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsnn.player.wiring.open_model", lambda name: Fragile(name))
    desk.play(Open(recording, sides, speed=None))
    (failed,) = desk.of(Failed)
    assert failed.fatal
    assert "ZeroDivisionError: a mistake in a plug-in" in failed.message
    assert desk.modes[-1] == "failed"
    monkeypatch.undo()
    desk.play(Open(recording, sides, speed=None))
    assert desk.modes[-1] == "ended"


def test_a_scene_plays_and_is_sought_from_its_beginning(desk: Desk, tmp_path: Path) -> None:
    desk.play(
        Open("synthetic:digit:7", "nmnist-sliding-psn", speed=None, paused=True),
        Seek(400_000),
        desk.steps(3),
        Advance(5),
    )
    forwards = shown(desk)
    again = Desk()
    again.play(
        Open("synthetic:digit:7", "nmnist-sliding-psn", speed=None, paused=True),
        Advance(60),
        desk.steps(60),
        Seek(400_000),
        Advance(5),
    )
    backwards = shown(again)
    assert_same(backwards, forwards, range(40, 45))


def test_a_far_place_is_reached_by_warming_up_and_said_so(
    desk: Desk, sides: str, recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamsnn.player.session._REPLAYED_US", 500_000)
    monkeypatch.setattr("streamsnn.player.session._SHOWN_US", 100_000)
    desk.play(Open(recording, sides, speed=None, paused=True), Seek(2_500_000), Advance(1))
    (note,) = desk.of(Note)
    assert "Warmed up over the 0.1 s before" in note.text
    indices = desk.screen.steps_since(0).records["index"]
    assert indices[-1] == (1_234 + 2_500_000) // STEP_US
    assert len(indices) < 50


def boxed(**options: Any) -> Open:
    """Easy shapes, in boxes, as fast as it goes, with a pause at the beginning."""
    recording, model = str(recordings_folder() / "shapes-easy.raw"), "nmnist-sliding-psn"
    fit = fit_of(open_source(recording).sensor, open_model(model).card.input)
    assert fit is not None
    return Open(
        recording,
        model,
        speed=None,
        paused=True,
        crop=fit.crop,
        downsample=fit.downsample,
        letterbox=fit.letterbox,
        track="regions",
        **options,
    )


def test_boxes_are_shown_and_are_the_same_after_seeking() -> None:
    wanted = boxed(classify="nmnist-brf")
    first, again = Desk(), Desk()
    first.play(wanted, Advance(150))
    boxes = first.screen.tracks()
    assert len(boxes) > 0
    again.play(wanted, Advance(190), again.steps(200), Seek(1_490_000), again.steps(10), Seek(1_490_000), Advance(1))
    assert again.screen.newest_us == first.screen.newest_us
    assert np.array_equal(again.screen.tracks(), boxes)


def test_the_camera_s_motion_is_taken_out_while_it_plays() -> None:
    boxes = []
    desk = Desk()

    def look() -> None:
        boxes.append(desk.screen.tracks())

    desk.play(boxed(), Advance(100), desk.steps(110), look, SwitchEgoMotion(True), Advance(60), desk.steps(70), look)
    desk.play(SwitchEgoMotion(False))
    told = desk.screen.steps_since(0).records
    assert np.isnan(told["background_vx"]).tolist() == [True] * 100 + [False] * 60
    # This camera stands still: objects are found again, and no id comes twice.
    assert len(boxes[0]) > 0
    assert len(boxes[1]) > 0
    assert boxes[1]["id"].min() > boxes[0]["id"].max()
