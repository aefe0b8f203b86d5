"""Names, paths and plug-ins: what is found, what is refused, and what runs code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from toys import SENSOR, save_sides, sides_spec, write_side

from streamsnn import plug_ins, registry
from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.filters import Flip
from streamsnn.network import Network
from streamsnn.sources.files import RecordingSource
from streamsnn.types import Sensor

TRAP = 'from pathlib import Path\nPath("ran").touch()\ndef build(*arguments):\n    return arguments\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with one model; the checkout is elsewhere, and holds another."""
    checkout = tmp_path / "checkout"
    save_sides(checkout / "models" / "shipped")
    (checkout / "pyproject.toml").touch()
    monkeypatch.setattr(registry, "__file__", str(checkout / "streamsnn" / "registry.py"))
    monkeypatch.delenv(registry.MODELS_VARIABLE, raising=False)
    work = tmp_path / "work"
    save_sides(work / "models" / "sides")
    monkeypatch.chdir(work)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return work


def test_models_by_name_come_from_all_places(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_sides(here / "others" / "mine")
    save_sides(here / "others" / "sides")
    monkeypatch.setenv(registry.MODELS_VARIABLE, os.pathsep.join(["others", "", "not-there"]))
    assert [folder.name for folder in registry.model_folders()] == ["mine", "shipped", "sides"]
    assert registry.find_model("mine") == Path("others/mine")
    assert registry.find_model("sides") == Path("models/sides")
    assert registry.find_model("shipped").parent.parent.name == "checkout"


def test_an_installed_package_has_its_models_beside_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "__file__", str(here / "site-packages" / "streamsnn" / "registry.py"))
    assert registry.model_places() == (Path("models"), here / "site-packages" / "streamsnn" / "models")


def test_models_by_path(here: Path) -> None:
    save_sides(here / "loose")
    for text in ("models/sides", "./models/sides", str(here / "models" / "sides"), "loose", "./loose"):
        network = registry.open_model(text)
        assert isinstance(network, Network)
        assert network.card.name == "sides"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("side", 'no model "side"', 'Did you mean "sides"?'),
        ("models/side", "no model folder models/side", 'Did you mean "sides"?'),
        ("xyzzy", 'no model "xyzzy"', "There is: shipped, sides."),
        ("models/sides/model.toml", "is a file, not a model folder", ""),
        ("models", "not a model folder", "streamsnn models"),
    ],
)
def test_a_model_that_is_not_there(here: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(StreamsnnError) as refusal:
        registry.open_model(text)
    assert message in refusal.value.message
    assert hint in refusal.value.hint


def test_no_models_at_all(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "empty").mkdir()
    monkeypatch.chdir(here / "empty")
    monkeypatch.setattr(registry, "__file__", str(here / "site-packages" / "streamsnn" / "registry.py"))
    with pytest.raises(StreamsnnError) as refusal:
        registry.open_model("sides")
    assert registry.MODELS_VARIABLE in refusal.value.hint


def test_a_path_never_runs_code(here: Path) -> None:
    (here / "models" / "sides" / "__init__.py").write_text(TRAP)
    (here / "models" / "sides" / "build.py").write_text(TRAP)
    (here / "trap.py").write_text(TRAP)
    registry.open_model("models/sides")
    with pytest.raises(StreamsnnError):
        registry.open_source("trap.py")
    assert not (here / "ran").exists()
    plug_ins.build_plug_in("trap:build")
    assert (here / "ran").exists()


def test_a_recording_by_its_path(here: Path) -> None:
    write_side(here / "left.dat", "left")
    source = registry.open_source("left.dat", sensor=SENSOR, start_us=20_000, stop_us=30_000, packet_us=2_000)
    assert isinstance(source, RecordingSource)
    assert source.sensor == SENSOR
    packets = list(source)
    assert len(packets) == 5
    assert packets[-1].t_end_us - packets[0].t_begin_us == 10_000


def test_a_recording_with_a_colon_in_its_name_is_no_plug_in(here: Path) -> None:
    write_side(here / "os.dat", "left").rename(here / "os:getcwd")
    assert isinstance(registry.open_source("os:getcwd"), RecordingSource)


def test_a_scene_by_its_name(here: Path) -> None:
    clock = ManualClock(7)
    source = registry.open_source("synthetic:bar:90", stop_us=25_000, packet_us=10_000, clock=clock)
    assert [(packet.t_begin_us, packet.t_end_us, packet.arrived_ns) for packet in source] == [
        (0, 10_000, 7),
        (10_000, 20_000, 7),
        (20_000, 25_000, 7),
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("synthetic:bra", "no synthetic scene", "Did you mean 'bar'?"),
        ("camera", "Live cameras are not read", "Record with the camera's own software"),
        ("", "has no name", "synthetic:SCENE"),
        ("sythetic:bar", 'no source "sythetic:bar"', "Did you mean synthetic?"),
        ("left.dta", "no file left.dta", "Did you mean left.dat?"),
    ],
)
def test_a_source_that_is_not_there(here: Path, text: str, message: str, hint: str) -> None:
    write_side(here / "left.dat", "left")
    with pytest.raises(StreamsnnError) as refusal:
        registry.open_source(text)
    assert message in refusal.value.message
    assert hint in refusal.value.hint


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("mypkg.nets:build", True),
        ("a:b.c", True),
        ("mypkg.nets", False),
        ("models/x:y", False),
        ("C:\\x", False),
        ("hot:k=10", False),
        ("refractory:1ms", False),
        (":x", False),
        ("a..b:c", False),
    ],
)
def test_the_spelling_of_a_plug_in(text: str, is_one: bool) -> None:
    assert plug_ins.is_plug_in(text) is is_one


def test_filters_of_the_package_come_first(here: Path) -> None:
    (here / "flip.py").write_text(TRAP)
    assert isinstance(registry.open_filter("flip:x", SENSOR), Flip)
    assert not (here / "ran").exists()
    with pytest.raises(StreamsnnError, match="no filter"):
        registry.open_filter("flop:x", SENSOR)


GOOD = """
def model():
    from streamsnn.modelfolder import load_model
    return load_model("models/sides")
def mirror(sensor):
    from streamsnn.filters import Flip
    return Flip(sensor, axes="x")
def readout(card):
    from streamsnn.readout import ScoreReadout
    return ScoreReadout(card.readout, card.labels, card.step_us)
def sink(card):
    from streamsnn.summary import Summary
    return Summary(card.step_us)
def fails(): raise ValueError("no such luck")
class Nested:
    @staticmethod
    def build(): return model()
number = 7
"""


def test_plug_ins_are_called_with_what_they_need(here: Path) -> None:
    (here / "good_plug_ins.py").write_text(GOOD)
    card = sides_spec().card
    assert registry.open_model("good_plug_ins:model").card.name == "sides"
    assert registry.open_model("good_plug_ins:Nested.build").card.name == "sides"
    assert isinstance(registry.open_filter("good_plug_ins:mirror", SENSOR), Flip)
    assert plug_ins.role_of(registry.open_readout("good_plug_ins:readout", card)) == "readout"
    assert plug_ins.role_of(registry.open_sink("good_plug_ins:sink", card)) == "sink"
    assert plug_ins.role_of(registry.open_model("sides")) == "model"
    assert plug_ins.role_of(7) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("good_plug_ins:modle", 'good_plug_ins has no "modle"'),
        ("good_plug_ins:number", "cannot be called"),
        ("good_plug_ins:fails", "ValueError: no such luck"),
        ("good_plug_ins:mirror", "failed: TypeError"),
        ("no_plug_ins.nets:build", 'there is no Python module "no_plug_ins"'),
        ("bad_plug_ins:build", "cannot be imported: SyntaxError"),
        ("odd_plug_ins:build", "built a tuple, which is no model: it has no card"),
    ],
)
def test_a_plug_in_that_fails_is_told(here: Path, text: str, message: str) -> None:
    (here / "good_plug_ins.py").write_text(GOOD)
    (here / "bad_plug_ins.py").write_text("def build(:\n")
    (here / "odd_plug_ins.py").write_text(TRAP)
    with pytest.raises(StreamsnnError) as refusal:
        registry.open_model(text)
    assert message in refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("good_plug_ins:source", {"sensor": Sensor("x", 1, 1)}),
        ("good_plug_ins:source", {"stop_us": 5}),
        ("synthetic:bar", {"start_us": 5}),
    ],
)
def test_only_a_recording_can_be_cut_anywhere(here: Path, text: str, cut: dict[str, Any]) -> None:
    with pytest.raises(StreamsnnError) as refusal:
        registry.open_source(text, **cut)
    assert "--sensor" in refusal.value.hint


def test_what_is_no_plug_in(here: Path) -> None:
    with pytest.raises(StreamsnnError, match="is no plug-in"):
        plug_ins.load_plug_in("no colon")
