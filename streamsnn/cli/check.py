"""`streamsnn check`: whether an object keeps the promises that the loop relies on."""

from __future__ import annotations

import argparse
import contextlib
import inspect
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsnn.cli import values
from streamsnn.cli.parsing import Parser
from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.checks import Finding
    from streamsnn.types import Source

_DESCRIPTION = """\
Check an object against the conformance kit, one line a promise: "ok", or "FAILED" and how. OBJECT is a recording,
synthetic:SCENE, a model (name or folder), a filter as `run --filter` takes it, or a plug-in package.module:attribute,
which builds a model or a source from nothing, a filter from a sensor (parameter "sensor"), a readout or a sink from a
model's card (parameter "card"). The exit code is 1 if a promise is broken."""

_EXAMPLES = """\
  streamsnn check recordings/sequence.dat
  streamsnn check nmnist-paralif
  streamsnn check background:tau=5ms
  streamsnn check mypkg.cameras:open_camera"""

_KEPT, _BROKEN = 0, 1
_SENSOR_SIZE = (34, 34)
_PARAMETERS = (
    'A filter is built from a parameter "sensor", a readout or a sink from "card", models and sources from none.'
)


def parser() -> Parser:
    parser = Parser("streamsnn check", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("object", metavar="OBJECT", help="a recording, a model, a filter, or a plug-in")
    parser.add_argument(
        "--sensor", type=values.size, metavar="WxH", help="size of the sensor, for filters and headerless files"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def command(arguments: argparse.Namespace) -> int:
    found = _findings(arguments.object, arguments.sensor)
    broken = sum(not finding.passed for finding in found)
    if arguments.json:
        listed = [finding._asdict() for finding in found]
        print(json.dumps({"object": arguments.object, "passed": broken == 0, "findings": listed}, ensure_ascii=False))
    else:
        for finding in found:
            print(f"ok      {finding.name}" if finding.passed else f"FAILED  {finding.name}: {finding.detail}")
        print(f"{len(found)} promises, {broken} broken")
    return _BROKEN if broken else _KEPT


def _findings(text: str, size: tuple[int, int] | None) -> list[Finding]:
    from streamsnn.checks import check_filter, check_model
    from streamsnn.filter_spelling import parse_filter
    from streamsnn.modelfolder import load_model
    from streamsnn.plug_ins import has_module, is_plug_in
    from streamsnn.types import Sensor

    path = Path(text).expanduser()
    if path.is_file() or text.startswith("synthetic:"):
        return _source(text, path, None if size is None else Sensor("sensor", *size))
    if path.is_dir():
        return check_model(load_model(path))
    sensor = Sensor("sensor", *(_SENSOR_SIZE if size is None else size))
    try:
        parse_filter(text, sensor)
    except StreamsnnError as error:
        if is_plug_in(text) and has_module(text):
            return _plug_in(text, sensor)
        if is_plug_in(text):
            hint = "A plug-in is package.module:attribute, and must be installed or in this folder."
            raise StreamsnnError(error.message, hint=f"{error.hint} {hint}") from error
        if ":" in text:
            raise
        return check_model(load_model(_model_folder(text)))
    return check_filter(lambda: parse_filter(text, sensor), sensor)


def _model_folder(text: str) -> Path:
    from streamsnn.registry import find_model

    try:
        return find_model(text)
    except StreamsnnError as error:
        raise StreamsnnError(f"There is no recording, model or filter {text}.", hint=error.hint) from error


def _source(text: str, path: Path, sensor: Any) -> list[Finding]:
    from streamsnn.checks import Finding, check_source
    from streamsnn.formats import open_recording
    from streamsnn.registry import open_source

    _refuse_nothing(text, open_source(text, sensor=sensor))
    found = check_source(lambda: open_source(text, sensor=sensor))
    if not path.is_file():
        return found
    recording = open_recording(path, sensor=sensor)
    for _ in recording.chunks():
        # Damage is known once all has been read.
        continue
    damage = "; ".join(recording.damage.describe())
    return [*found, Finding("recording: undamaged", not damage, damage)]


def _refuse_nothing(text: str, source: Source) -> None:
    """Say once, not a promise at a time, that there is no stream whose promises could be checked."""
    with contextlib.closing(source):
        try:
            first = next(iter(source), None)
        except StreamsnnError as error:
            raise StreamsnnError(f"There is nothing to check: {error.message.rstrip('.')}.", hint=error.hint) from error
    if first is None:
        raise StreamsnnError(f"There is nothing to check: {text} holds no packet.")


def _plug_in(text: str, sensor: Any) -> list[Finding]:
    """Findings on what a plug-in builds; what that is shows in the name of its parameter, and in what is built."""
    from streamsnn.checks import check_filter, check_model, check_readout, check_sink, check_source
    from streamsnn.plug_ins import build_plug_in, load_plug_in, role_of

    wanted = _parameter(load_plug_in(text))
    if wanted == "sensor":
        return check_filter(lambda: build_plug_in(text, sensor), sensor)
    if wanted == "card":
        card = _card()
        if role_of(build_plug_in(text, card)) == "sink":
            return check_sink(lambda: build_plug_in(text, card))
        return check_readout(lambda: build_plug_in(text, card), len(card.labels))
    if wanted is not None:
        raise StreamsnnError(f'{text} wants a "{wanted}", and nobody knows what that is.', hint=_PARAMETERS)
    made = build_plug_in(text)
    role = role_of(made)
    if role == "model":
        return check_model(made)
    if role == "source":
        made.close()
        return check_source(lambda: build_plug_in(text))
    raise StreamsnnError(
        f"{text} built a {type(made).__name__}, which is neither a model nor a source.",
        hint=_PARAMETERS,
    )


def _parameter(build: Any) -> str | None:
    """The name of the one parameter that a plug-in must be given; None if it needs none."""
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):
        return None
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [each.name for each in parameters if each.default is each.empty and each.kind in plain]
    return needed[0] if len(needed) == 1 else None


def _card() -> Any:
    """A card to build readouts and sinks with."""
    from streamsnn.types import InputSpec, ModelCard

    return ModelCard("checked", ("a", "b", "c", "d"), 10_000, InputSpec(*_SENSOR_SIZE), 1_000_000)
