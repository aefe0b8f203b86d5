"""An event camera, simulated from what each pixel sees.

Every pixel follows these equations; t is sensor time, L the natural logarithm of the intensity on the pixel.

Photoreceptor, a first-order low pass that is slower in the dark:
    dV/dt = 2 pi f(L) (L - V),   f(L) = cutoff_hz (e^L + d) / (1 + d),   d = 0.08
Change detector, which compares V with its value when the pixel was last reset, at t_r:
    D(t) = V(t) - V(t_r) + leak (t - t_r)
    D >= theta_on: an event of polarity True;   D <= -theta_off: an event of polarity False
After an event at t_e the pixel is held in reset until t_r = t_e + refractory, and whatever happens meanwhile is lost.

Logarithmic change detection, reset and refractory time: Lichtsteiner, Posch, Delbruck 2008 ("A 128x128 120 dB 15 us
latency asynchronous temporal contrast vision sensor"). Bandwidth that depends on intensity, leak that fires ON events,
Poisson noise and Gaussian threshold mismatch: Hu, Liu, Delbruck 2021 ("v2e: From video frames to realistic
DVS events"). V taken as linear between samples, so that events fall between them: Rebecq, Gehrig, Scaramuzza 2018
("ESIM: an open event camera simulator").
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from streamsnn.compiled import compiled
from streamsnn.errors import StreamsnnError
from streamsnn.types import EVENT, Events

DARK = 0.08
"""Bandwidth in complete darkness over the bandwidth that white adds: d in the equations above."""

_LEAST_THRESHOLD = 0.1
"""Mismatch never takes a threshold below this share of its nominal value."""


@dataclass(frozen=True)
class CameraSettings:
    """How a camera's pixels behave.

    `threshold_on`, `threshold_off`: nominal contrast thresholds in natural-log units; `mismatch`: their standard
    deviation over pixels, relative. `refractory_us`: how long a pixel is held in reset. `cutoff_hz`: the bandwidth of
    the photoreceptor at log intensity 0, `math.inf` for one that follows at once. `leak_hz`: rate of ON events of an
    idle pixel. `background_hz`: rate of Poisson noise events a pixel, of which the share `background_on` is ON. Both
    rates are medians; `spread_decades` is the standard deviation of their decimal logarithm over pixels.
    `hot_fraction` of the pixels have noise at `hot_hz` instead. `sample_us`: how often the scene is sampled.
    """

    threshold_on: float = 0.25
    threshold_off: float = 0.25
    mismatch: float = 0.04
    refractory_us: int = 500
    cutoff_hz: float = 300.0
    leak_hz: float = 0.1
    background_hz: float = 0.1
    background_on: float = 0.5
    spread_decades: float = 0.2
    hot_fraction: float = 0.0
    hot_hz: float = 20.0
    sample_us: int = 500

    def __post_init__(self) -> None:
        ranges = {
            "threshold_on": (0.001, 100.0),
            "threshold_off": (0.001, 100.0),
            "mismatch": (0.0, 1.0),
            "refractory_us": (10, 10_000_000),
            "cutoff_hz": (0.001, math.inf),
            "leak_hz": (0.0, 1e6),
            "background_hz": (0.0, 1e6),
            "background_on": (0.0, 1.0),
            "spread_decades": (0.0, 2.0),
            "hot_fraction": (0.0, 1.0),
            "hot_hz": (0.0, 1e6),
            "sample_us": (1, 10_000),
        }
        for field in fields(self):
            low, high = ranges[field.name]
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise StreamsnnError(
                    f"The camera setting {field.name} = {value} is out of range.",
                    hint=f"Choose {field.name} between {low} and {high}.",
                )


ATIS = CameraSettings(
    threshold_on=0.2,
    threshold_off=0.2,
    mismatch=0.055,
    refractory_us=550,
    cutoff_hz=760.0,
    leak_hz=0.4,
    background_hz=0.05,
)
"""The ATIS that recorded N-MNIST, as far as its recordings tell: fitted to statistics of 200 of them."""


@compiled()
def _uniform(seed: int, pixel: int, draw: int) -> float:
    """The number in (0, 1] that belongs to a seed, a pixel and the pixel's draw: SplitMix64 (Steele et al. 2014)."""
    word = np.uint64(seed)
    for part in (np.uint64(pixel), np.uint64(draw)):
        word += (part + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        word = word ^ (word >> np.uint64(31))
    return (np.float64(word >> np.uint64(11)) + 1.0) * (1.0 / 9007199254740992.0)


@compiled()
def _normal(seed: int, pixel: int, draw: int) -> float:
    """A standard normal number from the draws `draw` and `draw + 1` (Box, Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(_uniform(seed, pixel, draw)))
    return radius * math.cos(2.0 * math.pi * _uniform(seed, pixel, draw + 1))


@compiled()
def _wait_us(seed: int, pixel: int, draw: int, rate_hz: float) -> float:
    """Time until the next event of a Poisson process; never for a rate of 0."""
    return -1e6 * math.log(_uniform(seed, pixel, draw)) / rate_hz if rate_hz > 0.0 else math.inf


_FIRST_NOISE_DRAW = 16
"""The draws below it make the pixels unequal, those from it on make noise."""


@compiled()
def _make_pixels(
    seed: int,
    settings: tuple[float, ...],
    theta: NDArray[np.float64],
    leak: NDArray[np.float64],
    noise_hz: NDArray[np.float64],
    change: NDArray[np.float64],
    noise_us: NDArray[np.float64],
) -> None:
    """Draw thresholds (pixels, 2: OFF, ON), leak in log units a us, noise rate, D and the first noise event."""
    theta_off, theta_on, mismatch, leak_hz, background_hz, spread_decades, hot_fraction, hot_hz = settings
    for i in range(leak.size):
        theta[i, 0] = theta_off * max(_LEAST_THRESHOLD, 1.0 + mismatch * _normal(seed, i, 0))
        theta[i, 1] = theta_on * max(_LEAST_THRESHOLD, 1.0 + mismatch * _normal(seed, i, 2))
        leak[i] = 1e-6 * leak_hz * theta_on * 10.0 ** (spread_decades * _normal(seed, i, 4))
        noise_hz[i] = background_hz * 10.0 ** (spread_decades * _normal(seed, i, 6))
        if _uniform(seed, i, 8) <= hot_fraction:
            noise_hz[i] = hot_hz
        # What the pixel has seen before the stream began is unknown: D is anywhere between its thresholds.
        change[i] = theta[i, 1] - (theta[i, 0] + theta[i, 1]) * _uniform(seed, i, 9)
        noise_us[i] = _wait_us(seed, i, _FIRST_NOISE_DRAW, noise_hz[i])


@compiled()
def _advance(
    seed: int,
    t_begin_us: int,
    t_end_us: int,
    target: NDArray[np.float64],
    settings: tuple[float, ...],
    theta: NDArray[np.float64],
    leak: NDArray[np.float64],
    noise_hz: NDArray[np.float64],
    voltage: NDArray[np.float64],
    change: NDArray[np.float64],
    ready_us: NDArray[np.float64],
    noise_us: NDArray[np.float64],
    draws: NDArray[np.int64],
    out_t: NDArray[np.int64],
    out_pixel: NDArray[np.int32],
    out_p: NDArray[np.bool_],
) -> int:
    """Simulate [t_begin_us, t_end_us), where `target` (pixels,) is the log intensity at its end; how many events."""
    cutoff_hz, refractory_us, background_on = settings
    span_us = float(t_end_us - t_begin_us)
    decay = -2e-6 * math.pi * span_us * cutoff_hz / (1.0 + DARK)
    count = 0
    for i in range(target.size):
        before = voltage[i]
        after = target[i]
        if after != before and cutoff_hz < math.inf:
            after += (before - after) * math.exp(decay * (math.exp(after) + DARK))
        voltage[i] = after
        t = float(t_begin_us)
        d = change[i]
        if after == before and noise_us[i] >= t_end_us and ready_us[i] <= t and d + leak[i] * span_us < theta[i, 1]:
            change[i] = d + leak[i] * span_us  # nothing happens: most pixels, most of the time
            continue
        if ready_us[i] > t:
            t = ready_us[i]
            d = 0.0
        slope = (after - before) / span_us + leak[i]
        while t < t_end_us:
            crossing = math.inf
            if slope > 0.0:
                crossing = t + (theta[i, 1] - d) / slope
            elif slope < 0.0:
                crossing = t - (theta[i, 0] + d) / slope
            while noise_us[i] < t:  # swallowed by the reset
                noise_us[i] += _wait_us(seed, i, draws[i] + 1, noise_hz[i])
                draws[i] += 2
            fired = max(t, min(crossing, noise_us[i]))  # rounding may put D on its threshold already
            if fired >= t_end_us:
                d += slope * (t_end_us - t)
                break
            if noise_us[i] <= crossing:
                out_p[count] = _uniform(seed, i, draws[i]) <= background_on
                noise_us[i] += _wait_us(seed, i, draws[i] + 1, noise_hz[i])
                draws[i] += 2
            else:
                out_p[count] = slope > 0.0
            out_t[count] = int(fired)
            out_pixel[count] = i
            count += 1
            t = fired + refractory_us
            d = 0.0
        change[i] = d
        ready_us[i] = t
    return count


class EventCamera:
    """A camera that turns log intensities, one every `settings.sample_us`, into events: the same for the same seed.

    `mismatch`, noise and hot pixels depend on the seed alone. Raises StreamsnnError for a size that is not positive.
    """

    def __init__(self, width: int, height: int, settings: CameraSettings, seed: int) -> None:
        if not (0 < width <= 65536 and 0 < height <= 65536):
            raise StreamsnnError(
                f"A camera of {width} x {height} pixels cannot be simulated.",
                hint="Choose a width and a height between 1 and 65536.",
            )
        pixels = width * height
        self._shape = (height, width)
        self._settings = settings
        self._seed = seed & 0x7FFFFFFFFFFFFFFF
        self._theta = np.empty((pixels, 2))
        self._leak, self._noise_hz, self._change, self._noise_us = (np.empty(pixels) for _ in range(4))
        self._voltage = np.zeros(pixels)
        self._ready_us = np.zeros(pixels)
        self._draws = np.full(pixels, _FIRST_NOISE_DRAW + 1)
        self._constants = (settings.cutoff_hz, float(settings.refractory_us), settings.background_on)
        capacity = pixels * (settings.sample_us // settings.refractory_us + 1)
        self._out_t = np.empty(capacity, np.int64)
        self._out_pixel = np.empty(capacity, np.int32)
        self._out_p = np.empty(capacity, np.bool_)
        self._t_us = 0

    @property
    def t_us(self) -> int:
        """Sensor time up to which the camera has seen the scene."""
        return self._t_us

    def start(self, log_intensity: NDArray[np.float64]) -> None:
        """Begin anew at time 0, settled on a still scene: `log_intensity` (height, width)."""
        s = self._settings
        rates = (s.leak_hz, s.background_hz, s.spread_decades, s.hot_fraction, s.hot_hz)
        constants = (s.threshold_off, s.threshold_on, s.mismatch, *rates)
        _make_pixels(self._seed, constants, self._theta, self._leak, self._noise_hz, self._change, self._noise_us)
        self._voltage[:] = self._flat(log_intensity)
        self._ready_us.fill(0.0)
        self._draws.fill(_FIRST_NOISE_DRAW + 1)
        self._t_us = 0

    def advance(self, log_intensity: NDArray[np.float64]) -> Events:
        """The events until `t_us + sample_us`, when the scene is `log_intensity` (height, width); by t, then y, x."""
        t_end_us = self._t_us + self._settings.sample_us
        count = _advance(
            self._seed,
            self._t_us,
            t_end_us,
            self._flat(log_intensity),
            self._constants,
            self._theta,
            self._leak,
            self._noise_hz,
            self._voltage,
            self._change,
            self._ready_us,
            self._noise_us,
            self._draws,
            self._out_t,
            self._out_pixel,
            self._out_p,
        )
        self._t_us = t_end_us
        order = np.argsort(self._out_t[:count], kind="stable")
        events = np.empty(count, EVENT)
        events["t"] = self._out_t[:count][order]
        pixels = self._out_pixel[:count][order]
        events["x"] = pixels % self._shape[1]
        events["y"] = pixels // self._shape[1]
        events["p"] = self._out_p[:count][order]
        return events

    def _flat(self, log_intensity: NDArray[np.float64]) -> NDArray[np.float64]:
        if log_intensity.shape != self._shape:
            raise StreamsnnError(
                f"The scene is {log_intensity.shape} large, the camera {self._shape} (height, width).",
                hint="Build the camera with the scene's width and height.",
            )
        return np.ascontiguousarray(log_intensity, np.float64).ravel()
