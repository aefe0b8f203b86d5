"""What any ear asks of sound before it listens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError
from streamsnn.types import Sound

_SLOWEST_HZ, _FASTEST_HZ = 4_000, 384_000


def refuse_rate(rate_hz: int, ears: int = 1) -> None:
    """Raise StreamsnnError for a rate that cannot be heard, or by no ears."""
    if ears < 1:
        raise StreamsnnError(f"A cochlea of {ears} ears hears nothing.", hint="Give it as many as the sound has.")
    if not _SLOWEST_HZ <= rate_hz <= _FASTEST_HZ:
        raise StreamsnnError(
            f"Sound of {rate_hz} samples a second cannot be heard.",
            hint=f"Give sound of {_SLOWEST_HZ} to {_FASTEST_HZ} Hz; 16,000 Hz is enough for speech.",
        )


def checked_samples(sound: Sound, ears: int, taken: int, rate_hz: int) -> NDArray[np.float32]:
    """The samples (n, ears) of `sound`, of whose stream `taken` samples have been heard.

    Raises StreamsnnError for what is no sound (NaN, infinities), has other ears, or lies in the past.
    """
    samples = sound.samples
    if samples.ndim != 2 or samples.shape[1] != ears:
        raise StreamsnnError(
            f"Sound of shape {samples.shape} was given to a cochlea with ears for (samples, {ears}).",
            hint="Make a cochlea with as many ears as the sound has.",
        )
    if sound.begin < taken:
        raise StreamsnnError(
            f"Sound goes back in time: sample {sound.begin} comes after sample {taken - 1}.",
            hint="Give blocks in order, or reset the cochlea.",
        )
    if not np.isfinite(samples).all():
        place = sound.begin + int(np.flatnonzero(~np.isfinite(samples).all(1))[0])
        raise StreamsnnError(
            f"Sound has no value at {place / rate_hz:g} s: it is {samples[place - sound.begin].tolist()}.",
            hint="A damaged file or a faulty device; cut this part out.",
        )
    return samples
