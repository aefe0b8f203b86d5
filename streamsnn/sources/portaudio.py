"""The sound devices of this machine through PortAudio: which there are, and a stream of blocks from one of them.

Nothing of it is loaded before it is needed: without PortAudio only those who ask for a microphone hear of it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from streamsnn.errors import StreamsnnError

Hear = Callable[[NDArray[np.float32], bool], None]
"""Takes a block (n, ears), which is good only until it returns, and whether samples before it were lost."""

INSTALL = "sudo apt-get install libportaudio2 libasound2-plugins"
_NONE = (
    "Plug one in, or start the sound server. On Linux PortAudio reaches PulseAudio and PipeWire through the package"
    " libasound2-plugins."
)

_PATIENCE_S = 2.0


class Device(NamedTuple):
    """Something to listen with. `number` is PortAudio's, and may change when devices come and go."""

    number: int
    name: str
    host: str
    channels: int
    rate_hz: int
    is_default: bool


class Input(Protocol):
    """A running stream; `active` turns False when its device is gone."""

    @property
    def active(self) -> bool: ...

    def close(self) -> bool:
        """Whether PortAudio let go of the device, as it should. Never raises, and never takes long."""
        ...


class Machine(Protocol):
    """What a microphone needs of the machine; `PortAudio` is the real one."""

    def devices(self) -> tuple[Device, ...]: ...

    def refusal(self, device: Device, rate_hz: int, ears: int) -> str:
        """Why the device cannot be opened so; "" if it can."""
        ...

    def listen(self, device: Device, rate_hz: int, ears: int, block_samples: int, hear: Hear) -> Input:
        """Start to call `hear` from a thread of PortAudio's. Raises StreamsnnError."""
        ...

    def look_again(self) -> None:
        """See devices that came since. Raises StreamsnnError."""
        ...


def find_device(devices: Sequence[Device], wanted: int | str | None) -> Device:
    """The device with the number or the name `wanted`, or whose name alone holds it; the default one for None.

    Raises StreamsnnError where there is none, or where several could be meant.
    """
    if not devices:
        raise StreamsnnError("There is no microphone", hint=_NONE)
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if isinstance(wanted, int):
        found = [device for device in devices if device.number == wanted]
    else:
        found = [device for device in devices if device.name == wanted]
        found = found or [device for device in devices if wanted.lower() in device.name.lower()]
    listed = ", ".join(f"{device.number} {device.name}" for device in (found or devices))
    if not found:
        raise StreamsnnError(f'There is no microphone "{wanted}"', hint=f"There is: {listed}.")
    if len(found) > 1 and len({device.name for device in found}) > 1:
        raise StreamsnnError(f'Several microphones are called "{wanted}"', hint=f"Name one of: {listed}.")
    return found[0]


class PortAudio:
    """This machine's devices. Raises StreamsnnError, each method, where PortAudio is missing."""

    _open = 0
    _lock = threading.Lock()

    def devices(self) -> tuple[Device, ...]:
        library = _library()
        try:
            found, hosts = library.query_devices(), library.query_hostapis()
        except library.PortAudioError as error:
            raise StreamsnnError(f"The sound devices cannot be listed: {_why(error)}", hint=_NONE) from error
        default = library.default.device[0]
        return tuple(
            Device(
                index,
                str(each["name"]),
                str(hosts[each["hostapi"]]["name"]),
                int(each["max_input_channels"]),
                round(each["default_samplerate"]),
                index == default,
            )
            for index, each in enumerate(found)
            if each["max_input_channels"] > 0
        )

    def refusal(self, device: Device, rate_hz: int, ears: int) -> str:
        library = _library()
        try:
            with _without_noise():
                library.check_input_settings(device=device.number, channels=ears, dtype="float32", samplerate=rate_hz)
        except library.PortAudioError as error:
            return _why(error)
        return ""

    def listen(self, device: Device, rate_hz: int, ears: int, block_samples: int, hear: Hear) -> Input:
        library = _library()

        def callback(samples: NDArray[np.float32], _count: int, _times: object, status: Any) -> None:
            hear(samples, bool(status.input_overflow))

        with self._lock:
            try:
                with _without_noise():
                    stream = library.InputStream(
                        samplerate=rate_hz,
                        blocksize=block_samples,
                        device=device.number,
                        channels=ears,
                        dtype="float32",
                        latency="low",
                        callback=callback,
                    )
                    stream.start()
            except library.PortAudioError as error:
                raise StreamsnnError(
                    f'The microphone "{device.name}" cannot be opened: {_why(error)}',
                    hint="Is it plugged in, is another program using it, and may you use it?",
                ) from error
            PortAudio._open += 1
        return _Stream(stream, self._closed)

    def look_again(self) -> None:
        library = _library()
        with self._lock:
            # PortAudio lists the devices once, when it begins; to end it would silence whoever else is listening.
            if PortAudio._open:
                return
            try:
                with _without_noise():
                    library._terminate()
                    library._initialize()
            except library.PortAudioError as error:
                raise StreamsnnError(f"The sound devices cannot be listed: {_why(error)}", hint=_NONE) from error

    def _closed(self) -> None:
        with self._lock:
            PortAudio._open -= 1


class _Stream:
    """A stream of sounddevice's that can be closed twice, and whose closing never fails and never hangs."""

    def __init__(self, stream: Any, closed: Callable[[], None]) -> None:
        self._stream = stream
        self._closed = closed
        self._is_open = True

    @property
    def active(self) -> bool:
        return self._is_open and bool(self._stream.active)

    def close(self) -> bool:
        if not self._is_open:
            return True
        self._is_open = False
        # When a device vanishes just as it begins, PortAudio 19.6's thread can end up in a loop without an exit
        # (in PaAlsaStream_WaitForFrames), and whoever asks it to stop waits for ever: at the program's end, too.
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        closing.join(_PATIENCE_S)
        if closing.is_alive():
            atexit.unregister(_library()._exit_handler)
            return False
        self._closed()
        return True

    def _close(self) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


def _library() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:
        missing = "PortAudio is not installed" if isinstance(error, OSError) else str(error)
        raise StreamsnnError(
            f"There is no way to a microphone: {missing}",
            hint=f"Install it: {INSTALL}" if isinstance(error, OSError) else "Install it: pip install sounddevice",
        ) from error
    return sounddevice


def _why(error: Exception) -> str:
    """PortAudio's words without its numbers; of the host's own, where it has some, as they say more."""
    text = str(error.args[0]) if error.args else str(error)
    host = error.args[2] if len(error.args) > 2 else None
    return f"{text} ({host[2]})" if isinstance(host, tuple) and len(host) == 3 else text


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """ALSA and PortAudio print what fails inside them on stderr, past Python: what matters of it is in the error."""
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
