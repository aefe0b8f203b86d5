"""Samples in the layout of the Spiking Heidelberg Digits, from files that these tests write."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from streamsnn.cli import main
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording, write_recording
from streamsnn.formats.shd import SpikeFile
from streamsnn.sources.files import RecordingSource
from streamsnn.types import EVENT, Events, Sensor

SIZES = (40, 0, 3, 700)


def spikes(index: int) -> tuple[Any, Any]:
    """Seconds and units of a sample."""
    rng = np.random.default_rng(index)
    n = SIZES[index % len(SIZES)]
    return np.sort(rng.uniform(0, 1, n)), rng.integers(0, 700, n)


def expected(seconds: Any, units: Any) -> Events:
    events = np.zeros(len(seconds), EVENT)
    events["t"], events["x"], events["p"] = np.rint(np.asarray(seconds, np.float64) * 1e6), units, True
    return events


def write(path: Path, samples: list[tuple[Any, Any]], kind: str = "f8", labels: Any = None, extra: bool = True) -> Path:
    with h5py.File(path, "w") as file:
        for name, column, vlen in (("times", 0, kind), ("units", 1, "u2")):
            dataset = file.create_dataset(f"spikes/{name}", (len(samples),), h5py.vlen_dtype(np.dtype(vlen)))
            for place, sample in enumerate(samples):
                dataset[place] = np.asarray(sample[column], vlen)
        file["labels"] = np.arange(len(samples), dtype="u1") % 20 if labels is None else labels
        if extra:
            file["extra/speaker"] = np.arange(len(samples), dtype="u2") % 12
            file["extra/keys"] = np.array([b"zero", b"one", b"two", b"three"])
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "shd_test.h5", [spikes(k) for k in range(8)])


def test_the_samples_of_a_file(path: Path) -> None:
    with SpikeFile(path) as file:
        assert len(file) == 8
        assert file.classes == ("zero", "one", "two", "three")
        assert file.labels.tolist() == list(range(8))
        assert file.speakers.tolist() == list(range(8))
        for k in range(8):
            assert np.array_equal(file.sample(k), expected(*spikes(k)))
        pairs = list(file)
    assert [label for _, label in pairs] == list(range(8))
    assert all(np.array_equal(events, expected(*spikes(k))) for k, (events, _) in enumerate(pairs))


def test_samples_are_read_when_they_are_asked_for(path: Path) -> None:
    with SpikeFile(path) as file:
        samples = iter(file)
        assert len(next(samples)[0]) == 40
    with pytest.raises(StreamsnnError):
        next(samples)


def test_16_bits_of_seconds_as_in_shd(tmp_path: Path) -> None:
    seconds, units = spikes(3)
    half = seconds.astype("f2")
    path = write(tmp_path / "a.h5", [(seconds, units)], "f2")
    with SpikeFile(path) as file:
        events = file.sample(0)
    assert np.array_equal(events, expected(half, units))
    assert np.max(np.abs(events["t"] - seconds * 1e6)) < 500


def test_without_names_and_speakers(tmp_path: Path) -> None:
    path = write(tmp_path / "ssc.h5", [spikes(0)], "f4", extra=False)
    with SpikeFile(path) as file:
        assert file.classes == ()
        with pytest.raises(StreamsnnError, match="no extra/speaker"):
            _ = file.speakers
        assert len(list(file)) == 1


@pytest.mark.parametrize("chunk_bytes", [1, 100, 1 << 18])
def test_one_sample_is_a_recording(path: Path, chunk_bytes: int) -> None:
    for k in (0, 3, 7):
        recording = open_recording(f"{path}#{k}")
        assert recording.format_name == "SHD"
        assert recording.sensor == Sensor("SHD", 700, 1, "audio")
        assert recording.t_begin_us == 0
        assert recording.notes[0] == f"sample {k} of 8"
        assert np.array_equal(np.concatenate(list(recording.chunks(chunk_bytes))), expected(*spikes(k)))
        assert not recording.damage
    assert open_recording(f"{path}#3").notes[1] == "label 3, three"
    assert list(open_recording(f"{path}#1").chunks()) == []


def test_one_sample_is_a_source(path: Path) -> None:
    packets = list(RecordingSource(f"{path}#3", packet_us=4_000, strict=True))
    assert packets[0].t_begin_us == 0
    assert np.array_equal(np.concatenate([packet.events for packet in packets]), expected(*spikes(3)))


def test_info_of_one_sample(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", f"{path}#3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["events"] == 700
    assert told["sensor"] == {"name": "SHD", "width": 700, "height": 1, "kind": "audio"}
    assert main(["info", f"{path}#0"]) == 0
    assert "700 channels, 1 ear, audio" in capsys.readouterr().out
    assert main(["info", str(path)]) == 2
    told = capsys.readouterr().err
    assert "holds 8 samples, not one" in told
    assert f"{path}#0" in told
    assert main(["info", f"{path}#8"]) == 2
    assert "has no sample 8" in capsys.readouterr().err
    assert main(["info", f"{path}x#8"]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_a_file_of_one_sample_needs_no_number(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [spikes(0)])
    assert sum(chunk.size for chunk in open_recording(path).chunks()) == 40


def test_a_number_behind_another_format(tmp_path: Path) -> None:
    write_recording(tmp_path / "a.dat", expected(*spikes(0)), Sensor("a", 700, 1))
    with pytest.raises(StreamsnnError, match="is a single recording"):
        open_recording(tmp_path / "a.dat#3")
    named = (tmp_path / "a.dat").rename(tmp_path / "b#3")
    assert sum(chunk.size for chunk in open_recording(named).chunks()) == 40


def test_spikes_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [([0.5, 0.1, 0.3, 0.1], [1, 2, 3, 4])])
    with SpikeFile(path) as file:
        assert file.sample(0)["x"].tolist() == [2, 4, 3, 1]
    recording = open_recording(path, strict=True)
    assert np.concatenate(list(recording.chunks()))["x"].tolist() == [2, 4, 3, 1]


def test_times_and_units_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [([0.1, np.nan, -0.1, np.inf, 0.2, 0.3], [1, 2, 3, 4, 700, 5])])
    recording = open_recording(path)
    assert np.concatenate(list(recording.chunks()))["x"].tolist() == [1, 5]
    assert recording.damage.undated_events == 3
    assert recording.damage.outside_events == 1
    with pytest.raises(StreamsnnError, match="is damaged"):
        list(open_recording(path, strict=True).chunks())
    with SpikeFile(path) as file, pytest.raises(StreamsnnError, match="sample 0 has times or units that cannot be"):
        file.sample(0)


def test_times_without_units(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [([0.1, 0.2], [1]), ([0.1], [1])])
    with SpikeFile(path) as file:
        with pytest.raises(StreamsnnError, match="2 times and 1 units"):
            file.sample(0)
        assert len(file.sample(1)) == 1
        with pytest.raises(StreamsnnError, match="no sample -1"):
            file.sample(-1)
    with pytest.raises(StreamsnnError, match="2 times and 1 units"):
        open_recording(f"{path}#0")


def test_labels_that_are_too_few(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", [spikes(0), spikes(2)], labels=np.zeros(1, "u1"))
    with SpikeFile(path) as file, pytest.raises(StreamsnnError, match="2 samples, and 1 of labels"):
        next(iter(file))
    assert sum(chunk.size for chunk in open_recording(f"{path}#1").chunks()) == 3


def test_hdf5_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.zeros((3, 4))
    with pytest.raises(StreamsnnError, match="no set of spikes: it has no spikes/times") as caught:
        open_recording(path)
    assert "spikes/units" in caught.value.hint
    with h5py.File(path, "w") as file:
        file["spikes/times"] = np.zeros((3, 4))
        file["spikes/units"] = np.zeros((3, 4))
    with pytest.raises(StreamsnnError, match="spikes/times is something else"):
        open_recording(path)
    with h5py.File(path, "w") as file:
        file["spikes"] = np.zeros(3)
    with pytest.raises(StreamsnnError, match="it has no spikes/times"):
        open_recording(path)


def test_other_files_are_not_opened_from_within(tmp_path: Path) -> None:
    other = write(tmp_path / "other.h5", [spikes(0)])
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["spikes"] = h5py.ExternalLink(str(other), "/spikes")
    with pytest.raises(StreamsnnError, match="in another file"):
        open_recording(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="There is no file"):
        SpikeFile(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_bytes(b"")
    with pytest.raises(StreamsnnError, match="is empty"):
        SpikeFile(tmp_path / "a.h5")
    (tmp_path / "a.h5").write_text("no")
    with pytest.raises(StreamsnnError, match="is damaged"):
        SpikeFile(tmp_path / "a.h5")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_cut_off(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(StreamsnnError, match="is damaged"):
        open_recording(f"{path}#0")


DAMAGED = """
import os, signal, sys
import numpy as np
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.formats.shd import SpikeFile

good = open(sys.argv[1], "rb").read()
list(open_recording(sys.argv[1] + "#0").chunks())  # Everything is loaded before the first fork.
rng = np.random.default_rng(0)
for case in range(40):
    data = np.frombuffer(good, np.uint8).copy()
    for place in rng.integers(0, len(data), rng.integers(1, 8)):
        data[place : place + rng.integers(1, 9)] = rng.integers(256)
    with open(sys.argv[1] + ".bad", "wb") as file:
        file.write(data[: rng.integers(1, len(data))] if case % 4 == 0 else data)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            for chunk in open_recording(sys.argv[1] + ".bad#0").chunks():
                assert np.all(np.diff(chunk["t"]) >= 0)
            with SpikeFile(sys.argv[1] + ".bad") as file:
                list(file)
        except StreamsnnError:
            os._exit(1)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(2)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(("events", "error", "other")[status] if status >= 0 else "crash")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the library's crashes can only be counted where there is fork")
def test_damaged_bytes_end_in_events_or_an_error(tmp_path: Path) -> None:
    """Each file is read in a process of its own, for HDF5's library itself crashes on some; this counts them, too."""
    path = write(tmp_path / "a.h5", [spikes(0), spikes(2)])
    done = subprocess.run([sys.executable, "-c", DAMAGED, str(path)], capture_output=True, text=True, check=True)
    ends = done.stdout.split()
    assert len(ends) == 40
    assert ends.count("error") >= 5
    assert ends.count("events") >= 5
    assert ends.count("other") == 0, done.stderr
    assert ends.count("crash") <= 2
