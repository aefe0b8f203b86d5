"""The table of formats, and opening whatever a user names."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import faery
import numpy as np
import pytest
from event_strategies import SENSOR, make_events, read_all

from streamsnn.errors import StreamsnnError
from streamsnn.formats import FORMATS, open_recording, write_recording
from streamsnn.types import Events, Sensor


def sample() -> Events:
    n = 400
    return make_events(100 * np.arange(n), np.arange(n) % 34, np.arange(n) % 30, np.arange(n) % 2)


WRITTEN = [form for form in FORMATS if form.write]


def test_the_table() -> None:
    assert len({form.name for form in FORMATS}) == len(FORMATS)
    extensions = [extension for form in WRITTEN for extension in form.extensions]
    assert len(set(extensions)) == len(extensions)
    for form in FORMATS:
        assert all(extension.startswith(".") and extension == extension.lower() for extension in form.extensions)
    assert all(form.description for form in FORMATS)


@pytest.mark.parametrize("form", WRITTEN, ids=lambda form: form.name)
@pytest.mark.parametrize("extension", [".bin", ".dat", ".raw", ".aedat4", ".AEDAT4", ".txt", ""])
def test_content_comes_before_the_extension(tmp_path: Path, form: Any, extension: str) -> None:
    right = tmp_path / f"right{form.extensions[0]}"
    write_recording(right, sample(), SENSOR)
    wrong = right.rename(tmp_path / f"wrong{extension}")
    assert open_recording(wrong).format_name == form.name
    assert np.array_equal(read_all(wrong)[0], sample())


def test_a_str_is_a_path(tmp_path: Path) -> None:
    write_recording(str(tmp_path / "a.dat"), sample(), SENSOR)
    assert open_recording(str(tmp_path / "a.dat")).sensor[1:] == SENSOR[1:]


def test_the_sensor_can_be_overridden(tmp_path: Path) -> None:
    for form in WRITTEN:
        path = tmp_path / f"a{form.extensions[0]}"
        write_recording(path, sample(), SENSOR)
        recording = open_recording(path, sensor=Sensor("mine", 20, 30))
        assert recording.sensor == Sensor("mine", 20, 30)
        assert sum(chunk.size for chunk in recording.chunks()) == np.count_nonzero(sample()["x"] < 20)


def test_an_extension_that_nobody_writes(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError) as caught:
        write_recording(tmp_path / "a.mp4", sample(), SENSOR)
    assert ".dat, .raw, .evt2.raw" in caught.value.hint


def test_no_such_file_and_the_closest_name(tmp_path: Path) -> None:
    write_recording(tmp_path / "digits.dat", sample(), SENSOR)
    with pytest.raises(StreamsnnError, match="There is no file") as caught:
        open_recording(tmp_path / "digit.dat")
    assert caught.value.hint == f"Did you mean {tmp_path / 'digits.dat'}?"
    with pytest.raises(StreamsnnError, match="There is no file") as caught:
        open_recording(tmp_path / "x")
    assert "Did you mean" not in caught.value.hint
    with pytest.raises(StreamsnnError, match="There is no file") as caught:
        open_recording(tmp_path / "none" / "a.dat")
    assert "no folder" in caught.value.hint
    with pytest.raises(StreamsnnError, match="There is no file"):
        open_recording(tmp_path / "digits.dat" / "a.dat")
    with pytest.raises(StreamsnnError, match="There is no file"):
        open_recording("a\0b.dat")
    with pytest.raises(StreamsnnError, match="cannot be read"):
        open_recording("a" * 5000)


def test_a_directory_a_device_and_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="is a folder"):
        open_recording(tmp_path)
    with pytest.raises(StreamsnnError, match="is a device"):
        open_recording("/dev/null")
    (tmp_path / "a.dat").touch()
    with pytest.raises(StreamsnnError, match="is empty"):
        open_recording(tmp_path / "a.dat")


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.dat"
    write_recording(path, sample(), SENSOR)

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StreamsnnError, match="may not be read") as caught:
        open_recording(path)
    assert caught.value.hint


@pytest.mark.parametrize("name", ["a.raw", "a.dat", "a.aedat4", "a.bin", "a.txt", "a"])
@pytest.mark.parametrize("data", [b"EventStream\x02\x00\x00", b"\x89PNG\r\n\x1a\n" + bytes(99), b"hello, world\n" * 9])
def test_an_unknown_format_names_the_known_ones(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(StreamsnnError, match="no recording of a known format") as caught:
        open_recording(tmp_path / name)
    assert all(form.name in caught.value.hint for form in FORMATS)


def test_a_text_is_refused(shared_data: Path) -> None:
    with pytest.raises(StreamsnnError, match="no recording of a known format"):
        open_recording(shared_data / "events" / "formats" / "SOURCE-gen4-evt.txt")


def test_the_table_costs_no_heavy_import() -> None:
    code = (
        "import sys, streamsnn.formats, streamsnn.sources.files, streamsnn.sources.paced\n"
        "print(sorted({'torch', 'numba', 'faery', 'expelliarmus', 'lz4', 'zstandard'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("file", "name", "size", "events"),
    [
        ("formats/evt2.raw", "EVT2", (640, 480), 521_252),
        ("formats/spinner.evt2.raw", "EVT2", (640, 480), 539_481),
        ("formats/dvs.es", "ES", (320, 240), 473_225),
        ("formats/trcl0.es", "ES", (30, 32), 2_628),
        ("jaer-dvs128-box/MovingDarkBox.aedat", "AEDAT2", (128, 128), 489_834),
        ("dvs128-objects/session_B/Caixa.aedat", "AEDAT2", (128, 128), 201_523),
    ],
)
def test_real_recordings(shared_data: Path, file: str, name: str, size: tuple[int, int], events: int) -> None:
    recording = open_recording(shared_data / "events" / file)
    assert (recording.format_name, recording.sensor[1:3]) == (name, size)
    assert sum(map(len, recording.chunks())) == events
    assert not recording.damage


@pytest.mark.parametrize("file", ["evt2.raw", "spinner.evt2.raw", "dvs.es", "trcl0.es"])
def test_real_recordings_equal_what_faery_reads(shared_data: Path, file: str) -> None:
    path = shared_data / "events" / "formats" / file
    theirs = np.concatenate(list(faery.events_stream_from_file(path)))
    expected = make_events(theirs["t"], theirs["x"], theirs["y"], theirs["p"])
    if path.suffix == ".es":  # It turns the rows round.
        expected["y"] = open_recording(path).sensor.height - 1 - expected["y"]
    assert np.array_equal(read_all(path)[0], expected)


@pytest.mark.skipif(importlib.util.find_spec("expelliarmus") is None, reason="expelliarmus is not installed")
@pytest.mark.parametrize("file", ["evt2.raw", "spinner.evt2.raw"])
def test_real_recordings_equal_what_expelliarmus_reads(shared_data: Path, file: str) -> None:
    from expelliarmus import Wizard

    path = shared_data / "events" / "formats" / file
    theirs = np.concatenate(list(Wizard("evt2", fpath=path).read_chunk()))
    assert np.array_equal(read_all(path)[0], make_events(theirs["t"], theirs["x"], theirs["y"], theirs["p"]))


def test_an_older_format_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.aedat").write_bytes(b"#!AER-DAT1.0\r\n" + bytes(60))
    with pytest.raises(StreamsnnError, match="AEDAT 1, which is not read yet"):
        open_recording(tmp_path / "a.aedat")
