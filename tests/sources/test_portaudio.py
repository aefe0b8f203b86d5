"""A real stream of PortAudio's: what is played is what is heard, and a microphone that goes away comes back."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from pulse import PACKAGES, Server, missing

from streamsnn.cli import main
from streamsnn.engine import stream
from streamsnn.errors import StreamsnnError
from streamsnn.registry import open_model, open_source
from streamsnn.sources import portaudio
from streamsnn.sources.microphone import Microphone
from streamsnn.sources.portaudio import PortAudio
from streamsnn.spotting import read_spans
from streamsnn.types import Model, Sound, Source

RATE_HZ = 48_000
ROOT = Path(__file__).resolve().parents[2]
PLAYED_US, HEARD_US = 7_000_000, 9_000_000
WORDS = 4


@pytest.fixture
def noise() -> NDArray[np.float32]:
    """Two seconds that sound like nothing else."""
    return (0.2 * np.random.default_rng(7).standard_normal(2 * RATE_HZ)).astype(np.float32)


def listen(microphone: Microphone, until: Callable[[list[Sound]], bool]) -> list[Sound]:
    """Blocks until there are enough; a minute at most."""
    watch = threading.Timer(60, microphone.close)
    watch.start()
    blocks: list[Sound] = []
    try:
        for block in microphone:
            blocks.append(block)
            if until(blocks):
                return blocks
    finally:
        watch.cancel()
        microphone.close()
    raise AssertionError(f"after a minute there are only {len(blocks)} blocks")


def listen_to(server: Server, path: Path, microphone: Microphone) -> list[Sound]:
    """What is heard for three seconds while `path` is played, which begins when something is heard."""
    with ExitStack() as stack:

        def until(blocks: list[Sound]) -> bool:
            if len(blocks) == 1:
                stack.enter_context(server.playing(path))
            return blocks[-1].begin >= 3 * RATE_HZ

        return listen(microphone, until)


def alike(heard: NDArray[np.float32], played: NDArray[np.float32]) -> float:
    """The correlation of what was played with that stretch of what was heard that resembles it most."""
    size = len(heard) + len(played)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size)), size)
    at = int(product[: len(heard) - len(played) + 1].argmax())
    return float(np.corrcoef(heard[at : at + len(played)], played)[0, 1])


def most_alike(heard: NDArray[np.float32], played: NDArray[np.float32]) -> float:
    """The best of half seconds: a busy machine may lose some sound on its way, but not everywhere."""
    stretches = np.split(played[: len(played) // (RATE_HZ // 2) * (RATE_HZ // 2)], len(played) // (RATE_HZ // 2))
    return max(alike(heard, stretch) for stretch in stretches)


def test_what_is_played_is_heard(server: Server, noise: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise, RATE_HZ, subtype="FLOAT")
    microphone = Microphone(None, RATE_HZ)
    assert (microphone.rate_hz, microphone.ears) == (RATE_HZ, 1)
    blocks = listen_to(server, path, microphone)
    samples = np.concatenate([block.samples for block in blocks])[:, 0]
    assert {block.samples.shape for block in blocks} == {(480, 1)}
    assert most_alike(samples, noise[:RATE_HZ]) > 0.99
    assert most_alike(samples, noise[RATE_HZ:]) > 0.99
    begins = np.array([block.begin for block in blocks])
    assert microphone.dropped == begins[-1] + 480 - len(samples)
    arrived_s = np.array([block.arrived_ns for block in blocks]) * 1e-9
    assert np.all(np.diff(arrived_s) >= 0)
    # By the clock as by the samples, but for what buffers hold.
    assert arrived_s[-1] - arrived_s[0] == pytest.approx((begins[-1] - begins[0]) / RATE_HZ, abs=0.5)


def test_both_ears_hear_their_own(server: Server, noise: NDArray[np.float32], tmp_path: Path) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.stack([noise, noise[::-1]], axis=1), RATE_HZ, subtype="FLOAT")
    blocks = listen_to(server, path, Microphone(None, RATE_HZ, ears=2))
    left, right = np.concatenate([block.samples for block in blocks]).T
    assert most_alike(left, noise) > 0.99
    assert most_alike(right, noise[::-1]) > 0.99
    assert most_alike(right, noise) < 0.1


@pytest.mark.parametrize("what", ["microphone", "server"])
def test_what_is_unplugged_is_said_and_comes_back(server: Server, what: str) -> None:
    pull, put = (server.unplug, server.plug_in) if what == "microphone" else (server.stop, server.start)
    told: list[str] = []

    def on_change(sentence: str) -> None:
        told.append(sentence)
        if "is gone" in sentence:
            put()

    microphone = Microphone("pulse", RATE_HZ, on_change=on_change)

    def until(blocks: list[Sound]) -> bool:
        if len(blocks) == 20:
            pull()
        return microphone.reconnects == 1 and blocks[-1].begin > microphone.dropped + 50 * 480

    blocks = listen(microphone, until)
    assert told == [
        'The microphone "pulse" is gone; it is looked for every second',
        'The microphone "pulse" is back',
    ]
    gaps = [block for block in blocks if block.dropped > RATE_HZ // 2]
    assert len(gaps) == 1
    elapsed_s = (blocks[-1].arrived_ns - blocks[0].arrived_ns) * 1e-9
    assert elapsed_s == pytest.approx((blocks[-1].begin - blocks[0].begin) / RATE_HZ, abs=0.5)


def test_without_reconnecting_it_ends(server: Server) -> None:
    microphone = Microphone("pulse", RATE_HZ, reconnect=False)

    def until(blocks: list[Sound]) -> bool:
        if len(blocks) == 5:
            server.unplug()
        return False

    with pytest.raises(StreamsnnError, match='The microphone "pulse" is gone'):
        listen(microphone, until)


def test_close_from_another_thread_ends_it_while_the_device_is_away(server: Server) -> None:
    heard, gone = threading.Event(), threading.Event()
    microphone = Microphone("pulse", RATE_HZ, on_change=lambda sentence: gone.set())

    def listen_for_ever() -> None:
        for _ in microphone:
            heard.set()

    listener = threading.Thread(target=listen_for_ever)
    listener.start()
    assert heard.wait(60)
    server.unplug()
    assert gone.wait(60)
    microphone.close()
    listener.join(20)
    assert not listener.is_alive()


def test_no_server_is_no_microphone(server: Server) -> None:
    server.stop()
    PortAudio().look_again()
    if PortAudio().devices():
        pytest.skip("this machine has a microphone of its own")
    with pytest.raises(StreamsnnError, match="There is no microphone"):
        Microphone()


def test_devices_are_listed(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices"]) == 0
    told = capsys.readouterr().out
    assert "pulse" in told
    assert "default" in told
    assert main(["devices", "--json"]) == 0
    devices = json.loads(capsys.readouterr().out)["devices"]
    (pulse,) = [each for each in devices if each["name"] == "pulse"]
    assert pulse.keys() == {"index", "name", "host", "channels", "rate_hz", "default"}
    assert pulse["channels"] >= 1
    assert sum(each["default"] for each in devices) <= 1
    assert Microphone(pulse["index"]).name == "pulse"


class Stuck:
    """A stream of sounddevice's that does not stop before it may."""

    active = True

    def __init__(self) -> None:
        self.may = threading.Event()

    def abort(self, ignore_errors: bool) -> None:
        self.may.wait(60)

    def close(self, ignore_errors: bool) -> None:
        pass


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_a_stream_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    unregistered: list[object] = []
    monkeypatch.setattr("atexit.unregister", unregistered.append)
    monkeypatch.setattr(portaudio, "_PATIENCE_S", 0.0)
    closed: list[bool] = []
    stream = portaudio._Stream(stuck := Stuck(), lambda: closed.append(True))
    assert stream.active
    assert not stream.close()
    assert not stream.active
    assert unregistered
    assert not closed
    stuck.may.set()
    monkeypatch.setattr(portaudio, "_PATIENCE_S", 60.0)
    stream = portaudio._Stream(stuck, lambda: closed.append(True))
    assert stream.close()
    assert stream.close()
    assert closed == [True]


def test_portaudio_that_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class NoLibrary:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoLibrary(), *sys.meta_path])
    assert main(["devices"]) == 2
    told = capsys.readouterr().err
    assert "PortAudio is not installed" in told
    assert "apt-get install libportaudio2 libasound2-plugins" in told
    assert {"libportaudio2", "libasound2-plugins"} <= set(PACKAGES.split())


def shown_words(source: Source, model: Model) -> tuple[list[str], int]:
    """The labels that are shown, in their order, and how many samples were lost."""
    shown: list[str] = []
    dropped = 0
    for result in stream(source, model):
        if result.decision.label is not None and shown[-1:] != [result.decision.label]:
            shown.append(result.decision.label)
        dropped = result.dropped
    return shown, dropped


def test_words_are_recognised_through_a_microphone_as_from_a_file(server: Server, tmp_path: Path) -> None:
    model = open_model(str(ROOT / "models" / "english-digits"))
    said = [span.label for span in read_spans(ROOT / "recordings" / "spoken-digits.csv")[:WORDS]]
    samples, rate_hz = soundfile.read(ROOT / "recordings" / "spoken-digits.flac", dtype="float32")
    path = tmp_path / "words.wav"
    soundfile.write(path, samples[: rate_hz * PLAYED_US // 1_000_000], rate_hz)
    from_file, _ = shown_words(open_source(str(path), hearing=model.card.hearing), model)
    assert len(set(said) & set(from_file)) >= 2, f"said {said}, heard {from_file}"
    with server.playing(path):
        live, dropped = shown_words(open_source("mic", hearing=model.card.hearing, stop_us=HEARD_US), model)
    assert dropped == 0
    # The gain has another past, and every stream its own draws: one word more or less may be sure enough.
    assert len(set(live) & set(said)) >= len(set(from_file) & set(said)) - 1, f"said {said}, heard {live}"
    assert len(live) <= len(from_file) + 1


def test_what_is_run_is_kept(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, kept = str(ROOT / "models" / "english-digits"), tmp_path / "kept.wav"
    path = tmp_path / "words.wav"
    samples, rate_hz = soundfile.read(ROOT / "recordings" / "spoken-digits.flac", dtype="float32")
    soundfile.write(path, samples[: 3 * rate_hz], rate_hz)
    with server.playing(path):
        assert main(["run", "mic", "--model", model, "--stop", "2s", "--json", "--record", str(kept)]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]
    found, _ = soundfile.read(kept, dtype="float32")
    # What was heard after the last whole step is kept, too.
    assert len(found) / RATE_HZ == pytest.approx(summary["duration_s"], abs=0.1)
    assert np.abs(found).max() > 0.01
    assert main(["run", str(path), "--model", model, "--record", str(tmp_path / "again.wav")]) == 2
    assert "keeps what a microphone hears" in capsys.readouterr().err
    assert not (tmp_path / "again.wav").exists()
