"""`streamsnn convert`: what is in the target is what was asked for, and nothing half written stays."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from streamsnn.cli import main
from streamsnn.formats import open_recording, write_recording
from streamsnn.types import EVENT, Events, Sensor

SENSOR = Sensor("test", 60, 40)


def events_of(path: Path) -> Events:
    return np.concatenate([np.empty(0, EVENT), *open_recording(path).chunks()])


def steady(n: int = 3000) -> Events:
    events = np.empty(n, EVENT)
    events["t"] = 5_000 + 100 * np.arange(n)
    events["x"], events["y"], events["p"] = np.arange(n) % 60, np.arange(n) % 40, np.arange(n) % 3 == 0
    return events


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.dat"
    write_recording(path, steady(), SENSOR)
    return path


def convert(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["convert", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["convert", *map(str, arguments)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.splitlines()) <= 3
    return told.err


@pytest.mark.parametrize("name", ["b.dat", "b.raw", "b.aedat4"])
def test_every_event_goes_over(source: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    target = source.with_name(name)
    found = convert(capsys, source, target)
    assert found["events"] == 3000
    assert found["sensor"]["width"] == 60
    assert np.array_equal(events_of(target), steady())
    assert {path.name for path in source.parent.iterdir()} == {"a.dat", name}


def test_npz_is_one_structured_array(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert(capsys, source, source.with_suffix(".npz"))
    with np.load(source.with_suffix(".npz")) as archive:
        assert archive.files == ["events"]
        assert archive["events"].dtype == EVENT
        assert np.array_equal(archive["events"], steady())


def test_a_part_in_time_and_space_through_a_filter(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = source.with_name("b.raw")
    arguments = ("--start", "100ms", "--stop", "0.2", "--crop", "10,5,20,30", "--filter", "polarity:on")
    found = convert(capsys, source, target, *arguments)
    events = steady()
    events = events[(events["t"] >= 105_000) & (events["t"] < 205_000) & events["p"]]
    events = events[(events["x"] >= 10) & (events["x"] < 30) & (events["y"] >= 5) & (events["y"] < 35)]
    events["x"] -= 10
    events["y"] -= 5
    assert np.array_equal(events_of(target), events)
    assert open_recording(target).sensor[1:3] == (20, 30)
    assert found["events"] == len(events)


def test_it_tells_people(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(source.read_bytes()[:-3])
    assert main(["convert", str(source), str(source.with_suffix(".raw"))]) == 0
    told = capsys.readouterr().out
    assert "2,999 in 299.8 ms" in told
    assert "cut off" in told


def test_strict_refuses_and_leaves_nothing(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source.write_bytes(source.read_bytes()[:-3])
    assert "damaged" in refused(capsys, source, source.with_suffix(".raw"), "--strict")
    assert [path.name for path in source.parent.iterdir()] == ["a.dat"]


def test_it_never_writes_over_its_source(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = source.read_bytes()
    os.link(source, source.with_name("same.dat"))
    for name in ("a.dat", "same.dat", "../" + source.parent.name + "/a.dat"):
        assert "not written over" in refused(capsys, source, source.parent / name)
    assert source.read_bytes() == before


def test_what_it_refuses(source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = source.with_suffix(".raw")
    assert "no extension" in refused(capsys, source, source.with_suffix(".mp4"))
    assert "no format" in refused(capsys, source, target, "--format", "mp4")
    assert "There is no file" in refused(capsys, source.with_name("none.dat"), target)
    told = refused(capsys, source, target, "--start", "10s")
    assert "is over after" in told
    assert "Start earlier" in told
    assert told.startswith("error: ")
    assert "not inside" in refused(capsys, source, target, "--crop", "50,0,20,20")
    assert "is a folder" in refused(capsys, source, source.parent, "--format", "dat")
    assert [path.name for path in source.parent.iterdir()] == ["a.dat"]
    soundfile.write(source.with_name("a.wav"), np.zeros(800), 16_000)
    assert "is a sound" in refused(capsys, source.with_name("a.wav"), target)


def test_silence_is_not_walked_through(tmp_path: Path) -> None:
    """Three thousand events over two months: as packets of 10 ms they would be five hundred million."""
    rows = "".join(f"{place * 1_800_000_000},3,1,1\n" for place in range(3000))
    (tmp_path / "a.csv").write_text("t,x,y,p\n" + rows)
    assert main(["convert", str(tmp_path / "a.csv"), str(tmp_path / "a.npz")]) == 0
    events = np.concatenate(list(open_recording(tmp_path / "a.npz").chunks()))
    assert np.array_equal(events["t"], 1_800_000_000 * np.arange(3000))
