"""`Labelling`: a tracker whose tracks say what they are: a classifier looks into each box, step by step.

The idea of the hybrid framework (Ussa et al. 2020, "A hybrid neuromorphic object tracking and classification framework
for real-time systems"): the tracker works on the whole sensor, the classifier on what lies in a box only.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from streamsnn.cropping import Cropping
from streamsnn.errors import StreamsnnError
from streamsnn.network import Network
from streamsnn.readout import ScoreReadout
from streamsnn.state import StateBatch
from streamsnn.types import InputSpec, Model, Output, Step, Track, Tracker

_MOST = 64
"""Tracks that are remembered at a time."""


@dataclass(frozen=True)
class LabellingSettings:
    """A track's size, the longer side of its box, is brought to the share `fill` of the model's input, and the box's
    middle to the input's.

    The size is a mean that forgets with `settle_ms`: a box breathes with what just fires of an object, and what is
    seen in it should not. The middle is the tracker's: it follows motion already, and smoothed once more it would lag.
    """

    fill: float = 0.65
    settle_ms: float = 300.0


class _Looked:
    """What a model has seen of one track. A copy of it has a state and a readout of its own."""

    def __init__(self, model: Model) -> None:
        card = model.card
        self.state: Any = model.initial_state()
        self.readout = ScoreReadout(card.readout, card.labels, card.step_us)
        self.size_px = 0.0
        self.steps = 0
        self.index = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> _Looked:
        copied = copy.copy(self)
        copied.state, copied.readout = self.state.copy(), copy.deepcopy(self.readout, memo)
        return copied

    def settle(self, track: Track, gain: float) -> float:
        """Move the size towards that of the track's box, and say what it is now."""
        self.steps += 1
        self.size_px += max(gain, 1 / self.steps) * (max(track.width, track.height) - self.size_px)
        return self.size_px


class Labelling:
    """`tracker`, which takes steps of `spec` and `step_us`, with a label and its confidence in every track.

    The events in a track's box, moved and scaled to the size of the model's input, are the steps of a stream of the
    track's own, with a state and a readout as long as it lives. A track that was out of sight for longer than the model
    remembers begins with a fresh state, and keeps its readout. Refused with StreamsnnError: a model that hears, or
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
        settings = settings or LabellingSettings()
        self._tracker, self._model = tracker, model
        self._cropping = Cropping(spec, card.input, settings.fill)
        self._gain = 1 - math.exp(-step_us / (1000 * settings.settle_ms))
        self._memory_steps = max(1, card.memory_us // step_us)
        self._looked: dict[int, _Looked] = {}
        self._batched: tuple[_Looked, ...] = ()
        self._batch: StateBatch | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Labelling:
        memo[id(self._model)] = self._model
        copied = copy.copy(self)
        # A batch points into the states that it was made of: the copy makes one of its own, and holds on to no others.
        copied._batched, copied._batch = (), None
        for name in ("_tracker", "_cropping", "_looked"):
            setattr(copied, name, copy.deepcopy(getattr(self, name), memo))
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
        if not tracks:
            return ()
        looked = [self._look(track, step.index) for track in tracks]
        # Who is out of sight is remembered as long as the tracker may bring it back, or until there are too many.
        while len(self._looked) > max(_MOST, len(tracks)):
            del self._looked[next(iter(self._looked))]
        sizes_px = [each.settle(track, self._gain) for each, track in zip(looked, tracks, strict=True)]
        outputs = self._step(self._cropping(step, tracks, sizes_px), looked)
        named = []
        for track, each, output in zip(tracks, looked, outputs, strict=True):
            decision = each.readout(output)
            named.append(track._replace(label=decision.label, confidence=decision.confidence))
        return tuple(named)

    def _look(self, track: Track, index: int) -> _Looked:
        """What was seen of the track so far, and is now the newest in memory."""
        looked = self._looked.pop(track.id, None)
        if looked is None:
            looked = _Looked(self._model)
        elif index - looked.index > self._memory_steps:
            looked.state.reset()
        looked.index = index
        self._looked[track.id] = looked
        return looked

    def _step(self, steps: Sequence[Step], looked: Sequence[_Looked]) -> Sequence[Output]:
        """What the model says of each of `looked` after its own of `steps`."""
        if not isinstance(self._model, Network):
            return [self._model.step(step, each.state) for step, each in zip(steps, looked, strict=True)]
        if self._batch is None or tuple(looked) != self._batched:
            self._batched = tuple(looked)
            self._batch = StateBatch([each.state for each in looked])
        return self._model.step_many(steps, self._batch)
