"""A microphone as a source of sound: the newest blocks, and an honest count of what was lost."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.clock import Clock, HostClock
from streamsnn.errors import StreamsnnError
from streamsnn.sources.portaudio import Device, Input, Machine, PortAudio, find_device
from streamsnn.types import Sound

_USUAL_RATE_HZ = 48_000
_LOOK_S = 0.25
"""How long nothing must be heard before the device is looked at."""
_STALLED_NS = 5_000_000_000
"""A device that gives nothing for so long is gone, whatever it says of itself."""
_AGAIN_S = 1.0
_SURE_GAP_NS = 100_000_000
"""Shorter gaps cannot be told from blocks that come unevenly."""


class Waiting(Protocol):
    """How a listener waits for the next block; see `Bell`."""

    def ring(self) -> None: ...

    def wait(self, seconds: float) -> bool: ...


class Bell:
    """Wakes one thread that waits. To ring never blocks: that is why it is no threading.Event."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """End the present wait, or the next one if nobody waits."""
        try:
            self._silent.release()
        except RuntimeError:
            return  # It rings already.

    def wait(self, seconds: float) -> bool:
        """Whether it rang within `seconds`."""
        return self._silent.acquire(timeout=seconds)


class Microphone:
    """Sound from `device`, a number or (part of) a name of `streamsnn devices`, or the default one, in blocks.

    `rate_hz` is 48 kHz if left out, or the device's own rate where it refuses that. Blocks have `block_us`, rounded to
    whole samples. At most `queue_us` of sound wait for a listener who is late: then the oldest blocks are dropped, the
    next one begins later, and its `dropped` says by how many samples. `arrived_ns` is when PortAudio handed it over.

    A device that goes away ends the stream with StreamsnnError, or, with `reconnect`, is looked for every second by its
    name, and goes on with a gap as long as it was away, by the clock. `on_change` is told in a sentence, in the
    listener's thread. `overruns` counts how often PortAudio says that samples were lost before they reached it: how
    many, only the clock can tell, and only gaps from 0.1 s on become a gap in `begin`.

    Capturing begins with the iteration, and ends with it or with `close`, which any thread may call.
    Iterating again begins again, at sample 0. Only one may listen at a time.

    Raises StreamsnnError when it is made if there is no such device, if it refuses the rate or the ears, or if
    PortAudio is missing, and while iterating if it cannot be opened or goes away for good.
    """

    def __init__(
        self,
        device: int | str | None = None,
        rate_hz: int | None = None,
        *,
        ears: int = 1,
        block_us: int = 10_000,
        queue_us: int = 500_000,
        clock: Clock | None = None,
        reconnect: bool = True,
        on_change: Callable[[str], None] | None = None,
        machine: Machine | None = None,
        bell: Waiting | None = None,
    ) -> None:
        if ears not in (1, 2):
            raise StreamsnnError(f"Nobody has {ears} ears", hint="Listen with 1 or 2.")
        if block_us < 1 or queue_us < block_us:
            raise StreamsnnError(
                f"Blocks of {block_us} us in a queue of {queue_us} us are no stream",
                hint="Make blocks of 1 us or more, and a queue that holds one at least.",
            )
        self._machine = machine or PortAudio()
        self._wanted = device
        self._device = find_device(self._machine.devices(), device)
        self._ears = ears
        self._rate_hz = self._agree(rate_hz)
        self._block_samples = max(round(block_us * self._rate_hz / 1_000_000), 1)
        self._queue_blocks = queue_us // block_us
        self._clock = clock or HostClock()
        self._reconnect = reconnect
        self._on_change = on_change
        self._bell = bell or Bell()
        self._lock = threading.Lock()
        self._stream: Input | None = None
        self._listening = False
        self._closed = False
        self._capture = self._new_capture()
        self.dropped = 0
        """Samples of each ear that were lost since the iteration began."""
        self.reconnects = 0
        """How often the device came back."""

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def rate_hz(self) -> int:
        return self._rate_hz

    @property
    def ears(self) -> int:
        return self._ears

    @property
    def connected(self) -> bool:
        """Whether the device is there and listened to."""
        return self._stream is not None

    @property
    def overruns(self) -> int:
        """How often PortAudio said that samples were lost before they reached it."""
        return self._capture.overruns

    def close(self) -> None:
        """End the iteration, now or before it begins, and let go of the device."""
        self._closed = True
        self._bell.ring()
        self._let_go()

    def __iter__(self) -> Iterator[Sound]:
        with self._lock:
            if self._listening:
                raise StreamsnnError(f'"{self.name}" is being listened to already', hint="Make another Microphone.")
            self._listening = True
        try:
            capture = self._capture = self._new_capture()
            self.dropped = self.reconnects = 0
            if not self._closed:
                self._begin(capture)
            expected = 0
            while not self._closed:
                if not capture.blocks:
                    if not self._bell.wait(_LOOK_S):
                        self._look_after(capture)
                    continue
                sound = capture.blocks.popleft()
                dropped = sound.begin - expected
                expected = sound.begin + len(sound.samples)
                self.dropped += dropped
                yield sound._replace(dropped=dropped)
        finally:
            self._let_go()
            self._listening = False

    def _agree(self, rate_hz: int | None) -> int:
        """A rate that the device takes."""
        device = self._device
        if device.channels < self._ears:
            raise StreamsnnError(f'"{device.name}" has no two ears', hint="Listen with one.")
        rates_hz = (rate_hz,) if rate_hz is not None else (_USUAL_RATE_HZ, device.rate_hz)
        refusal = ""
        for each in rates_hz:
            refusal = self._machine.refusal(device, each, self._ears)
            if not refusal:
                return each
        raise StreamsnnError(
            f'The microphone "{device.name}" refuses {self._ears} ears at {rates_hz[0]} Hz: {refusal}',
            hint=f"Its own rate is {device.rate_hz} Hz; is another program using it, and may you use it?",
        )

    def _new_capture(self) -> _Capture:
        return _Capture(self._queue_blocks, self._rate_hz, self._clock, self._bell)

    def _begin(self, capture: _Capture) -> None:
        capture.heard_ns = self._clock.now_ns()
        stream = self._machine.listen(self._device, self._rate_hz, self._ears, self._block_samples, capture.hear)
        with self._lock:
            if not self._closed:
                self._stream = stream
                return
        stream.close()

    def _let_go(self) -> bool:
        """Whether the device is free again."""
        with self._lock:
            stream, self._stream = self._stream, None
        return stream is None or stream.close()

    def _look_after(self, capture: _Capture) -> None:
        """See whether the device is still there; if it is not, wait for it, or give up."""
        stream = self._stream
        if stream is None or (stream.active and self._clock.now_ns() - capture.heard_ns < _STALLED_NS):
            return
        if not self._let_go():
            raise StreamsnnError(
                f'The microphone "{self.name}" is gone, and PortAudio hangs on it', hint="Start the program again."
            )
        if not self._reconnect:
            raise StreamsnnError(
                f'The microphone "{self.name}" is gone', hint="Plug it in and start again, or let it reconnect."
            )
        self._say(f'The microphone "{self.name}" is gone; it is looked for every second')
        while not self._closed:
            # Only `close` rings while nobody listens.
            if self._bell.wait(_AGAIN_S):
                continue
            try:
                self._machine.look_again()
                self._device = self._find_again()
                capture.after_a_gap()
                self._begin(capture)
            except StreamsnnError:
                continue
            self.reconnects += 1
            self._say(f'The microphone "{self.name}" is back')
            return

    def _find_again(self) -> Device:
        """By its name, as its number may be another's by now; the default one is whichever that is now."""
        return find_device(self._machine.devices(), None if self._wanted is None else self._device.name)

    def _say(self, sentence: str) -> None:
        if self._on_change is not None:
            self._on_change(sentence)


class _Capture:
    """What PortAudio's thread hands over: only it appends, and only the listener takes. Neither waits for the other."""

    def __init__(self, queue_blocks: int, rate_hz: int, clock: Clock, bell: Waiting) -> None:
        # When it is full the oldest block makes room by itself; that it is gone shows in the numbers of the samples.
        self.blocks: deque[Sound] = deque(maxlen=queue_blocks)
        self.overruns = 0
        self.heard_ns = clock.now_ns()
        self._rate_hz = rate_hz
        self._now_ns = clock.now_ns
        self._ring = bell.ring
        self._next = 0
        self._last_ns: int | None = None
        self._was_away = False

    def after_a_gap(self) -> None:
        """The next block comes from a device that was away."""
        self._was_away = True

    def hear(self, samples: NDArray[np.float32], overrun: bool) -> None:
        now_ns = self._now_ns()
        if overrun:
            self.overruns += 1
        if (overrun or self._was_away) and self._last_ns is not None:
            away_ns = now_ns - self._last_ns - len(samples) * 1_000_000_000 // self._rate_hz
            if away_ns >= (0 if self._was_away else _SURE_GAP_NS):
                self._next += away_ns * self._rate_hz // 1_000_000_000
        self._was_away = False
        self.blocks.append(Sound(samples.copy(), self._next, now_ns))
        self._next += len(samples)
        self._last_ns = self.heard_ns = now_ns
        self._ring()
