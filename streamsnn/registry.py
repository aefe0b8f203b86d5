"""From a text to an object: "nmnist-paralif", "recordings/7.dat", "mic:2", "synthetic:bar", "mypkg.nets:build".

A path never runs code. Only the spelling "package.module:attribute" does: it imports the module (the working directory
counts as well) and calls the attribute. What it is called with depends on what is wanted:

    model  build()          source  build()         filter  build(sensor)
    readout  build(card)    sink  build(card)       tracker  build(spec, step_us)
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from streamsnn.errors import StreamsnnError
from streamsnn.plug_ins import build_role, has_module, is_plug_in

if TYPE_CHECKING:
    from streamsnn.clock import Clock
    from streamsnn.types import (
        AnyHearing,
        Filter,
        InputSpec,
        Model,
        ModelCard,
        Readout,
        Sensor,
        Sink,
        SoundSource,
        Source,
        Tracker,
    )

MODELS_VARIABLE = "STREAMSNN_MODELS"
"""The environment variable that names further folders of models, separated as in PATH."""

_SYNTHETIC = "synthetic:"
_MICROPHONE = re.compile(r"mic(?::(.+))?")


def model_places() -> tuple[Path, ...]:
    """The folders that models are looked for in: ./models, $STREAMSNN_MODELS, and those that came with the program."""
    places = [Path("models")]
    places += [Path(place) for place in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if place]
    return (*places, _beside("models"))


def recordings_folder() -> Path:
    """Where the recordings lie that came with the program."""
    return _beside("recordings")


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
    if not text:
        raise StreamsnnError("The model has no name.", hint="streamsnn models lists those that are there.")
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
        made: Model = build_role("model", text)
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
    hearing: AnyHearing | None = None,
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
    from streamsnn.formats.opening import split_member

    if not text:
        raise StreamsnnError("The source has no name.", hint="Name a file, mic, synthetic:SCENE, or a plug-in.")
    # A file may be called whatever it likes.
    is_file = split_member(text)[0].exists()
    microphone = None if is_file else _MICROPHONE.fullmatch(text)
    scene = None if is_file or not text.startswith(_SYNTHETIC) else text.removeprefix(_SYNTHETIC)
    if is_file or not (microphone or scene is not None or is_plug_in(text)):
        from streamsnn.sources.sound_files import SoundFile, is_sound

        if text == "camera" and not is_file:
            raise StreamsnnError(
                "Live cameras are not read.", hint="Record with the camera's own software, then name that file."
            )
        if not is_sound(text):
            from streamsnn.sources.files import RecordingSource

            return RecordingSource(
                text,
                sensor=sensor,
                start_us=start_us,
                stop_us=stop_us,
                packet_us=packet_us,
                strict=strict,
                clock=clock,
            )
        if sensor is not None:
            raise StreamsnnError(f"{text} is a sound, which has no size.", hint="Leave out --sensor.")
        mix = ears == 1
        return _heard(
            text,
            lambda: SoundFile(
                text, block_us=packet_us, start_us=start_us, stop_us=stop_us, mix=mix, strict=strict, clock=clock
            ),
            hearing,
        )
    if sensor is not None or start_us or (stop_us is not None and not microphone and scene is None):
        raise StreamsnnError(
            f"{text} is no recording: its sensor is its own, and it begins when it begins.",
            hint="Leave out --sensor and --start, and of a plug-in --stop.",
        )
    if microphone:
        from streamsnn.sources.microphone import Microphone

        name = microphone[1]
        device = int(name) if name is not None and name.isdecimal() else name
        return _heard(
            text,
            lambda: Microphone(device, ears=ears, block_us=packet_us, clock=clock, on_change=on_change),
            hearing,
            live=True,
            stop_us=stop_us,
        )
    if scene is not None:
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
    made: Source = build_role("source", text)
    return made


def _heard(
    text: str,
    open_sounds: Callable[[], SoundSource],
    hearing: AnyHearing | None,
    *,
    live: bool = False,
    stop_us: int | None = None,
) -> Source:
    """The sounds that `text` names, through a cochlea with `hearing`; they are opened only if somebody listens."""
    if hearing is None:
        raise StreamsnnError(
            f"{text} is a sound, and the model does not listen.",
            hint="Choose a model of sound: streamsnn models lists what each eats.",
        )
    from streamsnn.sources.hearing import Heard

    return Heard(open_sounds(), hearing, live=live, stop_us=stop_us)


def is_heard(text: str) -> bool:
    """Whether `text` names a sound or a microphone, as `open_source` would take it."""
    from streamsnn.sources.sound_files import is_sound

    return is_sound(text) or (not Path(text).exists() and _MICROPHONE.fullmatch(text) is not None)


def open_filter(text: str, sensor: Sensor) -> Filter:
    """The filter for `sensor` that `text` names: one of this package ("background:tau=5ms"), or a plug-in."""
    from streamsnn.filter_spelling import parse_filter

    try:
        return parse_filter(text, sensor)
    except StreamsnnError:
        # "flip:x" has the form of a plug-in, too: a built-in filter comes first, and a misspelt one is told as such.
        if not is_plug_in(text) or not has_module(text):
            raise
    made: Filter = build_role("filter", text, sensor)
    return made


def open_readout(text: str, card: ModelCard) -> Readout:
    """The readout plug-in `text` for a model with `card`."""
    made: Readout = build_role("readout", text, card)
    return made


def open_sink(text: str, card: ModelCard) -> Sink:
    """The sink plug-in `text` for what a model with `card` says."""
    made: Sink = build_role("sink", text, card)
    return made


def open_tracker(text: str, spec: InputSpec, step_us: int) -> Tracker:
    """The tracker that `text` names: one of this package ("regions", "clusters", "surfaces"), or a plug-in.

    `spec` and `step_us` are those of the steps that it will be given.
    """
    from streamsnn.tracking.names import NAMES, make_tracker

    if text in NAMES:
        return make_tracker(text, spec, step_us)
    if not is_plug_in(text):
        close = difflib.get_close_matches(text, NAMES, n=1)
        guess = f"Did you mean {close[0]}? " if close else ""
        raise StreamsnnError(
            f'There is no tracker "{text}".', hint=f"{guess}Choose {', '.join(NAMES)}, or package.module:attribute."
        )
    made: Tracker = build_role("tracker", text, spec, step_us)
    return made


def open_labelling(
    text: str, classifier: str | None, spec: InputSpec, step_us: int, *, ego_motion: bool = False
) -> Tracker:
    """The tracker that `text` names, whose tracks have the labels that the model `classifier` gives them, if any; with
    `ego_motion` only what moves against the background."""
    tracker = open_tracker(text, spec, step_us)
    if ego_motion:
        from streamsnn.tracking.ego_motion import EgoMotion

        tracker = EgoMotion(tracker, spec, step_us)
    if classifier is None:
        return tracker
    from streamsnn.labelling import Labelling

    model = open_model(classifier)
    labelling = Labelling(tracker, model, spec, step_us)
    # Only now: nobody waits for a compiler, and is refused then.
    warm_up = getattr(model, "warm_up", None)
    if warm_up is not None:
        warm_up()
    return labelling


def _beside(name: str) -> Path:
    """The folder `name` that came with the program."""
    package = Path(__file__).resolve().parent
    # An editable installation runs from its checkout; any other has what came along among its own files.
    in_checkout = (package.parent / "pyproject.toml").is_file()
    return (package.parent if in_checkout else package) / name


def _instead(name: str, known: Sequence[str] | dict[str, Path]) -> str:
    if not known:
        return (
            f"There are no models in {' or '.join(map(str, model_places()))}; name a folder, or set {MODELS_VARIABLE}."
        )
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f'Did you mean "{close[0]}"? ' if close else ""
    return f"{guess}There is: {', '.join(known)}."
