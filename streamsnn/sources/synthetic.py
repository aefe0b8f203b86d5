"""A live source without a camera: a scene that is a function of time, seen by a simulated event camera."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches

import numpy as np

from streamsnn.clock import Clock
from streamsnn.errors import StreamsnnError
from streamsnn.sources import lettering
from streamsnn.sources.passing import make_passing
from streamsnn.sources.saccades import SACCADES_US, Saccades
from streamsnn.sources.scenes import BouncingDisc, MovingBar, Scene, Slide, Slideshow
from streamsnn.sources.sensor_model import ATIS, CameraSettings, EventCamera
from streamsnn.sources.shapes import make_shapes
from streamsnn.types import EVENT, Packet, Sensor

_PAUSE_US = 190_000
"""Stillness before each round of saccades, and blank paper between two digits."""


class SyntheticSource:
    """Packets of `packet_us` of a scene seen by a simulated camera, from time 0 to `duration_us` (None: without end).

    The same scene, settings and seed give the same events, bit for bit, whatever `packet_us` is and however often the
    source is iterated. It runs as fast as it is pulled; pacing is a wrapper's business. Raises StreamsnnError for
    lengths that are not positive.
    """

    def __init__(
        self,
        scene: Scene,
        settings: CameraSettings,
        *,
        seed: int,
        duration_us: int | None,
        packet_us: int,
        clock: Clock,
        name: str = "synthetic",
    ) -> None:
        if packet_us < 1 or (duration_us is not None and duration_us < 1):
            raise StreamsnnError(
                f"A synthetic stream of {duration_us} us in packets of {packet_us} us cannot be made.",
                hint="Choose a duration and a packet length of at least 1 us.",
            )
        self._scene = scene
        self._settings = settings
        self._seed = seed
        self._duration_us = duration_us
        self._packet_us = packet_us
        self._clock = clock
        self._sensor = Sensor(name, scene.width, scene.height)
        self._closed = False

    @property
    def sensor(self) -> Sensor:
        return self._sensor

    def __iter__(self) -> Iterator[Packet]:
        scene, sample_us = self._scene, self._settings.sample_us
        camera = EventCamera(scene.width, scene.height, self._settings, self._seed)
        camera.start(scene.log_intensity(0))
        begin_us = 0
        later = np.empty(0, EVENT)
        while not self._closed and (self._duration_us is None or begin_us < self._duration_us):
            end_us = begin_us + self._packet_us
            if self._duration_us is not None:
                end_us = min(end_us, self._duration_us)
            parts = [later]
            while camera.t_us < end_us:
                parts.append(camera.advance(scene.log_intensity(camera.t_us + sample_us)))
            seen = np.concatenate(parts)
            cut = int(np.searchsorted(seen["t"], end_us))
            later = seen[cut:]
            yield Packet(seen[:cut], begin_us, end_us, self._clock.now_ns())
            begin_us = end_us

    def close(self) -> None:
        """End the stream: the packet after the current one does not come."""
        self._closed = True


def _digit(choice: str) -> Scene:
    """A digit, again and again under the saccades of N-MNIST."""
    return Saccades(lettering.write(choice or "3", seed=0, slant_deg=8.0), delay_us=_PAUSE_US, pause_us=_PAUSE_US)


def _digits(choice: str) -> Scene:
    """The digits of a word, such as 2718, one after another."""
    slides = []
    shown_us = _PAUSE_US + SACCADES_US
    for i, digit in enumerate(choice or "0123456789"):
        scene = Saccades(lettering.write(digit, seed=i, slant_deg=8.0), delay_us=_PAUSE_US)
        begin_us = _PAUSE_US + i * (shown_us + _PAUSE_US)
        slides.append(Slide(begin_us, begin_us + shown_us, scene))
    return Slideshow(slides, cycle_us=slides[-1].end_us)


def _bar(choice: str) -> Scene:
    """A bar that sweeps along an angle in degrees."""
    return MovingBar(angle_deg=_number(choice or "0", "bar:45"))


def _disc(choice: str) -> Scene:
    """A disc of a radius in pixels that bounces about."""
    return BouncingDisc(radius_px=_number(choice or "8", "disc:8"))


def _shapes(choice: str) -> Scene:
    """Shapes that cross the scene: a preset, and a seed."""
    return make_shapes(choice)[0]


def _passing(choice: str) -> Scene:
    """Digits that pass by; a seed."""
    return make_passing(choice)


def _number(text: str, example: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise StreamsnnError(f"{text!r} is not a number.", hint=f"Write for example {example!r}.") from None


SCENES: dict[str, Callable[[str], Scene]] = {
    "digit": _digit,
    "digits": _digits,
    "bar": _bar,
    "disc": _disc,
    "shapes": _shapes,
    "passing": _passing,
}
"""The scenes that have a name -> what makes one of the text behind the colon, which may be empty."""


def open_synthetic(
    spec: str, *, clock: Clock, seed: int = 0, duration_us: int | None = None, packet_us: int = 1000
) -> SyntheticSource:
    """The source that "digit:7", "digits:2718", "bar:45" or "disc:8" names, seen by N-MNIST's camera, or
    "shapes:hard:7".

    Raises StreamsnnError for a scene that is not in `SCENES` or does not know what stands behind the colon.
    """
    name, _, choice = spec.partition(":")
    if name not in SCENES:
        near = get_close_matches(name, SCENES, n=1)
        raise StreamsnnError(
            f"There is no synthetic scene {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"Choose of {', '.join(SCENES)}.",
        )
    scene, camera = make_shapes(choice) if name == "shapes" else (SCENES[name](choice), ATIS)
    return SyntheticSource(
        scene, camera, seed=seed, duration_us=duration_us, packet_us=packet_us, clock=clock, name=spec
    )
