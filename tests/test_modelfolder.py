"""Model folders survive the way to the disk and back, and refuse whatever is wrong with its place."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamsnn.errors import StreamsnnError
from streamsnn.layers import Conv2d, Dropout, Layer, Linear, NetworkSpec, Population
from streamsnn.modelfolder import load_model, load_spec, save_model
from streamsnn.neurons import LI, LIF, ParaLIF, SlidingPSN
from streamsnn.sequence import SequenceNetwork
from streamsnn.types import InputSpec, ModelCard, ReadoutSettings, Step

LAYERS: tuple[tuple[str, Layer], ...] = (
    ("conv", Conv2d(4, 3, stride=2, batch_norm=True)),
    ("psn", Population(SlidingPSN(4))),
    ("drop", Dropout(0.2)),
    ("dense", Linear(8)),
    ("paralif", Population(ParaLIF(kind="T", recurrent=True, tau_syn_ms=None))),
    ("lif_in", Linear(6, bias=True)),
    ("lif", Population(LIF(v_reset=None))),
    ("out", Linear(2)),
    ("readout", Population(LI())),
)
CARD = ModelCard(
    "tiny",
    ("left", "right"),
    5000,
    InputSpec(8, 8, polarity="merge", value="binary"),
    200_000,
    ReadoutSettings(kind="mean", threshold=0.7),
    "A model for a test",
    {"accuracy": 0.5},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sequence = SequenceNetwork(NetworkSpec(CARD, LAYERS), 1)
    save_model(tmp_path / "tiny", sequence.spec, sequence.export())
    return tmp_path / "tiny"


def test_a_model_comes_back_as_it_went(folder: Path) -> None:
    sequence = SequenceNetwork(NetworkSpec(CARD, LAYERS), 1)
    network = load_model(folder)
    assert network.spec == NetworkSpec(CARD, LAYERS).exported()
    assert load_spec(folder) == network.spec
    for name, value in sequence.export().items():
        assert value.dtype == np.float32, name
    step = Step(0, np.arange(0, 64, 3, dtype=np.int32), 0)
    from_memory = type(network)(sequence.spec, sequence.export())
    a, b = network.initial_state(), from_memory.initial_state()
    for _ in range(20):
        np.testing.assert_array_equal(network.step(step, a).scores, from_memory.step(step, b).scores)
    assert sorted(path.name for path in folder.iterdir()) == ["model.toml", "weights.safetensors"]


def edit(old: str, new: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        text = (folder / "model.toml").read_text()
        assert old in text
        (folder / "model.toml").write_text(text.replace(old, new, 1))

    return apply


def _truncate(folder: Path) -> None:
    blob = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(blob[:-7])


def _tables(folder: Path) -> None:
    head, _, tail = (folder / "model.toml").read_text().partition("[input]")
    (folder / "model.toml").write_text(f"{head}layers = [1, 2]\n[input]{tail.split('[[layers]]')[0]}")


def _flip(folder: Path) -> None:
    blob = bytearray((folder / "weights.safetensors").read_bytes())
    blob[-5] ^= 0x10
    (folder / "weights.safetensors").write_bytes(bytes(blob))


@pytest.mark.parametrize(
    ("damage", "match"),
    [
        (lambda f: (f / "model.toml").unlink(), "not a model folder"),
        (lambda f: (f / "weights.safetensors").unlink(), "weights.safetensors cannot be read"),
        (_truncate, "is damaged"),
        (_flip, "is damaged"),
        (lambda f: (f / "model.toml").write_text("format = ["), "model.toml is damaged"),
        (lambda f: (f / "model.toml").write_bytes(b"\xff\xfe"), "model.toml is damaged"),
        (edit("format = 1", "format = 99"), "has format 99"),
        (edit("format = 1\n", ""), "has format None"),
        (edit("step_us = 5000\n", ""), "step_us is missing"),
        (edit("step_us = 5000", "step_us = 0"), "step_us is 0"),
        (edit("step_us = 5000", f"step_us = {10**23}"), "step_us is 1000"),
        (edit("accuracy = 0.5", "accuracy = nan"), "figure accuracy is nan"),
        (edit("patience = 3", "patience = 0"), "patience must be 1"),
        (edit("hysteresis = 0.1", "hysteresis = inf"), "hysteresis is inf"),
        (edit('"right"', '"left"'), "labels must be"),
        (edit('name = "dense"', 'name = "den.se"'), "a layer is named 'den.se'"),
        (lambda f: _tables(f), "layer 0 is 1, not a table"),
        (edit("step_us = 5000", 'step_us = "fast"'), "step_us is 'fast'"),
        (edit('family = "lif"', 'family = "lyf"'), "layer 'lif': there is no family of neurons 'lyf'"),
        (edit('type = "conv2d"', 'type = "conv3d"'), "there is no type of layer 'conv3d'"),
        (edit("k = 4", "k = 0"), "at least one tap"),
        (edit("k = 4", "kk = 4"), "there is no setting 'kk'"),
        (edit("k = 4", "k = 5"), r"psn.weight has the shape \(4,\) and should have \(5,\)"),
        (edit("outputs = 8", "outputs = 9"), "dense.weight has the shape"),
        (edit('labels = [\n    "left",', "labels = ["), "2,\\) scores for 1 labels"),
        (edit("width = 8", "width = -8"), "is -8x8"),
        (edit('polarity = "merge"', 'polarity = "fuse"'), "there is no choice 'fuse'"),
        (edit("format = 1", "format = 1\nfoo = 2"), "unknown key 'foo'"),
    ],
)
def test_a_wrong_folder_is_refused_with_its_place(folder: Path, damage: Callable[[Path], None], match: str) -> None:
    damage(folder)
    with pytest.raises(StreamsnnError, match=match) as caught:
        load_model(folder)
    assert str(folder) in caught.value.message
    assert caught.value.hint


def test_a_full_disk_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    sequence = SequenceNetwork(NetworkSpec(dataclasses.replace(CARD, name="other"), LAYERS), 2)
    real = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "model.toml" in path.name:
            real(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(StreamsnnError, match="No space left"):
        save_model(folder, sequence.spec, sequence.export())
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_weights_that_do_not_fit_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(StreamsnnError, match="incomplete"):
        save_model(tmp_path / "x", NetworkSpec(CARD, LAYERS), {})
    assert not (tmp_path / "x").exists()
