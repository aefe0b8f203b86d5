"""A sound server of the tests' own, with a microphone that hears what is played into it."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = "libportaudio2 libasound2-plugins pulseaudio pulseaudio-utils"
_BEGUN = b"Daemon startup complete"


def missing() -> str:
    """Why the tests with a real microphone cannot run here; "" if they can."""
    lacking = [name for name in ("pulseaudio", "pactl", "paplay") if shutil.which(name) is None]
    try:
        import sounddevice  # noqa: F401
    except OSError:
        lacking.append("PortAudio")
    if not lacking:
        return ""
    return f"NO REAL MICROPHONE WAS TESTED: {', '.join(lacking)} missing; sudo apt-get install {PACKAGES}"


def _follow(daemon: subprocess.Popen[bytes], log: list[bytes], begun: threading.Event) -> None:
    """Read what `daemon` says, as long as it lives; `begun` is set when it has begun, or has ended instead.

    What is said until then is kept in `log`.
    """
    assert daemon.stderr is not None
    with daemon.stderr:
        for line in daemon.stderr:
            if not begun.is_set():
                log.append(line)
                if _BEGUN in line:
                    begun.set()
    begun.set()


class Server:
    """PulseAudio with one sink that goes nowhere; its monitor is the only microphone there is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "native"
        self._daemon: subprocess.Popen[bytes] | None = None
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{self._socket}",
            "HOME": str(folder),
        }

    def start(self) -> None:
        options = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        modules = [f"--load=module-native-protocol-unix socket={self._socket} auth-anonymous=1"]
        self._daemon = subprocess.Popen(
            ["pulseaudio", *options, "--log-level=info", "--log-target=stderr", *modules],
            env={**self._whole_environment(), "LC_ALL": "C"},
            stderr=subprocess.PIPE,
        )
        log, begun = [b""], threading.Event()
        threading.Thread(target=_follow, args=(self._daemon, log, begun), daemon=True).start()
        if not begun.wait(20) or _BEGUN not in log[-1]:
            self.stop()
            raise RuntimeError(f"pulseaudio does not begin:\n{b''.join(log).decode()}")
        self.plug_in()

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(20)
            self._daemon = None
        self._socket.unlink(missing_ok=True)

    def plug_in(self) -> None:
        self._run("pactl", "load-module", "module-null-sink", "sink_name=ear", "rate=48000")

    def unplug(self) -> None:
        self._run("pactl", "unload-module", "module-null-sink")

    @contextmanager
    def playing(self, path: Path) -> Iterator[None]:
        """`path` is played, from now on, and no longer than the block lasts."""
        player = subprocess.Popen(["paplay", "--device=ear", str(path)], env=self._whole_environment())
        try:
            yield
        finally:
            player.terminate()
            player.wait(20)

    def _whole_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def _run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env=self._whole_environment(), capture_output=True, check=check, timeout=20)
