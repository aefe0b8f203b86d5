"""Which models there are, and how a stream would fit each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streamsnn.errors import StreamsnnError
from streamsnn.modelfolder import load_spec
from streamsnn.player.overview import is_file
from streamsnn.plug_ins import is_plug_in
from streamsnn.registry import find_model, model_folders, open_source
from streamsnn.sensor_fit import fit_sensor
from streamsnn.sources.sound_files import is_sound
from streamsnn.types import InputSpec, ModelCard, Sensor


@dataclass(frozen=True)
class Fit:
    """How a sensor's pixels reach a model's input: the options of `streamsnn run` of the same names, and in words."""

    crop: tuple[int, int, int, int] | None = None
    downsample: int | None = None
    letterbox: bool = False
    words: str = "fits"


@dataclass(frozen=True)
class Choice:
    """A model by its name; `fit` is None where the stream cannot be fed to it, and `why` says so."""

    name: str
    card: ModelCard | None
    fit: Fit | None
    why: str


SOUND = Sensor("sound", 0, 0, "audio")
"""Any sound, before a model's cochlea has heard it."""


def choices(sensor: Sensor | None) -> list[Choice]:
    """All models that are there, for a stream from `sensor`; None: nothing is open, and every model would do."""
    found = []
    for folder in model_folders():
        try:
            card = load_spec(folder).card
        except StreamsnnError as error:
            found.append(Choice(folder.name, None, None, error.message))
            continue
        fit = Fit() if sensor is None else fit_of(sensor, card.input)
        why = "" if fit is not None else f"it was made for {_KINDS[card.input.kind]}"
        found.append(Choice(folder.name, card, fit, why))
    return found


def look_at(source: str) -> Sensor:
    """The sensor of the stream that `source` names, without playing it; `SOUND` for every sound.

    Raises StreamsnnError if it cannot be opened.
    """
    if _MICROPHONE.fullmatch(source) and not Path(source).exists():
        return SOUND
    if is_file(source) and is_sound(source):
        return SOUND
    opened = open_source(source)
    try:
        return opened.sensor
    finally:
        opened.close()


def best(found: Sequence[Choice], wanted: str | None) -> Choice | None:
    """The one called `wanted` if the stream fits it, else the one that it fits with the least ado."""
    fitting = [choice for choice in found if choice.fit is not None]
    for choice in fitting:
        if choice.name == wanted:
            return choice
    return min(fitting, key=_ado, default=None)


def fit_of(sensor: Sensor, spec: InputSpec) -> Fit | None:
    """The simplest way to feed `sensor` to `spec`: as it is, the middle of it, or all of it with a margin."""
    if sensor.kind != spec.kind:
        return None
    if sensor.kind == "audio":
        # A model brings its own cochlea along.
        return Fit()
    zoom = min(sensor.width // spec.width, sensor.height // spec.height)
    shrink = max(-(-sensor.width // spec.width), -(-sensor.height // spec.height))
    ways = [Fit()]
    if zoom >= 1:
        width, height = zoom * spec.width, zoom * spec.height
        crop = ((sensor.width - width) // 2, (sensor.height - height) // 2, width, height)
        ways.append(Fit(crop, zoom, False, f"its middle {width}x{height}, {zoom}x{zoom} pixels as one"))
    ways.append(Fit(None, shrink, True, f"{shrink}x{shrink} pixels as one, with a margin"))
    for way in ways:
        try:
            fit_sensor(sensor, spec, crop=way.crop, downsample=way.downsample, letterbox=way.letterbox)
        except StreamsnnError:
            continue
        return way
    return None


def why_unlabelled(classifier: str, model: str) -> str:
    """Why `classifier` cannot say what is boxed beside `model`, in words; empty where it can."""
    theirs, ours = _card(classifier), _card(model)
    if theirs is None or ours is None:
        return f"nobody knows the steps of {classifier if theirs is None else model} before it runs"
    if theirs.step_us != ours.step_us:
        steps = f"{theirs.step_us / 1000:g} ms, {model} of {ours.step_us / 1000:g} ms"
        return f"{classifier} takes steps of {steps}"
    return ""


def _card(name: str) -> ModelCard | None:
    """The card of a model by its name or path; None of a plug-in, and of what is not there."""
    if is_plug_in(name):
        return None
    try:
        return load_spec(find_model(name)).card
    except StreamsnnError:
        return None


_MICROPHONE = re.compile(r"mic(:.+)?")
_KINDS = {"vision": "events of a camera", "audio": "sound"}


def _ado(choice: Choice) -> tuple[int, int, str]:
    assert choice.fit is not None
    assert choice.card is not None
    return (choice.fit.letterbox * 2 + (choice.fit.crop is not None), -choice.card.input.size, choice.name)
