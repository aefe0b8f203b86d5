"""Exports run in processes of their own, say how far they are, and leave whole files or none."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEventLoop, QTimer
from toys import SENSOR, save_sides, side_events

from streamsnn.formats import write_recording
from streamsnn.gui.exports import Export
from streamsnn.player.messages import Open

_PATIENCE_MS = 120_000
SMALL = ("--size=320x180", "--fps=10")


class Heard:
    """What an export says, until it has ended."""

    def __init__(self, export: Export) -> None:
        self.export = export
        self.progress: list[tuple[str, Any]] = []
        self.ended: list[tuple[str, str]] = []
        self._loop = QEventLoop()
        export.progressed.connect(lambda what, share: self._hear(what, share))
        export.ended.connect(self._end)
        self.on_progress: Callable[[str], None] = lambda what: None

    def run(self) -> tuple[str, str]:
        """Start it and wait; the message and the hint."""
        self.export.start()
        if not self.ended:
            QTimer.singleShot(_PATIENCE_MS, self._loop.quit)
            self._loop.exec()
        assert len(self.ended) == 1
        return self.ended[0]

    def _hear(self, what: str, share: Any) -> None:
        self.progress.append((what, share))
        self.on_progress(what)

    def _end(self, message: str, hint: str) -> None:
        self.ended.append((message, hint))
        self._loop.quit()


@pytest.fixture
def wanted(tmp_path: Path) -> Open:
    """A second of events on the left, then on the right, and who tells them apart."""
    left, right = (side_events(side, count=2_000, duration_us=500_000) for side in ("left", "right"))
    right["t"] += 500_000
    right["t"][-1] = 999_999
    write_recording(tmp_path / "changing.dat", np.concatenate([left, right]), SENSOR)
    return Open(str(tmp_path / "changing.dat"), str(save_sides(tmp_path / "sides")))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_step_as_csv_between_the_markers_with_the_filters_that_are_on(wanted: Open, tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    filtered = dataclasses.replace(
        wanted, filters=(("region:0,0,4,6", True), ("polarity:on", False)), threshold=0.5, sensor=(8, 6)
    )
    heard = Heard(Export.decisions(filtered, str(path), (100_000, 800_000)))
    assert heard.run() == (f"Wrote {path}.", "")
    found = rows(path)
    assert [int(row["t_us"]) for row in found] == list(range(105_000, 800_001, 5_000))
    # What falls on the right is filtered away; both polarities are left.
    assert sum(int(row["events"]) for row in found) == pytest.approx(1_600, abs=80)
    assert {row["label"] for row in found} == {"", "left"}
    assert any("of the stream" in what for what, _ in heard.progress)
    assert not list(tmp_path.glob("*.partial"))


def test_changes_as_json_lines(wanted: Open, tmp_path: Path) -> None:
    path = tmp_path / "decisions.JSONL"
    assert Heard(Export.decisions(wanted, str(path))).run()[1] == ""
    assert [json.loads(line)["label"] for line in path.read_text().splitlines()] == ["left"]


def test_a_film_and_how_far_it_is(wanted: Open, tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    heard = Heard(Export.video(wanted, str(path), 2.0, "light", (None, 800_000), *SMALL))
    assert heard.run() == (f"Wrote {path}.", "")
    with Image.open(path) as image:
        assert (image.size, image.n_frames) == ((320, 180), 4)  # type: ignore[attr-defined]
    assert heard.progress[-1] == ("Filming film.gif", 1.0)
    assert ("Filming film.gif", 0.5) in heard.progress


def test_what_the_process_says_of_its_failure_comes_back_and_the_file_stays_as_it_was(
    wanted: Open, tmp_path: Path
) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text("before")
    message, hint = Heard(Export.decisions(dataclasses.replace(wanted, model="nmnist-brv"), str(path))).run()
    assert message == 'There is no model "nmnist-brv".'
    assert "nmnist-brf" in hint
    assert path.read_text() == "before"
    assert not list(tmp_path.glob("*.partial"))


def test_a_process_that_dies_is_told_with_its_last_words(wanted: Open, tmp_path: Path) -> None:
    command = ["run", "--no-such-thing"]
    export = Export(wanted.source, tmp_path / "decisions.csv", (".csv", ".jsonl"), command, renames=True)
    export._process.setArguments(["-c", "import sys; print('no more memory', file=sys.stderr); sys.exit(3)"])
    message, hint = Heard(export).run()
    assert "exit code 3" in message
    assert "no more memory" in message
    assert "streamsnn run --no-such-thing --debug" in hint


def test_one_that_is_stopped_leaves_nothing(wanted: Open, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    heard = Heard(Export.video(wanted, str(tmp_path / "film.mp4"), 0.01, "dark", (None, None), *SMALL))

    def stop(what: str) -> None:
        if what.startswith("Filming"):
            assert set(tmp_path.iterdir()) > before
            heard.export.stop()

    heard.on_progress = stop
    message, hint = heard.run()
    assert "stopped" in message
    assert hint
    assert set(tmp_path.iterdir()) == before
    heard.export.stop()
    assert len(heard.ended) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("decisions.txt", ".csv or .jsonl"),
        ("missing/decisions.csv", "Make it first"),
        ("folder.csv", "is a folder"),
        ("recording.csv", "recording itself"),
    ],
)
def test_what_can_be_refused_at_once_starts_nothing(
    wanted: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "recording.csv").write_text("kept")
    source = str(tmp_path / "recording.csv")
    message, hint = Heard(Export.decisions(dataclasses.replace(wanted, source=source), str(tmp_path / name))).run()
    assert words in f"{message} {hint}"
    assert hint
    assert (tmp_path / "recording.csv").read_text() == "kept"


def test_what_has_no_end_needs_the_out_marker(wanted: Open, tmp_path: Path) -> None:
    scene = dataclasses.replace(wanted, source="synthetic:bar")
    message, hint = Heard(Export.decisions(scene, str(tmp_path / "decisions.csv"))).run()
    assert "has no end" in message
    assert "out marker" in hint


def test_a_program_that_cannot_be_started_is_told(
    wanted: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    message, hint = Heard(Export.decisions(wanted, str(tmp_path / "decisions.csv"))).run()
    assert "/no/such/python cannot be started" in message
    assert hint


def test_what_takes_the_camera_s_motion_out_does_so_in_the_file(wanted: Open, tmp_path: Path) -> None:
    for track, on, given in (("regions", True, True), ("regions", False, False), (None, True, False)):
        asked = dataclasses.replace(wanted, track=track, ego_motion=on)
        export = Export.decisions(asked, str(tmp_path / "decisions.csv"))
        assert ("--ego-motion" in export._process.arguments()) == given
