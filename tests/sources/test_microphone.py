"""The microphone on a machine that is made up: what is lost is counted, and what goes away comes back."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

import numpy as np
import pytest
from numpy.typing import NDArray

from streamsnn.clock import ManualClock
from streamsnn.errors import StreamsnnError
from streamsnn.sources.microphone import Bell, Microphone
from streamsnn.sources.portaudio import Device, Hear
from streamsnn.types import Sound, SoundSource

DESK = Device(0, "Desk", "ALSA", 2, 44_100, False)
HEAD = Device(3, "Headset: USB", "ALSA", 1, 16_000, True)
Action = Callable[[], None]


class Line:
    """A stream that a test speaks into."""

    def __init__(self, hear: Hear, block_samples: int, ears: int) -> None:
        self.hear, self.block_samples, self.ears = hear, block_samples, ears
        self.active = True
        self.closed = 0
        self.lets_go = True
        self.memory = np.zeros((block_samples, ears), np.float32)

    def close(self) -> bool:
        self.closed += 1
        self.active = False
        return self.lets_go


class Desktop:
    """A machine whose devices come and go, and whose clock moves only while somebody waits or speaks."""

    def __init__(self, devices: Iterable[Device] = (DESK, HEAD), rates_hz: Iterable[int] = (48_000, 16_000)) -> None:
        self.clock = ManualClock(1_000)
        self.present = tuple(devices)
        self.rates_hz = tuple(rates_hz)
        self.lines: list[Line] = []
        self.opened: list[tuple[str, int]] = []
        self.looks = 0
        self.said = 0
        self.when_opened: Action = lambda: None

    def devices(self) -> tuple[Device, ...]:
        return self.present

    def refusal(self, device: Device, rate_hz: int, ears: int) -> str:
        return "" if rate_hz in self.rates_hz else "Invalid sample rate"

    def listen(self, device: Device, rate_hz: int, ears: int, block_samples: int, hear: Hear) -> Line:
        if device not in self.present:
            raise StreamsnnError("It is not there")
        self.opened.append((device.name, rate_hz))
        self.lines.append(Line(hear, block_samples, ears))
        self.when_opened()
        return self.lines[-1]

    def look_again(self) -> None:
        self.looks += 1

    def speak(self, blocks: int = 1, *, overrun: bool = False) -> None:
        """The next blocks, at their time: all samples have the number of their block."""
        line = self.lines[-1]
        for _ in range(blocks):
            self.said += 1
            line.memory[:] = self.said
            self.clock.advance_ns(10_000_000)
            line.hear(line.memory, overrun)
            line.memory[:] = np.nan  # What PortAudio does with its memory afterwards.


class Script:
    """A bell that, when somebody waits, lets the next thing happen; at the end it closes the microphone."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.actions: list[Action | None] = []
        self.rung = False
        self.waits: list[float] = []
        self.microphone: Microphone | None = None

    def ring(self) -> None:
        self.rung = True

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        if not self.rung:
            if not self.actions:
                assert self.microphone is not None
                self.microphone.close()
            elif action := self.actions.pop(0):
                action()
        rung, self.rung = self.rung, False
        if not rung:
            self.clock.advance_ns(round(seconds * 1e9))
        return rung


class Stage:
    """A microphone on a made-up machine, and what was said of it."""

    def __init__(self, desktop: Desktop | None = None, **options: object) -> None:
        self.desktop = desktop or Desktop()
        self.script = Script(self.desktop.clock)
        self.told: list[str] = []
        arguments: dict[str, object] = {"rate_hz": 48_000, "on_change": self.told.append, **options}
        self.microphone = Microphone(
            clock=self.desktop.clock,
            machine=self.desktop,
            bell=self.script,
            **arguments,  # type: ignore[arg-type]
        )
        self.script.microphone = self.microphone

    def play(self, *actions: Action | None) -> list[Sound]:
        self.script.actions = list(actions)
        return list(self.microphone)

    def unplug(self) -> None:
        self.desktop.lines[-1].active = False
        self.desktop.present = ()

    def plug_in(self) -> None:
        self.desktop.present = (DESK, HEAD)


def said(blocks: list[Sound]) -> list[int]:
    """The number that was spoken in each block."""
    assert all(block.samples.dtype == np.float32 and np.ptp(block.samples) == 0 for block in blocks)
    return [int(block.samples[0, 0]) for block in blocks]


def test_what_is_spoken_is_heard() -> None:
    stage = Stage()
    source: SoundSource = stage.microphone
    assert (source.name, source.rate_hz, source.ears) == ("Headset: USB", 48_000, 1)
    blocks = stage.play(stage.desktop.speak, lambda: stage.desktop.speak(3))
    assert said(blocks) == [1, 2, 3, 4]
    assert [block.begin for block in blocks] == [0, 480, 960, 1440]
    assert [block.samples.shape for block in blocks] == [(480, 1)] * 4
    assert [block.arrived_ns for block in blocks] == [1_000 + k * 10_000_000 for k in (1, 2, 3, 4)]
    assert stage.microphone.dropped == stage.microphone.overruns == 0
    assert stage.told == []
    assert not stage.microphone.connected
    assert stage.desktop.lines[0].closed


def test_who_is_late_gets_the_newest_and_is_told_what_is_lost() -> None:
    stage = Stage(queue_us=50_000)
    blocks = stage.play(stage.desktop.speak, lambda: stage.desktop.speak(12), stage.desktop.speak)
    assert said(blocks) == [1, 9, 10, 11, 12, 13, 14]
    assert [block.dropped for block in blocks] == [0, 7 * 480, 0, 0, 0, 0, 0]
    for before, after in itertools.pairwise(blocks):
        assert after.begin == before.begin + len(before.samples) + after.dropped
    assert stage.microphone.dropped == 7 * 480


def test_what_is_lost_before_the_first_block_counts() -> None:
    stage = Stage(queue_us=20_000)
    blocks = stage.play(lambda: stage.desktop.speak(5))
    assert [(block.begin, block.dropped) for block in blocks] == [(3 * 480, 3 * 480), (4 * 480, 0)]


def test_overruns_are_counted_and_long_ones_leave_a_gap() -> None:
    stage = Stage()
    desktop = stage.desktop

    def after_a_pause(ms: int) -> Action:
        def speak() -> None:
            desktop.clock.advance_ns(ms * 1_000_000)
            desktop.speak(overrun=True)

        return speak

    blocks = stage.play(desktop.speak, after_a_pause(30), after_a_pause(500), desktop.speak)
    assert stage.microphone.overruns == 2
    assert [block.dropped for block in blocks] == [0, 0, 24_000, 0]
    assert stage.microphone.dropped == 24_000


def test_a_device_that_goes_away_ends_it_if_asked() -> None:
    stage = Stage(reconnect=False)
    stage.script.actions = [lambda: stage.desktop.speak(2), stage.unplug]
    with pytest.raises(StreamsnnError, match=r'The microphone "Headset: USB" is gone') as caught:
        list(stage.microphone)
    assert "Plug it in" in caught.value.hint
    assert stage.desktop.lines[0].closed
    assert not stage.microphone.connected


def test_a_device_that_comes_back_goes_on_with_a_gap() -> None:
    stage = Stage()
    blocks = stage.play(
        lambda: stage.desktop.speak(2), stage.unplug, None, None, stage.plug_in, lambda: stage.desktop.speak(2)
    )
    assert said(blocks) == [1, 2, 3, 4]
    assert stage.told == [
        'The microphone "Headset: USB" is gone; it is looked for every second',
        'The microphone "Headset: USB" is back',
    ]
    assert stage.microphone.reconnects == 1
    assert stage.desktop.looks == 3
    # Every sample has its time by the clock, as if the device had never been away.
    for block in blocks:
        assert (block.begin + len(block.samples)) / 48_000 == pytest.approx((block.arrived_ns - 1_000) * 1e-9)
    assert [block.dropped > 48_000 * 3 for block in blocks] == [False, False, True, False]
    assert stage.microphone.dropped == blocks[2].dropped


def test_it_is_found_again_by_its_name_and_the_default_is_whichever_that_is() -> None:
    for wanted, found in ((None, "Desk"), ("headset", "Headset: USB"), (3, "Headset: USB")):
        stage = Stage(device=wanted)

        def other_numbers(stage: Stage = stage) -> None:
            stage.desktop.present = (DESK._replace(number=3, is_default=True), HEAD._replace(number=1))
            stage.desktop.present = tuple(
                each._replace(is_default=each.name == "Desk") for each in stage.desktop.present
            )

        stage.play(stage.desktop.speak, stage.unplug, other_numbers, stage.desktop.speak)
        assert [name for name, _ in stage.desktop.opened] == ["Headset: USB", found]
        assert stage.microphone.name == found


def test_a_device_that_is_there_and_gives_nothing_is_gone_after_five_seconds() -> None:
    stage = Stage()
    stage.play(stage.desktop.speak, *[None] * 19)
    assert stage.told == []
    stage = Stage()
    stage.play(stage.desktop.speak, *[None] * 22)
    assert stage.told[0].endswith("is gone; it is looked for every second")


def test_one_that_is_away_from_the_beginning_is_an_error() -> None:
    stage = Stage()
    stage.desktop.present = ()
    with pytest.raises(StreamsnnError, match="It is not there"):
        list(stage.microphone)


def test_a_device_that_portaudio_hangs_on_is_an_error() -> None:
    stage = Stage()

    def hang() -> None:
        stage.desktop.lines[0].lets_go = False
        stage.unplug()

    stage.script.actions = [stage.desktop.speak, hang]
    with pytest.raises(StreamsnnError, match="PortAudio hangs on it"):
        list(stage.microphone)


def test_close_while_it_is_away_ends_it() -> None:
    stage = Stage()
    assert said(stage.play(stage.desktop.speak, stage.unplug, None)) == [1]
    assert stage.script.waits[-1] == 1.0
    assert list(stage.microphone) == []


def test_close_while_it_is_being_opened_lets_go_of_it() -> None:
    stage = Stage()
    stage.desktop.when_opened = stage.microphone.close
    assert list(stage.microphone) == []
    assert stage.desktop.lines[0].closed == 1


def test_leaving_the_loop_lets_go_of_the_device_and_it_can_begin_again() -> None:
    stage = Stage()
    stage.script.actions = [lambda: stage.desktop.speak(3)]
    blocks = iter(stage.microphone)
    assert next(blocks).begin == 0
    assert stage.microphone.connected
    with pytest.raises(StreamsnnError, match="listened to already"):
        next(iter(stage.microphone))
    blocks.close()  # type: ignore[attr-defined]
    assert stage.desktop.lines[0].closed
    again = stage.play(stage.desktop.speak)
    assert [(block.begin, said([block])) for block in again] == [(0, [4])]


def test_two_ears_and_odd_blocks() -> None:
    stage = Stage(Desktop(rates_hz=[44_100]), device="Desk", rate_hz=None, ears=2, block_us=1_000)
    assert (stage.microphone.rate_hz, stage.microphone.ears) == (44_100, 2)
    assert stage.play(stage.desktop.speak)[0].samples.shape == (44, 2)


def test_the_rate_is_the_usual_one_or_the_devices_own() -> None:
    assert Stage(rate_hz=None).microphone.rate_hz == 48_000
    assert Stage(Desktop(rates_hz=[16_000]), rate_hz=None).microphone.rate_hz == 16_000
    with pytest.raises(StreamsnnError, match="refuses 1 ears at 8000 Hz: Invalid sample rate") as caught:
        Stage(rate_hz=8_000)
    assert "16000 Hz" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ears": 3}, "3 ears"),
        ({"ears": 2}, "no two ears"),
        ({"block_us": 0}, "Blocks of 0 us"),
        ({"block_us": 10, "queue_us": 9}, "queue of 9 us"),
        ({"device": "Guitar"}, 'no microphone "Guitar"'),
        ({"device": 1}, 'no microphone "1"'),
        ({"device": "e"}, 'Several microphones are called "e"'),
    ],
)
def test_what_makes_no_sense(options: dict[str, object], why: str) -> None:
    with pytest.raises(StreamsnnError, match=why):
        Stage(**options)  # type: ignore[arg-type]


def test_no_microphone_at_all() -> None:
    with pytest.raises(StreamsnnError, match="There is no microphone") as caught:
        Stage(Desktop([]))
    assert "libasound2-plugins" in caught.value.hint


def test_the_bell_wakes_who_waits_and_forgets_nothing() -> None:
    bell = Bell()
    assert not bell.wait(0)
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)
    woken: list[bool] = []
    thread = threading.Thread(target=lambda: woken.append(bell.wait(60)))
    thread.start()
    bell.ring()
    thread.join()
    assert woken == [True]


def test_a_callback_and_a_listener_in_two_threads() -> None:
    """Whatever the threads do, every sample is heard or counted, and none twice."""
    desktop = Desktop()
    microphone = Microphone(rate_hz=48_000, clock=desktop.clock, machine=desktop, queue_us=30_000)
    heard: list[Sound] = []
    listener = threading.Thread(target=lambda: heard.extend(microphone))
    opened = threading.Event()
    desktop.when_opened = opened.set
    listener.start()
    assert opened.wait(60)
    desktop.speak(2_000)
    microphone.close()
    listener.join(60)
    assert not listener.is_alive()
    lost = sum(block.dropped for block in heard)
    if heard:
        assert said(heard) == sorted(set(said(heard)))
        assert heard[-1].begin + 480 == lost + 480 * len(heard)
        assert all(block.begin == 480 * (number - 1) for block, number in zip(heard, said(heard), strict=True))


def test_the_callback_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    memory: NDArray[np.float32] = np.ones((480, 1), np.float32)

    def hear() -> None:
        stage.desktop.lines[0].hear(memory, False)
        memory[:] = 2

    assert said(stage.play(hear)) == [1]


def test_importing_it_does_not_load_the_library() -> None:
    code = "import sys, streamsnn.sources.microphone; print('sounddevice' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
