"""A folder laid out as DVS128 Gesture's is, with made-up recordings in AEDAT 3.1: its spans are samples."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from toys import save_sides

from streamsnn.cli import main
from streamsnn.errors import StreamsnnError
from streamsnn.formats import open_recording
from streamsnn.spotting import Span, read_spans
from streamsnn.training.batches import View, read_takes
from streamsnn.training.dataset import open_dataset, open_divided, write_table
from streamsnn.types import InputSpec

SECOND = 1_000_000
NAMES = ("left", "right")
TABLE = "class,startTime_usec,endTime_usec\n{}"
BEGIN_US = 80 * SECOND


def aedat3(t_us: NDArray[np.int64], x: NDArray[np.int64], y: NDArray[np.int64]) -> bytes:
    """AEDAT 3.1 as cAER wrote it for DVS128 Gesture: packets of a few hundred valid events, ON and OFF."""
    out = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-02-26\r\n#!END-HEADER\r\n"
    words = np.stack([x << 17 | y << 2 | (t_us % 2) << 1 | 1, t_us], axis=1).astype("<u4")
    for packet in np.array_split(words, 100):
        out += struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, len(packet), len(packet), len(packet)) + packet.tobytes()
    return out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two recordings of 3 s with two gestures of half a second each, left and right; in between both move."""
    rng = np.random.default_rng(0)
    for number, order in ((1, (1, 2)), (2, (2, 1))):
        t_us = BEGIN_US + np.sort(rng.integers(0, 3 * SECOND, 30_000))
        x = rng.integers(0, 8, t_us.size)
        rows = []
        for place, label in enumerate(order):
            begin_us = BEGIN_US + SECOND * (place + 1) - 250_000
            inside = (t_us >= begin_us) & (t_us < begin_us + 500_000)
            x[inside] = x[inside] % 4 + (4 if label == 2 else 0)
            rows.append(f"{label},{begin_us},{begin_us + 500_000}\n")
        (tmp_path / f"user{number:02}_led.aedat").write_bytes(aedat3(t_us, x, rng.integers(0, 6, t_us.size)))
        (tmp_path / f"user{number:02}_led_labels.csv").write_text(TABLE.format("".join(rows)))
    (tmp_path / "gesture_mapping.csv").write_text("action,label\nleft,1\nright,2\n")
    (tmp_path / "trials_to_train.txt").write_text("user01_led.aedat\n\n")
    (tmp_path / "trials_to_test.txt").write_text("user02_led.aedat\n")
    return tmp_path


def test_the_tables_classes_have_names(folder: Path) -> None:
    spans = read_spans(folder / "user01_led_labels.csv")
    assert spans == (
        Span(BEGIN_US + 750_000, BEGIN_US + 1_250_000, "left"),
        Span(BEGIN_US + 1_750_000, BEGIN_US + 2_250_000, "right"),
    )
    (folder / "gesture_mapping.csv").unlink()
    assert [span.label for span in read_spans(folder / "user01_led_labels.csv")] == ["1", "2"]
    (folder / "gesture_mapping.csv").write_text("a,b\n")
    with pytest.raises(StreamsnnError, match="no columns action and label"):
        read_spans(folder / "user01_led_labels.csv")


def test_each_gesture_is_a_sample(folder: Path) -> None:
    dataset = open_dataset(folder)
    assert dataset.classes == NAMES
    assert [(sample.path.name, sample.label) for sample in dataset.samples] == [
        ("user01_led.aedat", "left"),
        ("user01_led.aedat", "right"),
        ("user02_led.aedat", "right"),
        ("user02_led.aedat", "left"),
    ]
    takes = read_takes(dataset, InputSpec(8, 6), View((0, 0, 8, 6)))
    for sample, take in zip(dataset.samples, takes, strict=True):
        whole = np.concatenate(list(open_recording(sample.path).chunks()))
        assert sample.span is not None
        inside = (whole["t"] >= sample.span[0]) & (whole["t"] < sample.span[1])
        assert np.array_equal(take.events, whole[inside])
        assert take.t_begin_us == sample.span[0]
        assert np.all((take.events["x"] >= 4) == (sample.label == "right"))


def test_lists_of_recordings_divide_it(folder: Path) -> None:
    dataset, held = open_divided(folder, str(folder / "trials_to_train.txt"), str(folder / "trials_to_test.txt"))
    assert held.tolist() == [2, 3]
    assert [sample.path.name[:6] for sample in dataset.samples] == ["user01", "user01", "user02", "user02"]
    (folder / "trials_to_test.txt").write_text("user03_led.aedat\n")
    with pytest.raises(StreamsnnError, match=r"There is no recording .*user03_led\.aedat"):
        open_dataset(folder, folder / "trials_to_test.txt")


def test_a_table_of_samples_can_be_written_and_read(folder: Path) -> None:
    samples = open_dataset(folder).samples[1:3]
    write_table(folder / "held-out.csv", samples)
    assert open_dataset(folder, folder / "held-out.csv").samples == samples


def test_evaluate(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    save_sides(folder / "model")
    for words, n in (([], 4), (["--labels", "trials_to_test.txt"], 2), (["--duration", "100ms"], 4)):
        monkeypatch.chdir(folder)
        assert main(["evaluate", ".", "--model", "./model", "--crop", "0,0,8,6", "--json", *words]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["n"] == n
        assert found["accuracy"] == 1.0
        assert len(found["anytime"]["t_ms"]) * found["step_ms"] <= (110 if "--duration" in words else 510)
    spans = ["--spans", "user01_led_labels.csv", "--model", "./model", "--crop", "0,0,8,6", "--json"]
    assert main(["evaluate", "user01_led.aedat", *spans]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["spans"] == 2
    # Where both move, either may be what is shown already when its own span begins.
    assert found["hits"] >= 1
    assert all(0 < delay_ms < 500 for delay_ms in found["delays_ms"])
