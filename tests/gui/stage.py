"""A stage for views: a screen of a made-up model, steps to put on it, and eyes to look at what a view paints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamsnn.energy import Operations
from streamsnn.player.messages import Opened
from streamsnn.player.screen import PROBES, Layout, Screen, Watched, layout_of
from streamsnn.types import (
    EVENT,
    AnyHearing,
    Decision,
    DeltaHearing,
    Events,
    InputSpec,
    ModelCard,
    Output,
    ReadoutSettings,
    Result,
    Sensor,
    Stamps,
    Step,
    Track,
)

NEVER = np.full(PROBES, np.nan, np.float32)
MS = 1_000_000
"""Nanoseconds."""


class Stage:
    """A stream of steps of `step_us` that a test writes one by one, and the views that it is shown to."""

    def __init__(
        self,
        labels: Sequence[str] = ("left", "right"),
        *,
        sensor: Sensor | None = None,
        layers: Mapping[str, int] | None = None,
        step_us: int = 10_000,
        threshold: float = 0.5,
        hearing: AnyHearing | None = None,
    ) -> None:
        if hearing is not None:
            sensor = sensor or Sensor("cochlea", hearing.channels, 1, "audio")
        self.sensor = sensor or Sensor("camera", 40, 30)
        kind, rises = self.sensor.kind, isinstance(hearing, DeltaHearing)
        spec = InputSpec(
            self.sensor.width, self.sensor.height, "merge" if hearing and not rises else "split", kind=kind
        )
        self.card = ModelCard(
            "toy", tuple(labels), step_us, spec, 10**6, ReadoutSettings(threshold=threshold), hearing=hearing
        )
        self.layers = {"hidden": 20} if layers is None else dict(layers)
        self.layout: Layout = layout_of(self.card, self.sensor, self.layers)
        self.screen = Screen(self.layout)
        self.opened = Opened(
            "toy.dat",
            self.card,
            self.layout,
            None,
            0,
            None,
            False,
            None,
            (),
            self.layers,
        )
        self.index = 0
        self.seen = 0
        self.views: list[Any] = []

    def show(self, *views: Any, size: tuple[int, int] = (640, 480)) -> None:
        """Open the stream in `views`, which are `size` large."""
        for view in views:
            view.resize(*size)
            view.open(self.opened, self.screen)
            self.views.append(view)

    def write(
        self,
        label: str | None = None,
        *,
        scores: Sequence[float] | None = None,
        confidence: float = 0.0,
        spikes: Mapping[str, Sequence[int]] | None = None,
        addresses: Sequence[int] = (),
        stamps: tuple[int, int, int] | None = None,
        dropped: int = 0,
        tracks: tuple[Track, ...] = (),
        operations: int | None = 10,
        membranes: NDArray[np.float32] = NEVER,
        level_db: float = float("nan"),
        background_px_s: tuple[float, float] | None = None,
    ) -> None:
        """Write the next step."""
        given = np.zeros(len(self.card.labels), np.float32) if scores is None else np.array(scores, np.float32)
        fired = {name: np.array((spikes or {}).get(name, ()), np.int32) for name in self.layers}
        counted = None if operations is None else Operations(np.array([operations]), np.array([0]))
        finished_ns = (self.index + 1) * self.card.step_us * 1000
        result = Result(
            Step(self.index, np.array(addresses, np.int32), 0),
            Output(given, fired, counted),
            Decision(label, confidence, given),
            tracks,
            Stamps(*(stamps or (finished_ns, finished_ns, finished_ns))),
            dropped,
        )
        self.screen.write(result, membranes, level_db, background_px_s)
        self.index += 1

    def play(self, steps: int, label: str | None = None, **step: Any) -> None:
        """Write so many equal steps."""
        for _ in range(steps):
            self.write(label, **step)

    def refresh(self, host_ns: int | None = None, *views: Any) -> Watched:
        """Show what is new to `views`, or to all."""
        watched = self.screen.steps_since(self.seen)
        self.seen = watched.until
        for view in views or self.views:
            view.refresh(watched, self.index * self.card.step_us * 1000 if host_ns is None else host_ns)
        return watched


def events(*rows: tuple[int, int, int, bool]) -> Events:
    """Events (t_us, x, y, p)."""
    return np.array(list(rows), EVENT)


def picture(view: Any) -> NDArray[np.uint8]:
    """What `view` paints: (height, width, 3) red, green, blue, one entry a pixel of the widget."""
    from PySide6.QtGui import QImage

    image = QImage(view.size(), QImage.Format.Format_RGB32)
    view.render(image)
    words = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return words[:, : 4 * image.width()].reshape(image.height(), image.width(), 4)[:, :, 2::-1].copy()


def rgb(colour: Any) -> tuple[int, int, int]:
    """A colour as pictures have it."""
    from PySide6.QtGui import QColor

    colour = QColor(colour)
    return colour.red(), colour.green(), colour.blue()


def has(shot: NDArray[np.uint8], colour: Any) -> bool:
    """Whether a picture has a pixel of just this colour."""
    return bool((shot == np.array(rgb(colour), np.uint8)).all(axis=2).any())


def press(view: Any, *positions: tuple[float, float], control: bool = False) -> None:
    """Press the left button at the first of `positions`, move over the others, and let go at the last one."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent

    kinds = [
        (QEvent.Type.MouseButtonPress, positions[0]),
        *((QEvent.Type.MouseMove, position) for position in positions[1:]),
        (QEvent.Type.MouseButtonRelease, positions[-1]),
    ]
    modifiers = Qt.KeyboardModifier.ControlModifier if control else Qt.KeyboardModifier.NoModifier
    handlers = {
        QEvent.Type.MouseButtonPress: view.mousePressEvent,
        QEvent.Type.MouseMove: view.mouseMoveEvent,
        QEvent.Type.MouseButtonRelease: view.mouseReleaseEvent,
    }
    for kind, position in kinds:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        at = QPointF(*position)
        handlers[kind](QMouseEvent(kind, at, at, button, Qt.MouseButton.LeftButton, modifiers))
