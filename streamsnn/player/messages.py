"""What a display and the engine that it watches say to one another: commands one way, notices the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from streamsnn.player.screen import Layout
from streamsnn.types import ModelCard


@dataclass(frozen=True)
class Open:
    """Play `source` through `model`, named as on the command line; `filters` are (spelling, on) pairs in their order.

    Plays at once unless `paused`. The other fields are the options of `streamsnn run` of the same names.
    """

    source: str
    model: str
    filters: tuple[tuple[str, bool], ...] = ()
    speed: float | None = 1.0
    loop: bool = False
    paused: bool = False
    sensor: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    downsample: int | None = None
    letterbox: bool = False
    threshold: float | None = None
    track: str | None = None
    ego_motion: bool = False
    classify: str | None = None
    probes: tuple[tuple[str, int], ...] = ()
    """(layer, neuron) whose membranes are watched from the beginning, at most PROBES."""


@dataclass(frozen=True)
class Play:
    """Go on, or begin again where the stream had ended."""


@dataclass(frozen=True)
class Pause:
    """Stop after this step."""


@dataclass(frozen=True)
class Advance:
    """While paused, take `steps` more steps; fewer than none go back."""

    steps: int = 1


@dataclass(frozen=True)
class Seek:
    """Go to `offset_us` after the beginning, with everything as if the stream had been played until there."""

    offset_us: int


@dataclass(frozen=True)
class SetSpeed:
    """So many times true time; None is as fast as it goes."""

    speed: float | None


@dataclass(frozen=True)
class SetLoop:
    """Begin again at the end, or at the out marker."""

    on: bool


@dataclass(frozen=True)
class SetMarkers:
    """Play only between these offsets; None is the beginning or the end."""

    in_us: int | None
    out_us: int | None


@dataclass(frozen=True)
class SwitchFilter:
    """Apply the filter with this spelling from now on, or no longer. One that is not there yet comes last."""

    spelling: str
    on: bool


@dataclass(frozen=True)
class SwitchEgoMotion:
    """Box only what moves against the background from now on, or no longer; of a stream that is tracked."""

    on: bool


@dataclass(frozen=True)
class SetThreshold:
    """The confidence above which a label is shown."""

    threshold: float


@dataclass(frozen=True)
class ResetState:
    """Forget everything heard or seen, here and now."""


@dataclass(frozen=True)
class SetProbes:
    """Watch the membranes of these (layer, neuron), at most PROBES."""

    probes: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Record:
    """Keep what is heard from now on in the sound file `path`; None: no longer."""

    path: str | None


@dataclass(frozen=True)
class Quit:
    """End."""


Command = (
    Open
    | Play
    | Pause
    | Advance
    | Seek
    | SetSpeed
    | SetLoop
    | SetMarkers
    | SwitchFilter
    | SwitchEgoMotion
    | SetThreshold
    | ResetState
    | SetProbes
    | Record
    | Quit
)


@dataclass(frozen=True)
class Preparing:
    """Something takes a while: what, and how far it is from 0 to 1 where that is known."""

    what: str
    share: float | None = None


@dataclass(frozen=True)
class Opened:
    """The stream is open. `memory` names the shared memory with its screen; None: the screen was handed over.

    `begin_us` is the sensor time of its beginning, `duration_us` how long it is, where that is known, `live` whether
    it comes in true time by itself, `path` the file that it comes from.
    """

    source: str
    card: ModelCard
    layout: Layout
    memory: str | None
    begin_us: int
    duration_us: int | None
    live: bool
    path: str | None
    filters: tuple[tuple[str, bool], ...]
    probed: Mapping[str, int]


@dataclass(frozen=True)
class Status:
    """What the engine does now. `mode` "ended" can be played again; after "failed" only another `Open` helps."""

    mode: Literal["playing", "paused", "ended", "failed", "closed"]
    speed: float | None = 1.0
    loop: bool = False


@dataclass(frozen=True)
class Note:
    """Something that people should know; the stream goes on."""

    text: str


@dataclass(frozen=True)
class Recording:
    """What is heard is kept in `path` from now on; None: no longer, as `text` says."""

    path: str | None
    text: str = ""


@dataclass(frozen=True)
class Failed:
    """Something went wrong: what, why, and what to do. `fatal` says that the stream is over."""

    message: str
    hint: str
    fatal: bool = True


@dataclass(frozen=True)
class Totals:
    """What the stream came to so far, twice a second: as `Summary.as_dict`."""

    summary: Mapping[str, Any]


Notice = Preparing | Opened | Status | Note | Recording | Failed | Totals
