"""`Labelling`: a tracker whose tracks say what they are: a classifier looks into each box, step by step.

The idea of the hybrid framework (Ussa et al. 2020, "A hybrid neuromorphic object tracking and classification framework
for real-time systems"): the tracker works on the whole sensor, the classifier on what lies in a box only.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import boolean, float64, int32, int64
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.readout import ScoreReadout
from streamsnn.types import InputSpec, Model, Step, Track, Tracker

_MARGIN = 0.15
"""Events this share of its size beside a box are the object's, too."""


@dataclass(frozen=True)
class LabellingSettings:
    """A box's longer side is brought to the share `fill` of the model's input, and its middle to the input's."""

    fill: float = 0.65


class _Looked:
    """What a model has seen of one track. A copy of it has a state and a readout of its own."""

    def __init__(self, model: Model) -> None:
        card = model.card
        self.state: Any = model.initial_state()
        self.readout = ScoreReadout(card.readout, card.labels, card.step_us)

    def __deepcopy__(self, memo: dict[int, Any]) -> _Looked:
        copied = copy.copy(self)
        copied.state, copied.readout = self.state.copy(), copy.deepcopy(self.readout, memo)
        return copied


class Labelling:
    """`tracker`, which takes steps of `spec` and `step_us`, with a label and its confidence in every track.

    The events in a track's box, moved and scaled to the size of the model's input, are the steps of a stream of the
    track's own, with a state and a readout as long as it lives. Refused with StreamsnnError: a model that hears, or
    whose steps are of another length. Copies share the model, which never changes.
    """

    def __init__(
        self,
        tracker: Tracker,
        model: Model,
        spec: InputSpec,
        step_us: int,
        settings: LabellingSettings | None = None,
    ) -> None:
        card = model.card
        if card.input.kind != "vision":
            raise StreamsnnError(f'"{card.name}" listens, and a box is seen.', hint="Choose a model of a camera.")
        if card.step_us != step_us:
            raise StreamsnnError(
                f'"{card.name}" takes steps of {card.step_us / 1000:g} ms, the tracker of {step_us / 1000:g} ms.',
                hint=f"Both must be one: --step {card.step_us}us, or another model.",
            )
        self._tracker, self._model, self._spec = tracker, model, spec
        self._settings = settings or LabellingSettings()
        self._looked: dict[int, _Looked] = {}
        self._given = np.empty(0, np.int32)
        self._seen = np.zeros(card.input.size, np.bool_)

    def __deepcopy__(self, memo: dict[int, Any]) -> Labelling:
        memo[id(self._model)] = self._model
        copied = copy.copy(self)
        copied.__dict__.update({name: copy.deepcopy(value, memo) for name, value in vars(self).items()})
        return copied

    @property
    def background_px_s(self) -> tuple[float, float] | None:
        """How the background moves, where the tracker knows."""
        found: tuple[float, float] | None = getattr(self._tracker, "background_px_s", None)
        return found

    def reset(self) -> None:
        """Forget the stream."""
        self._tracker.reset()
        self._looked.clear()

    def update(self, step: Step) -> tuple[Track, ...]:
        """The objects at the end of `step`, each with what the model thinks of it so far."""
        tracks = self._tracker.update(step)
        before, self._looked = self._looked, {}
        named = []
        for track in tracks:
            looked = before.get(track.id) or _Looked(self._model)
            self._looked[track.id] = looked
            output = self._model.step(Step(step.index, self._crop(step, track), step.arrived_ns), looked.state)
            decision = looked.readout(output)
            named.append(track._replace(label=decision.label, confidence=decision.confidence))
        # Who is out of sight for a while is remembered as long as the tracker may bring it back.
        for id_, looked in before.items():
            if id_ not in self._looked and len(self._looked) < _MOST:
                self._looked[id_] = looked
        return tuple(named)

    def _crop(self, step: Step, track: Track) -> NDArray[np.int32]:
        spec, grid = self._spec, self._model.card.input
        if self._given.size < step.addresses.size:
            self._given = np.empty(2 * step.addresses.size, np.int32)
        size = max(track.width, track.height)
        zoom = self._settings.fill * min(grid.width, grid.height) / size
        count = _crop(
            step.addresses,
            spec.width,
            spec.height,
            spec.polarity == "split",
            track.x - _MARGIN * size,
            track.y - _MARGIN * size,
            track.x + track.width + _MARGIN * size,
            track.y + track.height + _MARGIN * size,
            zoom,
            grid.width,
            grid.height,
            grid.polarity == "split",
            self._given,
        )
        given = self._given[:count].copy()
        return np.unique(given) if grid.value == "binary" else given


_MOST = 64
"""Tracks that are remembered at a time."""


@compiled(
    int64(
        int32[::1],
        int64,
        int64,
        boolean,
        float64,
        float64,
        float64,
        float64,
        float64,
        int64,
        int64,
        boolean,
        int32[::1],
    )
)
def _crop(
    addresses: NDArray[np.int32],
    width: int,
    height: int,
    polarities: bool,
    left: float,
    top: float,
    right: float,
    bottom: float,
    zoom: float,
    cells_across: int,
    cells_down: int,
    split: bool,
    out: NDArray[np.int32],
) -> int:
    """The events in a box as addresses of an input of `cells_across` x `cells_down` into `out`; how many there are."""
    plane, cells = width * height, cells_across * cells_down
    reciprocal = float64(1.0) / width
    middle_x, middle_y = 0.5 * (left + right), 0.5 * (top + bottom)
    count = 0
    for i in range(addresses.size):
        address = int64(addresses[i])
        on = int64(polarities and address >= plane)
        pixel = address - plane * on
        y = int64((pixel + 0.5) * reciprocal)
        x = pixel - y * width
        if x + 0.5 < left or x + 0.5 > right or y + 0.5 < top or y + 0.5 > bottom:
            continue
        column = int64(np.floor((x + 0.5 - middle_x) * zoom + 0.5 * cells_across))
        row = int64(np.floor((y + 0.5 - middle_y) * zoom + 0.5 * cells_down))
        if 0 <= column < cells_across and 0 <= row < cells_down:
            out[count] = (row * cells_across + column) + (cells * on if split else 0)
            count += 1
    return count
