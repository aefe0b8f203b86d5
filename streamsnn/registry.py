"""From a text to an object: "nmnist-paralif", "recordings/7.dat", "mic:2", "synthetic:bar", "mypkg.nets:build".

A path never runs code. Only the spelling "package.module:attribute" does: it imports the module (the working directory
counts as well) and calls the attribute. What it is called with depends on what is wanted:

    model  build()          source  build()         filter  build(sensor)
    readout  build(card)    sink  build(card)
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamsnn.errors import StreamsnnError

if TYPE_CHECKING:
    from streamsnn.clock import Clock
    from streamsnn.types import Filter, Hearing, Model, ModelCard, Readout, Sensor, Sink, Source

MODELS_VARIABLE = "STREAMSNN_MODELS"
"""The environment variable that names further folders of models, separated as in PATH."""

_SYNTHETIC = "synthetic:"
_MICROPHONE = re.compile(r"mic(?::(.+))?")
_PLUG_IN = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_ROLES = {
    "model": ("card", "initial_state", "step"),
    "source": ("sensor", "__iter__", "close"),
    "filter": ("__call__",),
    "readout": ("__call__", "reset"),
    "sink": ("write", "close"),
}


def model_places() -> tuple[Path, ...]:
    """The folders that models are looked for in: ./models, $STREAMSNN_MODELS, and those that came with the program."""
    checkout = Path(__file__).resolve().parents[1]
    places = [Path("models")]
    places += [Path(place) for place in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if place]
    # An editable installation runs from its checkout; any other has the models among its own files.
    in_checkout = (checkout / "pyproject.toml").is_file()
    places.append(checkout / "models" if in_checkout else Path(__file__).resolve().parent / "models")
    return tuple(places)


def model_folders() -> tuple[Path, ...]:
    """All model folders in `model_places`, in the order of their names; of two of one name the first that is found."""
    found: dict[str, Path] = {}
    for place in model_places():
        if place.is_dir():
            for folder in place.iterdir():
                if (folder / "model.toml").is_file():
                    found.setdefault(folder.name, folder)
    return tuple(found[name] for name in sorted(found))


def find_model(text: str) -> Path:
    """The folder of the model that is called `text`, or lies at the path `text`.

    Raises StreamsnnError, with the closest name, if there is none.
    """
    folders = {folder.name: folder for folder in model_folders()}
    path = Path(text).expanduser()
    is_path = path.name != text
    if not is_path and text in folders:
        return folders[text]
    if path.is_dir():
        return path
    if path.exists():
        raise StreamsnnError(f"{text} is a file, not a model folder.", hint=_instead(path.name, folders))
    what = f"There is no model folder {text}." if is_path else f'There is no model "{text}".'
    raise StreamsnnError(what, hint=_instead(path.name, folders))


def open_model(text: str) -> Model:
    """The model that `text` names, by name, by path, or as a plug-in; ready to step."""
    if is_plug_in(text):
        made: Model = _build("model", text)
        return made
    from streamsnn.modelfolder import load_model

    return load_model(find_model(text))


def open_source(
    text: str,
    *,
    sensor: Sensor | None = None,
    start_us: int = 0,
    stop_us: int | None = None,
    packet_us: int = 10_000,
    strict: bool = False,
    hearing: Hearing | None = None,
    ears: int = 1,
    clock: Clock | None = None,
    on_change: Callable[[str], None] | None = None,
) -> Source:
    """The stream that `text` names, as fast as it can be pulled: a recording, a microphone ("mic", "mic:2", "mic:USB"),
    a synthetic scene, or a plug-in.

    Of a recording only what lies between `start_us` and `stop_us` after its beginning is given, in packets of
    `packet_us`; `sensor` overrides what it says of itself, and `strict` refuses damage. Recorded sound is heard by a
    cochlea with `hearing`, which it cannot do without, and `ears`, of which one hears all channels mixed. So is a
    microphone, which tells `on_change` in a sentence when it goes away or comes back. A scene
    ("synthetic:digits", see `SCENES` in `sources.synthetic`) has no other sensor and no other start, and a plug-in
    decides on all of it itself: a cut that they cannot obey is refused with StreamsnnError. Packets are stamped with
    `clock`, the machine's if left out, but for those of plug-ins.
    """
    scene = text.removeprefix(_SYNTHETIC)
    from streamsnn.formats.opening import split_member

    if split_member(text)[0].exists() or not (scene != text or _MICROPHONE.fullmatch(text) or is_plug_in(text)):
        from streamsnn.sources.files import RecordingSource
        from streamsnn.sources.sound_files import SoundFile, is_sound

        if is_sound(text):
            if hearing is None:
                raise _deaf(text)
            if sensor is not None:
                raise StreamsnnError(f"{text} is a sound, which has no size.", hint="Leave out --sensor.")
            from streamsnn.sources.hearing import Heard

            mix = ears == 1
            sounds = SoundFile(
                text, block_us=packet_us, start_us=start_us, stop_us=stop_us, mix=mix, strict=strict, clock=clock
            )
            return Heard(sounds, hearing)
        return RecordingSource(
            text,
            sensor=sensor,
            start_us=start_us,
            stop_us=stop_us,
            packet_us=packet_us,
            strict=strict,
            clock=clock,
        )
    microphone = _MICROPHONE.fullmatch(text)
    if sensor is not None or start_us or (stop_us is not None and scene == text and not microphone):
        raise StreamsnnError(
            f"{text} is no recording: its sensor is its own, and it begins when it begins.",
            hint="Leave out --sensor and --start, and of a plug-in --stop.",
        )
    if microphone:
        if hearing is None:
            raise _deaf(text)
        from streamsnn.sources.hearing import Heard
        from streamsnn.sources.microphone import Microphone

        name = microphone[1]
        device = int(name) if name is not None and name.isdecimal() else name
        listening = Microphone(device, ears=ears, block_us=packet_us, clock=clock, on_change=on_change)
        return Heard(listening, hearing, live=True, stop_us=stop_us)
    if scene != text:
        from streamsnn.clock import HostClock
        from streamsnn.sources.synthetic import open_synthetic

        return open_synthetic(scene, clock=clock or HostClock(), duration_us=stop_us, packet_us=packet_us)
    if not has_module(text):
        meant = difflib.get_close_matches(text.partition(":")[0], [_SYNTHETIC[:-1]])
        guess = "Did you mean synthetic? " if meant else ""
        raise StreamsnnError(
            f'There is no source "{text}".',
            hint=f"{guess}Name a file, mic, synthetic:SCENE, or package.module:attribute.",
        )
    made: Source = _build("source", text)
    return made


def _deaf(text: str) -> StreamsnnError:
    return StreamsnnError(
        f"{text} is a sound, and the model does not listen.",
        hint="Choose a model of sound: streamsnn models lists what each eats.",
    )


def open_filter(text: str, sensor: Sensor) -> Filter:
    """The filter for `sensor` that `text` names: one of this package ("background:tau=5ms"), or a plug-in."""
    from streamsnn.filter_spelling import parse_filter

    try:
        return parse_filter(text, sensor)
    except StreamsnnError:
        # "flip:x" has the form of a plug-in, too: a built-in filter comes first, and a misspelt one is told as such.
        if not is_plug_in(text) or not has_module(text):
            raise
    made: Filter = _build("filter", text, sensor)
    return made


def open_readout(text: str, card: ModelCard) -> Readout:
    """The readout plug-in `text` for a model with `card`."""
    made: Readout = _build("readout", text, card)
    return made


def open_sink(text: str, card: ModelCard) -> Sink:
    """The sink plug-in `text` for what a model with `card` says."""
    made: Sink = _build("sink", text, card)
    return made


def is_plug_in(text: str) -> bool:
    """Whether `text` is spelt "package.module:attribute"."""
    return _PLUG_IN.fullmatch(text) is not None


def has_module(text: str) -> bool:
    """Whether there is a Python package of the name that the plug-in `text` begins with; imports nothing."""
    _look_here_too()
    return importlib.util.find_spec(re.split(r"[.:]", text)[0]) is not None


def load_plug_in(text: str) -> Callable[..., Any]:
    """Import what "package.module:attribute" names, something that can be called. Raises StreamsnnError if it fails."""
    found = _PLUG_IN.fullmatch(text)
    if found is None:
        raise StreamsnnError(f'"{text}" is no plug-in.', hint="Write it as package.module:attribute.")
    name, path = found.groups()
    _look_here_too()
    try:
        value: Any = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise StreamsnnError(
            f'"{text}" cannot be loaded: there is no Python module "{error.name}".',
            hint="A plug-in is written package.module:attribute, and must be installed or in this folder.",
        ) from error
    except Exception as error:
        raise StreamsnnError(
            f"{name} cannot be imported: {type(error).__name__}: {error}",
            hint="Mend it; --debug shows where it failed.",
        ) from error
    for part in path.split("."):
        if not hasattr(value, part):
            close = difflib.get_close_matches(part, dir(value), n=1)
            raise StreamsnnError(
                f'{name} has no "{part}".', hint=f"Did you mean {close[0]}?" if close else "Look at its spelling."
            )
        value = getattr(value, part)
    if not callable(value):
        raise StreamsnnError(f"{text} cannot be called.", hint="A plug-in is a function or a class that builds it.")
    return value  # type: ignore[no-any-return]  # whatever it is, it can be called


def build_plug_in(text: str, *arguments: object) -> Any:
    """Load the plug-in `text` and call it; StreamsnnError for whatever it raises."""
    build = load_plug_in(text)
    try:
        return build(*arguments)
    except StreamsnnError:
        raise
    except Exception as error:
        given = ", ".join(type(argument).__name__ for argument in arguments)
        raise StreamsnnError(
            f"{text}({given}) failed: {type(error).__name__}: {error}", hint="Mend it; --debug shows where it failed."
        ) from error


def role_of(made: object) -> str | None:
    """What `made` can be used as: "model", "source", "sink", "readout" or "filter", in this order; None for none."""
    return next(
        (role for role in ("model", "source", "sink", "readout", "filter") if not _missing(role, made)),
        None,
    )


def _build(role: str, text: str, *arguments: object) -> Any:
    made = build_plug_in(text, *arguments)
    if missing := _missing(role, made):
        raise StreamsnnError(
            f"{text} built a {type(made).__name__}, which is no {role}: it has no {missing[0]}.",
            hint=f"A {role} has {', '.join(_ROLES[role])}; see streamsnn/types.py.",
        )
    return made


def _missing(role: str, made: object) -> list[str]:
    return [name for name in _ROLES[role] if not hasattr(made, name)]


def _look_here_too() -> None:
    """Let modules in the working directory be imported, after all that are installed."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.append(here)


def _instead(name: str, known: Sequence[str] | dict[str, Path]) -> str:
    if not known:
        return (
            f"There are no models in {' or '.join(map(str, model_places()))}; name a folder, or set {MODELS_VARIABLE}."
        )
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{guess}There is: {', '.join(known)}."
