"""Every value that flows through the program, and every role that handles one.

Two clocks never mix: sensor time is integer microseconds (`*_us`), host time is nanoseconds (`*_ns`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from streamsnn.energy import Operations

EVENT = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])
"""One event: sensor time in us (signed, so that differences never wrap), column, row, polarity (True = brighter)."""

Events = NDArray[np.void]
"""A one-dimensional array of dtype `EVENT`, ordered by time."""

Kind = Literal["vision", "audio"]


class Sensor(NamedTuple):
    """What a stream was seen or heard with. A cochlea is a sensor whose x is the channel and whose y is the ear."""

    name: str
    width: int
    height: int
    kind: Kind = "vision"


class Packet(NamedTuple):
    """All events of the sensor time [t_begin_us, t_end_us). An empty packet says "silence until t_end_us".

    `arrived_ns` is the host time at which the packet reached this program. `dropped` counts the events (of sound: the
    samples) that were lost between the previous packet and this one.
    """

    events: Events
    t_begin_us: int
    t_end_us: int
    arrived_ns: int
    dropped: int = 0


class Sound(NamedTuple):
    """A block of sound: `samples` (n, ears) float32, full scale at 1, of which the first is number `begin`.

    Numbers count from the beginning of the sound's own time, at the source's rate. A block that begins later than the
    one before it ended says that `dropped` samples are lost there; a source without losses leaves no hole.
    `arrived_ns` is the host time at which the block's last sample reached this program.
    """

    samples: NDArray[np.float32]
    begin: int
    arrived_ns: int
    dropped: int = 0


class Step(NamedTuple):
    """The input addresses that were active in [index * step_us, (index + 1) * step_us).

    `addresses` (int32) are flat indices into a model's input, channel-major: (channel * height + y) * width + x.
    An address that occurs n times counts n. `arrived_ns` is when the packet that closed the step arrived.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which a step has no use for
    addresses: NDArray[np.int32]
    arrived_ns: int


class Output(NamedTuple):
    """What a model says after one step. Arrays are views into the state: copy what must outlive the next step.

    `scores` (classes,) float32; `spikes`: layer name -> int32 indices that fired in this step; `operations` where the
    model counts them.
    """

    scores: NDArray[np.float32]
    spikes: Mapping[str, NDArray[np.int32]]
    operations: Operations | None = None


class Decision(NamedTuple):
    """What the readout holds to be true now. `label` is None while the evidence is too weak.

    `confidence` in [0, 1] is that of the best class, `scores` (classes,) the evidence gathered so far: owned, not a
    view.
    """

    label: str | None
    confidence: float
    scores: NDArray[np.float32]


class Track(NamedTuple):
    """One moving object: its box's top-left corner and size in pixels, its velocity in pixels a second.

    `label` is what a classifier takes it for, None while it is not sure or nobody asks; `confidence` in [0, 1] is that
    of the best class, None where nobody asks.
    """

    id: int
    x: float
    y: float
    width: float
    height: float
    vx: float
    vy: float
    age_us: int
    label: str | None = None
    confidence: float | None = None


class Stamps(NamedTuple):
    """Host times of one step in the order in which they happen: packet in, step begun, step done."""

    arrived_ns: int
    started_ns: int
    finished_ns: int


class Result(NamedTuple):
    """Everything known about one step. `dropped` counts the events lost since the stream began.

    What the step cost is `output.operations` and `energy_pj`.
    """

    step: Step
    output: Output
    decision: Decision
    tracks: tuple[Track, ...]
    stamps: Stamps
    dropped: int

    @property
    def energy_pj(self) -> float | None:
        """What the step's synaptic operations would take in hardware (see `energy`); None if they are not counted."""
        return None if self.output.operations is None else self.output.operations.energy_pj


@dataclass(frozen=True)
class InputSpec:
    """What a model eats: a grid of `channels` x `height` x `width` addresses.

    `polarity` "split" gives polarity False channel 0 and True channel 1, "merge" puts both into channel 0.
    `value` "count" keeps repeated addresses, "binary" has each address at most once a step.
    """

    width: int
    height: int
    polarity: Literal["split", "merge"] = "split"
    value: Literal["count", "binary"] = "count"
    kind: Kind = "vision"

    @property
    def channels(self) -> int:
        return 2 if self.polarity == "split" else 1

    @property
    def size(self) -> int:
        """Number of addresses."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Hearing:
    """How sound becomes events, `encoder` = "cochlea": the one that a model was trained with; see `streamsnn.cochlea`.

    `channels` places from `highest_hz` (x = 0) to `lowest_hz`, with `cells` bushy cells each. The sound is sharpened to
    x[n] - `pre_emphasis` x[n-1] at 48 kHz, and brought to `level` (full scale is 1) by a gain that follows it: within
    `attack_ms` down, within `release_ms` up, at most `most_gain_db`. It begins at `first_gain_db`.
    """

    encoder: ClassVar[str] = "cochlea"
    channels: int = 70
    lowest_hz: float = 110.0
    highest_hz: float = 7000.0
    cells: int = 5
    pre_emphasis: float = 0.95
    level: float = 0.6
    attack_ms: float = 20.0
    release_ms: float = 1000.0
    first_gain_db: float = 50.0
    most_gain_db: float = 50.0


@dataclass(frozen=True)
class DeltaHearing:
    """How sound becomes events, `encoder` = "delta": cheaper than a cochlea, see `streamsnn.cochlea.crossings`.

    `channels` gammatone filters from `highest_hz` (x = 0) to `lowest_hz`, whose energy is smoothed over `smooth_ms`. It
    makes an event whenever it crosses a level, ON (p True) upwards and OFF downwards. Levels are `step_db` apart, and
    the lowest, which silence lies below, is `floor_db` below a tone at full scale.
    """

    encoder: ClassVar[str] = "delta"
    channels: int = 40
    lowest_hz: float = 110.0
    highest_hz: float = 7000.0
    smooth_ms: float = 8.0
    step_db: float = 3.0
    floor_db: float = -70.0


AnyHearing = Hearing | DeltaHearing
HEARINGS: Mapping[str, type[Hearing] | type[DeltaHearing]] = {kind.encoder: kind for kind in (Hearing, DeltaHearing)}
"""The settings of each encoder, by its name."""


@dataclass(frozen=True)
class ReadoutSettings:
    """How scores become a decision.

    `kind`: "mean" averages since the last reset, "leaky" forgets with time constant `tau_ms`, "last" takes the newest.
    A label is shown once its confidence exceeds `threshold` for `patience` steps. It is replaced by one that also leads
    it by `hysteresis`, and taken back once its confidence is `hysteresis` below `threshold`, for as long each.
    `temperature` divides the evidence before the softmax.
    """

    kind: Literal["mean", "leaky", "last"] = "leaky"
    tau_ms: float = 100.0
    temperature: float = 1.0
    threshold: float = 0.5
    hysteresis: float = 0.1
    patience: int = 3


@dataclass(frozen=True)
class ModelCard:
    """What one must know of a model to feed it and to read it.

    After a gap in the stream of `memory_us` or more, a state holds nothing that still matters and is reset.
    `hearing` is what makes events of sound for it, for models that listen.
    `figures` are measured numbers to show ("accuracy": 0.95); the model's README says how to reproduce them.
    """

    name: str
    labels: tuple[str, ...]
    step_us: int
    input: InputSpec
    memory_us: int
    readout: ReadoutSettings = ReadoutSettings()
    description: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    hearing: AnyHearing | None = None


class State(Protocol):
    """All that a model remembers between steps; the caller owns it."""

    def copy(self) -> Self:
        """A snapshot that shares nothing with this state."""
        ...

    def reset(self) -> None:
        """Go back to the state before the first step."""
        ...


class Source(Protocol):
    """A stream of packets. Packets follow one another: each begins at or after the end of the one before it."""

    @property
    def sensor(self) -> Sensor: ...

    def __iter__(self) -> Iterator[Packet]: ...

    def close(self) -> None: ...


class SoundSource(Protocol):
    """A stream of sound. Blocks follow one another; a source of two ears gives them as the columns of each block."""

    @property
    def name(self) -> str: ...

    @property
    def rate_hz(self) -> int: ...

    @property
    def ears(self) -> int: ...

    def __iter__(self) -> Iterator[Sound]: ...

    def close(self) -> None: ...


class Filter(Protocol):
    """A step between packets that never touches a packet's time range; state across packets is its own."""

    def __call__(self, packet: Packet) -> Packet: ...


class Model(Protocol):
    """Weights and a step. A model never holds state: one model may serve many streams."""

    @property
    def card(self) -> ModelCard: ...

    def initial_state(self) -> Any: ...

    def step(self, step: Step, state: Any) -> Output:
        """Advance `state` in place by one step and say what the model thinks."""
        ...


class Readout(Protocol):
    def __call__(self, output: Output) -> Decision: ...

    def reset(self) -> None: ...


class Tracker(Protocol):
    def update(self, step: Step) -> tuple[Track, ...]: ...

    def reset(self) -> None: ...


class Sink(Protocol):
    def write(self, result: Result) -> None: ...

    def close(self) -> None: ...
