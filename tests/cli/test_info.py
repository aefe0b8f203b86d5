"""`streamsnn info`: what it says of a recording and of a model is what they were made with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import SENSOR, save_sides, side_events, write_side

from streamsnn.cli import main
from streamsnn.cli.survey import Survey, survey
from streamsnn.formats import Damage, write_recording
from streamsnn.types import EVENT, Sensor


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save_sides(tmp_path / "models" / "sides")
    write_side(tmp_path / "left.dat", "left")
    return tmp_path


def info(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["info", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["info", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) <= 3
    return told.err


def test_a_recording(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = side_events("left")
    found = info(capsys, "left.dat")
    assert found["kind"] == "recording"
    assert found["format"] == "DAT"
    assert found["sensor"]["width"] == 8
    assert found["sensor"]["height"] == 6
    assert found["events"] == 400
    assert found["duration_s"] == pytest.approx((events["t"][-1] + 1) * 1e-6)
    assert found["rate_hz"] == pytest.approx(400 / found["duration_s"])
    assert found["on_share"] == np.mean(events["p"])
    assert found["active_pixels"] == 24
    hottest = found["hottest_pixel"]
    assert hottest["events"] == np.count_nonzero((events["x"] == hottest["x"]) & (events["y"] == hottest["y"]))
    assert not any(found["damage"].values())


def test_a_recording_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "left.dat"]) == 0
    told = capsys.readouterr().out
    for fact in ("DAT", "8x6 pixels", "ms", "400", "brighter (ON)", "events/s, a column is"):
        assert fact in told
    assert "█" in told


def test_damage_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "cut.dat").write_bytes((here / "left.dat").read_bytes()[:-3])
    assert info(capsys, "cut.dat")["damage"]["truncated_bytes"] == 5
    assert main(["info", "cut.dat"]) == 0
    assert "cut off" in capsys.readouterr().out


def test_a_header_without_events(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "header.dat", np.empty(0, EVENT), SENSOR)
    found = info(capsys, "header.dat")
    assert found["events"] == 0
    assert found["on_share"] is None
    assert found["rate"]["events_per_s"] == []
    assert main(["info", "header.dat"]) == 0
    assert "no more than a header" in capsys.readouterr().out


def test_a_damaged_file_with_nothing_readable(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_recording(here / "one.dat", np.zeros(1, EVENT), SENSOR)
    (here / "cut.dat").write_bytes((here / "one.dat").read_bytes()[:-3])
    assert main(["info", "cut.dat"]) == 0
    told = capsys.readouterr().out
    assert "nothing in the file can be read" in told
    assert "cut off" in told
    assert "no more than a header" not in told


@given(
    st.lists(st.integers(1, 40_000_000), min_size=1, max_size=40, unique=True).map(sorted),
    st.integers(1, 200),
)
@settings(max_examples=40, deadline=None)
def test_the_rate_curve_holds_every_event(times_us: list[int], columns: int) -> None:
    counts, bin_us = np.zeros(4096, np.int64), 1_000
    while times_us[-1] - times_us[0] >= 4096 * bin_us:
        bin_us *= 2
    for t_us in times_us:
        counts[(t_us - times_us[0]) // bin_us] += 1
    duration_us = times_us[-1] - times_us[0] + 1
    found = Survey(
        Path("x"), 1, "DAT", SENSOR, 0, duration_us, len(times_us), 0, 1, (0, 0, 1), counts, bin_us, (), Damage()
    )
    rates_hz, length_us = found.rates_hz(columns)
    assert rates_hz.size <= columns
    lengths_us = np.full(rates_hz.size, length_us)
    lengths_us[-1] = duration_us - length_us * (rates_hz.size - 1)
    assert 0 < lengths_us[-1] <= length_us
    assert np.sum(rates_hz * lengths_us * 1e-6) == pytest.approx(len(times_us))


def test_a_long_recording_is_surveyed_in_the_same_memory(here: Path) -> None:
    events = np.zeros(3, EVENT)
    events["t"] = [5, 1_000_000_005, 2_000_000_005]
    write_recording(here / "long.dat", events, SENSOR)
    found = survey(here / "long.dat", None)
    assert found.counts.size == 4096
    assert found.counts.sum() == 3
    assert found.duration_us == 2_000_000_001
    assert np.flatnonzero(found.counts).tolist() == [0, 1_000_000_000 // found.bin_us, 2_000_000_000 // found.bin_us]


def test_hot_pixels_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = np.zeros(1480, EVENT)
    events["t"] = 1_000 * np.arange(1480)
    events["x"][:480], events["y"][:480] = np.arange(480) % 8, np.arange(480) // 8 % 6
    events["x"][480:], events["y"][480:] = 3, 2
    write_recording(here / "hot.dat", events, Sensor("test", 8, 6))
    assert info(capsys, "hot.dat")["hot_pixels"] == [{"x": 3, "y": 2, "events": 1010}]
    assert main(["info", "hot.dat"]) == 0
    assert "hot pixels  (3, 2): 68.2 % of the events" in capsys.readouterr().out


def test_columns_can_be_stated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "odd.txt").write_text("".join(f"{i % 2} {i % 8} 7 {i % 6} {i * 1000}\n" for i in range(100)))
    found = info(capsys, "odd.txt", "--columns", "p,x,-,y,t:ns")
    assert (found["events"], found["active_pixels"]) == (100, 24)
    assert found["duration_s"] == pytest.approx(100e-6)
    assert "no column" in refused(capsys, "odd.txt", "--columns", "p,x,y,t:h")


def test_the_sensor_can_be_stated(here: Path, capsys: pytest.CaptureFixture[str], shared_data: Path) -> None:
    real = str(shared_data / "events" / "nmnist" / "00001.bin")
    found = info(capsys, real)
    assert (found["sensor"]["width"], found["sensor"]["height"]) == (34, 34)
    assert found["events"] > 1000
    assert info(capsys, real, "--sensor", "40x36")["sensor"]["width"] == 40


def test_a_model_by_name_and_by_path(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = info(capsys, "sides")
    assert found == info(capsys, "./models/sides") | {"path": found["path"]}
    assert found["kind"] == "model"
    assert found["labels"] == ["left", "right"]
    assert found["step_ms"] == 5
    assert found["input"]["width"] == 8
    assert [(layer["name"], layer["type"], layer["shape"]) for layer in found["layers"]] == [
        ("halves", "linear", [2]),
        ("spikes", "lif", [2]),
        ("scores", "linear", [2]),
    ]
    assert [layer["parameters"] for layer in found["layers"]] == [192, 0, 4]
    assert [layer["neurons"] for layer in found["layers"]] == [0, 2, 0]
    assert found["parameters"] == 196
    assert found["figures"] == {"accuracy": 0.975}


def test_a_model_for_people(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "sides"]) == 0
    told = capsys.readouterr().out
    for fact in ("which half moves", "8x6 pixels, ON and OFF, count", "5 ms", "left, right", "196", "lif", "97.5 %"):
        assert fact in told


def test_what_is_neither(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bare").mkdir()
    assert "neither a recording nor a model" in refused(capsys, "bare")
    assert "no file lift.dat" in refused(capsys, "lift.dat")
    assert 'Did you mean "sides"?' in refused(capsys, "sidse")
    (here / "letter.txt").write_text("Dear network\n" * 20)
    assert "known format" in refused(capsys, "letter.txt")


def test_a_damaged_model(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml = here / "models" / "sides" / "model.toml"
    toml.write_text(toml.read_text().replace("format = 1", "format = 99"))
    assert "format 99" in refused(capsys, "sides")


def test_sensor_of_a_survey(here: Path) -> None:
    assert survey(here / "left.dat", Sensor("mine", 9, 9)).sensor == Sensor("mine", 9, 9)


def test_a_sound(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tone = 0.5 * np.sin(np.arange(24_000) * 2 * np.pi * 440 / 16_000)
    soundfile.write(here / "tone.wav", np.stack([tone, tone], axis=1), 16_000)
    found = info(capsys, "tone.wav")
    assert (found["kind"], found["rate_hz"], found["ears"], found["duration_s"]) == ("sound", 16_000, 2, 1.5)
    assert found["level_db"] == pytest.approx(-9.03, abs=0.02)
    assert found["peak_db"] == pytest.approx(-6.02, abs=0.02)
    assert main(["info", "tone.wav"]) == 0
    assert "2 ears, 16 kHz" in capsys.readouterr().out
    assert "without pixels" in refused(capsys, "tone.wav", "--sensor", "8x6")


def test_silence_that_is_cut_off(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(here / "silence.wav", np.zeros(16_000), 16_000)
    (here / "silence.wav").write_bytes((here / "silence.wav").read_bytes()[:-8_000])
    found = info(capsys, "silence.wav")
    assert found["level_db"] is None
    assert found["duration_s"] == 0.75
    assert "4,000 samples" in found["damage"][0]


def test_a_link_to_nowhere(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "link.dat").symlink_to("gone.dat")
    assert "leads to gone.dat, where there is no file" in refused(capsys, "link.dat")
