"""Model folders: `model.toml` (what the network is), `weights.safetensors` (its numbers) and a README for people.

Opening one runs no code from it, and everything that does not fit is refused with its place.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamsnn.errors import StreamsnnError
from streamsnn.layers import NetworkSpec
from streamsnn.lowering import check_weights
from streamsnn.network import Network
from streamsnn.neurons.base import Array
from streamsnn.readout import ScoreReadout
from streamsnn.tables import (
    build,
    hearing_from_table,
    hearing_to_table,
    input_spec_from_table,
    layers_from_tables,
    layers_to_tables,
)
from streamsnn.types import ModelCard, ReadoutSettings

FORMAT = 1
"""The version of model.toml that this program writes and reads."""

_LONGEST_US = 24 * 3_600_000_000
_DESCRIPTION, _WEIGHTS = "model.toml", "weights.safetensors"
_CARD_KEYS = ("name", "description", "labels", "step_us", "memory_us")
_KEYS = {*_CARD_KEYS, "format", "weights_sha256", "input", "hearing", "readout", "layers", "figures"}


def save_model(folder: str | os.PathLike[str], spec: NetworkSpec, weights: Mapping[str, Array]) -> None:
    """Write `spec` (without what only training needs) and its exported `weights` as float32 into `folder`.

    Each file appears under its name only when it is whole. Raises StreamsnnError where the disk refuses.
    """
    import numpy as np
    import tomli_w
    from safetensors.numpy import save

    spec = spec.exported()
    check_weights(spec, weights)
    blob = save({name: np.asarray(value, np.float32, order="C") for name, value in weights.items()})
    card = spec.card
    document: dict[str, Any] = {
        "format": FORMAT,
        "name": card.name,
        "description": card.description,
        "labels": list(card.labels),
        "step_us": card.step_us,
        "memory_us": card.memory_us,
        "weights_sha256": hashlib.sha256(blob).hexdigest(),
        "input": dataclasses.asdict(card.input),
        **({} if card.hearing is None else {"hearing": hearing_to_table(card.hearing)}),
        "readout": dataclasses.asdict(card.readout),
        "figures": dict(card.figures),
        "layers": layers_to_tables(spec.layers),
    }
    path = Path(folder)
    partials = [(path / f"{name}.partial", path / name) for name in (_WEIGHTS, _DESCRIPTION)]
    try:
        path.mkdir(parents=True, exist_ok=True)
        for (partial, _), content in zip(partials, (blob, tomli_w.dumps(document).encode()), strict=True):
            partial.write_bytes(content)
        for partial, final in partials:
            partial.replace(final)
    except OSError as error:
        for partial, _ in partials:
            partial.unlink(missing_ok=True)
        raise StreamsnnError(
            f"the model cannot be written to {path}: {error.strerror}", hint="free some space or choose another folder"
        ) from error


def save_card(folder: str | os.PathLike[str], card: ModelCard) -> None:
    """Write what may change of a finished model: the readout's settings and the figures of `card`.

    The rest of model.toml, and the weights, stay as they are. Raises StreamsnnError where the disk refuses.
    """
    import tomli_w

    path = Path(folder)
    document = _document(path)
    document["readout"] = dataclasses.asdict(card.readout)
    document["figures"] = dict(card.figures)
    partial, final = path / f"{_DESCRIPTION}.partial", path / _DESCRIPTION
    try:
        partial.write_bytes(tomli_w.dumps(document).encode())
        partial.replace(final)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StreamsnnError(
            f"{final} cannot be written: {error.strerror}", hint="free some space, or check its permissions"
        ) from error


def load_spec(folder: str | os.PathLike[str]) -> NetworkSpec:
    """The network that `folder` describes, without its weights: quick, for listings."""
    return _spec(_document(Path(folder)), Path(folder) / _DESCRIPTION)


def load_model(folder: str | os.PathLike[str]) -> Network:
    """The network of a model folder, ready to step. Raises StreamsnnError for whatever is wrong, and where."""
    spec, weights = load_spec(folder), load_weights(folder)
    try:
        return Network(spec, weights)
    except StreamsnnError as error:
        raise StreamsnnError(f"{folder}: {error.message}", hint=error.hint) from error


def load_weights(folder: str | os.PathLike[str]) -> dict[str, Array]:
    """The tensors of a model folder by name, "layer.parameter". Raises StreamsnnError where they are no good."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    path = Path(folder)
    document = _document(path)
    try:
        blob = (path / _WEIGHTS).read_bytes()
    except OSError as error:
        raise StreamsnnError(
            f"{path / _WEIGHTS} cannot be read: {error.strerror}", hint="copy the whole folder"
        ) from error
    if hashlib.sha256(blob).hexdigest() != document.get("weights_sha256"):
        raise StreamsnnError(
            f"{path / _WEIGHTS} is damaged, or not the file that {_DESCRIPTION} was written with",
            hint="copy the whole folder again",
        )
    try:
        weights: dict[str, Array] = load(blob)
    except (SafetensorError, KeyError, TypeError) as error:
        # The last two: numbers of a type that numpy has not.
        raise StreamsnnError(
            f"{path / _WEIGHTS} cannot be read: {error}", hint="copy the whole folder again"
        ) from error
    return weights


def _document(path: Path) -> dict[str, Any]:
    file = path / _DESCRIPTION
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise StreamsnnError(
            f"{path} is not a model folder: it has no {_DESCRIPTION}", hint="see `streamsnn models` for what is there"
        ) from error
    except OSError as error:
        raise StreamsnnError(f"{file} cannot be read: {error.strerror}", hint="check its permissions") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StreamsnnError(f"{file} is damaged: {error}", hint="copy the whole folder again") from error
    version = document.get("format")
    if version != FORMAT:
        raise StreamsnnError(
            f"{file} has format {version!r}; this program reads format {FORMAT}",
            hint="update streamsnn, or train again",
        )
    return document


def _spec(document: dict[str, Any], file: Path) -> NetworkSpec:
    where = str(file)
    missing = [key for key in ("name", "labels", "step_us", "memory_us", "input", "layers") if key not in document]
    if missing:
        raise StreamsnnError(f"{where}: {missing[0]} is missing", hint=f"add {missing[0]} = ...")
    unknown = sorted(document.keys() - _KEYS)
    if unknown:
        raise StreamsnnError(f"{where}: unknown key {unknown[0]!r}", hint=f"keys are {', '.join(sorted(_KEYS))}")
    kinds = {"input": dict, "hearing": dict, "readout": dict, "figures": dict, "layers": list}
    for key, kind in kinds.items():
        if not isinstance(document.get(key, kind()), kind):
            raise StreamsnnError(
                f"{where}: {key} is no {'table' if kind is dict else 'array of tables'}", hint="fix it"
            )
    grid = input_spec_from_table(document["input"], f"{where}, [input]")
    readout = build(ReadoutSettings, document.get("readout", {}), f"{where}, [readout]")
    settings = {key: document[key] for key in _CARD_KEYS if key in document}
    figures = {str(key): _figure(value, f"{where}, figure {key}") for key, value in document.get("figures", {}).items()}
    hearing = (
        None if "hearing" not in document else hearing_from_table(document["hearing"], grid, f"{where}, [hearing]")
    )
    card = build(ModelCard, settings | {"input": grid}, where)
    card = dataclasses.replace(card, readout=readout, figures=figures, hearing=hearing)
    for key, value in (("step_us", card.step_us), ("memory_us", card.memory_us)):
        if not 1 <= value <= _LONGEST_US:
            raise StreamsnnError(f"{where}: {key} is {value}", hint=f"give 1 to {_LONGEST_US} microseconds")
    try:
        ScoreReadout(card.readout, card.labels, card.step_us)
        return NetworkSpec(card, layers_from_tables(document["layers"], where))
    except StreamsnnError as error:
        raise StreamsnnError(f"{where}: {error.message.removeprefix(f'{where}, ')}", hint=error.hint) from error


def _figure(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StreamsnnError(f"{where} is {value!r}", hint="give a finite number")
    return float(value)
