"""`streamsnn run`: what a stream makes the network think, and what can be wrong with it."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import SENSOR, save_ears, save_sides, side_events, write_side

from streamsnn import registry
from streamsnn.cli import main, options, playing, waiting
from streamsnn.clock import ManualClock
from streamsnn.engine import stream
from streamsnn.formats import write_recording
from streamsnn.sources import standstill
from streamsnn.sources.hearing import Heard
from streamsnn.types import EVENT, Output, ReadoutSettings, Result, Sensor, Sound, Step


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a model and a recording of 100 ms on the left."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(waiting, "_PATIENCE_S", 600)
    save_sides(tmp_path / "models" / "sides")
    write_side(tmp_path / "left.dat", "left")
    return tmp_path


def run(*arguments: str) -> int:
    return main(["run", *arguments])


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What is said when this is refused: two lines at most, nothing on stdout."""
    assert run(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0].startswith("error: ")
    assert len(lines) <= 3
    return told.err


def test_decisions_then_a_summary_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("left.dat", "--model", "sides", "--speed", "max") == 0
    told = capsys.readouterr()
    decision, *summary = told.out.splitlines()
    assert decision.split()[:3] == ["0.010", "s", "left"]
    for unit in ("%", "events/s", "ms"):
        assert unit in decision
    assert [line.split()[0] for line in summary] == ["played", "events", "decision", "lag", "compute", "work", "energy"]
    assert "W for these operations" in summary[-1]
    assert "20 steps of 5 ms" in summary[0]
    assert told.err == ""


def test_json_is_an_object_a_decision_then_one_summary(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("left.dat", "--model", "sides", "--speed", "max", "--json") == 0
    decision, last = objects(capsys)
    assert decision["label"] == "left"
    assert decision["t_us"] == 10_000
    assert set(last) == {"summary"}
    summary = last["summary"]
    assert summary["steps"] == 20
    assert summary["events"] == 400
    assert summary["label"] == "left"
    assert summary["passes"] == 1
    assert summary["interrupted"] is False
    assert summary["damage"] == []
    assert decision["rate_hz"] > 0
    operations = summary["synaptic_operations"]
    assert list(operations["layers"]) == ["halves", "spikes", "scores"]
    assert sum(operations["layers"].values()) == operations["total"]


def test_true_time_is_the_default(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    monkeypatch.setattr(playing, "HostClock", lambda: clock)
    assert run("left.dat", "--model", "sides") == 0
    played_ms = clock.now_ns() / 1e6
    assert run("left.dat", "--model", "sides", "--speed", "0.25") == 0
    assert played_ms == pytest.approx(100, rel=0.02)
    assert clock.now_ns() / 1e6 == pytest.approx(5 * played_ms, rel=0.001)
    before_ns = clock.now_ns()
    assert run("left.dat", "--model", "sides", "--speed", "max") == 0
    assert clock.now_ns() == before_ns


def test_who_falls_behind_sees_it_in_the_lag(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = ManualClock()

    class Slow:
        """Takes 20 ms for a step of 5 ms."""

        def __init__(self, text: str) -> None:
            self._network = registry.open_model(text)
            self.card, self.initial_state = self._network.card, self._network.initial_state

        def step(self, step: Step, state: Any) -> Output:
            clock.advance_ns(20_000_000)
            return self._network.step(step, state)

    monkeypatch.setattr(playing, "HostClock", lambda: clock)
    monkeypatch.setattr(playing, "open_model", Slow)
    assert run("left.dat", "--model", "sides", "--json", "--jsonl", "out.jsonl") == 0
    decision, last = objects(capsys)
    assert decision["lag_ms"] == pytest.approx(20 + 15, abs=1)
    assert last["summary"]["latency"]["total"]["max_ms"] == pytest.approx(20 + 19 * 15, abs=5)
    assert last["summary"]["latency"]["compute"]["max_ms"] == 20
    assert last["summary"]["synaptic_operations"]["layers"] is None


def test_a_label_that_fades_is_taken_back_in_every_output(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nervous = ReadoutSettings(kind="leaky", tau_ms=10, threshold=0.6, hysteresis=0.05, patience=1)
    save_sides(here / "models" / "nervous", readout=nervous)
    events = side_events("left")
    events["t"][-1] = 500_000  # so that 400 ms of silence are part of the recording
    write_recording(here / "fades.dat", events, SENSOR)
    common = ["fades.dat", "--model", "nervous", "--speed", "max", "--stop", "450ms"]
    assert run(*common, "--json", "--csv", "out.csv") == 0
    shown, faded, last = objects(capsys)
    assert (shown["label"], faded["label"], last["summary"]["label"]) == ("left", None, None)
    assert faded["confidence"] < 0.6
    rows = list(csv.DictReader((here / "out.csv").read_text().splitlines()))
    assert (rows[5]["label"], rows[-1]["label"]) == ("left", "")
    assert run(*common) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in told[:2]] == ["left", "-"]
    assert "decision  none, " in "\n".join(told)


@pytest.mark.parametrize("option", ["--csv", "--jsonl"])
@pytest.mark.parametrize("name", ["left.dat", "./models/../left.dat", "link.dat", "hard.dat"])
def test_the_recording_is_never_overwritten(
    here: Path, capsys: pytest.CaptureFixture[str], option: str, name: str
) -> None:
    (here / "link.dat").symlink_to(here / "left.dat")
    os.link(here / "left.dat", here / "hard.dat")
    before = (here / "left.dat").read_bytes()
    told = refused(capsys, "left.dat", "--model", "sides", option, name)
    assert f"{option} {name} would overwrite SOURCE" in told
    assert (here / "left.dat").read_bytes() == before


def test_two_outputs_do_not_share_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["left.dat", "--model", "sides", "--speed", "max"]
    assert "would overwrite --csv" in refused(capsys, *common, "--csv", "out", "--jsonl", "./out")
    assert not (here / "out").exists()
    assert run(*common, "--csv", os.devnull, "--jsonl", os.devnull) == 0


def test_start_and_stop_cut_the_recording(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = ["--start", "20ms", "--stop", "0.05"]
    assert run("left.dat", "--model", "sides", "--speed", "max", "--json", *cut) == 0
    decision, last = objects(capsys)
    assert last["summary"]["steps"] == 6
    events = side_events("left")
    assert last["summary"]["events"] == np.count_nonzero((events["t"] >= 20_000) & (events["t"] < 50_000))
    assert decision["t_us"] == 30_000


def test_loop_begins_again_with_a_fresh_state(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    passes: list[list[tuple[int, float]]] = []

    def watched(*arguments: Any, **settings: Any) -> Iterator[Result]:
        if len(passes) == 3:
            raise KeyboardInterrupt
        passes.append([])
        for result in stream(*arguments, **settings):
            passes[-1].append((result.step.index, result.decision.confidence))
            yield result

    monkeypatch.setattr(playing, "stream", watched)
    assert run("left.dat", "--model", "sides", "--speed", "max", "--json", "--loop") == 130
    told = capsys.readouterr()
    assert len(passes[0]) == 20
    assert passes[0] == passes[1] == passes[2]
    assert told.err.splitlines() == [f"pass {n}: from the beginning, with a fresh state" for n in (2, 3, 4)]
    lines = [json.loads(line) for line in told.out.splitlines()]
    assert [line.get("label", "summary") for line in lines] == ["left", None, "left", None, "left", "summary"]
    assert lines[-1]["summary"]["passes"] == 4
    assert lines[-1]["summary"]["steps"] == 60


def test_ctrl_c_prints_the_summary_too(here: Path) -> None:
    # Whoever runs the tests in the background has them ignore Ctrl-C, and their children with them.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from streamsnn.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "run", "left.dat", "--model", "sides", "--loop", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert '"label": "left"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        *_, last = process.stdout.read().splitlines()
        told = process.stderr.read()
    assert process.returncode == 130
    assert json.loads(last)["summary"]["interrupted"] is True
    assert "Traceback" not in told


def test_ctrl_c_before_the_first_step(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(model: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(options, "start_engine", interrupted)
    assert run("left.dat", "--model", "sides") == 130
    assert capsys.readouterr().out == "played nothing\n"
    assert run("left.dat", "--model", "sides", "--json") == 130
    (last,) = objects(capsys)
    assert last["summary"]["steps"] == 0


def test_the_readout_can_be_overridden(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["left.dat", "--model", "sides", "--speed", "max", "--json"]
    assert run(*common, "--patience", "7") == 0
    assert objects(capsys)[0]["t_us"] == 35_000
    assert run(*common, "--threshold", "0.999") == 0
    assert [*objects(capsys)[0]] == ["summary"]
    nervous = ReadoutSettings(kind="leaky", tau_ms=5, threshold=0.6, hysteresis=0.1, patience=1)
    save_sides(here / "models" / "nervous", readout=nervous)
    events = np.concatenate([side_events("left", duration_us=50_000), side_events("right", duration_us=50_000)])
    events["t"][400:] += 50_000
    write_recording(here / "both.dat", events, SENSOR)
    both = ["both.dat", "--model", "nervous", "--speed", "max", "--json"]
    assert run(*both) == 0
    assert [line.get("label") for line in objects(capsys)] == ["left", "right", None]
    assert run(*both, "--hysteresis", "0.99") == 0
    assert [line.get("label") for line in objects(capsys)] == ["left", None]


def test_files_for_programs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("left.dat", "--model", "sides", "--speed", "max", "--csv", "out.csv", "--jsonl", "out.jsonl") == 0
    rows = (here / "out.csv").read_text().splitlines()
    assert rows[0] == "t_us,label,confidence,events,spikes,lag_us,dropped"
    assert len(rows) == 21
    (line,) = (here / "out.jsonl").read_text().splitlines()
    assert json.loads(line)["label"] == "left"


def test_filters_are_applied_in_turn(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    common = ["left.dat", "--model", "sides", "--speed", "max", "--json"]
    assert run(*common, "--filter", "flip:x") == 0
    assert objects(capsys)[-1]["summary"]["label"] == "right"
    assert run(*common, "--filter", "flip:x", "--filter", "region:0,0,4,6") == 0
    assert objects(capsys)[-1]["summary"]["events"] == 0


def test_a_larger_sensor_is_cropped_or_shrunk(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = side_events("right")
    events["x"] = 100 + 2 * events["x"]
    events["y"] = 50 + 2 * events["y"]
    write_recording(here / "large.dat", events, Sensor("large", 320, 240))
    common = ["large.dat", "--model", "sides", "--speed", "max", "--json"]
    assert run(*common, "--crop", "100,50,16,12", "--downsample", "2") == 0
    assert objects(capsys)[-1]["summary"]["label"] == "right"
    told = refused(capsys, *common)
    assert "320x240" in told
    assert "8x6" in told
    assert "--crop" in told


def test_a_scene_before_a_simulated_camera(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut = ["--crop", "28,29,8,6", "--stop", "600ms"]
    assert run("synthetic:bar", "--model", "sides", "--speed", "max", "--json", *cut) == 0
    summary = objects(capsys)[-1]["summary"]
    assert summary["steps"] == 120
    assert summary["events"] > 100
    assert "--start" in refused(capsys, "synthetic:bar", "--model", "sides", "--start", "1s")
    assert "no synthetic scene" in refused(capsys, "synthetic:bra", "--model", "sides")


def test_the_seed_decides_draws(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("left.dat", "--model", "sides", "--speed", "max", "--json", "--seed", "7") == 0
    assert objects(capsys)[-1]["summary"]["steps"] == 20


PLUG_INS = """
from pathlib import Path
import numpy as np
from streamsnn.modelfolder import load_model
from streamsnn.readout import ScoreReadout
from streamsnn.sources.files import RecordingSource
from streamsnn.filters import Flip
from streamsnn.types import Decision

def model(): return load_model("models/sides")
def source(): return RecordingSource("left.dat")
def mirror(sensor): return Flip(sensor, axes="x")
def broken(): raise ValueError("no camera")

class Empty(RecordingSource):
    def __init__(self): super().__init__("left.dat")
    def __iter__(self): return iter(())

class Readout:
    def __init__(self, card): self.card = card
    def __call__(self, output): return Decision("always", 1.0, np.zeros(2, np.float32))
    def reset(self): pass

class Sink:
    def __init__(self, card): self.steps = 0
    def write(self, result): self.steps += 1
    def close(self): Path("seen.txt").write_text(str(self.steps))

class Wrapped:
    def __init__(self):
        self._network = model()
        self.card, self.initial_state, self.step = self._network.card, self._network.initial_state, self._network.step
"""


def test_plug_ins_take_any_place(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mynets.py").write_text(PLUG_INS)
    common = ["--speed", "max", "--json"]
    assert run("mynets:source", "--model", "mynets:model", "--filter", "mynets:mirror", *common) == 0
    assert objects(capsys)[-1]["summary"]["label"] == "right"
    assert run("left.dat", "--model", "sides", "--readout", "mynets:Readout", "--sink", "mynets:Sink", *common) == 0
    assert objects(capsys)[0]["label"] == "always"
    assert (here / "seen.txt").read_text() == "20"
    assert run("left.dat", "--model", "mynets:Wrapped", *common) == 0
    assert objects(capsys)[0]["label"] == "left"
    assert "no camera" in refused(capsys, "mynets:broken", "--model", "sides")
    assert "takes no seed" in refused(capsys, "left.dat", "--model", "mynets:Wrapped", "--seed", "1")
    assert "--start" in refused(capsys, "mynets:source", "--model", "sides", "--start", "1s")
    assert "--threshold" in refused(
        capsys, "left.dat", "--model", "sides", "--readout", "mynets:Readout", "--patience", "2"
    )
    assert "no source" in refused(capsys, "nosuchthing.cams:open", "--model", "sides")
    assert "before its first step" in refused(capsys, "mynets:Empty", "--model", "sides")


def test_no_such_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "lift.dat", "--model", "sides")
    assert "no file lift.dat" in told
    assert "left.dat" in told


def test_a_directory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is a folder" in refused(capsys, "models", "--model", "sides")


def test_an_empty_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty.dat").touch()
    assert "is empty" in refused(capsys, "empty.dat", "--model", "sides")


def test_header_only(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "header.dat", np.empty(0, EVENT), SENSOR)
    assert "no events" in refused(capsys, "header.dat", "--model", "sides", "--speed", "max")


def test_an_unknown_format(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "letter.txt").write_text("Dear network, what is this?\n" * 9)
    assert "no recording of a known format" in refused(capsys, "letter.txt", "--model", "sides")


def test_a_model_that_does_not_fit_the_sensor(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "tall.dat", side_events("left"), Sensor("tall", 8, 7))
    told = refused(capsys, "tall.dat", "--model", "sides")
    assert "8x7" in told
    assert "8x6" in told


def test_a_model_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "left.dat", "--model", "side")
    assert 'no model "side"' in told
    assert 'Did you mean "sides"?' in told


def test_a_truncated_recording_is_played_and_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "cut.dat").write_bytes((here / "left.dat").read_bytes()[:-3])
    assert run("cut.dat", "--model", "sides", "--speed", "max") == 0
    assert "damage    the file is cut off" in capsys.readouterr().out
    assert run("cut.dat", "--model", "sides", "--speed", "max", "--json") == 0
    summary = objects(capsys)[-1]["summary"]
    assert summary["events"] == 399
    assert len(summary["damage"]) == 1
    assert main(["run", "cut.dat", "--model", "sides", "--speed", "max", "--strict"]) == 2
    assert "cut.dat is damaged: the file is cut off" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "track"])
def test_a_clock_that_stands_still_is_played_and_told(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(standstill, "MOST_EVENTS", 100)
    events = side_events("left")
    events["t"][50:350] = events["t"][50]
    write_recording(here / "still.dat", events, SENSOR)
    model = ["--model", "sides"] if command == "run" else []
    assert main([command, "still.dat", *model, "--speed", "max"]) == 0
    told = capsys.readouterr().out
    assert "200 dropped" in told
    assert "damage    the clock stood still: 200 events" in told


def test_a_damaged_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights = here / "models" / "sides" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "damaged" in refused(capsys, "left.dat", "--model", "sides")
    weights.unlink()
    assert "weights.safetensors cannot be read" in refused(capsys, "left.dat", "--model", "sides")


def test_a_start_after_the_end(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "before the start" in refused(capsys, "left.dat", "--model", "sides", "--start", "5s", "--speed", "max")
    assert "is not after --start" in refused(capsys, "left.dat", "--model", "sides", "--start", "2s", "--stop", "1s")


@pytest.mark.parametrize("option", ["--csv", "--jsonl"])
def test_who_plays_nothing_writes_nothing(here: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    (here / "old").write_text("of yesterday")
    for name in ("new", "old"):
        refused(capsys, "left.dat", "--model", "sides", "--start", "5s", "--speed", "max", option, name)
    assert not (here / "new").exists()
    assert (here / "old").read_text() == "of yesterday"


def test_a_file_that_cannot_be_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "left.dat", "--model", "sides", "--speed", "max", "--csv", "nowhere/out.csv")
    assert "nowhere/out.csv cannot be written" in told


def test_a_misspelt_filter(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'Did you mean "background"?' in refused(
        capsys, "left.dat", "--model", "sides", "--filter", "backgruond:tau=5ms"
    )


class Struggling:
    """A device that has lost sound three times before it came here."""

    name, rate_hz, ears, overruns = "struggling", 16_000, 1, 3

    def __iter__(self) -> Iterator[Sound]:
        yield Sound(np.full((1600, 1), 0.1, np.float32), 0, 0)

    def close(self) -> None:
        pass


def test_overruns_of_a_device_are_told(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    save_ears(here / "models" / "ears")
    with monkeypatch.context() as patch:
        patch.setattr(playing, "open_source", lambda *_, hearing, **__: Heard(Struggling(), hearing, live=True))
        assert run("mic", "--model", "ears") == 0
        assert "3 overruns" in capsys.readouterr().out
        assert run("mic", "--model", "ears", "--json") == 0
        assert objects(capsys)[-1]["summary"]["overruns"] == 3
    assert run("left.dat", "--model", "sides", "--speed", "max", "--json") == 0
    assert "overruns" not in objects(capsys)[-1]["summary"]
